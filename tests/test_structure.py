"""The shape of the code: short files, short functions, imports at the top, no junk drawers."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def functions(path: Path) -> Iterator[Function]:
    tree = ast.parse(path.read_text())
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def test_there_is_something_to_look_at() -> None:
    assert len(OURS) > 150


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_a_file_is_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_a_function_is_at_most_60_lines(path: Path) -> None:
    long = [f.name for f in functions(path) if (f.end_lineno or 0) - f.lineno + 1 > FUNCTION_LINES]

    assert long == []


@pytest.mark.parametrize("path", OURS, ids=name)
def test_a_module_says_its_purpose_in_one_line(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))

    assert docstring, f"{name(path)} has no docstring"


@pytest.mark.parametrize("path", OURS, ids=name)
def test_imports_stand_at_the_top(path: Path) -> None:
    inside = [
        f"{function.name}:{node.lineno}"
        for function in functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


@pytest.mark.parametrize("path", OURS, ids=name)
def test_no_module_is_a_junk_drawer(path: Path) -> None:
    assert path.stem not in JUNK
