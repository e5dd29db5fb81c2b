"""Secrets: named when they are missing, made once for the demo, readable by nobody else."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.embedded.layout import PROJECT
from config.env import _MAKERS
from tests.config.users import environment

NAMES = sorted(_MAKERS)
SERVERS = {"DATABASE_URL": "postgres://u@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1/0"}
PRODUCTION = {**SERVERS, "ATTUNE_DEMO": "0"}
DEMO = {**SERVERS, "ATTUNE_DEMO": "1"}
SETTINGS = "from django.conf import settings; settings.SECRET_KEY"
PRINT = """
import json
from config.env import secret, _MAKERS
print(json.dumps({name: secret(name) for name in _MAKERS}))
"""


def started(program: str, var: Path, **given: str) -> "subprocess.Popen[str]":
    clean = environment(var)
    for name in (*NAMES, "DEBUG", "ATTUNE_DEMO", "ALLOWED_HOSTS"):
        clean.pop(name, None)
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={**clean, "DJANGO_SETTINGS_MODULE": "config.settings", **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=180)
    return process.returncode, output, errors


def secrets_of(var: Path, **given: str) -> dict[str, str]:
    code, output, errors = ended(started(PRINT, var, **given))
    assert code == 0, errors
    found: dict[str, str] = json.loads(output)
    return found


@pytest.mark.parametrize("missing", NAMES)
def test_a_missing_secret_stops_production_and_is_named(missing: str, tmp_path: Path) -> None:
    given = {name: make() for name, make in _MAKERS.items() if name != missing}

    code, _, errors = ended(started(SETTINGS, tmp_path, **PRODUCTION, **given))

    assert code != 0
    assert f"ImproperlyConfigured: {missing} is not set. Set it in the environment" in errors
    assert not [value for value in given.values() if value in errors]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("empty", ["", "SECRET_KEY"])
def test_production_starts_with_all_secrets_and_not_with_an_empty_one(
    empty: str, tmp_path: Path
) -> None:
    given = {name: "" if name == empty else make() for name, make in _MAKERS.items()}

    code, _, errors = ended(started(SETTINGS, tmp_path, **PRODUCTION, **given))

    assert (code == 0) == (not empty), errors


def test_production_does_not_take_the_keys_a_demo_left(tmp_path: Path) -> None:
    secrets_of(tmp_path, **DEMO)

    code, _, errors = ended(started(SETTINGS, tmp_path, **PRODUCTION))

    assert code != 0
    assert "SECRET_KEY is not set" in errors


def test_generated_keys_are_private_and_stay_the_same(tmp_path: Path) -> None:
    var = tmp_path / "not" / "there yet"

    first = secrets_of(var, **DEMO)

    assert secrets_of(var, **DEMO) == secrets_of(var, **SERVERS, DEBUG="1") == first
    assert sorted(first) == NAMES
    assert len(set(first.values())) == len(first)
    assert (var / "keys.json").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in var.glob("keys*") if each.suffix != ".lock"] == ["keys.json"]


def test_a_secret_that_is_given_beats_the_generated_one(tmp_path: Path) -> None:
    generated = secrets_of(tmp_path, **DEMO)

    given = secrets_of(tmp_path, **DEMO, SECRET_KEY="mine")

    assert given == {**generated, "SECRET_KEY": "mine"}


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    together = f"import time; time.sleep(max(0, {time.time() + 1.2} - time.time()))"
    program = PRINT.replace("print(", f"{together}\nprint(")
    processes = [started(program, tmp_path, **DEMO) for _ in range(6)]

    outputs = {ended(process)[1] for process in processes}

    assert len(outputs) == 1
    assert sorted(json.loads(outputs.pop())) == NAMES


def test_a_key_that_a_newer_version_needs_is_added_to_those_there_are(tmp_path: Path) -> None:
    first = secrets_of(tmp_path, **DEMO)
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({k: v for k, v in first.items() if k != "ATTUNE_TOKEN_KEY"}))

    second = secrets_of(tmp_path, **DEMO)

    assert second.pop("ATTUNE_TOKEN_KEY") != first.pop("ATTUNE_TOKEN_KEY")
    assert second == first
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"PORT": "8000"}, "http://127.0.0.1:8000"),
        ({"PORT": "9123"}, "http://127.0.0.1:9123"),
        ({"PORT": "9123", "PUBLIC_URL": "https://a.example/"}, "https://a.example"),
    ],
)
def test_without_a_public_address_links_lead_to_the_port_that_is_served(
    given: dict[str, str], expected: str, tmp_path: Path
) -> None:
    program = "from django.conf import settings; print(settings.PUBLIC_URL)"

    code, output, errors = ended(started(program, tmp_path, **DEMO, **given))

    assert (code, output.strip()) == (0, expected), errors
