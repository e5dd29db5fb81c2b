"""Nothing is counted twice, no line is lost, and each source's day is told as it was."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import ledger
from personalization.ingest import inbox, seen
from personalization.ingest.accept import accept
from personalization.ingest.apply import Applied, apply_batch
from personalization.ingest.incoming import Faulty, Incoming, Said
from personalization.models import (
    Basket,
    Event,
    EventItem,
    EventKey,
    InboxEvent,
    Order,
    Product,
    ProfileDue,
    SeenProperty,
    Source,
    SourceDay,
)
from tests.campaigns.factories import product
from tests.consent.people import NOON, subject
from tests.personalization.ground import (
    SHOP,
    apply_all,
    committing,
    event,
    real_commits,
    take_in,
)

__all__ = ["real_commits"]
pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
TODAY = NOON.date()


@pytest.fixture(autouse=True)
def _shop(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("real_commits" if "real_commits" in request.fixturenames else "db")
    seen.forget()
    Source.objects.get_or_create(slug=SHOP, defaults={"name": "Shop"})
    anna = subject("", external_id="C-1", source=SHOP)
    ledger.grant(anna, purpose="profiling", source="test", at=NOON - 24 * HOUR)


def order(message_id: str, number: str = "o-1", **given: Any) -> Incoming:
    lines = [{"product_id": "P1", "quantity": 2, "price": "5"}]
    return event(
        message_id, properties={"order_id": number, "total": 10, "products": lines}, **given
    )


def days(source: str = SHOP) -> dict[tuple[date, str, str], int]:
    rows = SourceDay.objects.filter(source__slug=source)
    return {(each.day, each.outcome, each.detail): each.count for each in rows}


def waiting() -> dict[str, Any]:
    row = InboxEvent.objects.get()
    return inbox.open_payload(row.payload, message_id=row.message_id)


def test_an_order_told_by_two_sources_or_twice_by_one_is_an_order_once() -> None:
    product(1)
    Source.objects.filter(slug=SHOP).update(id_space="all")
    Source.objects.create(slug="till", name="Till", id_space="all")

    take_in(order("m1"), order("m2"))
    take_in(order("m1", timestamp=NOON - HOUR / 2), source="till")
    take_in(order("m3", "o-2"))

    told = Event.objects.order_by("pk").values_list("name", flat=True)
    assert list(told) == ["Order Completed", "Order Updated", "Order Updated", "Order Completed"]
    assert set(Order.objects.values_list("order_id", "total")) == {
        ("o-1", Decimal(10)), ("o-2", Decimal(10)),
    }  # fmt: skip


def test_names_and_lines_of_other_trackers_are_brought_into_the_same_shape() -> None:
    boots = product(1)

    take_in(
        event("m1", "add_to_cart", properties={"items": [{"item_id": "P1", "quantity": 3}]}),
        event("m2", "product  viewed", properties={"product_id": "P1"}),
    )

    assert list(Event.objects.order_by("pk").values_list("name", flat=True)) == [
        "Product Added", "Product Viewed",
    ]  # fmt: skip
    assert set(EventItem.objects.values_list("product_id", "quantity")) == {
        (boots.pk, 3), (boots.pk, 1),
    }  # fmt: skip
    assert Basket.objects.get(kind="cart").items[0]["quantity"] == 3


def test_a_late_event_changes_the_cart_as_if_it_had_come_in_time() -> None:
    product(1)
    line = {"product_id": "P1"}
    take_in(event("m1", "Product Removed", properties=line, timestamp=NOON - HOUR))

    take_in(event("m2", "Product Added", properties=line, timestamp=NOON - 2 * HOUR))

    assert Basket.objects.get(kind="cart").items == []


def test_a_product_nobody_told_of_becomes_an_inactive_one_and_its_line_is_kept() -> None:
    take_in(
        event("m1", "Product Viewed", properties={"product_id": "X", "name": "Lamp", "price": 7}),
        event("m2", properties={"currency": "eur", "products": [
            {"product_id": "Y", "price": "2.50"}, {"product_id": "X"}, {"product_id": "Z"},
        ]}),
    )  # fmt: skip

    made = {each.product_id: each for each in Product.objects.all()}
    assert {each: (p.name, p.price, p.is_active) for each, p in made.items()} == {
        "X": ("Lamp", Decimal(7), False),
        "Y": ("Y", Decimal("2.50"), False),
        "Z": ("Z", Decimal(0), False),
    }
    assert made["Y"].currency == "EUR"
    assert EventItem.objects.count() == 4


def test_where_it_happened_is_stored_without_addresses() -> None:
    context: dict[str, object] = {
        "page": {"path": "/boots", "title": "for anna@example.com"}, "campaign": {"name": "spring"},
    }  # fmt: skip
    take_in(event("m1", context=context))

    assert Event.objects.get().context == {
        "page": {"path": "/boots", "title": "[removed]"}, "campaign": {"name": "spring"},
    }  # fmt: skip


def test_whose_traits_are_due_is_noted() -> None:
    take_in(event("m1"), event("m2", "", type="identify", traits={"city": "Bonn"}))

    due = ProfileDue.objects.get()
    assert (due.work, due.profile_id) == ("traits", Event.objects.get().profile_id)


def test_each_event_is_counted_by_its_end_and_its_delay() -> None:
    names = "Product Viewed", "Email Opened"
    delays = (0.5, 4, 50, 3599, 86_000, 90_000)
    good = [event(f"m{n}", timestamp=NOON - timedelta(seconds=s)) for n, s in enumerate(delays)]
    accept([*good, event("bad", properties={"total": "a lot"})], source=SHOP, now=NOON)
    accept([event(n, n, external_id="C-2") for n in names], source=SHOP, now=NOON - 13 * HOUR)

    apply_all()
    take_in(event("m1"))

    assert days() == {
        (TODAY, "accepted", ""): 8,
        (TODAY, "stored", ""): 6,
        (TODAY, "repeated", ""): 1,
        (TODAY, "quarantined", "properties.total: … is not a decimal number: write 12.50"): 1,
        **{(TODAY, "lag", each): 1 for each in ("1", "5", "60", "3600", "86400", "more")},
        (TODAY - timedelta(days=1), "accepted", ""): 2,
        (TODAY - timedelta(days=1), "refused", "profiling"): 1,
        (TODAY - timedelta(days=1), "refused", "email_tracking"): 1,
    }
    assert Source.objects.get(slug=SHOP).last_event_at == NOON


def test_what_a_door_calls_faulty_goes_into_quarantine_at_once_sealed_and_counted() -> None:
    faulty = [
        Faulty(message_id="m1", reason="messageId: is missing", raw={"event": 5}),
        Faulty(message_id="m1", reason="messageId: is missing", raw={"event": 5}),
        Faulty(message_id="", reason="products[3]: 'boots' is wrong", raw=["x"]),
    ]

    added = accept([*faulty, event("m2")], source=Source.objects.get(slug=SHOP), now=NOON)
    again = accept(faulty, source=SHOP, now=NOON)

    kept = InboxEvent.objects.get(message_id="m1")
    assert (added, again) == (3, 0)
    assert (kept.reason, kept.quarantined_at) == ("messageId: is missing", NOON)
    assert inbox.open_payload(kept.payload, message_id="m1")["raw"] == {"event": 5}
    assert days() == {
        (TODAY, "accepted", ""): 2,
        (TODAY, "quarantined", "messageId: is missing"): 1,
        (TODAY, "quarantined", "products[]: … is wrong"): 1,
    }
    assert apply_all() == Applied(taken=1, stored=1)


@pytest.mark.parametrize("value", [2**80, "half \ud83d", {"a": {"b": 10**30}}])
def test_what_no_json_can_hold_is_set_apart_and_its_neighbours_go_on(value: object) -> None:
    accept([event("m1", properties={"x": value}), event("m2")], source=SHOP, now=NOON)

    assert apply_all() == Applied(taken=1, stored=1)
    row = InboxEvent.objects.get()
    assert "no JSON text can" in row.reason
    assert "x" in inbox.open_payload(row.payload, message_id="m1")["raw"]["properties"]


def test_an_event_its_own_consent_refuses_waits_without_what_it_told() -> None:
    refusing = (Said(purpose="profiling", is_granted=False, source="banner"),)
    accept(
        [event("m1", "product_viewed", said=refusing, traits={"a": 1}, properties={"b": 2})],
        source=SHOP, now=NOON,
    )  # fmt: skip

    stored = waiting()
    assert (stored["properties"], stored["traits"], stored["context"]) == ({}, {}, {})
    assert (stored["external_id"], len(stored["said"])) == ("C-1", 1)


def test_an_order_keeps_what_it_told_whatever_is_refused() -> None:
    refusing = (Said(purpose="profiling", is_granted=False, source="banner"),)
    accept([order("m1", said=refusing)], source=SHOP, now=NOON)

    assert waiting()["properties"]["order_id"] == "o-1"
    assert apply_all().stored == 1


def test_properties_are_noted_by_name_and_type_and_whether_they_are_kept() -> None:
    take_in(event("m1", properties={"total": 5, "email": "a@b.example", "gift": True}))
    take_in(event("m2", properties={"total": "5", "gift": None}))

    noted = SeenProperty.objects.filter(event="Order Completed")
    assert {(n.name, n.type, n.is_kept, n.count) for n in noted} == {
        ("total", "number", True, 1), ("total", "text", True, 1), ("email", "text", False, 1),
        ("gift", "boolean", True, 1), ("gift", "empty", True, 1),
    }  # fmt: skip


def test_a_source_that_makes_up_names_is_noted_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seen, "MOST", 10)

    take_in(event("m1", properties={f"p{n}": n for n in range(50)} | {"x" * 121: 1}))
    seen.forget()
    take_in(event("m2", properties={"one more": 1}))

    assert SeenProperty.objects.count() == 10


@committing
def test_what_was_seen_today_is_written_again_only_after_a_minute(real_commits: None) -> None:
    counts = []
    for number, seconds in enumerate((0, 10, 20, 61)):
        now = NOON + timedelta(seconds=seconds)
        take_in(event(f"m{number}", properties={"total": 5}), now=now)
        counts.append(SeenProperty.objects.get().count)

    assert counts == [1, 1, 1, 4]
    assert SeenProperty.objects.get().last_seen_at == NOON + timedelta(seconds=61)


def test_a_batch_of_everything_takes_no_more_queries_for_more_of_it() -> None:
    def batch(part: int, count: int) -> list[Incoming | Faulty]:
        said = (Said(purpose="profiling", is_granted=True, source="banner"),)
        return [
            each
            for n in range(count)
            for each in (
                event(f"{part}-{n}-v", "Product Viewed", external_id=f"{part}-{n}", said=said,
                      properties={"product_id": f"{part}-{n}"}),
                event(f"{part}-{n}-i", "", type="identify", external_id=f"{part}-{n}",
                      traits={"city": "Bonn", "firstName": "Anna"}),
                order(f"{part}-{n}-o", f"{part}-{n}", external_id=f"{part}-{n}"),
                event(f"{part}-{n}-a", "Product Viewed", external_id="", anonymous_id=f"{n}"),
                event(f"{part}-{n}-b", properties={"total": f"x{n}"}),
            )
        ]  # fmt: skip

    def queries(part: int, count: int) -> int:
        accept(batch(part, count), source=SHOP, now=NOON)
        with CaptureQueriesContext(connection) as captured:
            assert apply_batch(now=NOON).taken == 5 * count
        return len(captured)

    queries(1, 1)
    assert queries(2, 2) == queries(3, 40) < 70


def test_the_same_requests_a_second_time_add_nothing() -> None:
    everything = [order("m1"), event("m2", "", type="identify", traits={"city": "Bonn"})]
    take_in(*everything)

    again = take_in(*everything)

    assert again == Applied(taken=2, repeated=2)
    assert EventKey.objects.count() == 2
