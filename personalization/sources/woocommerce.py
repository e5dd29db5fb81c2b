"""WooCommerce: what each webhook topic says, in our words; bodies are those of its REST API."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from personalization.sources.delivered import Delivered
from personalization.sources.news import (
    CustomerNews,
    EventNews,
    Line,
    News,
    Nothing,
    OrderGone,
    OrderNews,
    ProductNews,
    Refund,
    Who,
)
from personalization.sources.reading import Node

WHY = "its number in WooCommerce finds it again"
# On hold is an order that waits for a bank transfer; pending is one nobody has paid yet.
_PLACED = frozenset(("processing", "on-hold", "completed", "refunded"))
_AMOUNTS = {
    "total": "total",
    "shipping": "shipping_total",
    "tax": "total_tax",
    "discount": "discount_total",
}
_ADDED = "action.woocommerce_add_to_cart"


def read(given: Delivered) -> list[News]:
    """Return what a delivery says; a topic nobody needs says why it does nothing."""
    reader = _READERS.get(given.topic)
    if reader is None:
        return [Nothing(f"nothing is done with the topic {given.topic}")]
    return reader(given)


def _customer(given: Delivered) -> list[News]:
    body, now = given.body, given.received_at
    billing = body["billing"]
    values = {
        "external_id": body.needed_id("id", why=WHY),
        "email": body.email("email"),
        **_person(billing),
        "first_name": body.text("first_name") or billing.text("first_name"),
        "last_name": body.text("last_name") or billing.text("last_name"),
    }
    return [CustomerNews(values, _changed_at(body, now=now))]


def _changed_at(body: Node, *, now: datetime) -> datetime:
    """Return when an object changed last; what is new has not changed yet."""
    changed_at = body.moment("date_modified_gmt", now=now, is_utc=True)
    return changed_at or body.moment("date_created_gmt", now=now, is_utc=True) or now


def _person(billing: Node) -> dict[str, object]:
    return {
        "first_name": billing.text("first_name"),
        "last_name": billing.text("last_name"),
        "phone": billing.text("phone"),
        "street": billing.text("address_1"),
        "postal_code": billing.text("postcode"),
        "city": billing.text("city"),
        "region": billing.text("state"),
        "country": billing.text("country").upper(),
    }


def _customer_deleted(given: Delivered) -> list[News]:
    return [
        Nothing("an account was deleted; make an erasure request if the person asked for erasure")
    ]


def _product(given: Delivered) -> list[News]:
    body, now = given.body, given.received_at
    is_shown = body.text("catalog_visibility") != "hidden"
    values: dict[str, object] = {
        "product_id": body.needed_id("id", why=WHY),
        "name": body.text("name"),
        "category": _first_name(body, "categories"),
        "brand": _first_name(body, "brands"),
        "url": body.text("permalink", limit=500),
        "image_url": _first_image(body),
        "price": body.price("price"),
        "currency": given.mapping.get("currency"),
        "stock": body.whole("stock_quantity") if body.is_true("manage_stock") else None,
        "is_active": body.text("status") in ("publish", "") and is_shown,
        "sku": body.text("sku"),
    }
    status = body.text("stock_status")
    if status:
        values["in_stock"] = status in ("instock", "onbackorder")
    return [ProductNews(values, _changed_at(body, now=now))]


def _first_name(body: Node, key: str) -> str:
    return next((each.text("name", limit=120) for each in body.each(key)), "")


def _first_image(body: Node) -> str:
    return next((each.text("src", limit=500) for each in body.each("images")), "")


def _product_deleted(given: Delivered) -> list[News]:
    values = {"product_id": given.body.needed_id("id", why=WHY)}
    return [ProductNews(values, given.received_at, is_gone=True)]


def _order(given: Delivered) -> list[News]:
    body, now = given.body, given.received_at
    billing = body["billing"]
    who = Who(external_id=body.id("customer_id"), email=billing.email("email"))
    told_at = _changed_at(body, now=now)
    status = body.text("status")
    found = OrderNews(
        order_id=body.needed_id("id", why=WHY),
        who=who,
        told_at=told_at,
        placed_at=body.moment("date_created_gmt", now=now, is_utc=True) or told_at,
        is_placed=status in _PLACED,
        cancelled_at=told_at if status == "cancelled" else None,
        amounts=_amounts(body),
        currency=body.text("currency", limit=3),
        details=_details(body, status=status),
        lines=_lines(body),
        refunds=tuple(_refund(each, body=body, at=told_at) for each in body.each("refunds")),
    )
    if not who.is_known:
        return [Nothing("the order names no customer")]
    guest = {"email": who.email, **_person(billing)}
    is_guest = not who.external_id and found.is_placed
    return [CustomerNews(guest, told_at), found] if is_guest else [found]


def _amounts(body: Node) -> dict[str, Decimal]:
    found = {ours: body.money(theirs) for ours, theirs in _AMOUNTS.items()}
    amounts = {key: amount for key, amount in found.items() if amount is not None}
    if "total" in amounts:
        rest = (amounts.get(key, Decimal(0)) for key in ("shipping", "tax"))
        amounts["revenue"] = amounts["total"] - sum(rest)
    return amounts


def _details(body: Node, *, status: str) -> dict[str, str]:
    found = {
        "affiliation": body.text("created_via"),
        "coupon": ", ".join(each.text("code") for each in body.each("coupon_lines")),
        "payment_status": status,
        "order_number": body.id("number"),
    }
    return {key: value for key, value in found.items() if value}


def _lines(body: Node) -> tuple[Line, ...]:
    return tuple(line for each in body.each("line_items") if (line := _line(each)))


def _line(node: Node) -> Line | None:
    """Read a line; a product that is deleted meanwhile has the number 0."""
    product_id = node.id("product_id")
    if not product_id:
        return None
    variant = node.id("variation_id")
    details = {"sku": node.text("sku"), "name": node.text("name"), "variant": variant}
    return Line(
        key=variant or product_id,
        product_id=product_id,
        quantity=node.whole("quantity") or 0,
        price=node.price("price"),
        details={key: value for key, value in details.items() if value},
    )


def _refund(node: Node, *, body: Node, at: datetime) -> Refund:
    """Read a refund of an order; WooCommerce writes its amount below zero and no time."""
    return Refund(
        refund_id=node.needed_id("id", why="it tells one refund from another"),
        at=at,
        total=abs(node.money("total") or Decimal(0)),
        currency=body.text("currency", limit=3),
    )


def _order_deleted(given: Delivered) -> list[News]:
    return [OrderGone(given.body.needed_id("id", why=WHY), given.received_at)]


def _added(given: Delivered) -> list[News]:
    """Read an addition to a cart; WooCommerce itself sends only the key of the cart's line."""
    body = given.body
    product_id = body.id("product_id")
    session = body.text("session_id")
    who = Who(external_id=body.id("customer_id"), anonymous_id=session)
    if not product_id or who == Who():
        return [
            Nothing(
                "add_to_cart names no product or nobody; the snippet of docs/webhooks.md adds "
                "product_id, customer_id and session_id"
            )
        ]
    price = body.price("price")
    given_properties = {
        "product_id": product_id,
        "variant": body.id("variation_id"),
        "sku": body.text("sku"),
        "name": body.text("name"),
        "quantity": body.whole("quantity") or 1,
        "price": None if price is None else float(price),
        "currency": body.text("currency", limit=3) or given.mapping.get("currency"),
    }
    properties = {key: value for key, value in given_properties.items() if value not in ("", None)}
    return [EventNews(f"added {given.id}", "Product Added", who, given.received_at, properties)]


_READERS: Mapping[str, Callable[[Delivered], list[News]]] = {
    "customer.created": _customer,
    "customer.updated": _customer,
    "customer.deleted": _customer_deleted,
    "product.created": _product,
    "product.updated": _product,
    "product.restored": _product,
    "product.deleted": _product_deleted,
    "order.created": _order,
    "order.updated": _order,
    "order.restored": _order,
    "order.deleted": _order_deleted,
    _ADDED: _added,
}
TOPICS = tuple(_READERS)
