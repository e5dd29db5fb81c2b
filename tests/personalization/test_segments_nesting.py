"""Segments in segments: circles are found in any graph, and a wide one takes no time."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from personalization.segments.nesting import circle, circle_within, way

Graph = Mapping[str, frozenset[str]]
NAMES = "abcde"
GRAPHS = st.fixed_dictionaries(
    {name: st.frozensets(st.sampled_from(NAMES), max_size=3) for name in NAMES}
)


def reachable(graph: Graph, start: str) -> set[str]:
    """All that is in a segment, by looking again until nothing is new."""
    found = set(graph[start])
    while more := {inner for each in found for inner in graph[each]} - found:
        found |= more
    return found


def is_way(graph: Graph, found: list[str]) -> bool:
    return all(other in graph[at] for at, other in pairwise(found))


@given(GRAPHS)
def test_a_circle_is_found_exactly_where_a_segment_would_contain_itself(graph: Graph) -> None:
    for name in NAMES:
        found = circle(name, inner=graph.__getitem__)
        somewhere = circle_within(name, inner=graph.__getitem__)

        assert bool(found) == (name in reachable(graph, name))
        assert not found or (found[0] == found[-1] == name and is_way(graph, found))
        inside = {name, *reachable(graph, name)}
        assert bool(somewhere) == any(each in reachable(graph, each) for each in inside)
        assert not somewhere or (somewhere[0] == somewhere[-1] and is_way(graph, somewhere))


def test_each_segment_is_looked_into_once() -> None:
    """Twenty layers of five, each made of all five below: 5 to the 20th ways lead down."""
    asked: Counter[str] = Counter()

    def inner(at: str) -> list[str]:
        asked[at] += 1
        layer = int(at.split(".", maxsplit=1)[0])
        return [f"{layer + 1}.{number}" for number in range(5)] if layer < 20 else []

    assert way("0.0", to="nowhere", inner=inner) == []
    assert max(asked.values()) == 1
