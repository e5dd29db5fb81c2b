"""The mapping of a source: what staff may write into it, and what is wrong with it."""

from collections.abc import Iterator, Mapping
from typing import Any

from personalization.models import Source

CONSTANT, OPTIONAL = "=", "?"
TOPIC = "topic"
EXAMPLE: Mapping[str, Any] = {
    "topic": "type",
    "topics": {
        "order.paid": {
            "event": "Order Completed",
            "external_id": "data.customer.id",
            "at": "data.paid_at",
            "id": "data.id",
            "properties": {"order_id": "data.id", "total": "data.total", "currency": "=EUR"},
            "products": {"in": "data.lines", "product_id": "sku", "quantity": "count"},
        },
        "customer.updated": {
            "customer": {"external_id": "data.id", "email": "data.email", "country": "data.land?"},
            "at": "data.updated_at",
            "consent": {"email_marketing": "data.newsletter?"},
            "consent_at": "data.newsletter_at?",
        },
    },
}
_TEXTS = ("event", "external_id", "anonymous_id", "email", "at", "id", "consent_at")
_OBJECTS = ("properties", "products", "customer", "product", "consent")
_WHAT = ("event", "customer", "product")
_NAMES = ("external_id", "anonymous_id", "email")


def topic_path(mapping: Mapping[str, Any]) -> str:
    return str(mapping.get(TOPIC) or "type")


def topics(mapping: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return the rules of each topic; a mapping that does not pass its check has none."""
    return {} if problems(Source.Kind.GENERIC, mapping) else mapping.get("topics", {})


def problems(kind: str, mapping: object) -> list[str]:
    """Say what is wrong with the mapping of a source of this kind, each with its place."""
    if not isinstance(mapping, Mapping):
        return ["The mapping has to be a JSON object, as {}."]
    return list(_CHECKS.get(kind, _nothing)(mapping))


def _nothing(mapping: Mapping[str, Any]) -> Iterator[str]:
    return iter(())


def _shop(mapping: Mapping[str, Any]) -> Iterator[str]:
    currency = mapping.get("currency")
    if currency is not None and not _is_currency(currency):
        yield 'currency: write three letters, as "EUR".'
    domain = mapping.get("shop_domain")
    if domain is not None and not _is_host(domain):
        yield 'shop_domain: write the bare host, as "my-shop.myshopify.com".'


def _woocommerce(mapping: Mapping[str, Any]) -> Iterator[str]:
    currency = mapping.get("currency")
    if currency is not None and not _is_currency(currency):
        yield 'currency: write three letters, as "EUR".'
    site = mapping.get("site")
    if site is not None and not str(site).startswith(("https://", "http://")):
        yield 'site: write the address of the shop, as "https://shop.example/".'


def _hubspot(mapping: Mapping[str, Any]) -> Iterator[str]:
    properties = mapping.get("properties", {})
    if not isinstance(properties, dict):
        yield 'properties: write an object, as {"lifecyclestage": "stage"}.'
        return
    for name, ours in properties.items():
        if not isinstance(ours, str) or not ours:
            yield f"properties.{name}: write the name of a field of the catalogue."


def _generic(mapping: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(mapping.get(TOPIC, "type"), str):
        yield 'topic: write the path at which a body names its topic, as "type".'
    found = mapping.get("topics")
    if not isinstance(found, dict) or not found:
        yield 'topics: write an object with the rules of each topic, as {"order.paid": {…}}.'
        return
    for topic, rules in found.items():
        if isinstance(rules, dict):
            yield from _rules(rules, place=f"topics.{topic}")
        else:
            yield f"topics.{topic}: write an object with the rules of this topic."


def _rules(rules: Mapping[str, Any], *, place: str) -> Iterator[str]:
    for key, value in rules.items():
        if key in _TEXTS:
            if not isinstance(value, str) or not value.strip():
                yield f"{place}.{key}: write a text."
        elif key in _OBJECTS:
            yield from _paths(value, place=f"{place}.{key}")
        else:
            known = ", ".join((*_TEXTS, *_OBJECTS))
            yield f"{place}.{key}: is not known; there are {known}."
    if not any(key in rules for key in _WHAT):
        yield f"{place}: say what it makes: an event, a customer or a product."
    if "event" in rules and not any(key in rules for key in _NAMES):
        yield f"{place}: an event needs external_id, anonymous_id or email."
    yield from _missing(rules, place=place)


def _missing(rules: Mapping[str, Any], *, place: str) -> Iterator[str]:
    customer = rules.get("customer", {"email": ""})
    if isinstance(customer, dict) and not {"external_id", "email"} & customer.keys():
        yield f"{place}.customer: needs external_id or email."
    product = rules.get("product", {"product_id": ""})
    if isinstance(product, dict) and "product_id" not in product:
        yield f"{place}.product: needs product_id."
    products = rules.get("products", {"in": "", "product_id": ""})
    if isinstance(products, dict) and not {"in", "product_id"} <= products.keys():
        yield f"{place}.products: needs in (the path of the list) and product_id."
    if "consent" in rules and "customer" not in rules:
        yield f"{place}.consent: needs customer, who gave it."


def _paths(value: object, *, place: str) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield f'{place}: write an object of our names and their paths, as {{"total": "data.sum"}}.'
        return
    for name, path in value.items():
        if not isinstance(path, str) or not path.strip():
            yield f"{place}.{name}: write a path, as data.sum, or a constant, as =EUR."


def _is_currency(value: object) -> bool:
    return isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha()


def _is_host(value: object) -> bool:
    return isinstance(value, str) and "." in value and "/" not in value and " " not in value


_CHECKS = {
    Source.Kind.SHOPIFY.value: _shop,
    Source.Kind.WOOCOMMERCE.value: _woocommerce,
    Source.Kind.HUBSPOT.value: _hubspot,
    Source.Kind.GENERIC.value: _generic,
}
