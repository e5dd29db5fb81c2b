"""Fold what happened, in order of time, into what a cart and a wishlist hold now."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

ADDED = ("Product Added", "Wishlist Product Added to Cart")
# These tell the whole cart, not a change of it.
WHOLE = ("Cart Viewed", "Cart Updated", "Checkout Started", "Checkout Updated")
WISHED = "Product Added to Wishlist"
UNWISHED = ("Product Removed from Wishlist", "Wishlist Product Added to Cart")
ORDERED = "Order Completed"
EVENTS = frozenset((*ADDED, *WHOLE, *UNWISHED, WISHED, ORDERED, "Product Removed"))


@dataclass(frozen=True, slots=True)
class Line:
    """A product by the shop's id; `price` is that of one piece."""

    product_id: str
    quantity: int
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of one person that touches a cart or a wishlist."""

    name: str
    at: datetime
    lines: tuple[Line, ...] = ()
    currency: str = ""


@dataclass(slots=True)
class Held:
    """A cart or wishlist at the end of the story; `changed_at` is None where it never was."""

    lines: dict[str, Line] = field(default_factory=dict)
    currency: str = ""
    opened_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def value(self) -> Decimal:
        priced = (line for line in self.lines.values() if line.price is not None)
        return sum((line.quantity * (line.price or Decimal(0)) for line in priced), Decimal(0))

    def touch(self, event: Happened) -> None:
        self.changed_at = event.at
        self.currency = event.currency or self.currency
        if not self.lines:
            self.opened_at = None
        elif self.opened_at is None:
            self.opened_at = event.at


def fold(story: Iterable[Happened]) -> tuple[Held, Held]:
    """Return the cart and the wishlist that a story in order of time leads to.

    One cart a person. An order empties it; a snapshot replaces it, except one that names nothing
    (a page that tells no products); only `Cart Updated` may say that it is empty.
    """
    cart, wishes = Held(), Held()
    for event in story:
        if event.name in ADDED:
            _add(cart, event=event)
        elif event.name == "Product Removed":
            _remove(cart, event=event)
        elif event.name == ORDERED:
            _empty(cart, event=event)
        elif event.name in WHOLE and (event.lines or event.name == "Cart Updated"):
            cart.lines = {line.product_id: line for line in event.lines}
            cart.touch(event)
        if event.name == WISHED:
            wishes.lines |= {line.product_id: replace(line, quantity=1) for line in event.lines}
            wishes.touch(event)
        elif event.name in UNWISHED:
            for line in event.lines:
                wishes.lines.pop(line.product_id, None)
            wishes.touch(event)
    return cart, wishes


def _add(cart: Held, *, event: Happened) -> None:
    for line in event.lines:
        known = cart.lines.get(line.product_id)
        quantity = line.quantity + (known.quantity if known else 0)
        price = line.price if line.price is not None or known is None else known.price
        cart.lines[line.product_id] = Line(line.product_id, quantity, price)
    cart.touch(event)


def _remove(cart: Held, *, event: Happened) -> None:
    for line in event.lines:
        known = cart.lines.pop(line.product_id, None)
        if known and known.quantity > line.quantity:
            cart.lines[line.product_id] = replace(known, quantity=known.quantity - line.quantity)
    cart.touch(event)


def _empty(cart: Held, *, event: Happened) -> None:
    if cart.lines:
        cart.lines = {}
        cart.touch(event)
