"""What a person has in the cart and on the wishlist, and what they ordered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, F, Sum, Value
from django.db.models.functions import Greatest

from personalization.models import Basket, Order, Product

ORDERS = 10


@dataclass(frozen=True, slots=True)
class Piece:
    name: str
    quantity: int
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Held:
    """A cart or wishlist with something in it."""

    pieces: Sequence[Piece]
    value: Decimal
    currency: str
    changed_at: datetime
    abandoned_since: datetime | None


@dataclass(frozen=True, slots=True)
class Revenue:
    """What is left of all orders in one currency, refunds and cancellations taken off."""

    currency: str
    net: Decimal
    order_count: int


@dataclass(frozen=True, slots=True)
class Holdings:
    cart: Held | None
    wishlist: Held | None
    orders: Sequence[Order]
    revenue: Sequence[Revenue]

    @property
    def order_count(self) -> int:
        return sum(each.order_count for each in self.revenue)


def of(profile_id: int, *, now: datetime) -> Holdings:
    """Look up carts, wishlists and the latest orders (four queries)."""
    baskets = {basket.kind: basket for basket in Basket.objects.filter(profile=profile_id)}
    ids = {item["product_id"] for basket in baskets.values() for item in basket.items}
    names = dict(Product.objects.filter(product_id__in=ids).values_list("product_id", "name"))
    return Holdings(
        cart=_held(baskets.get(Basket.Kind.CART), names=names, now=now),
        wishlist=_held(baskets.get(Basket.Kind.WISHLIST), names=names, now=now),
        orders=list(Order.objects.filter(profile=profile_id)[:ORDERS]),
        revenue=revenue([profile_id]).get(profile_id, []),
    )


def revenue(profile_ids: Sequence[int]) -> dict[int, list[Revenue]]:
    """Return what people brought in, a line for each currency (one query)."""
    money = DecimalField(max_digits=16, decimal_places=2)
    left = Greatest(F("total") - F("refunded"), Value(Decimal(0)), output_field=money)
    rows = (
        Order.objects.filter(profile__in=profile_ids, is_cancelled=False)
        .order_by("currency")
        .values_list("profile", "currency")
        .annotate(left=Sum(left), count=Count("pk"))
    )
    found: dict[int, list[Revenue]] = {}
    for pk, currency, net, count in rows:
        found.setdefault(pk, []).append(Revenue(currency=currency, net=net, order_count=count))
    return found


def _held(basket: Basket | None, *, names: dict[str, str], now: datetime) -> Held | None:
    if basket is None or not basket.items:
        return None
    return Held(
        pieces=[_piece(item, names=names) for item in basket.items],
        value=basket.value,
        currency=basket.currency,
        changed_at=basket.changed_at,
        abandoned_since=basket.abandoned_since(now=now),
    )


def _piece(item: dict[str, Any], *, names: dict[str, str]) -> Piece:
    price = item.get("price")
    return Piece(
        name=names.get(item["product_id"], f"product {item['product_id']}"),
        quantity=item["quantity"],
        price=None if price is None else Decimal(price),
    )
