"""Bring the properties of an event into the shape of the Segment e-commerce spec."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from personalization.commerce.names import canonical

# Theirs to ours; ours wins where both are given.
_PROPERTIES = {
    "transaction_id": "order_id",
    "transactionId": "order_id",
    "orderId": "order_id",
    "order_number": "order_id",
    "search_term": "query",
    "search_string": "query",
    "cartId": "cart_id",
    "productId": "product_id",
    "imageUrl": "image_url",
}
_LISTS = ("products", "items", "contents")
_PRODUCT = {
    "productId": "product_id",
    "item_id": "product_id",
    "itemId": "product_id",
    "content_id": "product_id",
    "id": "product_id",
    "sku": "product_id",
    "item_name": "name",
    "item_brand": "brand",
    "item_category": "category",
    "item_variant": "variant",
    "item_price": "price",
    "qty": "quantity",
}
_TRIGGERS = frozenset((*_PROPERTIES, *_LISTS, "content_ids", "sku"))


def shape(name: str, properties: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return name and properties as the spec has them: GA4's `items`, Meta's `contents` and
    `content_ids`, and lists of bare ids become `products`. What is not known stays untouched."""
    event = canonical(name)
    shaped = dict(properties)
    if _TRIGGERS.isdisjoint(shaped):
        return event, shaped
    _rename(shaped, names=_PROPERTIES)
    products = _products(shaped)
    if products is not None:
        shaped["products"] = products
    elif "product_id" not in shaped and _is_one_product(event) and shaped.get("sku"):
        shaped["product_id"] = _id(shaped["sku"])
    if event == "Order Refunded":
        _price_refund(shaped)
    return event, shaped


def _is_one_product(event: str) -> bool:
    return event.startswith("Product ") or event == "Wishlist Product Added to Cart"


def _rename(given: dict[str, Any], *, names: Mapping[str, str]) -> None:
    for theirs in names.keys() & given.keys():
        ours = names[theirs]
        if given.get(ours) in (None, ""):
            given[ours] = given[theirs]
        del given[theirs]


def _products(shaped: dict[str, Any]) -> list[Any] | None:
    """Return the product lines, wherever they stood; None where there are none."""
    for key in _LISTS:
        found = shaped.get(key)
        if isinstance(found, list):
            if key != "products":
                del shaped[key]
            return [_product(each) for each in found]
    ids = shaped.pop("content_ids", None)
    if isinstance(ids, list):
        return [{"product_id": _id(each)} for each in ids]
    return [{"product_id": _id(ids)}] if isinstance(ids, str) else None


def _product(given: Any) -> Any:
    """Return one line under our names; what is no product stays, and applying names its fault."""
    if isinstance(given, str | int) and not isinstance(given, bool):
        return {"product_id": _id(given)}
    if not isinstance(given, dict):
        return given
    line = dict(given)
    for theirs, ours in _PRODUCT.items():
        if theirs in line and line.get(ours) in (None, ""):
            line[ours] = line[theirs]
    if "product_id" in line:
        line["product_id"] = _id(line["product_id"])
    return line


def _id(value: Any) -> Any:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


def _price_refund(shaped: dict[str, Any]) -> None:
    """A refund of some products says what they cost, if nothing else does."""
    products = shaped.get("products")
    if not products or any(key in shaped for key in ("total", "revenue", "value")):
        return
    try:
        shaped["total"] = sum(
            (Decimal(str(line["price"])) * int(line.get("quantity") or 1) for line in products),
            start=Decimal(0),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation):
        return  # Some price is missing: then the refund is of the whole order.
