"""Tests that need a program which may be missing: skipped and named, or failed where required.

`ATTUNE_REQUIRE=browser,node,nginx` turns the skips of these groups into failures.
"""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """Return the path of a browser of the system, if there is one."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


def missing(group: str) -> str:
    """Say what a group of tests lacks here, or nothing."""
    if group == "browser" and find_spec("playwright") is None:
        return "the package playwright is not installed"
    if group == "browser" and chromium() is None:
        return f"none of {', '.join(CHROMIUM)} is installed"
    if group == "node" and shutil.which("node") is None:
        return "node is not installed"
    if group == "nginx" and shutil.which("nginx") is None:
        return "nginx is not installed"
    return ""


GROUPS = ("browser", "node", "nginx")


def _wanted(item: pytest.Item) -> Iterator[tuple[str, str]]:
    for group in GROUPS:
        if item.get_closest_marker(group) and (reason := missing(group)):
            yield group, reason


def pytest_runtest_setup(item: pytest.Item) -> None:
    required = os.environ.get("ATTUNE_REQUIRE", "").split(",")
    for group, reason in _wanted(item):
        if group in required:
            pytest.fail(f"ATTUNE_REQUIRE asks for {group} tests, but {reason}", pytrace=False)
        pytest.skip(f"{group}: {reason}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the groups that lack something, whichever process their tests were run in."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    asked = {name for report in reports for name in getattr(report, "keywords", ())}
    for group in GROUPS:
        if group in asked and (reason := missing(group)):
            terminalreporter.write_line(f"Group “{group}” did not run: {reason}.", yellow=True)
