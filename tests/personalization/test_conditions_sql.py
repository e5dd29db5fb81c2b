"""One tree, one meaning: SQL over everybody finds whom the closure finds, person by person."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, seed, settings

from consent.gate import permitted_sql
from personalization.conditions.facts import Facts
from personalization.conditions.fields import Catalogue, FieldSpec
from personalization.conditions.nodes import OPERATORS, Node
from personalization.conditions.sql_people import Among
from personalization.conditions.to_python import compile_tree
from personalization.conditions.to_sql import to_sql
from personalization.conditions.tree import TreeError, parse
from tests.personalization import condition_worlds as worlds

# Hypothesis has a remark on large strategies; it is of no use to the reader of a test run.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

PEOPLE = 60
TREES = 700

quietly = partial(settings, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def members(node: Node, *, people: Iterable[int], now: datetime) -> dict[int, bool]:
    """Ask about everybody, then about some, once by their ids and once as those below a bound:
    they get the same answers, and none is null."""
    compiled = partial(
        to_sql, node, catalogue=worlds.CATALOGUE, now=now, permitted=partial(permitted_sql, at=now)
    )
    ids = sorted(people)
    batch = ids[:: max(1, len(ids) // 20)]
    everybody = compiled()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT p.subject_id FROM personalization_customerprofile p WHERE {everybody.sql}",
            everybody.params,
        )
        found = {row[0] for row in cursor.fetchall()}
    for among in (Among(batch), _below_the_middle(ids)):
        some = compiled(among=among)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT p.subject_id, {some.sql} FROM personalization_customerprofile p"
                " WHERE p.subject_id = ANY(%s)",
                [*some.params, among.ids],
            )
            answers_of_some = dict(cursor.fetchall())
        assert answers_of_some == {pk: pk in found for pk in among.ids}
    return {pk: pk in found for pk in ids}


def _below_the_middle(ids: list[int]) -> Among:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM unnest(%s::bigint[]) AS id WHERE"
                       " hashint8extended(id, 0) < 0", [ids])  # fmt: skip
        return Among([pk for (pk,) in cursor.fetchall()], below=0)


def answers(data: dict[str, Any], *, people: Iterable[Facts]) -> dict[int, bool]:
    predicate = compile_tree(parse(data))
    return {person.profile_id: predicate(person, worlds.NOW) for person in people}


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_sql_and_python_agree_on_random_trees_over_random_people(zone: str) -> None:
    people = worlds.create_world(people=PEOPLE, seed=len(zone))
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, true)", [zone])
    results: Counter[bool] = Counter()

    @seed(len(zone))
    @quietly(max_examples=TREES)
    @given(data=worlds.TREES)
    def agree(data: dict[str, Any]) -> None:
        expected = answers(data, people=people)

        assert members(parse(data), people=expected, now=worlds.NOW) == expected
        results.update(expected.values())

    agree()

    assert results.total() >= TREES * PEOPLE
    # Neither answer may be so rare that agreeing on it proves nothing.
    assert min(results[True], results[False]) >= results.total() * 0.3


@pytest.mark.django_db
def test_every_operator_on_every_field_agrees_and_tells_people_apart() -> None:
    people = worlds.create_world(people=2 * PEOPLE, seed=7)
    results: dict[tuple[str, str], Counter[bool]] = {}

    for spec in (*worlds.CATALOGUE.fields.values(), *worlds.WHERE_FIELDS):
        for op in worlds.operators(spec):
            results[spec.path, op] = agreed_on(spec, op, people=people)

    assert {op for _, op in results} == set(OPERATORS)
    undecided = [key for key, seen in results.items() if not (seen[True] and seen[False])]
    # An item always has a quantity, so nothing can tell people apart here.
    assert undecided == [("product.quantity", "is_not_set")]


def agreed_on(spec: FieldSpec, op: str, *, people: Sequence[Facts]) -> Counter[bool]:
    results: Counter[bool] = Counter()

    @seed(1)
    @quietly(max_examples=12)
    @given(data=worlds.comparison(spec, op))
    def agree(data: dict[str, Any]) -> None:
        is_property = spec.path not in worlds.CATALOGUE.fields
        tree = {"event": "A", "where": data} if is_property else data
        expected = answers(tree, people=people)

        assert members(parse(tree), people=expected, now=worlds.NOW) == expected
        results.update(expected.values())

    agree()
    return results


@pytest.mark.django_db
@pytest.mark.parametrize(
    "pattern",
    [
        "^a.c$", "[a-c]+x", r"\w{2,3}\.", "(ab|ba){2}", "[^é]é", r"\s", r"[\]\-^.]", r"[^\w\s]+$",
        r"\(a\|b\)", "[!-/]", "a*a*a*a*b.*b", r"[^a]{99}.{99}\w{99}", "(abc|b|c){2,60}",
    ],
)  # fmt: skip
def test_patterns_mean_the_same_to_postgresql(pattern: str) -> None:
    texts = ["abc", "a\nc", "aabx", "ab.", "abba", "abab", "xé", "éé", " ", "\u00a0", "abc\n", ""]
    texts += ["b" * 300, "(a|b)", "x-y", "]", "^", "a" * 500]
    predicate_of = compile_tree(parse({"field": "attributes.t", "op": "matches", "value": pattern}))
    condition = to_sql(
        parse({"field": "attributes.t", "op": "matches", "value": pattern}),
        catalogue=worlds.CATALOGUE,
        now=worlds.NOW,
        permitted=partial(permitted_sql, at=worlds.NOW),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT attributes ->> 't', {condition.sql} FROM "
            "(SELECT jsonb_build_object('t', text) AS attributes FROM unnest(%s::text[]) text) p",
            [*condition.params, texts],
        )
        found = dict(cursor.fetchall())

    expected = {
        text: predicate_of(Facts(profile_id=1, values={"attributes.t": text}), worlds.NOW)
        for text in texts
    }
    assert found == expected
    assert set(expected.values()) == {True, False}


@pytest.mark.parametrize(
    "tree",
    [
        {"field": "attributes.t'; DROP TABLE x; --", "op": "eq", "value": "a"},
        {"field": "attributes.t__startswith", "op": "eq", "value": "a"},
        {"field": "personal", "op": "is_set"},
        {"field": "subject_id", "op": "gt", "value": 1},
        {"field": "attributes.n", "op": "contains", "value": "1"},
        {"event": "A' OR true --"},
        {"segment": "nobody"},
        {"event": "A", "where": {"field": "product.id", "op": "eq", "value": "1"}},
    ],
)
def test_what_the_catalogue_does_not_know_never_becomes_sql(tree: dict[str, Any]) -> None:
    with pytest.raises(TreeError):
        to_sql(parse(tree), catalogue=worlds.CATALOGUE, now=worlds.NOW, permitted=_nobody)


def test_values_are_parameters_never_sql() -> None:
    evil = "'; DROP TABLE consent_datasubject; --%s"
    tree = parse(
        {
            "all": [
                {"field": "attributes.t", "op": "contains", "value": evil},
                {"event": "B", "where": {"field": evil, "op": "in", "value": [evil]}},
            ]
        }
    )

    condition = to_sql(tree, catalogue=worlds.CATALOGUE, now=worlds.NOW, permitted=_nobody)

    assert "DROP" not in condition.sql
    assert condition.sql.count("%s") == len(condition.params)


def test_a_field_of_the_moment_of_sending_cannot_select_an_audience() -> None:
    catalogue = Catalogue(
        fields={"context.weather": FieldSpec("context.weather", "text", "Weather")}, events={}
    )
    tree = parse({"all": [{"field": "context.weather", "op": "eq", "value": "rain"}]})

    with pytest.raises(TreeError, match="moment of sending") as caught:
        to_sql(tree, catalogue=catalogue, now=worlds.NOW, permitted=_nobody)

    assert caught.value.path == "all[0]"


def _nobody(purpose: str, /, *, also: str = "true") -> tuple[str, list[object]]:
    return f"(false AND {also})", []
