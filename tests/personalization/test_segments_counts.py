"""How many a condition holds for: exactly, from a sample with its interval, node by node."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import ledger
from consent.ledger import Statement
from consent.models import DataSubject
from personalization.conditions.sql_people import BOUNDS
from personalization.conditions.to_sql import SqlCondition
from personalization.conditions.tree import TreeError
from personalization.models import CustomerProfile, Field
from personalization.segments import counts, population
from personalization.segments.counts import Estimate, extrapolated
from tests.campaigns.factories import NOON, person
from tests.personalization.factories import FRENCH, GERMANS, event

pytestmark = pytest.mark.django_db

ORDERED = {"event": "Order Completed", "within": {"days": 30}}


def crowd(size: int, *, also: tuple[str, ...] = ()) -> list[int]:
    """People without addresses, made at once; every fourth is German, the others French."""
    subjects = DataSubject.objects.bulk_create(DataSubject() for _ in range(size))
    CustomerProfile.objects.bulk_create(
        CustomerProfile(
            subject=subject,
            attributes={"country": "FR" if number % 4 else "DE"},
            last_seen_at=NOON - timedelta(minutes=number),
        )
        for number, subject in enumerate(subjects)
    )
    purpose = Field.objects.get(kind="attributes", name="country").purpose_id
    ledger.record_many(
        [
            Statement(
                subject_id=subject.pk,
                purpose=each,
                action="granted",
                source="test",
                occurred_at=NOON - timedelta(days=1),
            )
            for subject in subjects
            for each in (purpose, *also)
        ]
    )
    return [subject.pk for subject in subjects]


def test_everybody_in_the_sample_makes_the_estimate_exact() -> None:
    crowd(40)

    assert counts.estimate(GERMANS, now=NOON) == Estimate(10, 10, 10, 40, is_exact=True)
    assert counts.exact(GERMANS, now=NOON, patience_milliseconds=60_000) == 10


def test_an_estimate_from_a_sample_holds_the_true_number_in_its_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crowd(2_000)
    monkeypatch.setattr(counts, "SAMPLE", 400)

    found = counts.estimate(GERMANS, now=NOON)

    assert not found.is_exact
    assert found.total == 2_000
    assert found.low <= 500 <= found.high
    assert found.low < found.value < found.high
    assert found.high - found.low < 200
    assert counts.estimate(GERMANS, now=NOON) == found


def test_intervals_hold_the_truth_in_95_of_100_samples() -> None:
    people = 20_000
    crowd(people)
    with connection.cursor() as cursor:
        # The order of other hashes gives other samples of 200 from the same people.
        cursor.execute(
            """
            SELECT seed, count(*) FILTER (WHERE country = 'DE') FROM (
                SELECT seed, attributes ->> 'country' AS country, row_number() OVER (
                    PARTITION BY seed ORDER BY hashint8extended(subject_id, seed)) AS place
                FROM personalization_customerprofile, generate_series(1, 40) AS seed
            ) AS ordered WHERE place <= 200 GROUP BY seed
            """
        )
        hits = [row[1] for row in cursor.fetchall()]

    found = [extrapolated(each, of=200, total=people) for each in hits]

    assert len(found) == 40
    assert sum(each.low <= people / 4 <= each.high for each in found) >= 34


@pytest.mark.parametrize(
    ("hits", "low", "high"), [(0, 0, 4_000), (1_000, 996_000, 1_000_000), (1, 1, 6_000)]
)
def test_nobody_or_all_of_the_sample_is_not_nobody_or_all_of_the_people(
    hits: int, low: int, high: int
) -> None:
    found = extrapolated(hits, of=1_000, total=1_000_000)

    assert low <= found.low <= found.value <= found.high <= high
    assert found.low < found.high


def test_each_condition_is_counted_alone_in_one_query() -> None:
    ids = crowd(8)
    person(1, country="DE")
    event(ids[0], at=NOON - timedelta(days=1), name="Order Completed")
    tree: dict[str, Any] = {"all": [GERMANS, {"any": [FRENCH, {"not": GERMANS}, ORDERED]}]}

    with CaptureQueriesContext(connection) as queries:
        found = counts.by_condition(tree, now=NOON)

    assert {path: each.value for path, each in found.items()} == {
        "": 0,
        "all[0]": 3,
        "all[1]": 6,
        "all[1].any[0]": 6,
        "all[1].any[1]": 6,
        "all[1].any[1].not": 3,
        # Who did it has not granted profiling.
        "all[1].any[2]": 0,
    }
    assert sum("FILTER" in query["sql"] for query in queries) == 1


def test_what_stands_in_a_where_is_no_condition_on_people() -> None:
    where = {"field": "category", "op": "eq", "value": "boots"}

    found = counts.by_condition({"event": "Product Viewed", "where": where}, now=NOON)

    assert set(found) == {""}


def test_a_sample_shows_who_was_seen_last_and_who_lives() -> None:
    ids = crowd(40)
    DataSubject.objects.filter(pk=ids[0]).update(erased_at=NOON)
    DataSubject.objects.filter(pk=ids[4]).update(merged_into=ids[1])

    assert counts.sample(GERMANS, now=NOON, limit=2) == (ids[8], ids[12])
    assert len(counts.sample(GERMANS, now=NOON)) == 8
    assert counts.estimate(GERMANS, now=NOON).total == 38
    assert counts.exact(GERMANS, now=NOON, patience_milliseconds=60_000) == 8


def test_who_is_rare_is_found_outside_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = crowd(60)
    CustomerProfile.objects.filter(pk=ids[7]).update(attributes={"country": "IT"})
    monkeypatch.setattr(counts, "SAMPLE", 1)

    rare = {"field": "attributes.country", "op": "eq", "value": "IT"}

    assert counts.sample(rare, now=NOON) == (ids[7],)


def test_counting_longer_than_one_will_wait_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd(2)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.wait() RETURNS boolean LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(1); RETURN true; END $$"
        )
    monkeypatch.setattr(counts, "_compiled", lambda *_, **__: SqlCondition("pg_temp.wait()"))

    assert counts.exact(GERMANS, now=NOON, patience_milliseconds=20) is None
    # The transaction goes on, and nobody else is hurried.
    assert counts.exact(GERMANS, now=NOON, patience_milliseconds=60_000) == 2


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ({"all": [{"field": "attributes.nobody", "op": "is_set"}]}, "all[0]"),
        ({"all": [{"field": "attributes.country", "op": "like"}]}, "all[0].op"),
    ],
)
def test_a_fault_is_raised_with_its_path(tree: dict[str, Any], path: str) -> None:
    with pytest.raises(TreeError) as caught:
        counts.estimate(tree, now=NOON)

    assert caught.value.path == path


def test_of_many_people_a_part_whose_events_are_indexed_is_the_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All below a bound of the hash, and nobody else; too small a part gives way to look-ups."""
    ids = crowd(60, also=("profiling",))
    for pk in ids[::2]:
        event(pk, name="Order Completed", at=NOON - timedelta(days=1))
    monkeypatch.setattr(population, "BOUNDS", {2: 0})
    monkeypatch.setattr(counts, "SAMPLE", 20)

    part = population.sample(20)
    few = population.sample(50, by_look_up=35)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM unnest(%s::bigint[]) AS id WHERE hashint8extended(id, 0) < 0", [ids]
        )
        below = {pk for (pk,) in cursor.fetchall()}
    assert (set(part.among.ids), part.among.below) == (below, 0)
    assert (part.total, part.is_whole) == (60, False)
    assert (few.size, few.among.below) == (35, None)
    hits = len(below & set(ids[::2]))
    assert counts.estimate(ORDERED, now=NOON) == extrapolated(hits, of=len(below), total=60)


def test_the_parts_are_those_that_the_indexes_hold() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_get_expr(indpred, indrelid) FROM pg_index JOIN pg_class"
            " ON pg_class.oid = indexrelid WHERE relname ~ '^personalization_event(item)?_sample_'"
        )
        found = dict(cursor.fetchall())

    assert len(found) == 2 * len(BOUNDS)
    for share, bound in BOUNDS.items():
        for table in ("event", "eventitem"):
            assert f"'{bound}'::bigint" in found[f"personalization_{table}_sample_{share}"]
