"""The shape of the code: short files, short functions, imports at the top, no junk drawers."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "consent", "personalization", "campaigns")
FILE_LINES, FUNCTION_LINES = 400, 60
JUNK = {"utils", "helpers", "services", "misc", "common", "managers"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if "migrations" not in path.parts)


EVERYTHING = sources(*APPS, "tests", "benchmarks")
OURS = sources(*APPS)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    text = path.read_text()
    try:
        return ast.parse(text)
    except SystemError:
        # Python 3.11 counts wrong where another thread parses, too, as for a traceback.
        return ast.parse(text)


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(parsed(path)) if isinstance(node, Function))


def lines(function: Function) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def test_there_is_something_to_look_at() -> None:
    assert len(OURS) > 150


def test_a_file_is_at_most_400_lines() -> None:
    long = [name(path) for path in EVERYTHING if len(path.read_text().splitlines()) > FILE_LINES]

    assert long == []


def test_a_function_is_at_most_60_lines() -> None:
    long = [
        f"{name(path)}:{function.name}"
        for path in EVERYTHING
        for function in functions(path)
        if lines(function) > FUNCTION_LINES
    ]

    assert long == []


def test_a_module_says_its_purpose_in_one_line() -> None:
    silent = [name(path) for path in OURS if not ast.get_docstring(parsed(path))]

    assert silent == []


def test_imports_stand_at_the_top() -> None:
    inside = [
        f"{name(path)}:{node.lineno}"
        for path in OURS
        for function in functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


def test_no_module_is_a_junk_drawer() -> None:
    assert [name(path) for path in OURS if path.stem in JUNK] == []
