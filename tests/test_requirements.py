"""Whether tests that need a missing program are skipped by name, or fail where required."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
SAMPLE = """
import pytest

@pytest.mark.browser
def test_page():
    pass
"""
ROOT = Path(__file__).resolve().parent.parent


def run(folder: Path, *, require: str = "", path: str = "/nonexistent") -> str:
    """Run a sample suite of one browser test, by default where no program is found."""
    (folder / "test_sample.py").write_text(SAMPLE)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    browser: needs a browser\n")
    environment = {**os.environ, "PATH": path, "ATTUNE_REQUIRE": require, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-p", "tests.requirements", "-p", "no:django"]
    done = subprocess.run(
        [*command, "-q", str(folder)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_a_missing_browser_skips_its_tests_and_is_named(tmp_path: Path) -> None:
    output = run(tmp_path)

    assert "1 skipped" in output
    assert "Group “browser” did not run: none of chromium" in output


def test_a_required_browser_that_is_missing_fails(tmp_path: Path) -> None:
    output = run(tmp_path, require="node,browser")

    assert "1 failed" in output or "1 error" in output
    assert "ATTUNE_REQUIRE asks for browser tests" in output


def test_a_browser_that_is_there_runs(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "chromium"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    output = run(tmp_path, path=str(program.parent))

    assert "1 passed" in output
    assert "did not run" not in output
