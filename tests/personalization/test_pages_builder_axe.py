"""The condition builder against axe-core: nothing of WCAG 2.1 A and AA is broken."""

import os

import pytest
from playwright.sync_api import Page

from config.embedded.layout import var_folder
from tests.browser import DESKTOP, PHONE, Open
from tests.personalization.factories import FRENCH, GERMANS
from tests.personalization.test_pages_builder import opened

pytestmark = [
    pytest.mark.browser,
    pytest.mark.node,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
AXE = var_folder() / "sdk-node" / "node_modules" / "axe-core" / "axe.min.js"
RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']"
TREE = {
    "all": [
        {"field": "attributes.country", "op": "in", "value": ["DE", "FR"]},
        {"any": [FRENCH, {"not": GERMANS}]},
        {"event": "Email Opened", "where": {"field": "product.price", "op": "gte", "value": 1}},
        {"sequence": [{"event": "Product Added"}, {"event": "Order Completed"}]},
    ]
}


@pytest.fixture
def axe() -> str:
    if not AXE.exists():
        reason = f"npm install --prefix {AXE.parents[2]} axe-core@4.14.1 is needed"
        if "node" in os.environ.get("ATTUNE_REQUIRE", ""):
            pytest.fail(reason)
        pytest.skip(f"node: {reason}")
    return AXE.read_text()


def broken(page: Page, axe: str, part: str) -> list[str]:
    page.evaluate(axe)
    found: list[str] = page.evaluate(
        f"""async (part) => (await axe.run(document.querySelector(part), {{runOnly: {RULES}}}))
        .violations.flatMap((each) => each.nodes.map((node) => `${{each.id}}: ${{node.html}}`))""",
        part,
    )
    return found


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("look", ["light", "dark"])
def test_builder_and_picker_break_no_rule(open_as: Open, axe: str, width: int, look: str) -> None:
    page = opened(open_as, TREE, width=width)
    page.evaluate("(isDark) => document.documentElement.classList.toggle('dark', isDark)",
                  look == "dark")  # fmt: skip
    page.wait_for_timeout(400)

    assert broken(page, axe, ".at-host") == []
    page.get_by_role("button", name="Condition", exact=True).last.click()
    page.wait_for_timeout(200)
    assert broken(page, axe, ".at-picker") == []
