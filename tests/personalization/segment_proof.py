"""A small shop with random segments, to which random things happen while time passes.

After each step, and right before and at each moment at which time alone may move somebody, the
members kept person by person have to be those that a count over everybody finds.
"""

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, Phase, given, seed, settings

from consent import ledger
from consent.models import ConsentState, DataSubject
from personalization.merging import merge
from personalization.models import (
    CustomerProfile,
    Event,
    EventDaily,
    EventItem,
    Field,
    Product,
    Segment,
    SegmentRecheck,
    Source,
)
from personalization.segments import checking, lists, publish, upkeep
from personalization.segments.checking import Drift
from tests.campaigns.factories import people
from tests.personalization import condition_worlds as worlds
from tests.personalization.test_segments_upkeep import happen

PEOPLE, CONDITIONS, NESTED = 14, 9, 4
TICK, HOUR = timedelta(microseconds=1), timedelta(hours=1)
# Hours ago: ends of the windows that trees ask about, and what lies ahead.
AGES = (-30, -1, 0, 0, 0, 1, 23, 24, 25, 47, 168, 719, 17_519)
JUMPS = (1, 5, 24, 48, 168, 720)


def check(number: int, *, steps: int) -> Counter[str]:
    """Live through the world of this number; AssertionError where members differ."""
    with transaction.atomic():
        counts = _Shop(number).live(steps)
        transaction.set_rollback(True)
    return counts


