"""Take in carts and checkouts: what was put in or taken out since, and what they hold now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from personalization.ingest.incoming import Incoming
from personalization.models import Source
from personalization.sources import objects, people
from personalization.sources.customers import OLDER
from personalization.sources.news import CartNews, Line, Who
from personalization.sources.objects import Known
from personalization.sources.orders import Told, linked, written

SAME = "the cart holds what it held before"
NOBODY = "nobody is known behind this checkout"
# The change is told before the whole, so that the whole has the last word.
_BEFORE = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Person:
    """How the events of a cart name its person."""

    subject_id: int | None
    external_id: str
    anonymous_id: str


def take(news: CartNews, *, source: Source) -> Told:
    """Return what is new about a cart; nobody becomes known by filling one."""
    known = objects.known(objects.CART, news.token, source=source)
    if known.is_newer_than(news.told_at):
        return Told(reason=OLDER)
    person = _person(news.who, source=source)
    if person is None:
        return Told(reason=NOBODY)
    lines = _merged(news.lines)
    state = {
        "lines": {line.key: [line.product_id, line.quantity] for line in lines},
        "is_linked": bool(person.external_id and person.anonymous_id),
    }
    if known.state == state:
        return Told(reason=SAME)
    events = [_named(each, person) for each in _events(news, known=known, lines=lines)]
    if state["is_linked"]:
        link = linked(person.anonymous_id, person.external_id, at=news.told_at - _BEFORE)
        events.insert(0, link)
    objects.remember(
        known, source=source, at=news.told_at, subject_id=person.subject_id, state=state
    )
    return Told(events=tuple(events))


def _person(who: Who, *, source: Source) -> Person | None:
    """Return who it is: a customer by their number, a known address, or the cart's visitor."""
    subject_id = people.found(who, source=source)
    if who.external_id:
        return Person(subject_id, who.external_id, who.anonymous_id)
    if subject_id is not None:
        return Person(subject_id, "", "")
    return Person(None, "", who.anonymous_id) if who.anonymous_id else None


def _merged(lines: Sequence[Line]) -> Sequence[Line]:
    """Add up lines of the same variant; those with a gift wrap stand apart in Shopify."""
    found: dict[str, Line] = {}
    for line in lines:
        same = found.get(line.key)
        count = line.quantity + (same.quantity if same else 0)
        found[line.key] = replace(line, quantity=count)
    return [line for line in found.values() if line.quantity]


def _events(news: CartNews, *, known: Known, lines: Sequence[Line]) -> Iterator[Incoming]:
    # The token is the visitor's name: it may not stand in an event or a message id.
    cart = known.key[:32]
    currency = {"currency": news.currency} if news.currency else {}
    stamp = f"{news.told_at:%Y%m%d%H%M%S%f}"
    if not news.is_checkout:
        for name, line in _changes(lines, before=known.state.get("lines", {})):
            yield Incoming(
                message_id=f"cart {cart} {stamp} {name} {line.key}",
                event=name,
                timestamp=news.told_at - _BEFORE,
                properties={"cart_id": cart, **currency, **written(line)},
            )
    whole: dict[str, object] = {
        "cart_id": cart,
        **currency,
        "products": [written(line) for line in lines],
    }
    if news.total is not None:
        whole["total"] = float(news.total)
    if news.is_checkout and not known.state:
        yield Incoming(
            message_id=f"checkout {cart} started",
            event="Checkout Started",
            timestamp=min(news.started_at, news.told_at),
            properties=whole,
        )
        return
    yield Incoming(
        message_id=f"cart {cart} {stamp} whole",
        event="Checkout Updated" if news.is_checkout else "Cart Updated",
        timestamp=news.told_at,
        properties=whole,
    )


def _changes(
    lines: Sequence[Line], *, before: Mapping[str, tuple[str, int]]
) -> Iterator[tuple[str, Line]]:
    """Yield what was put in or taken out; of what is gone only its numbers are left to say."""
    gone = set(before) - {line.key for line in lines}
    for key in sorted(gone):
        product_id, quantity = before[key]
        yield "Product Removed", Line(key=key, product_id=product_id, quantity=quantity)
    for line in lines:
        difference = line.quantity - (before[line.key][1] if line.key in before else 0)
        if difference > 0:
            yield "Product Added", replace(line, quantity=difference)
        elif difference < 0:
            yield "Product Removed", replace(line, quantity=-difference)


def _named(event: Incoming, person: Person, /) -> Incoming:
    if person.external_id:
        return replace(event, external_id=person.external_id)
    if person.subject_id is not None:
        return replace(event, subject_id=person.subject_id)
    return replace(event, anonymous_id=person.anonymous_id)
