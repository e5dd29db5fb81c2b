"""One way to write products: for files, the API and shops; price and stock keep their history."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from personalization.importing import product_rows, product_store
from personalization.importing.product_store import Saved
from personalization.models import Product, ProductChange
from tests.personalization.importing_support import NOON

pytestmark = pytest.mark.django_db

BOOTS = {"product_id": "b-1", "name": "Boots", "price": "79.90", "currency": "EUR"}


def save(*given: dict[str, Any], now: datetime = NOON) -> list[Saved]:
    return product_store.save([product_rows.read(each) for each in given], now=now)


def outcomes(saved: list[Saved]) -> list[str]:
    return [each.outcome.value for each in saved]


def history() -> list[tuple[Any, ...]]:
    rows = ProductChange.objects.order_by("id")
    return list(rows.values_list("price", "currency", "in_stock", "stock"))


def test_each_row_is_told_what_became_of_it_in_its_order() -> None:
    save({**BOOTS, "product_id": "same"}, {**BOOTS, "product_id": "other"})

    saved = save(
        {"product_id": "nameless", "price": 1, "currency": "EUR"},
        {"product_id": "same", "price": 79.9},
        {"product_id": "other", "brand": "Alpina"},
        BOOTS,
    )

    assert outcomes(saved) == ["rejected", "unchanged", "updated", "created"]
    assert [each.product_id for each in saved] == ["nameless", "same", "other", "b-1"]
    assert (saved[0].column, "needs it" in saved[0].reason) == ("name", True)


def test_a_free_product_has_a_price() -> None:
    assert outcomes(save({**BOOTS, "price": 0})) == ["created"]


def test_two_rows_of_one_product_are_laid_over_each_other() -> None:
    saved = save(BOOTS, {"product_id": "b-1", "price": 59})

    assert outcomes(saved) == ["created", "updated"]
    assert Product.objects.get().price == Decimal(59)
    assert len(history()) == 1


def test_stock_says_whether_a_product_can_be_had_unless_the_row_does() -> None:
    save(
        {**BOOTS, "product_id": "out", "stock": "0"},
        {**BOOTS, "product_id": "back-order", "stock": 0, "in_stock": True},
        {**BOOTS, "product_id": "in", "stock": 7},
    )

    found = {p.product_id: (p.stock, p.in_stock) for p in Product.objects.all()}
    assert found == {"out": (0, False), "back-order": (0, True), "in": (7, True)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"price": "59"}, (Decimal("59.00"), "EUR", True, None)),
        ({"currency": "CHF"}, (Decimal("79.90"), "CHF", True, None)),
        ({"in_stock": "no"}, (Decimal("79.90"), "EUR", False, None)),
        ({"stock": 3}, (Decimal("79.90"), "EUR", True, 3)),
    ],
)
def test_a_new_price_or_stock_is_noted_from_its_moment_on(
    change: dict[str, Any], told: tuple[Any, ...]
) -> None:
    later = NOON + timedelta(hours=1)
    save(BOOTS)

    save({"product_id": "b-1", **change}, now=later)

    assert history() == [(Decimal("79.90"), "EUR", True, None), told]
    assert list(ProductChange.objects.order_by("id").values_list("at", flat=True)) == [NOON, later]


def test_other_changes_and_the_same_price_again_leave_the_history_alone() -> None:
    save(BOOTS)

    save({"product_id": "b-1", "name": "Better boots", "price": "79.9"})

    assert len(history()) == 1


def test_the_queries_do_not_grow_with_the_rows() -> None:
    def queries(count: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            save(*({**BOOTS, "product_id": f"{count}-{n}"} for n in range(count)))
        return len(captured)

    assert queries(1) == queries(500) <= 5


def test_a_product_known_from_events_only_becomes_active_when_the_catalogue_names_it() -> None:
    stub = Product.objects.create(
        product_id="S-1", name="S-1", price=0, currency="EUR", is_active=False, is_stub=True
    )

    (refused,) = save({"product_id": "S-1", "in_stock": True})
    (saved,) = save({"product_id": "S-1", "name": "Socks", "price": "4.50", "currency": "EUR"})

    assert (refused.outcome, refused.column) == ("rejected", "name")
    assert saved.outcome == "created"
    stub.refresh_from_db()
    assert (stub.name, stub.is_active, stub.is_stub) == ("Socks", True, False)