class _Shop:
    def __init__(self, number: int) -> None:
        self.number = number
        self.chance = random.Random(number)
        self.now = worlds.NOW
        self.counts: Counter[str] = Counter()
        self.source = Source.objects.create(slug="shop", name="Shop")
        for spec in worlds.CATALOGUE.fields.values():
            kind, _, name = spec.path.partition(".")
            purpose = spec.purpose or "email_marketing"
            Field.objects.create(
                kind=kind, name=name, label=spec.label, type=spec.type, purpose_id=purpose
            )
        for key, category, brand, department in worlds.PRODUCTS:
            Product.objects.create(
                product_id=key, name=key, category=category, brand=brand, department=department,
                price=1, currency="EUR",
            )  # fmt: skip
        self.people = people(PEOPLE, at=self.now - timedelta(days=800))
        for name in "ABC":
            EventDaily.objects.create(
                profile_id=self.people[0].pk, name=name, day=date(2028, 1, 1), count=1, total=0
            )
        for subject in self.people:
            self.values(subject)
            for _ in range(self.chance.choice([0, 1, 3, 6])):
                self.event(subject)
        self.lists = [lists.create(slug=slug, name=slug) for slug in worlds.SEGMENTS]
        self.trees = self.drawn(3 * CONDITIONS)
        self.segments = [self.segment(f"s{place}") for place in range(CONDITIONS)]
        self.segments += [self.segment(f"n{place}") for place in range(NESTED)]

    def drawn(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        @seed(self.number)
        @settings(
            max_examples=count, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(data=worlds.LEAVES | worlds.TREES)
        def draw(data: dict[str, Any]) -> None:
            found.append(data)

        draw()
        return found

    def segment(self, slug: str) -> Segment:
        made = Segment.objects.create(slug=slug, name=slug)
        self.publish(made)
        return made

    def publish(self, segment: Segment) -> None:
        """Give it a condition; one that is nested asks for those that are not."""
        tree = self.chance.choice(self.trees)
        if segment.slug.startswith("n"):
            inner = {"segment": f"s{self.chance.randrange(CONDITIONS)}"}
            word = self.chance.choice(["all", "any"])
            tree = {word: [self.chance.choice([inner, {"not": inner}]), tree]}
        publish.publisher.publish(segment, content={"tree": tree}, now=self.now)

    def live(self, steps: int) -> Counter[str]:
        self.settle("made")
        for _ in range(steps):
            for _ in range(self.chance.choice([0, 1, 3, 8])):
                self.change()
            self.settle("changed")
            self.wait()
        return self.counts

    def wait(self) -> None:
        """Let time pass: just before a moment that was noted, at it, or some hours on."""
        until = self.now + HOUR * self.chance.choice(JUMPS)
        due = SegmentRecheck.objects.order_by("due_at").first()
        if due is not None and self.now < due.due_at and self.chance.random() < 0.6:
            if due.due_at - TICK > self.now:
                self.now = due.due_at - TICK
                self.settle("just before")
            until = due.due_at
        self.now = until
        self.settle("time passed")

    def settle(self, what: str) -> None:
        limit = self.chance.choice([2, 1000])
        upkeep.catch_up(now=self.now, limit=limit, most=10_000)
        found = checking.check_all(now=self.now)
        wrong = {slug: drift for slug, drift in found.items() if drift != Drift(0, 0)}
        assert not wrong, (self.number, what, self.now, wrong, self.told(wrong))
        assert len(found) == len(self.lists) + len(self.segments)
        self.counts[what] += len(found)
        self.counts["members"] = sum(each.member_count for each in Segment.objects.all())

    def told(self, slugs: dict[str, Drift]) -> list[Any]:
        found = Segment.objects.filter(slug__in=slugs).select_related("live")
        return [each.live.content if each.live else "a list" for each in found]

    def change(self) -> None:
        ways = (self.event, self.event, self.event, self.event, self.values, self.consent,
                self.listed, self.lost, self.product, self.version, self.merge)  # fmt: skip
        way = self.chance.choices(ways, weights=[6, 6, 6, 6, 4, 4, 2, 1, 1, 1, 0.3])[0]
        way(self.chance.choice(self.people))

    def event(self, subject: DataSubject) -> None:
        chance = self.chance
        made = happen(
            subject.pk,
            at=self.now - HOUR * chance.choice(AGES),
            name=chance.choice("AABBC"),
            amount=chance.choice([None, Decimal("10.10"), Decimal("30.00")]),
            properties=worlds.properties(chance),
            is_machine=chance.random() < 0.2,
        )
        if chance.random() < 0.5:
            EventItem.objects.create(
                event_id=made.pk, line=0, occurred_at=made.occurred_at, profile_id=subject.pk,
                name=made.name, product_id=chance.choice(list(Product.objects.all())).pk,
                quantity=1, price=3,
            )  # fmt: skip

    def values(self, subject: DataSubject) -> None:
        kind = self.chance.choice(["attributes", "traits"])
        document = worlds.document(self.chance, kind=kind)
        CustomerProfile.objects.filter(pk=subject.pk).update(**{kind: document})

    def consent(self, subject: DataSubject) -> None:
        purpose = self.chance.choice(worlds.PURPOSES)
        say = self.chance.choice([ledger.withdraw, ledger.grant, ledger.grant])
        say(subject, purpose=purpose, source="proof", at=self.now)
        ends = self.now + HOUR * self.chance.choice([1, 24, 100])
        if self.chance.random() < 0.5:
            ConsentState.objects.filter(subject=subject, purpose=purpose).update(expires_at=ends)

    def listed(self, subject: DataSubject) -> None:
        chosen = self.chance.choice(self.lists)
        number = f"C{1 + self.people.index(subject)}"
        if self.chance.random() < 0.6:
            lists.add(chosen, [number], actor=None, now=self.now)
        else:
            lists.remove(chosen, [number], actor=None)

    def lost(self, subject: DataSubject) -> None:
        event = Event.objects.filter(profile_id=subject.pk).first()
        if event is not None:
            Event.objects.filter(pk=event.pk).delete()

    def product(self, subject: DataSubject) -> None:
        category = self.chance.choice(["boots", "DE", ""])
        Product.objects.filter(product_id="DE").update(category=category)

    def version(self, subject: DataSubject) -> None:
        self.publish(self.chance.choice(self.segments))

    def merge(self, subject: DataSubject) -> None:
        other = self.chance.choice([each for each in self.people if each != subject])
        living = DataSubject.objects.filter(pk__in=[subject.pk, other.pk], merged_into=None)
        if living.count() == 2:
            merge.merge(
                subject.pk, other.pk, reason="proof", source="proof", actor=None, now=self.now
            )
