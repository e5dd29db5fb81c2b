"""Random people with real histories, asked random questions in SQL and in Python: all agree.

People come in by the ways they really come: identities are resolved, consents go through the
ledger, some are merged; and what Python sees is what the profile loader loads for the tree.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from consent import gate, identify, ledger
from consent.gate import permitted_sql
from consent.identify import Names
from consent.models import ConsentState, DataSubject
from personalization.conditions.nodes import MEASURES, OPERATORS, Node
from personalization.conditions.to_python import compile_tree
from personalization.conditions.to_sql import to_sql
from personalization.conditions.tree import Compare, Happened, needs, parse, walk
from personalization.merging import merge
from personalization.models import (
    CustomerProfile,
    Event,
    EventItem,
    Product,
    Segment,
    SegmentMembership,
    Source,
)
from personalization.profiles import load
from personalization.segments import population
from tests.personalization import condition_worlds as worlds

PEOPLE = 36
# The clocks of New York just went back; a leap day; the end of a month; the clocks of Europe go
# forward; a new year.
MOMENTS = (
    worlds.NOW,
    datetime(2028, 2, 29, 0, 30, tzinfo=UTC),
    datetime(2027, 3, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2028, 3, 26, 1, tzinfo=UTC),
    datetime(2028, 1, 1, tzinfo=UTC),
)
ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Berlin")
SIZES = (0, 0, 0, 1, 2, 4, 9, 25, 60)
LONGEST = 5_000
# Hours ago: the ends of the windows that the trees ask about, ties, and what has not happened yet.
HOURS = (-24, -1, 0, 1, 2, 3, 24, 25, 26, 48, 49, 72, 168, 169, 720, 721, 2160, 17_519, 17_520,
         17_521)  # fmt: skip


def check(number: int, *, trees: int, longest: int | None = None) -> Counter[str]:
    """Make the world of this number, ask `trees` questions; AssertionError where answers differ."""
    counts: Counter[str] = Counter()
    # The longest history makes sequences slow to ask, so that not every world has one.
    longest = longest or (LONGEST if number % 8 == 7 else 400)
    with transaction.atomic():
        _World(number, longest=longest).ask(trees, counts=counts)
        transaction.set_rollback(True)
    return counts


class _World:
    def __init__(self, number: int, *, longest: int) -> None:
        self.number = number
        self.chance = random.Random(number)
        self.now = MOMENTS[number % len(MOMENTS)]
        self.products = [
            Product.objects.create(
                product_id=key, name=key, category=category, brand=brand, department=department,
                price=1, currency="EUR",
            )
            for key, category, brand, department in worlds.PRODUCTS
        ]  # fmt: skip
        self.segments = [Segment.objects.create(slug=slug, name=slug) for slug in worlds.SEGMENTS]
        self.source = Source.objects.create(slug="proof", name="Proof")
        subjects = self.people()
        for place, subject in enumerate(subjects):
            size = longest if place == 0 else self.chance.choice(SIZES)
            self.happen(subject, size=size)
        self.merge(subjects)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        living = [pk for pk in (subject.pk for subject in subjects) if pk not in self.absorbed]
        self.permissions = gate.permissions(living, purpose="email_marketing", at=self.now)

    def people(self) -> list[DataSubject]:
        names = [
            Names(external_id=f"P{number}", email=f"p{number}@example.com")
            for number in range(PEOPLE)
        ]
        ids = identify.resolve(names, source="proof").subject_ids
        subjects = [DataSubject.objects.get(pk=pk) for pk in ids if pk]
        for subject in subjects:
            self.consent(subject)
            documents = {
                kind: worlds.document(self.chance, kind=kind) for kind in ("attributes", "traits")
            }
            CustomerProfile.objects.create(subject=subject, **documents)
            SegmentMembership.objects.bulk_create(
                SegmentMembership(segment=each, profile_id=subject.pk, entered_at=self.now)
                for each in self.segments
                if self.chance.random() < 0.5
            )
        return subjects

    def consent(self, subject: DataSubject) -> None:
        for purpose in worlds.PURPOSES:
            state = self.chance.choice(["granted"] * 4 + ["withdrawn", "expired", "never"])
            if state == "never":
                continue
            at = self.now - timedelta(days=30)
            ledger.grant(subject, purpose=purpose, source="proof", at=at)
            if state == "withdrawn":
                ledger.withdraw(subject, purpose=purpose, source="proof", at=at + timedelta(days=1))
            # The very moment of expiry is already without consent.
            ends = self.now + timedelta(seconds=0 if state == "expired" else 1)
            ConsentState.objects.filter(subject=subject, purpose=purpose).update(expires_at=ends)

    def happen(self, subject: DataSubject, *, size: int) -> None:
        events = Event.objects.bulk_create(
            [self.event(subject.pk) for _ in range(size)], batch_size=1000
        )
        EventItem.objects.bulk_create(
            [
                self.item(event, line=line)
                for event in events
                for line in range(self.chance.choice([0, 1, 2]))
            ],
            batch_size=1000,
        )

    def event(self, profile_id: int) -> Event:
        chance = self.chance
        return Event(
            source=self.source,
            name=chance.choice("AABBC"),
            profile_id=profile_id,
            origin_profile_id=profile_id,
            occurred_at=self.now - timedelta(hours=chance.choice(HOURS)),
            received_at=self.now,
            amount=chance.choice([None, Decimal("10.10"), Decimal("0.20"), Decimal("30.00")]),
            properties=worlds.properties(chance),
            is_machine=chance.random() < 0.2,
        )

    def item(self, event: Event, *, line: int) -> EventItem:
        product = self.chance.choice([*self.products, None])
        return EventItem(
            event_id=event.pk,
            line=line,
            occurred_at=event.occurred_at,
            profile_id=event.profile_id,
            name=event.name,
            # A product that has since left the catalogue.
            product_id=product.pk if product else 10**9,
            quantity=self.chance.choice([1, 2, 3]),
            price=self.chance.choice([None, Decimal("2.50"), Decimal(10)]),
        )

    def merge(self, subjects: Sequence[DataSubject]) -> None:
        """Four of them turn out to be others of them."""
        pairs = [(subjects[each], subjects[each + 1]) for each in (4, 8, 12, 16)]
        for kept, absorbed in pairs:
            merge.merge(
                kept.pk, absorbed.pk, reason="proof", source="proof", actor=None, now=self.now
            )
        self.absorbed = {absorbed.pk for _, absorbed in pairs}

    def ask(self, trees: int, *, counts: Counter[str]) -> None:
        """Random trees, and a sixteenth as many about each operator and each measure."""
        self.ask_about(worlds.TREES, trees=trees, counts=counts)
        few = max(1, trees // 16)
        for op in OPERATORS:
            self.ask_about(worlds.about_operator(op), trees=few, counts=counts)
        for kind in MEASURES:
            self.ask_about(worlds.about_measure(kind), trees=few, counts=counts)

    def ask_about(
        self, strategy: st.SearchStrategy[dict[str, Any]], *, trees: int, counts: Counter[str]
    ) -> None:
        @seed(self.number)
        @settings(
            max_examples=trees, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(data=strategy)
        def agree(data: dict[str, Any]) -> None:
            node = parse(data)
            expected = self.by_python(node)
            for found in (self.by_sql(node), self.by_sql(node, among=sorted(expected))):
                assert found == expected, f"world {self.number}: {data}"
            counts.update(_told(node, answers=expected))

        agree()

    def by_python(self, node: Node) -> dict[int, bool]:
        holds = compile_tree(node)
        loaded = load.profiles(
            self.permissions, needs=needs(node), catalogue=worlds.CATALOGUE, now=self.now,
            with_history=False,
        )  # fmt: skip
        assert len(loaded) == len(self.permissions)
        return {each.subject_id: holds(each.facts, self.now) for each in loaded}

    def by_sql(self, node: Node, *, among: list[int] | None = None) -> dict[int, bool]:
        """For everybody as a filter, for a batch as a column: both are in use."""
        permitted = partial(permitted_sql, at=self.now)
        condition = to_sql(
            node, catalogue=worlds.CATALOGUE, now=self.now, permitted=permitted, among=among
        )
        living = f"FROM {population.PEOPLE} WHERE {population.LIVING}"
        with connection.cursor() as cursor, _zone(ZONES[self.number % len(ZONES)]):
            if among is not None:
                cursor.execute(
                    f"SELECT p.subject_id, {condition.sql} {living} AND p.subject_id = ANY(%s)",
                    [*condition.params, among],
                )
                return dict(cursor.fetchall())
            cursor.execute(f"SELECT p.subject_id {living} AND {condition.sql}", condition.params)
            found = {row[0] for row in cursor.fetchall()}
        # A person more than the loader knows would be a difference, too.
        return {pk: pk in found for pk in {*self.permissions, *found}}


@contextmanager
def _zone(name: str) -> Iterator[None]:
    """The session's time zone must not matter to the query; Django itself reads times as UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, true)", [name])
        yield
        cursor.execute("SELECT set_config('TimeZone', 'UTC', true)")


def _told(node: Node, *, answers: dict[int, bool]) -> Counter[str]:
    ops = {inner.op for _, _, inner in walk(node) if isinstance(inner, Compare)}
    kinds = {type(inner).__name__ for _, _, inner in walk(node)}
    measures = {inner.measure.kind for _, _, inner in walk(node) if isinstance(inner, Happened)}
    told = Counter({f"operator {op}": 1 for op in ops})
    told += Counter({f"node {kind}": 1 for kind in kinds})
    told += Counter({f"measure {kind}": 1 for kind in measures})
    hits = sum(answers.values())
    return told + Counter(
        {"trees": 1, "cases": len(answers), "true": hits, "false": len(answers) - hits}
    )
