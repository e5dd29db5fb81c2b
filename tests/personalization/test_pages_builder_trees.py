"""Random trees through the builder of a real page: read, drawn and written, they are the same."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from personalization.admin.vocabulary import vocabulary
from personalization.conditions.tree import dump, parse
from personalization.models import Segment
from tests.browser import Open
from tests.personalization.condition_worlds import CATALOGUE, SEGMENTS, TREES
from tests.personalization.factories import GERMANS, segment
from tests.personalization.test_pages_builder import address

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
DRAWN = """
(trees) => trees.map((tree) => {
  const host = document.createElement('div');
  document.body.append(host);
  let heard = 0;
  const builder = new Attune.ConditionBuilder(host, {
    tree, vocabulary: window.words, onchange: () => { heard += 1; } });
  const first = JSON.stringify(builder.tree);
  builder.draw();
  const raw = host.querySelectorAll('.at-row-raw').length;
  const paths = [...builder.elements.keys()].map((id) => builder.model.place(id).node.path);
  host.remove();
  const isSame = first === JSON.stringify(builder.tree);
  return { tree: JSON.parse(first), isSame, heard, raw, paths };
})
"""
# What no parser would take: the builder keeps it all the same.
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["all", "any", "not", "field", "op", "value", "event", "where", "sequence", "within",
             "count", "days", "for", "segment", "x"]
        ),
        inner | st.sampled_from(["eq", "within_last", "A"]),
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip


@pytest.fixture
def page(open_as: Open) -> Page:
    made = open_as("admin", address(segment(tree=GERMANS)))
    names = [Segment(slug=slug, name=slug) for slug in SEGMENTS]
    words = vocabulary(CATALOGUE, segments=names, purposes={}, volumes={}, properties={})
    made.evaluate("(words) => { window.words = words; }", words)
    return made


def drawn(page: Page, trees: list[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(DRAWN, trees)
    return found


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(trees=st.lists(TREES, min_size=6, max_size=6))
def test_random_trees_come_back_as_they_were(page: Page, trees: list[Any]) -> None:
    canonical = [dump(parse(tree)) for tree in trees]

    for tree, found in zip(trees, drawn(page, trees), strict=True):
        assert found["tree"] == tree
        assert found["isSame"]
        assert found["heard"] == 0
        assert found["raw"] == 0
        assert None not in found["paths"]
    assert [found["tree"] for found in drawn(page, canonical)] == canonical


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(trees=st.lists(JUNK, min_size=6, max_size=6))
def test_what_is_no_condition_is_kept_as_it_is(page: Page, trees: list[Any]) -> None:
    wanted = [{"all": []} if tree is None else tree for tree in trees]

    assert [found["tree"] for found in drawn(page, trees)] == wanted


def test_a_tree_of_five_hundred_conditions_is_drawn_in_time(page: Page) -> None:
    started = datetime.now(tz=UTC)

    [found] = drawn(page, [{"all": [GERMANS] * 499}])

    assert len(found["tree"]["all"]) == 499
    assert (datetime.now(tz=UTC) - started).total_seconds() < 8
