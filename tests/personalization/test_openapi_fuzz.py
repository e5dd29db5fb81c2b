"""The API does what its description says, whatever is sent: schemathesis against a real server."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from consent.models import ApiKey
from personalization.models import Feed
from tests.campaigns import factories as make
from tests.personalization.decision_support import key, people, slot

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("served_afresh")]
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)
PROGRAM = Path(sys.executable).with_name("schemathesis")


def a_world() -> str:
    """People, products, a slot and a feed; returns a key that may do everything."""
    people()
    make.product(1)
    slot(is_default=True)
    Feed.objects.create(slug="ours", name="Ours")
    return key(*ApiKey.Scope.values)


def run(live_server: LiveServer, folder: Path, *, examples: int, seconds: int) -> str:
    """Ask what the description allows and what it does not; return the report."""
    description = folder / "openapi.yaml"
    description.write_bytes(Client().get("/api/v1/schema/").content)
    command = [
        *(str(PROGRAM), "run", str(description), "--url", live_server.url, "--no-color"),
        *("--header", f"Authorization: Bearer {a_world()}", "--checks", CHECKS, "--no-shrink"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(examples)),
        *("--max-time", str(seconds), "--seed", "5", "--generation-database", "none"),
        *("--continue-on-failure", "--warnings", "off"),
    ]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=seconds + 120, check=False
    )
    report = done.stdout + done.stderr
    assert done.returncode == 0, report[-6000:]
    return report


def test_what_is_described_is_what_happens(live_server: LiveServer, tmp_path: Path) -> None:
    report = run(live_server, tmp_path, examples=10, seconds=25)

    assert "No issues found" in report


@pytest.mark.prove
def test_what_is_described_is_what_happens_at_length(
    live_server: LiveServer, tmp_path: Path
) -> None:
    report = run(live_server, tmp_path, examples=1000, seconds=600)

    assert "No issues found" in report
