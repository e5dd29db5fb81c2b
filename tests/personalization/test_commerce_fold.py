"""What a cart and a wishlist hold follows from what happened, in order of time."""

from datetime import timedelta
from decimal import Decimal

from personalization.commerce.fold import Happened, Held, Line, fold
from tests.consent.people import NOON


def happened(name: str, *lines: Line, minutes: int = 0) -> Happened:
    return Happened(name=name, at=NOON + timedelta(minutes=minutes), lines=lines, currency="EUR")


def held(basket: Held) -> dict[str, int]:
    return {line.product_id: line.quantity for line in basket.lines.values()}


A, B = Line("A", 1, Decimal("10.00")), Line("B", 2, Decimal("2.50"))


def test_products_added_and_removed_are_counted() -> None:
    cart, _ = fold(
        [
            happened("Product Added", A),
            happened("Product Added", B, minutes=1),
            happened("Product Added", A, minutes=2),
            happened("Product Removed", Line("B", 1), minutes=3),
        ]
    )

    assert held(cart) == {"A": 2, "B": 1}
    assert cart.value == Decimal("22.50")
    assert cart.opened_at == NOON
    assert cart.changed_at == NOON + timedelta(minutes=3)


def test_removing_more_than_is_there_empties_the_line() -> None:
    cart, _ = fold([happened("Product Added", A), happened("Product Removed", Line("A", 5))])

    assert held(cart) == {}
    assert cart.opened_at is None


def test_a_snapshot_replaces_the_cart_unless_it_names_nothing() -> None:
    added, seen = happened("Product Added", A), happened("Cart Viewed", B, minutes=1)

    assert held(fold([added, seen])[0]) == {"B": 2}
    assert held(fold([added, happened("Cart Viewed", minutes=1)])[0]) == {"A": 1}
    assert held(fold([added, happened("Cart Updated", minutes=1)])[0]) == {}


def test_an_order_empties_the_cart_and_a_later_product_opens_a_new_one() -> None:
    story = [happened("Product Added", A), happened("Order Completed", A, minutes=5)]

    assert held(fold(story)[0]) == {}
    cart, _ = fold([*story, happened("Product Added", B, minutes=9)])
    assert held(cart) == {"B": 2}
    assert cart.opened_at == NOON + timedelta(minutes=9)


def test_an_order_without_a_cart_leaves_no_cart_behind() -> None:
    assert fold([happened("Order Completed", A)])[0].changed_at is None


def test_wishes_are_kept_apart_and_move_into_the_cart() -> None:
    story = [
        happened("Product Added to Wishlist", A),
        happened("Product Added to Wishlist", B, minutes=1),
        happened("Product Removed from Wishlist", B, minutes=2),
    ]

    cart, wishes = fold(story)
    assert (held(cart), held(wishes)) == ({}, {"A": 1})
    cart, wishes = fold([*story, happened("Wishlist Product Added to Cart", A, minutes=3)])
    assert (held(cart), held(wishes)) == ({"A": 1}, {})
