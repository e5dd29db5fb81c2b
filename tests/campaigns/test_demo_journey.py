"""The demo's data: present times, clean lines, the same rows every time."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain

import numpy as np
import pytest

from campaigns.demo import journey, words
from campaigns.demo.catalogue import SENSITIVE_CATEGORIES
from campaigns.demo.journey import Journey
from campaigns.demo.rows import Row

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@cache
def everyone() -> Journey:
    return journey.load(customers=None, now=NOW)


@cache
def some() -> Journey:
    return journey.load(customers=150, now=NOW)


@cache
def all_orders(loaded: Journey) -> list[Row]:
    return list(chain.from_iterable(loaded.orders()))


def time_of(row: Row) -> datetime:
    return datetime.fromisoformat(row["timestamp"])


@pytest.mark.parametrize("hours", [0, 5, 24 * 6 + 20, 24 * 40])
def test_the_last_purchase_falls_within_the_week_before_now(hours: int) -> None:
    now = NOW + timedelta(hours=hours)
    last = np.datetime64("2018-01-01T04:01:20")

    weeks = journey.weeks_to(now, last=last)

    moved = datetime(2018, 1, 1, 4, 1, 20, tzinfo=UTC) + timedelta(weeks=weeks)
    assert now - timedelta(days=7) < moved <= now


def test_the_whole_set_has_every_household_that_bought_a_product() -> None:
    loaded = everyone()

    assert len(loaded.households) == 2466
    assert loaded.left_out == {
        "lines_of_no_product": 22057,
        "lines_without_quantity": 8717,
        "baskets_left_empty": 15314,
    }
    assert NOW - timedelta(days=7) < time_of(all_orders(loaded)[-1]) <= NOW


def test_orders_hold_every_line_once_in_order_of_time() -> None:
    orders = all_orders(some())

    lines = [line for order in orders for line in order["properties"]["products"]]
    assert len(lines) == len(some().lines.basket)
    assert len({order["message_id"] for order in orders}) == len(orders)
    assert orders == sorted(orders, key=lambda order: order["timestamp"])
    assert {order["external_id"] for order in orders} == {
        customer["external_id"] for customer in some().customers()
    }


def test_an_order_is_what_its_basket_was() -> None:
    lines = some().lines
    basket = int(lines.basket[1000])
    own = lines.where(lines.basket == basket)

    order = next(o for o in all_orders(some()) if o["message_id"] == f"order-{basket}")

    assert order["event"] == "Order Completed"
    assert order["properties"]["total"] == pytest.approx(own.cents.sum() / 100)
    assert len(order["properties"]["products"]) == len(own.basket)
    assert time_of(order) == own.at[0].item().replace(tzinfo=UTC)


def test_batches_do_not_change_the_orders() -> None:
    small = list(chain.from_iterable(some().orders(batch_size=7)))

    assert small == all_orders(some())


def test_a_second_load_gives_the_same_rows() -> None:
    again = journey.load(customers=150, now=NOW)

    assert again.customers() == some().customers()
    assert again.products() == some().products()
    assert list(chain.from_iterable(again.orders())) == all_orders(some())
    assert again.browse() == some().browse()
    assert again.past_campaigns() == some().past_campaigns()


def test_a_stored_shift_keeps_the_times_when_the_demo_runs_again_later() -> None:
    later = journey.load(
        customers=150, now=NOW + timedelta(days=30), shift_weeks=some().shift_weeks
    )

    assert list(chain.from_iterable(later.orders())) == all_orders(some())
    assert [row["message_id"] for row in sorted(later.browse(), key=by_id)] == [
        row["message_id"] for row in sorted(some().browse(), key=by_id)
    ]


def by_id(row: Row) -> str:
    return str(row["message_id"])


def test_a_larger_demo_holds_the_smaller_one() -> None:
    larger = journey.load(customers=300, now=NOW)

    customers = {row["external_id"]: row for row in larger.customers()}
    products = {row["product_id"]: row for row in larger.products()}
    assert all(customers[row["external_id"]] == row for row in some().customers())
    assert all(products[row["product_id"]]["name"] == row["name"] for row in some().products())


def test_addresses_are_plain_unique_and_lead_nowhere() -> None:
    addresses = [row["email"] for row in everyone().customers()]

    assert len(set(addresses)) == len(addresses)
    assert all(address.endswith("@example.com") and address.isascii() for address in addresses)


def test_a_stated_share_refuses_each_purpose() -> None:
    customers = everyone().customers()

    def share(purpose: str) -> float:
        said = Counter(row[f"consent_{purpose}"] for row in customers)
        assert set(said) == {"granted", "refused", ""}
        return said["refused"] / len(customers)

    assert share("email_marketing") == pytest.approx(0.08, abs=0.02)
    assert share("profiling") == pytest.approx(0.12, abs=0.02)
    assert share("email_tracking") == pytest.approx(0.25, abs=0.03)


def test_customers_agreed_before_their_first_purchase() -> None:
    first: dict[str, str] = {}
    for order in all_orders(some()):
        first.setdefault(order["external_id"], order["timestamp"])

    assert all(row["consent_at"] < first[row["external_id"]] for row in some().customers())


def test_products_have_different_names_real_prices_and_no_till_bookings() -> None:
    products = everyone().products()

    assert len({row["name"] for row in products}) == len(products) == 67520
    assert all(row["price"] > 0 for row in products)
    assert all(row["category"] for row in products)
    assert not any("Coupon" in row["category"] or row["category"] == "Fuel" for row in products)
    assert {row["category"] for row in products if row["is_sensitive"]} == SENSITIVE_CATEGORIES


def test_a_price_is_the_median_of_the_paid_unit_prices() -> None:
    loaded = everyone()
    place = int(np.bincount(loaded.lines.product).argmax())
    paid = loaded.lines.where((loaded.lines.product == place) & (loaded.lines.cents > 0))

    row = next(r for r in loaded.products() if r["product_id"] == str(loaded.goods.ids[place]))

    assert row["price"] == pytest.approx(
        float(np.median(paid.cents / paid.quantity)) / 100, abs=0.01
    )


def test_browsing_is_labelled_recent_and_about_products_on_offer() -> None:
    events = everyone().browse()
    on_offer = {row["product_id"]: row for row in everyone().products()}

    assert {event["event"] for event in events} == {"Product Viewed", "Product Added"}
    assert all(event["properties"]["generated"] is True for event in events)
    assert all(NOW - timedelta(days=14) <= time_of(event) <= NOW for event in events)
    viewed = [on_offer[event["properties"]["product_id"]] for event in events]
    assert all(product["in_stock"] and not product["is_sensitive"] for product in viewed)
    assert 10 < len(events) / len({event["external_id"] for event in events}) < 20
    assert len({event["message_id"] for event in events}) == len(events)


def test_past_campaigns_keep_whom_they_went_to_and_what_came_back() -> None:
    campaigns = everyone().past_campaigns()

    assert len(campaigns) == 27
    assert sum(len(campaign.external_ids) for campaign in campaigns) == 6589
    assert sum(len(campaign.redemptions) for campaign in campaigns) == 2102
    type_a = next(campaign for campaign in campaigns if campaign.campaign_id == 13)
    weeks = timedelta(weeks=everyone().shift_weeks)
    assert type_a.starts_at == datetime(2017, 8, 8, tzinfo=UTC) + weeks
    assert type_a.kind == "Type A"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BAKED BREAD/BUNS/ROLLS", "Baked Bread, Buns & Rolls"),
        ("REFRGRATD JUICES/DRNKS", "Refrigerated Juices & Drinks"),
        ("CANDY BARS (SINGLES)(INCLUDING", "Candy Bars"),
        ("BROOMS AND MOPS", "Brooms & Mops"),
        ("BEANS - CANNED GLASS & MW", "Beans Canned Glass"),
        ("DAIRY CASE 100% PURE JUICE - O", "Dairy Case 100% Pure Juice"),
        ("", ""),
    ],
)
def test_till_abbreviations_become_words(text: str, expected: str) -> None:
    assert words.tidy(text) == expected


def test_a_type_that_says_nothing_is_followed_by_its_category() -> None:
    name = words.product_name(kind="LEAN", category="BEEF", package="3 LB")

    assert name == "Lean Beef, 3 lb"


def test_product_lines_never_repeat() -> None:
    lines = [words.series(number) for number in range(2000)]

    assert len(set(lines)) == 2000
    assert lines[:2] == ["", "Classic"]
