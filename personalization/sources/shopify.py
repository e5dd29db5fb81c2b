"""Shopify: what each webhook topic says of customers, products and requests under the law."""

from collections.abc import Callable, Mapping

from consent.models import PrivacyRequest
from personalization.sources.delivered import Delivered
from personalization.sources.news import (
    CustomerNews,
    News,
    Nothing,
    OrderGone,
    OrderNews,
    ProductNews,
    RequestNews,
    Stated,
    StockItem,
    StockNews,
    Who,
)
from personalization.sources.reading import Node
from personalization.sources.shopify_orders import WHY_ORDER, cart, checkout, order, refund

EXPORT, ERASURE = PrivacyRequest.Kind.EXPORT, PrivacyRequest.Kind.ERASURE
WHY_CUSTOMER = "the customer's number at Shopify finds them again"
WHY_PRODUCT = "the product's number at Shopify finds it again"
# What the marketing states of a customer amount to; the other states say nothing either way.
_STATES = {"subscribed": "granted", "unsubscribed": "withdrawn"}
_CONSENTS = {
    "email_marketing_consent": "email_marketing",
    "sms_marketing_consent": "sms_marketing",
}


def read(given: Delivered) -> list[News]:
    """Return what a delivery says; a topic nobody needs says why it does nothing."""
    reader = _READERS.get(given.topic)
    if reader is None:
        return [Nothing(f"nothing is done with the topic {given.topic}")]
    return reader(given)


def _customer(given: Delivered) -> list[News]:
    return [customer_of(given.body, given=given)]


def customer_of(node: Node, *, given: Delivered) -> CustomerNews:
    """Return the customer an object describes, alone or inside an order."""
    now = given.received_at
    address = node["default_address"]
    values: dict[str, object] = {
        "external_id": node.needed_id("id", why=WHY_CUSTOMER),
        "email": node.email("email"),
        "first_name": node.text("first_name"),
        "last_name": node.text("last_name"),
        "phone": node.text("phone") or address.text("phone"),
        "street": address.text("address1"),
        "postal_code": address.text("zip"),
        "city": address.text("city"),
        "region": address.text("province"),
        "country": address.text("country_code").upper(),
        "language": node.text("locale")[:2].lower(),
        "currency": node.text("currency"),
        "tags": [tag.strip() for tag in node.text("tags").split(",") if tag.strip()],
    }
    told_at = node.moment("updated_at", now=now) or now
    return CustomerNews(values, told_at, stated=_stated(node, given=given))


def _stated(node: Node, *, given: Delivered) -> tuple[Stated, ...]:
    """Read the marketing consents; one without the time it was said proves nothing."""
    found = []
    for key, purpose in _CONSENTS.items():
        consent = node[key]
        action = _STATES.get(consent.text("state").lower())
        at = consent.moment("consent_updated_at", now=given.received_at)
        if action and at:
            found.append(Stated(purpose, action, at))
    return tuple(found)


def _consent(given: Delivered) -> list[News]:
    """Read the topics that tell of a consent alone; e-mail and SMS name their fields apart."""
    body = given.body
    external_id = body.id("customer_id") or body.needed_id("id", why=WHY_CUSTOMER)
    stated = _stated(body, given=given)
    if not stated:
        return [Nothing("no consent was given or withdrawn in it")]
    about = f"consent to {stated[0].purpose}"
    values = {"external_id": external_id, "email": body.email("email_address")}
    return [CustomerNews(values, stated[0].at, stated=stated, about=about)]


def _customer_deleted(given: Delivered) -> list[News]:
    return [
        Nothing(
            "an account was closed; what is kept of the person goes when the shop asks for "
            "erasure (customers/redact)"
        )
    ]


