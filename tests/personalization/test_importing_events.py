"""Events come in by stream or file: once each, with their lines, without what identifies."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import identify, jobs
from personalization.importing import events, settling
from personalization.models import (
    Basket,
    CustomerProfile,
    Event,
    EventDaily,
    EventItem,
    EventKey,
    Order,
    ProfileDue,
    Source,
)
from tests.personalization.importing_support import (
    NOON,
    YESTERDAY,
    Rejections,
    load,
    product,
    rows_of,
)

pytestmark = pytest.mark.django_db

ORDER: dict[str, Any] = {
    "message_id": "m-1",
    "type": "track",
    "event": "Order Completed",
    "external_id": "C-1",
    "timestamp": YESTERDAY,
    "properties": {
        "order_id": "o-1",
        "total": 29.97,
        "currency": "EUR",
        "products": [
            {"product_id": "boots", "quantity": 2, "price": "9.99"},
            {"product_id": "gone", "quantity": 1, "price": 1},
            {"product_id": "sku-2", "price": 9.99},
        ],
    },
}


def order(**changed: Any) -> dict[str, Any]:
    """An order of its own: its number is that of its message."""
    number = str(changed.get("message_id", "o-1")).strip("\0")
    return {**ORDER, "properties": {**ORDER["properties"], "order_id": number}, **changed}


def with_properties(**changed: Any) -> dict[str, Any]:
    return order(properties={**ORDER["properties"], **changed})


def test_order_becomes_an_event_with_its_lines_and_its_unknown_product_left_out() -> None:
    boots, laces = product("boots"), product("sku-2")

    outcome = load("events", ORDER)

    event = Event.objects.get()
    assert (outcome.loaded, outcome.unknown_products) == (1, 1)
    assert (event.name, event.amount, event.currency) == (
        "Order Completed",
        Decimal("29.97"),
        "EUR",
    )
    assert event.occurred_at == datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    assert event.received_at == NOON
    assert event.properties == {"order_id": "o-1", "total": 29.97, "currency": "EUR"}
    items = EventItem.objects.order_by("line").values_list(
        "event_id", "line", "product_id", "quantity", "price"
    )
    assert list(items) == [
        (event.pk, 0, boots.pk, 2, Decimal("9.99")),
        (event.pk, 2, laces.pk, 1, Decimal("9.99")),
    ]


def test_person_is_made_and_noted_as_seen_and_counted_by_day() -> None:
    load("events", ORDER, order(message_id="m-2"))

    subject = identify.find("external_id", "C-1", source="shop")
    assert subject is not None
    event = Event.objects.first()
    assert event is not None
    assert event.profile_id == event.origin_profile_id == subject.pk
    profile = CustomerProfile.objects.get(pk=subject.pk)
    assert profile.first_seen_at == profile.last_seen_at == event.occurred_at
    daily = EventDaily.objects.get()
    assert (daily.name, daily.day) == ("Order Completed", date(2026, 11, 22))
    assert (daily.count, daily.total) == (2, Decimal("59.94"))


def test_second_run_changes_nothing() -> None:
    product("boots")
    load("events", ORDER)
    tables = (Event, EventItem, EventDaily, EventKey, CustomerProfile)
    before = [list(table.objects.values()) for table in tables]

    outcome = load("events", ORDER, now=NOON.replace(hour=13))

    assert (outcome.loaded, outcome.unchanged) == (0, 1)
    assert [list(table.objects.values()) for table in tables] == before


def test_a_message_twice_in_one_file_is_one_event_and_another_source_has_its_own() -> None:
    outcome = load("events", ORDER, order(event="Something Else"))
    other = load("events", ORDER, source="other shop")

    assert (outcome.loaded, outcome.unchanged, other.loaded) == (1, 1, 1)
    assert set(Event.objects.values_list("name", flat=True)) == {"Order Completed"}


def test_new_rows_between_known_ones_are_added_to_the_day() -> None:
    load("events", ORDER)

    outcome = load("events", ORDER, order(message_id="m-2"), order(message_id="m-3"))

    assert (outcome.loaded, outcome.unchanged) == (2, 1)
    assert EventDaily.objects.get().count == 3


def test_single_product_of_a_view_is_line_zero() -> None:
    boots = product("boots")
    view = {"product_id": "boots", "name": "Boots", "price": 9.99, "generated": True}

    load("events", order(event="Product Viewed", properties=view))

    item, event = EventItem.objects.get(), Event.objects.get()
    assert (item.line, item.product_id, item.quantity) == (0, boots.pk, 1)
    assert event.is_generated
    assert event.properties == {"product_id": "boots", "price": 9.99}


def test_what_identifies_a_person_is_cut_out_of_the_properties() -> None:
    load(
        "events",
        with_properties(
            email="a@b.example",
            Phone_Number="123",
            customer={"First Name": "Anna", "tier": "gold"},
            referrer="https://x.example/?u=anna%40b.example",
            notes=["call anna@b.example", "fine"],
            coupon="A@HOME",
        ),
    )

    kept = Event.objects.get().properties
    assert kept["customer"] == {"tier": "gold"}
    assert kept["notes"] == ["[removed]", "fine"]
    assert (kept["referrer"], kept["coupon"]) == ("[removed]", "A@HOME")
    assert not {"email", "Phone_Number"} & kept.keys()


def test_text_that_copy_would_misread_arrives_unchanged() -> None:
    strange = 'tab\t line\n "quote" back\\slash \\N é {{7*7}}'

    load("events", with_properties(note=strange), order(message_id="m\\2", event="A\tB\\"))

    first, second = Event.objects.order_by("pk")
    assert first.properties["note"] == strange
    assert second.name == "A\tB\\"
    assert EventKey.objects.filter(message_id="m\\2").exists()


def test_properties_may_be_a_text_of_json() -> None:
    load("events", order(properties='{"value": "5.50", "currency": "USD"}'))

    event = Event.objects.get()
    assert (event.amount, event.currency) == (Decimal("5.50"), "USD")


DEEP: dict[str, Any] = {}
for _ in range(12):
    DEEP = {"deeper": DEEP}


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (order(message_id=""), "message_id", "is missing"),
        (order(message_id="m" * 201), "message_id", "longer than 200"),
        (order(message_id="m\0"), "message_id", "NUL"),
        (order(type="identify"), "type", "is not track"),
        (order(event=None), "event", "is missing"),
        (order(event={"a": 1}), "event", "is not text"),
        (order(external_id=""), "external_id", "is missing"),
        (order(timestamp="2026-11-22 09:30"), "timestamp", "has no time zone"),
        (order(timestamp=1763800000), "timestamp", "epoch number"),
        (order(timestamp="2026-11-31T00:00:00Z"), "timestamp", "is not a time"),
        (order(timestamp="2026-11-25T00:00:00Z"), "timestamp", "in the future"),
        (order(timestamp="1026-11-22T00:00:00Z"), "timestamp", "before 1990"),
        (order(timestamp=None), "timestamp", "is missing"),
        (order(properties="{"), "properties", "is not JSON"),
        (order(properties=[1]), "properties", "is not a JSON object"),
        (order(properties=DEEP), "properties", "nested deeper"),
        (with_properties(x=2**70), "properties", "cannot be kept"),
        (with_properties(x="\0"), "properties", "NUL"),
        (with_properties(x="\ud800"), "properties", "cannot be kept"),
        (with_properties(x="y" * 40_000), "properties", "over 32000 bytes"),
        (with_properties(total="1,5"), "properties.total", "not a decimal"),
        (with_properties(currency={}), "properties.currency", "not text"),
        (with_properties(products="x"), "properties.products", "not a list"),
        (with_properties(products=[1]), "properties.products[0]", "not a JSON object"),
        (with_properties(products=[{}]), "properties.products[0].product_id", "is missing"),
        (
            with_properties(products=[{"product_id": "a", "quantity": -1}]),
            "properties.products[0].quantity",
            "not between",
        ),
        (
            with_properties(products=[{"product_id": "a"}, {"product_id": "b", "price": {}}]),
            "properties.products[1].price",
            "not a number",
        ),
        (
            with_properties(products=[{"product_id": "a", "price": "-1"}]),
            "properties.products[0].price",
            "below zero",
        ),
    ],
)
def test_bad_row_is_reported_with_its_column_and_the_rest_is_loaded(
    row: dict[str, Any], column: str, reason: str
) -> None:
    rejected = Rejections()

    outcome = load("events", row, order(message_id="ok"), rejected=rejected)

    line, found_column, why = rejected.rows[0]
    assert (outcome.loaded, outcome.rejected) == (1, 1)
    assert (line, found_column) == (2, column)
    assert reason in why
    assert EventKey.objects.get().message_id == "ok"


def test_events_go_to_the_partition_of_their_month_in_utc() -> None:
    load(
        "events",
        order(timestamp="2026-03-01T00:30:00+01:00"),
        order(message_id="m-2", timestamp="2019-07-05T00:00:00Z"),
    )

    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM personalization_event ORDER BY 1")
        partitions = [row[0] for row in cursor.fetchall()]
    assert partitions == ["personalization_event_201907", "personalization_event_202602"]


def test_columns_we_do_not_know_are_left_out_and_named() -> None:
    outcome = load("events", order(context={"ip": "203.0.113.7"}))

    assert outcome.left_out == {"context"}


def test_person_erased_while_a_long_import_runs_gets_no_rows() -> None:
    load("events", ORDER)
    subject = identify.find("external_id", "C-1", source="shop")
    assert subject is not None
    subject.wrapped_key, subject.erased_at = None, NOON
    subject.save()
    rejected = Rejections()

    outcome = load(
        "events",
        order(message_id="m-2"),
        order(message_id="m-3", external_id="C-2"),
        rejected=rejected,
    )

    assert (outcome.loaded, outcome.rejected) == (1, 1)
    assert "erased or merged" in rejected.rows[0][2]
    assert Event.objects.filter(profile_id=subject.pk).count() == 1


def test_people_without_a_customer_number_come_in_by_their_anonymous_id() -> None:
    load(
        "events",
        order(external_id="", anonymous_id="a-1"),
        order(message_id="m-2", external_id=None, anonymous_id="a-1"),
        order(message_id="m-3", external_id="a-1", anonymous_id="a-2"),
    )

    visitor = identify.find("anonymous_id", "a-1", source="shop")
    customer = identify.find("external_id", "a-1", source="shop")
    assert visitor is not None
    assert customer is not None
    owners = Event.objects.order_by("pk").values_list("profile_id", flat=True)
    assert list(owners) == [visitor.pk, visitor.pk, customer.pk]


def test_carts_and_orders_follow_and_traits_are_due() -> None:
    product("boots")
    cart = {"product_id": "boots", "quantity": 2}

    load(
        "events",
        ORDER,
        order(message_id="m-2", event="Product Added", properties=cart, external_id="C-2"),
        order(message_id="m-3", event="Product Viewed", properties=cart, external_id="C-3"),
    )

    people = {each: identify.find("external_id", each, source="shop") for each in ("C-1", "C-2")}
    assert {each.profile_id: each.order_id for each in Order.objects.all()} == {
        people["C-1"].pk if people["C-1"] else 0: "o-1"
    }
    assert [each.profile for each in Basket.objects.exclude(items=[])] == [
        CustomerProfile.objects.get(subject=people["C-2"])
    ]
    assert ProfileDue.objects.filter(work="traits").count() == 3
    assert not ProfileDue.objects.filter(work="commerce").exists()


def test_what_a_killed_import_left_to_fold_is_folded_later() -> None:
    load("events", ORDER)
    profile = CustomerProfile.objects.get()
    Order.objects.all().delete()
    ProfileDue.objects.create(work="commerce", profile_id=profile.pk)

    assert settling.settle(now=NOON) == 1
    assert Order.objects.get().profile == profile
    assert settling.settle(now=NOON) == 0


def test_an_order_under_two_message_ids_is_counted_once_also_over_two_files() -> None:
    again = {"properties": ORDER["properties"]}
    load("events", ORDER, order(message_id="m-2", **again))
    load("events", order(message_id="m-3", **again))

    assert list(Event.objects.order_by("pk").values_list("name", flat=True)) == [
        "Order Completed",
        "Order Updated",
        "Order Updated",
    ]
    assert Order.objects.count() == 1


def test_events_carry_the_import_they_came_with() -> None:
    origin = Source.objects.create(slug="file", name="File")
    progress = jobs.Progress(jobs.create("import"))
    rows = rows_of([ORDER])

    events.load(
        rows, source=origin, now=NOON, progress=progress, rejected=Rejections(), import_id=77
    )

    assert Event.objects.get().import_id == 77


def test_query_count_does_not_grow_with_the_rows() -> None:
    product("boots")

    def queries(count: int) -> int:
        rows = [order(message_id=f"{count}-{n}", external_id=f"{count}-{n}") for n in range(count)]
        with CaptureQueriesContext(connection) as captured:
            load("events", *rows)
        return len(captured)

    queries(1)
    assert queries(2) == queries(300) < 52
