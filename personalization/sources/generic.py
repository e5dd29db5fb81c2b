"""Signed webhooks of any system: what they say by the mapping that staff wrote for them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from personalization.importing.values import CellError
from personalization.sources.delivered import Delivered
from personalization.sources.mapping import CONSTANT, OPTIONAL, topic_path, topics
from personalization.sources.news import (
    CustomerNews,
    EventNews,
    News,
    Nothing,
    ProductNews,
    Stated,
    Who,
)
from personalization.sources.reading import Node

_SAID = {
    "true": "granted", "granted": "granted", "yes": "granted", "1": "granted",
    "subscribed": "granted",
    "false": "withdrawn", "withdrawn": "withdrawn", "no": "withdrawn", "0": "withdrawn",
    "unsubscribed": "withdrawn",
}  # fmt: skip


def topic_of(body: Node, *, mapping: Mapping[str, Any]) -> str:
    """Return the topic of a body, where the mapping says it stands; it may be missing."""
    found = body.at(topic_path(mapping)).value
    # A topic is kept in clear: with a wrong path it could be an address.
    return found[:100] if isinstance(found, str) and "@" not in found else ""


def read(given: Delivered) -> list[News]:
    """Return what a delivery says; the mapping names a topic's parts, a missing one is named."""
    rules = topics(given.mapping).get(given.topic)
    if rules is None:
        return [
            Nothing(f"the mapping of the source has no topic {given.topic or 'without a name'}")
        ]
    at = _moment(given, rules.get("at"))
    found: list[News] = []
    if "customer" in rules:
        found.append(_customer(given, rules, at=at))
    if "product" in rules:
        found.append(ProductNews(_cells(given.body, rules["product"]), at))
    if "event" in rules:
        found.append(_event(given, rules, at=at))
    return found


def _customer(given: Delivered, rules: Mapping[str, Any], /, *, at: datetime) -> CustomerNews:
    cells = _cells(given.body, rules["customer"])
    said_at = _moment(given, rules.get("consent_at")) if "consent_at" in rules else at
    stated = tuple(_stated(given.body, rules.get("consent", {}), at=said_at))
    return CustomerNews(cells, at, stated=stated)


def _stated(body: Node, rules: Mapping[str, str], /, *, at: datetime) -> Iterator[Stated]:
    for purpose, path in rules.items():
        value = _value(body, path)
        if value is None:
            continue
        action = _SAID.get(str(value).strip().lower())
        if action is None:
            raise CellError(_bare(path), "is none of granted, withdrawn, true, false")
        yield Stated(purpose, action, at)


def _event(given: Delivered, rules: Mapping[str, Any], /, *, at: datetime) -> EventNews:
    body = given.body
    properties = {
        name: value
        for name, path in rules.get("properties", {}).items()
        if (value := _value(body, path)) is not None
    }
    if "products" in rules:
        properties["products"] = [_cells(each, _each(rules)) for each in _listed(body, rules)]
    id_ = _text(body, rules["id"]) if "id" in rules else given.id
    return EventNews(f"{given.topic} {id_}", rules["event"], _who(body, rules), at, properties)


def _each(rules: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: path for name, path in rules["products"].items() if name != "in"}


def _listed(body: Node, rules: Mapping[str, Any], /) -> Iterator[Node]:
    path = rules["products"]["in"]
    node = body.at(_bare(path))
    if node.value is None and path.endswith(OPTIONAL):
        return iter(())
    if not isinstance(node.value, list):
        raise CellError(
            node.path or path, "is missing or no list; the mapping says products are there"
        )
    return Node({"list": node.value}).each("list")


def _who(body: Node, rules: Mapping[str, Any], /) -> Who:
    email = rules.get("email")
    holder = Node({"email": _value(body, email)}) if email else Node({})
    who = Who(
        external_id=_text(body, rules["external_id"]) if "external_id" in rules else "",
        anonymous_id=_text(body, rules["anonymous_id"]) if "anonymous_id" in rules else "",
        email=holder.email("email"),
    )
    if who == Who():
        raise CellError("external_id", "is empty, and so are the other names: whose event is it?")
    return who


def _cells(body: Node, rules: Mapping[str, str], /) -> dict[str, object]:
    return {
        column: value for column, path in rules.items() if (value := _value(body, path)) is not None
    }


def _text(body: Node, path: str, /) -> str:
    value = _value(body, path)
    return Node({path: value}).text(path, limit=200)


def _value(body: Node, path: str, /) -> Any:
    """Return what stands at a path; `=EUR` is a constant, and after a `?` it may be missing."""
    if path.startswith(CONSTANT):
        return path[1:]
    node = body.at(_bare(path))
    if node.value is None and not path.endswith(OPTIONAL):
        raise CellError(_bare(path), "is missing; write a ? after the path if it may be")
    if isinstance(node.value, dict):
        raise CellError(_bare(path), "is an object: the path has to lead to one value in it")
    return node.value


def _moment(given: Delivered, path: str | None, /) -> datetime:
    if path is None:
        return given.received_at
    value = _value(given.body, path)
    moment = Node({_bare(path): value}).moment(_bare(path), now=given.received_at)
    return moment or given.received_at


def _bare(path: str) -> str:
    return path.removesuffix(OPTIONAL)