def _product(given: Delivered) -> list[News]:
    body, now = given.body, given.received_at
    variants = list(body.each("variants"))
    prices = [price for each in variants if (price := each.price("price")) is not None]
    items = tuple(item for each in variants if (item := _item(each)))
    values: dict[str, object] = {
        "product_id": body.needed_id("id", why=WHY_PRODUCT),
        "name": body.text("title"),
        "category": body.text("product_type", limit=120),
        "brand": body.text("vendor", limit=120),
        "url": _address(body.text("handle"), domain=given.mapping.get("shop_domain")),
        "image_url": body["image"].text("src", limit=500),
        "price": min(prices, default=None),
        "currency": given.mapping.get("currency"),
        "is_active": body.text("status").lower() in ("active", ""),
        "tags": body.text("tags", limit=1000),
        "skus": [sku for each in variants if (sku := each.text("sku"))],
        **_compared(variants),
    }
    told_at = body.moment("updated_at", now=now) or now
    return [ProductNews(values, told_at, items=items)]


def _compared(variants: list[Node]) -> Mapping[str, float]:
    """Return the highest price before the reduction, where there is one."""
    before = [price for each in variants if (price := each.price("compare_at_price"))]
    return {"compare_at_price": float(max(before))} if before else {}


def _item(variant: Node) -> StockItem | None:
    item = variant.id("inventory_item_id")
    if not item:
        return None
    is_counted = "inventory_management" not in variant.value or variant["inventory_management"]
    return StockItem(
        item=item,
        quantity=variant.whole("inventory_quantity") if is_counted else None,
        sells_without=variant.text("inventory_policy") == "continue",
    )


def _address(handle: str, *, domain: object) -> str:
    return f"https://{domain}/products/{handle}" if handle and domain else ""


def _product_deleted(given: Delivered) -> list[News]:
    values = {"product_id": given.body.needed_id("id", why=WHY_PRODUCT)}
    return [ProductNews(values, given.received_at, is_gone=True)]


def _stock(given: Delivered) -> list[News]:
    body = given.body
    return [
        StockNews(
            item=body.needed_id("inventory_item_id", why="it says whose stock changed"),
            location=body.needed_id("location_id", why="stock is counted at each place"),
            available=body.whole("available"),
            told_at=body.moment("updated_at", now=given.received_at) or given.received_at,
        )
    ]


def _order(given: Delivered) -> list[News]:
    """Read an order and, before it, its customer, who may be new."""
    told = order(given)
    customer = given.body["customer"]
    is_kept = any(isinstance(each, OrderNews) for each in told)
    has_customer = isinstance(customer.value, dict) and bool(customer.id("id"))
    return [customer_of(customer, given=given), *told] if is_kept and has_customer else told


def _order_deleted(given: Delivered) -> list[News]:
    """Read that an order is gone; Shopify deletes only what was cancelled, archived or a test."""
    return [OrderGone(given.body.needed_id("id", why=WHY_ORDER), given.received_at)]


def _request(kind: str) -> Callable[[Delivered], list[News]]:
    def read_request(given: Delivered) -> list[News]:
        body, customer = given.body, given.body["customer"]
        who = Who(external_id=customer.id("id"), email=customer.email("email"))
        # Shopify numbers its data requests; of the others a retry has the same delivery id.
        number = body["data_request"].id("id")
        reference = f"data_request {number}" if number else given.id
        return [RequestNews(kind=kind, reference=reference, who=who)]

    return read_request


def _shop_redact(given: Delivered) -> list[News]:
    return [RequestNews(kind=PrivacyRequest.Kind.SHOP_ERASURE, reference=given.id)]


_READERS: Mapping[str, Callable[[Delivered], list[News]]] = {
    "customers/create": _customer,
    "customers/update": _customer,
    "customers/enable": _customer,
    "customers/disable": _customer,
    "customers/delete": _customer_deleted,
    "customers_email_marketing_consent/update": _consent,
    "customers_marketing_consent/update": _consent,
    "products/create": _product,
    "products/update": _product,
    "products/delete": _product_deleted,
    "inventory_levels/update": _stock,
    "inventory_levels/connect": _stock,
    "orders/create": _order,
    "orders/updated": _order,
    "orders/paid": _order,
    "orders/cancelled": _order,
    "orders/delete": _order_deleted,
    "refunds/create": refund,
    "carts/create": cart,
    "carts/update": cart,
    "checkouts/create": checkout,
    "checkouts/update": checkout,
    "customers/data_request": _request(EXPORT),
    "customers/redact": _request(ERASURE),
    "shop/redact": _shop_redact,
}
TOPICS = tuple(_READERS)
