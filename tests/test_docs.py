"""The documents and the code say the same: links, variables, packages, commands, layers."""

import ast
import re
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from itertools import chain
from pathlib import Path

import pytest

from campaigns.kpi.definitions import DEFINITIONS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
APPS = ("consent", "personalization", "campaigns", "config")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
READERS = re.compile(r"secret|env\.\w+|os\.getenv|os\.environ\.\w+")
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
MODULE = re.compile(rf"`((?:{'|'.join(APPS)})(?:\.[a-z_0-9]+)+)`")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def everything() -> str:
    return "\n".join(page.read_text() for page in PAGES)


def anchors(page: Path) -> set[str]:
    """The ids a page's headings get: lower case, spaces as hyphens, signs left out."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]

    broken = []
    for link in links:
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    linked = set(LINK.findall((ROOT / "README.md").read_text()))

    assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} <= linked


def test_the_readme_fits_two_screens() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 80


def _reads_environment(call: ast.Call) -> bool:
    return READERS.fullmatch(ast.unparse(call.func)) is not None


def _variables(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        found: ast.expr | None = None
        if isinstance(node, ast.Call) and node.args and _reads_environment(node):
            found = node.args[0]
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            found = node.slice
        elif isinstance(node, ast.Compare) and ast.unparse(node.comparators[0]) == "os.environ":
            found = node.left
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            yield found.value


def variables_of_config() -> set[str]:
    of_tests = [ROOT / "tests" / "conftest.py", ROOT / "tests" / "requirements.py"]
    files = [*sorted((ROOT / "config").rglob("*.py")), *of_tests]
    return {found for file in files for found in _variables(ast.parse(file.read_text()))}


def variables_of_make() -> set[str]:
    text = (ROOT / "Makefile").read_text()
    assigned = re.findall(r"^(?:export )?([A-Z_]+) *[?:]?=", text, re.MULTILINE)
    tested = re.findall(r"\$\(if \$\(([A-Z_]+)\)", text)
    # Places and switches of Make's own, which nobody sets.
    return {*assigned, *tested} - {"VENV", "BIN"}


def test_every_variable_is_in_the_configuration_page() -> None:
    page = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (DOCS / "configuration.md").read_text()))
    read = variables_of_config() | variables_of_make()

    assert {"DATABASE_URL", "SECRET_KEY", "ATTUNE_VAR", "PORT", "ATTUNE_EMBEDDED"} <= read
    assert all(VARIABLE.fullmatch(found) for found in read)
    assert sorted(read - page) == []


def test_every_dependency_has_a_line_with_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    wanted = [*project["dependencies"], *extras]
    packages = {re.split(r"[\[=<>~! ]", requirement)[0] for requirement in wanted}
    rows = re.findall(
        r"^\| `([^`]+)` \| .+ \| .+ \|$", (DOCS / "dependencies.md").read_text(), re.MULTILINE
    )

    assert len(packages) > 20
    assert sorted(rows) == sorted(packages)


def test_every_make_target_is_told() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    text = everything()

    assert "demo" in targets
    assert [target for target in targets if f"make {target}" not in text] == []


def test_every_command_of_ours_is_told() -> None:
    files = [file for app in APPS for file in (ROOT / app).glob("management/commands/[!_]*.py")]
    text = everything()

    assert len(files) >= 12
    assert [file.stem for file in files if not re.search(rf"\b{file.stem}\b", text)] == []


def test_every_module_the_architecture_names_exists() -> None:
    named = set(MODULE.findall((DOCS / "architecture.md").read_text()))
    paths = {module: ROOT.joinpath(*module.split(".")) for module in named}

    assert len(named) > 30
    assert [
        m for m, path in paths.items() if not (path.is_dir() or path.with_suffix(".py").exists())
    ] == []


@pytest.mark.parametrize("app", ["consent", "personalization", "campaigns"])
def test_the_architecture_shows_the_layers_that_are_checked(app: str) -> None:
    contracts = ConfigParser()
    contracts.read(ROOT / ".importlinter")
    checked = contracts[f"importlinter:contract:{app}"]["layers"].split("\n")[1:]

    told = re.search(
        rf"<!-- layers: {app} -->\n```\n(.*?)```", (DOCS / "architecture.md").read_text(), re.DOTALL
    )

    assert told
    assert told.group(1).splitlines() == checked


def test_the_figures_page_says_what_the_screens_say() -> None:
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", (DOCS / "kpi.md").read_text(), re.MULTILINE)

    assert dict(rows[1:]) == DEFINITIONS
