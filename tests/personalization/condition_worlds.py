"""Random people, histories and condition trees, dirty on purpose."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from django.db import connection
from hypothesis import strategies as st

from consent import ledger
from consent.models import ConsentState, DataSubject
from personalization.conditions.facts import (
    EventFact,
    Facts,
    ItemFact,
    visible,
    visible_events,
)
from personalization.conditions.fields import (
    OPERATORS_BY_TYPE,
    PRODUCT_FIELDS,
    Catalogue,
    EventSpec,
    FieldSpec,
)
from personalization.conditions.nodes import MeasureKind, Operator
from personalization.models import (
    CustomerProfile,
    Event,
    EventItem,
    Product,
    Segment,
    SegmentMembership,
    Source,
)

# The clocks of New York went back the night before; the leap day and a month's end are near.
NOW = datetime(2028, 11, 6, 12, tzinfo=UTC)
PURPOSES = ("profiling", "email_marketing", "email_tracking")
SEGMENTS = ("vip", "new")
# Id, category, brand, department.
PRODUCTS = (
    ("DE", "boots", "FR", "é\nx"),
    ("boots", "5%_\\", "", "boo"),
    ("1", "DE", "2028-11-05", ""),
)

TEXTS = ["DE", "FR", "de", "", "boots", "boo", "5%_\\", "é\nx", "2028-11-05", "{{7*7}}", "1"]
NUMBERS: list[float] = [0, 1, 2, 2.5, -1, 0.1, 0.2, 0.3, 1e12, 123456789012345]
DATES = [
    "2028-11-05", "2028-11-06T12:00:00Z", "2028-11-06T07:00:00-05:00", "2028-10-30 12:00",
    "2028-11-05T12:00:00.000001Z", "2028-10-31", "2028-02-29", "2029-01-01", "1999-12-31T23:59Z",
    "2028-10-30T12:00+00:00", "2028-11-05T01:30:00-04:00",
]  # fmt: skip
BAD_DATES = ["2027-02-29", "2028-02-30", "2028-11-05T24:00Z", "2028-11-05T10:00:60Z", "05.11.2028",
             "2028-11-05T10:00+15:00", "2028-11-5", "20281105", "infinity", "now"]  # fmt: skip
LISTS: list[Any] = [[], ["DE"], ["DE", "FR"], [1, 2.0], ["1"], [True], [["DE"]], ["FR", "DE", 1]]
DIRT: list[Any] = [None, True, False, {"DE": 1}, *TEXTS, *NUMBERS, *BAD_DATES, *LISTS]
POOLS: dict[str, list[Any]] = {
    "text": TEXTS, "number": NUMBERS, "date": DATES, "boolean": [True, False], "list": LISTS,
}  # fmt: skip

CATALOGUE = Catalogue(
    fields={
        spec.path: spec
        for spec in (
            FieldSpec("attributes.t", "text", "T"),
            FieldSpec("attributes.n", "number", "N"),
            FieldSpec("attributes.d", "date", "D"),
            FieldSpec("attributes.b", "boolean", "B"),
            FieldSpec("attributes.l", "list", "L"),
            FieldSpec("traits.n", "number", "bound N", purpose="profiling"),
            FieldSpec("traits.t", "text", "bound T", purpose="email_marketing"),
        )
    },
    events={
        "A": EventSpec("A", "A", properties={"s": "text", "n": "number", "d": "date"}),
        "B": EventSpec("B", "B"),
        "C": EventSpec("C", "C", purpose="email_tracking"),
    },
    segments=frozenset(SEGMENTS),
)


def create_world(*, people: int, seed: int) -> list[Facts]:
    """Store random people with histories; return what may be known of each."""
    chance = random.Random(seed)
    products = [
        Product.objects.create(
            product_id=key, name=key, category=category, brand=brand, department=department,
            price=1, currency="EUR",
        )
        for key, category, brand, department in PRODUCTS
    ]  # fmt: skip
    segments = {slug: Segment.objects.create(slug=slug, name=slug) for slug in SEGMENTS}
    source = Source.objects.create(slug="world", name="World")
    created = [
        _create_person(chance, products=products, segments=segments, source=source)
        for _ in range(people)
    ]
    with connection.cursor() as cursor:
        # Without statistics the planner takes every table for empty, and loops over all of them.
        cursor.execute("ANALYZE")
    return created


def _create_person(
    chance: random.Random,
    *,
    products: Sequence[Product],
    segments: dict[str, Segment],
    source: Source,
) -> Facts:
    subject = DataSubject.objects.create()
    granted = _create_consents(chance, subject=subject)
    documents = {kind: document(chance, kind=kind) for kind in ("attributes", "traits")}
    CustomerProfile.objects.create(subject=subject, **documents)
    slugs = [slug for slug in segments if chance.random() < 0.5]
    for slug in slugs:
        SegmentMembership.objects.create(
            segment=segments[slug], profile_id=subject.pk, entered_at=NOW
        )
    events: dict[str, list[EventFact]] = {"A": [], "B": [], "C": []}
    for _ in range(chance.choice([0, 0, 1, 3, 6, 12])):
        fact = _create_event(chance, profile_id=subject.pk, products=products, source=source)
        events[fact.name].append(fact)
    values = {
        f"{kind}.{name}": value
        for kind, document in documents.items()
        for name, value in json.loads(json.dumps(document)).items()
    }
    return Facts(
        profile_id=subject.pk,
        values=visible(values, catalogue=CATALOGUE, granted=granted),
        events=visible_events(events, catalogue=CATALOGUE, granted=granted),
        segments=frozenset(slugs),
    )


def _create_consents(chance: random.Random, *, subject: DataSubject) -> frozenset[str]:
    granted = set()
    for purpose in PURPOSES:
        state: Literal["granted", "refused", "expired", "none"] = chance.choice(
            ["granted", "granted", "refused", "expired", "none"]
        )
        if state == "none":
            continue
        say = ledger.withdraw if state == "refused" else ledger.grant
        say(subject, purpose=purpose, source="world", at=NOW - timedelta(days=30))
        # The very moment of expiry is already without consent.
        ends = NOW if state == "expired" else NOW + timedelta(seconds=1)
        ConsentState.objects.filter(subject=subject, purpose=purpose).update(expires_at=ends)
        if state == "granted":
            granted.add(purpose)
    return frozenset(granted)


def document(chance: random.Random, *, kind: str) -> dict[str, Any]:
    document = {}
    for path, spec in CATALOGUE.fields.items():
        if path.startswith(f"{kind}.") and chance.random() < 0.9:
            pool = POOLS[spec.type] if chance.random() < 0.8 else DIRT
            document[path.partition(".")[2]] = chance.choice(pool)
    return document


def _create_event(
    chance: random.Random, *, profile_id: int, products: Sequence[Product], source: Source
) -> EventFact:
    # A coarse grid of hours, so that ties and exact ends of windows happen.
    hours = chance.choice([-24, -1, 0, 1, 2, 3, 24, 25, 26, 48, 72, 24 * 7, 24 * 30, 24 * 700])
    given = properties(chance)
    amount = chance.choice([None, Decimal("10.10"), Decimal("0.20"), Decimal("30.00")])
    event = Event.objects.create(
        source=source,
        name=chance.choice("AABBC"),
        profile_id=profile_id,
        origin_profile_id=profile_id,
        occurred_at=NOW - timedelta(hours=hours),
        received_at=NOW,
        amount=amount,
        properties=given,
        is_machine=chance.random() < 0.2,
    )
    items = tuple(
        _create_item(chance, event=event, line=line, products=products)
        for line in range(chance.choice([0, 1, 2]))
    )
    return EventFact(
        name=event.name,
        occurred_at=event.occurred_at,
        amount=amount,
        properties=json.loads(json.dumps(given)),
        items=items,
        is_machine=event.is_machine,
    )


def properties(chance: random.Random) -> dict[str, Any]:
    return {
        name: chance.choice(POOLS[kind] if chance.random() < 0.8 else DIRT)
        for name, kind in (("s", "text"), ("n", "number"), ("d", "date"))
        if chance.random() < 0.8
    }


def _create_item(
    chance: random.Random, *, event: Event, line: int, products: Sequence[Product]
) -> ItemFact:
    product = chance.choice([*products, None])
    quantity, price = chance.choice([1, 2, 3]), chance.choice([None, Decimal("2.50"), Decimal(10)])
    EventItem.objects.create(
        event_id=event.pk,
        line=line,
        occurred_at=event.occurred_at,
        profile_id=event.profile_id,
        name=event.name,
        # A product that has since left the catalogue.
        product_id=product.pk if product else 10**9,
        quantity=quantity,
        price=price,
    )
    if product is None:
        return ItemFact(None, quantity=quantity, price=price)
    return ItemFact(
        product.product_id,
        category=product.category,
        brand=product.brand,
        department=product.department,
        quantity=quantity,
        price=price,
    )


_DURATIONS = st.sampled_from(
    [{"hours": 1}, {"hours": 24}, {"days": 2}, {"weeks": 1}, {"days": 30}, {"days": 730}]
)
_MEMBERS = {
    "text": st.sampled_from([text for text in TEXTS if text]),
    "number": st.sampled_from(NUMBERS),
    "date": st.sampled_from(DATES),
    "boolean": st.booleans(),
    "list": st.sampled_from(["DE", "FR", "1"]) | st.sampled_from(["DE", "FR"]),
}
_PATTERNS = st.sampled_from(
    ["^[A-Z]{2}$", "o+", "^.$", "é.x", r"\d{4}-\d\d", "[^a-z]", "(D|F)[ER]"]
)


def comparisons(fields: Sequence[FieldSpec]) -> st.SearchStrategy[dict[str, Any]]:
    """Every operator of every field equally often."""
    pairs = [(spec, op) for spec in fields for op in operators(spec)]
    return st.sampled_from(pairs).flatmap(lambda pair: comparison(*pair))


def operators(spec: FieldSpec) -> list[Operator]:
    """Anniversaries are asked of people, not of events."""
    is_own = spec.path in CATALOGUE.fields
    found = OPERATORS_BY_TYPE[spec.type]
    return [op for op in found if is_own or op != "anniversary_within_next"]


def comparison(spec: FieldSpec, op: str) -> st.SearchStrategy[dict[str, Any]]:
    name = spec.path
    if op in ("is_set", "is_not_set"):
        return st.just({"field": name, "op": op})
    return _values(spec.type, op).map(lambda value: {"field": name, "op": op, "value": value})


def _values(kind: str, op: str) -> st.SearchStrategy[Any]:
    member = _MEMBERS[kind]
    if op in ("within_last", "not_within_last"):
        return _DURATIONS
    if op == "anniversary_within_next":
        return st.sampled_from([{"days": 1}, {"days": 7}, {"weeks": 2}, {"days": 200}])
    if op == "matches":
        return _PATTERNS
    if op == "between":
        return st.sampled_from(
            [[0, 1], [-1, 2.5]] if kind == "number" else [["2028-10-30", "2028-11-06T12:00Z"]]
        )
    if op in ("in", "not_in", "includes_any", "includes_all") or kind == "list":
        return st.lists(member, min_size=1, max_size=3)
    return member


WHERE_FIELDS = [
    FieldSpec("s", "text", "s"),
    FieldSpec("n", "number", "n"),
    FieldSpec("d", "date", "d"),
    *PRODUCT_FIELDS.values(),
]
_PRODUCT_WHERES = st.sampled_from(
    [
        {"field": "product.category", "op": "eq", "value": "boots"},
        {"field": "product.product_id", "op": "in", "value": ["DE", "FR"]},
        {"field": "product.price", "op": "gte", "value": 2.5},
        {"field": "product.brand", "op": "is_not_set"},
    ]
)


def _grouped(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
            inner.map(lambda part: {"not": part}),
        ),
        max_leaves=4,
    )


_WHERES = _grouped(comparisons(WHERE_FIELDS) | _PRODUCT_WHERES)
_NUMBER_COMPARES = st.one_of(
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
            "value": st.sampled_from([0, 1, 2, 0.3, 10.1, 20.2, 30]),
        }
    ),
    st.fixed_dictionaries({"op": st.just("between"), "value": st.just([0.2, 10.1])}),
)
_PROPERTIES = st.sampled_from(["total", "revenue", "n"])
_TOTALS = st.builds(lambda name, rest: {"property": name, **rest}, _PROPERTIES, _NUMBER_COMPARES)
_EDGES = st.one_of(
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(["gt", "gte", "lt", "lte", "before", "after"]),
            "value": st.sampled_from(DATES),
        }
    ),
    st.fixed_dictionaries(
        {"op": st.sampled_from(["within_last", "not_within_last"]), "value": _DURATIONS}
    ),
    st.just({"op": "between", "value": ["2028-10-30T12:00Z", "2028-11-06"]}),
)
_BY_KIND: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "count": _NUMBER_COMPARES, "sum": _TOTALS, "avg": _TOTALS, "first": _EDGES, "last": _EDGES,
}  # fmt: skip
_MEASURES = st.one_of(
    st.just({}),
    *(st.builds(lambda kind, compare: {kind: compare}, st.just(kind), compare)
      for kind, compare in _BY_KIND.items()),
)  # fmt: skip
_MATCHES = st.fixed_dictionaries(
    {"event": st.sampled_from("ABC")},
    optional={"where": _WHERES, "include_machine": st.booleans()},
)
_HAPPENED = st.builds(
    lambda match, measure, within: {**match, **measure, **within},
    _MATCHES,
    _MEASURES,
    st.just({}) | st.fixed_dictionaries({"within": _DURATIONS}),
)
_STEPS = st.one_of(
    st.builds(
        lambda match, within: {**match, **within},
        _MATCHES,
        st.just({}) | st.fixed_dictionaries({"within": _DURATIONS}),
    ),
    st.builds(lambda match, length: {"not": match, "for": length}, _MATCHES, _DURATIONS),
)
_SEQUENCES = st.builds(
    lambda first, rest, within: {"sequence": [first, *rest], **within},
    _MATCHES,
    st.lists(_STEPS, min_size=1, max_size=3),
    st.just({}) | st.fixed_dictionaries({"within": _DURATIONS}),
)
FIELD_LEAVES = comparisons(tuple(CATALOGUE.fields.values()))
LEAVES = st.one_of(
    FIELD_LEAVES,
    FIELD_LEAVES,
    st.sampled_from([{"segment": slug} for slug in SEGMENTS]),
    _HAPPENED,
    _SEQUENCES,
)
TREES = _grouped(LEAVES)


def about_operator(op: Operator) -> st.SearchStrategy[dict[str, Any]]:
    """Trees with this operator in them, for one of the fields it fits."""
    fitting = [spec for spec in CATALOGUE.fields.values() if op in operators(spec)]
    own = st.sampled_from(fitting).flatmap(lambda spec: comparison(spec, op))
    word = st.sampled_from(["all", "any"])
    return st.builds(lambda word, one, other: {word: [one, other]}, word, own, FIELD_LEAVES)


def about_measure(kind: MeasureKind) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda match, measure: {**match, kind: measure}, _MATCHES, _BY_KIND[kind])
