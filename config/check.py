"""Checks that need Django: missing migrations, the committed API schema, `check --deploy`."""

import base64
import io
import os
import subprocess
import sys
from pathlib import Path

import django
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "docs" / "openapi.yaml"


def main() -> int:
    """Run all checks and say what to do about each that fails."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    problems = [problem for check in (migrations, schema, deploy) if (problem := check())]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    sys.stdout.write("" if problems else "Migrations, API schema and deployment checks: fine.\n")
    return 1 if problems else 0


def migrations() -> str:
    try:
        call_command("makemigrations", check=True, dry_run=True, verbosity=1)
    except SystemExit:
        return "Models changed without a migration: run manage.py makemigrations -n NAME."
    return ""


def schema() -> str:
    out = io.StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=out)
    if SCHEMA.exists() and SCHEMA.read_text() == out.getvalue():
        return ""
    return f"The API changed: run `make schema` and commit {SCHEMA.relative_to(ROOT)}."


def deploy() -> str:
    """Check the settings as production has them, on keys made for this check."""
    key = base64.b64encode(os.urandom(32)).decode()
    production = {
        **os.environ,
        "ATTUNE_DEMO": "0",
        "DEBUG": "0",
        "SECRET_KEY": base64.b64encode(os.urandom(48)).decode(),
        "ALLOWED_HOSTS": "attune.example",
        "ATTUNE_ENCRYPTION_KEYS": f"v1:{key}",
        "ATTUNE_BLIND_INDEX_KEY": key,
        "ATTUNE_SUPPRESSION_KEY": key,
        "ATTUNE_TOKEN_KEY": key,
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(
        command, cwd=ROOT, env=production, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else f"check --deploy:\n{done.stderr}"


if __name__ == "__main__":
    sys.exit(main())
