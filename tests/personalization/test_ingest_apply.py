"""Events come in once, whole, sealed while they wait, and only as far as the person allows."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from consent import identify, identity, ledger
from consent.models import DataSubject
from personalization.ingest import inbox, partitions
from personalization.ingest.accept import accept
from personalization.ingest.apply import Applied, apply_batch
from personalization.models import (
    CustomerProfile,
    Event,
    EventDaily,
    EventItem,
    EventKey,
    InboxEvent,
    Product,
    Source,
)
from tests.campaigns.factories import product
from tests.consent.people import NOON, subject
from tests.consent.test_identity import fresh_key
from tests.personalization.ground import (
    SHOP,
    apply_all,
    event,
    take_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _shop(db: None) -> None:
    Source.objects.get_or_create(slug=SHOP, defaults={"name": "Shop"})


def customer(external_id: str = "C-1", *, granted: Sequence[str] = ("profiling",)) -> DataSubject:
    made = subject("", external_id=external_id, source=SHOP)
    for purpose in granted:
        ledger.grant(made, purpose=purpose, source="test", at=NOON - timedelta(days=1))
    return made


def test_accepting_drops_repeats_within_and_between_batches() -> None:
    first = accept([event("m1"), event("m2"), event("m1")], source=SHOP, now=NOON)
    second = accept([event("m2"), event("m3")], source=SHOP, now=NOON)

    assert (first, second, accept([], source=SHOP, now=NOON)) == (2, 1, 0)
    assert InboxEvent.objects.count() == 3


def test_the_same_message_id_of_another_source_is_another_event() -> None:
    take_in(event("m1"))

    assert take_in(event("m1"), source="till").stored == 1
    assert Event.objects.count() == 2


def test_what_waits_is_sealed_and_bound_to_its_row() -> None:
    accept([event("m1", external_id="CUSTOMER-77"), event("m2")], source=SHOP, now=NOON)
    first, second = InboxEvent.objects.order_by("pk")

    assert b"CUSTOMER-77" not in bytes(first.payload)
    assert b"Order" not in bytes(first.payload)
    InboxEvent.objects.filter(pk=second.pk).update(payload=first.payload)

    applied = apply_all()

    second.refresh_from_db()
    assert (applied.stored, applied.quarantined) == (1, 1)
    assert "does not open" in second.reason


def test_events_that_waited_through_a_change_of_keys_are_applied(settings: Settings) -> None:
    settings.ATTUNE_ENCRYPTION_KEYS = old = f"v1:{fresh_key()}"
    accept([event("m1")], source=SHOP, now=NOON)

    settings.ATTUNE_ENCRYPTION_KEYS = f"v2:{fresh_key()},{old}"

    assert apply_all().stored == 1


def test_an_event_is_stored_once_with_its_person_amount_lines_and_day() -> None:
    boots = product(1)
    properties = {
        "total": "39.80", "currency": "usd", "coupon": "SPRING",
        "products": [
            {"product_id": "P1", "quantity": 2, "price": "19.90"}, {"product_id": "unknown"},
        ],
    }  # fmt: skip

    applied = take_in(event("m1", properties=properties))

    person = identify.find("external_id", "C-1", source=SHOP)
    assert person is not None
    assert applied == Applied(taken=1, stored=1)
    stored = Event.objects.get()
    assert (stored.profile_id, stored.origin_profile_id) == (person.pk, person.pk)
    assert (stored.name, stored.amount, stored.currency) == (
        "Order Completed", Decimal("39.80"), "USD",
    )  # fmt: skip
    assert (stored.properties["coupon"], stored.is_machine) == ("SPRING", False)
    assert (stored.occurred_at, stored.received_at) == (NOON - timedelta(hours=1), NOON)
    item, other = EventItem.objects.order_by("line")
    assert (item.product_id, item.quantity, item.price) == (boots.pk, 2, Decimal("19.90"))
    assert Product.objects.get(pk=other.product_id).product_id == "unknown"
    assert CustomerProfile.objects.get().last_seen_at == NOON - timedelta(hours=1)
    assert not InboxEvent.objects.exists()


def test_a_repeat_that_comes_after_it_was_applied_is_dropped() -> None:
    take_in(event("m1"))

    assert take_in(event("m1")) == Applied(taken=1, repeated=1)
    assert Event.objects.count() == EventKey.objects.count() == 1
    assert EventDaily.objects.get().count == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"name": ""}, "event: is missing"),
        ({"name": "x" * 121}, "event: is longer than 120"),
        ({"external_id": ""}, "external_id: is missing"),
        ({"external_id": "x" * 201}, "external_id: is longer"),
        ({"timestamp": NOON + timedelta(days=2)}, "timestamp: "),
        ({"timestamp": datetime(1970, 1, 1, tzinfo=UTC)}, "timestamp: "),
        ({"properties": {"total": "a lot"}}, "properties.total: "),
        ({"properties": {"products": "boots"}}, "properties.products: is not a list"),
        ({"properties": {"products": [{"product_id": "P1", "quantity": -1}]}}, "quantity"),
        ({"properties": {"note": "a\0b"}}, "NUL"),
        ({"message_id": ""}, "message_id: is missing"),
        ({"message_id": "m" * 201}, "message_id: is longer"),
        ({"message_id": "a\0b"}, "message_id: holds a NUL"),
        ({"type": "dance"}, "type: 'dance' is not track, page"),
        ({"type": ["track"]}, "type: "),
        ({"properties": ["boots"]}, "properties: is not a JSON object"),
        ({"traits": "Anna"}, "traits: is not a JSON object"),
        ({"context": None}, "context: is not a JSON object"),
    ],
)
def test_a_faulty_event_waits_apart_with_its_reason_and_its_neighbours_go_on(
    fault: dict[str, Any], reason: str
) -> None:
    applied = take_in(event("m1"), event(**{"message_id": "bad", **fault}), event("m2"))

    assert applied == Applied(taken=3, stored=2, quarantined=1)
    kept = InboxEvent.objects.get()
    assert reason in kept.reason
    assert kept.quarantined_at == NOON
    assert apply_all().taken == 0


def test_an_event_that_an_older_version_took_in_is_applied() -> None:
    plain: dict[str, object] = {
        "message_id": "m1", "event": "Order Completed", "timestamp": NOON.isoformat(),
        "properties": {}, "subject_id": None, "external_id": "C-1", "is_machine": False,
    }  # fmt: skip
    InboxEvent.objects.create(
        source=Source.objects.get(slug=SHOP), message_id="m1", received_at=NOON,
        payload=inbox.seal(orjson.dumps(plain), message_id="m1"),
    )  # fmt: skip

    assert apply_all().stored == 1


def test_a_sum_no_column_can_hold_stops_nobody_else() -> None:
    huge = [event(f"huge{n}", properties={"total": "999999999999.99"}) for n in range(101)]

    applied = take_in(*huge, event("m1", external_id="C-2"))

    assert applied.taken == 102
    assert applied.quarantined == 1
    assert "larger than any sum" in InboxEvent.objects.get().reason
    other = identify.find("external_id", "C-2", source=SHOP)
    assert other is not None
    assert Event.objects.filter(profile_id=other.pk).count() == 1
    assert EventDaily.objects.order_by("-count").values_list("count", flat=True)[0] == 100


def test_only_orders_are_kept_of_who_allowed_nothing() -> None:
    customer(granted=())

    applied = take_in(
        event("m1", "Product Viewed"), event("m2", "Email Opened"), event("m3", "Order Completed"),
        event("m4", "Email Bounced"), event("m5", "My Own Event"),
    )  # fmt: skip

    assert (applied.stored, applied.refused) == (2, 3)
    assert set(Event.objects.values_list("name", flat=True)) == {"Order Completed", "Email Bounced"}
    assert not InboxEvent.objects.exists()


def test_each_event_needs_its_own_consent() -> None:
    customer("C-1", granted=("profiling",))
    customer("C-2", granted=("email_tracking",))
    names = ("Product Viewed", "Email Opened")

    applied = take_in(
        *(event(f"{who}{name}", name, external_id=who) for who in ("C-1", "C-2") for name in names)
    )

    assert (applied.stored, applied.refused) == (2, 2)
    assert list(Event.objects.order_by("name").values_list("name", flat=True)) == [
        "Email Opened", "Product Viewed",
    ]  # fmt: skip


def test_consent_counts_at_the_time_of_applying() -> None:
    anna = customer()
    accept([event("m1", "Product Viewed")], source=SHOP, now=NOON)

    ledger.withdraw(anna, purpose="profiling", source="test", at=NOON)

    assert apply_all().refused == 1


def test_nothing_is_stored_for_who_is_gone() -> None:
    anna, ben = customer("C-1"), customer("C-2")
    DataSubject.objects.filter(pk=anna.pk).update(erased_at=NOON, wrapped_key=None)

    applied = take_in(
        event("m1", subject_id=anna.pk), event("m2", subject_id=ben.pk), event("m3", subject_id=99),
    )  # fmt: skip

    assert (applied.stored, applied.refused) == (1, 2)
    assert Event.objects.get().profile_id == ben.pk


def test_a_customer_number_cannot_pass_for_a_subject_of_ours() -> None:
    anna = customer()

    take_in(
        event("m1", subject_id=anna.pk),
        *(event(f"x{n}", external_id=name) for n, name in enumerate(
            (f"subject:{anna.pk}", "known", str(anna.pk))
        )),
    )  # fmt: skip

    assert Event.objects.filter(profile_id=anna.pk).count() == 1
    assert Event.objects.values("profile_id").distinct().count() == 4


def test_machines_are_told_from_people() -> None:
    customer(granted=("email_tracking",))

    take_in(event("m1", "Email Opened", is_machine=True), event("m2", "Email Opened"))

    assert set(Event.objects.values_list("is_machine", flat=True)) == {True, False}


def test_days_are_counted_and_summed_by_person_event_and_utc_day() -> None:
    customer()
    evening = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    take_in(
        event("m1", timestamp=evening, properties={"total": 10}),
        event("m2", timestamp=evening + timedelta(hours=1), properties={"total": "2.50"}),
        event("m3", "Product Viewed", timestamp=evening),
    )

    take_in(event("m4", timestamp=evening, properties={"total": "0.25"}), event("m4"))

    days = {(d.name, d.day): (d.count, d.total) for d in EventDaily.objects.all()}
    assert days == {
        ("Order Completed", date(2026, 3, 1)): (2, Decimal("10.25")),
        ("Order Completed", date(2026, 3, 2)): (1, Decimal("2.50")),
        ("Product Viewed", date(2026, 3, 1)): (1, Decimal("0.00")),
    }


def test_a_batch_takes_no_more_queries_for_more_events() -> None:
    take_in(event("m0"))

    def queries(count: int) -> int:
        events = [event(f"{count}-{n}", external_id=f"{count}-{n}") for n in range(count)]
        accept(events, source=SHOP, now=NOON)
        with CaptureQueriesContext(connection) as captured:
            assert apply_batch(now=NOON).stored == count
        return len(captured)

    assert queries(2) == queries(60) < 50


def test_old_and_early_events_find_their_month() -> None:
    now = datetime(2031, 5, 31, 12, tzinfo=UTC)

    take_in(
        event("m1", timestamp=now), event("m2", timestamp=datetime(2019, 1, 1, tzinfo=UTC)), now=now
    )
    made = partitions.ensure(datetime(2018, 12, 31, tzinfo=UTC), datetime(2019, 1, 1, tzinfo=UTC))

    assert made == 4
    assert partitions.ensure(now, now) == 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM personalization_event ORDER BY occurred_at"
        )
        assert [row[0] for row in cursor.fetchall()] == [
            "personalization_event_201901", "personalization_event_203105",
        ]  # fmt: skip


def test_the_key_of_a_waiting_event_is_not_a_subjects(settings: Settings) -> None:
    accept([event("m1")], source=SHOP, now=NOON)
    row = InboxEvent.objects.get()
    place = "personalization_inboxevent.payload"

    settings.ATTUNE_ENCRYPTION_KEYS = f"v1:{fresh_key()}"

    with pytest.raises(identity.SealBroken):
        identity.open_for_system(row.payload, place=place, owner="m1")
