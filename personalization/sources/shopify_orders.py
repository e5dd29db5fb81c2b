"""Shopify: what webhooks say of orders, refunds, carts and checkouts."""

from decimal import Decimal

from personalization.sources.delivered import Delivered
from personalization.sources.news import (
    CartNews,
    Line,
    News,
    Nothing,
    OrderGone,
    OrderNews,
    Refund,
    Who,
)
from personalization.sources.reading import Node

WHY_ORDER = "the order's number at Shopify finds it again"
_AMOUNTS = {
    "total": "total_price",
    "revenue": "subtotal_price",
    "tax": "total_tax",
    "discount": "total_discounts",
}


def order(given: Delivered) -> list[News]:
    """Read an order; every topic about orders carries the whole of it."""
    body, now = given.body, given.received_at
    if body.is_true("test"):
        return [Nothing("a test order of the shop")]
    told_at = body.moment("updated_at", now=now) or now
    placed_at = body.moment("processed_at", now=now) or body.moment("created_at", now=now)
    currency = body.text("currency", limit=3)
    found = OrderNews(
        order_id=body.needed_id("id", why=WHY_ORDER),
        who=_who(body, token=body.text("cart_token") or body.text("checkout_token")),
        told_at=told_at,
        placed_at=placed_at or told_at,
        cancelled_at=body.moment("cancelled_at", now=now),
        amounts=_amounts(body),
        currency=currency,
        details=_details(body),
        lines=_lines(body),
        refunds=tuple(
            _refund(each, given=given, currency=currency) for each in body.each("refunds")
        ),
    )
    return [found] if found.who != Who() else [Nothing("the order names no customer")]


def _amounts(body: Node) -> dict[str, Decimal]:
    found = {ours: body.money(theirs) for ours, theirs in _AMOUNTS.items()}
    found["shipping"] = body["total_shipping_price_set"]["shop_money"].money("amount")
    return {key: amount for key, amount in found.items() if amount is not None}


def _details(body: Node) -> dict[str, str]:
    found = {
        "affiliation": body.text("source_name"),
        "coupon": ", ".join(each.text("code") for each in body.each("discount_codes")),
        "payment_status": body.text("financial_status"),
        "order_number": body.text("name"),
    }
    return {key: value for key, value in found.items() if value}


def _who(body: Node, *, token: str = "") -> Who:
    customer = body["customer"]
    return Who(
        external_id=customer.id("id"),
        email=body.email("email") or customer.email("email"),
        anonymous_id=token,
    )


def _lines(body: Node) -> tuple[Line, ...]:
    found = (_line(each) for each in body.each("line_items"))
    return tuple(line for line in found if line)


def _line(node: Node) -> Line | None:
    """Read a line; what was sold without a product of the catalogue has no number there."""
    product_id = node.id("product_id")
    if not product_id:
        return None
    variant = node.id("variant_id")
    details = {
        "sku": node.text("sku"),
        "name": node.text("title"),
        "brand": node.text("vendor", limit=120),
        "variant": variant,
    }
    return Line(
        key=variant or product_id,
        product_id=product_id,
        quantity=node.whole("quantity") or 0,
        price=node.price("price"),
        details={key: value for key, value in details.items() if value},
    )


def refund(given: Delivered) -> list[News]:
    """Read a refund told alone: it names its order, but not the customer."""
    order_id = given.body.needed_id("order_id", why=WHY_ORDER)
    found = _refund(given.body, given=given, currency="")
    return [OrderGone(order_id=order_id, at=found.at, refund=found)]


def _refund(node: Node, *, given: Delivered, currency: str) -> Refund:
    now = given.received_at
    paid = [each for each in node.each("transactions") if _is_paid_back(each)]
    amounts = [amount for each in paid if (amount := each.money("amount")) is not None]
    currencies = [found for each in paid if (found := each.text("currency", limit=3))]
    returned = list(node.each("refund_line_items"))
    return Refund(
        refund_id=node.needed_id("id", why="the same refund comes with its order, too"),
        at=node.moment("created_at", now=now) or now,
        total=sum(amounts, start=Decimal(0)),
        currency=currencies[0] if currencies else currency,
        lines=tuple(line for each in returned if (line := _returned(each))),
    )


def _is_paid_back(transaction: Node) -> bool:
    is_final = transaction.text("status") in ("success", "")
    return transaction.text("kind") == "refund" and is_final


def _returned(node: Node) -> Line | None:
    line = _line(node["line_item"])
    if line is None:
        return None
    return Line(
        key=line.key,
        product_id=line.product_id,
        quantity=node.whole("quantity") or 0,
        price=line.price,
        details=line.details,
    )


def cart(given: Delivered) -> list[News]:
    """Read a cart of a visitor whom Shopify does not name: its token is all there is."""
    body, now = given.body, given.received_at
    token = body.text("token") or body.needed_id("id", why="it tells one cart from another")
    told_at = body.moment("updated_at", now=now) or now
    prices = (each["price_set"]["shop_money"] for each in body.each("line_items"))
    currencies = [found for each in prices if (found := each.text("currency_code", limit=3))]
    return [
        CartNews(
            token=token,
            who=Who(anonymous_id=token),
            told_at=told_at,
            started_at=body.moment("created_at", now=now) or told_at,
            currency=currencies[0] if currencies else str(given.mapping.get("currency") or ""),
            lines=_lines(body),
        )
    ]


def checkout(given: Delivered) -> list[News]:
    """Read a checkout; whoever has not said who they are is known by the cart it came from."""
    body, now = given.body, given.received_at
    token = body.text("token") or body.needed_id("id", why="it tells one checkout from another")
    told_at = body.moment("updated_at", now=now) or now
    return [
        CartNews(
            token=token,
            who=_who(body, token=body.text("cart_token") or token),
            told_at=told_at,
            started_at=body.moment("created_at", now=now) or told_at,
            is_checkout=True,
            currency=body.text("currency", limit=3),
            total=body.money("total_price"),
            lines=_lines(body),
        )
    ]
