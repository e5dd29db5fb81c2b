"""Put products and customers that a program sends, item by item: a fault concerns its item only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from django.db import OperationalError, connection

from consent.identify import Names
from personalization.importing import customer_rows, customer_store, product_rows, product_store
from personalization.importing import values as cells
from personalization.importing.customer_rows import Columns, Customer, Said
from personalization.importing.product_rows import ProductRow
from personalization.importing.values import CellError
from personalization.models import Source

REJECTED = "rejected"
# Two calls may want two people the other holds; the one that is told to stop begins again.
_TRIES = 3
_CUSTOMER_KEYS = frozenset(("external_id", "email", "attributes", "consents"))
_CONSENT_KEYS = frozenset(("purpose", "action", "source", "at"))
_ID_LENGTH = 200
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one item. `faults` name a field and a reason, never a value of a person."""

    index: int
    id: str | None
    status: str
    faults: tuple[CellError, ...] = ()


@dataclass(frozen=True, slots=True)
class Put:
    """`left_out` names attributes that nobody registered; their values are not kept."""

    items: list[Item]
    left_out: tuple[str, ...] = ()


def put_products(given: Sequence[object], *, now: datetime, source: Source | None = None) -> Put:
    """Upsert products by the shop's id; four statements, however many there are. The catalogue is
    one: `source` is only heard of."""
    read: dict[int, ProductRow] = {}
    items: dict[int, Item] = {}
    for index, each in enumerate(given):
        try:
            read[index] = product_rows.read(_mapping(each, field=""))
        except CellError as fault:
            items[index] = _rejected(index, each, key="product_id", fault=fault)
    saved = _again(lambda: product_store.save([*read.values()], now=now))
    if source and read:
        Source.objects.heard(source.pk, at=now)
    for index, result in zip(read, saved, strict=True):
        faults = (CellError(result.column, result.reason),) if result.reason else ()
        items[index] = Item(index, result.product_id, result.outcome.value, faults)
    return Put(items=[items[index] for index in range(len(given))])


def put_customers(
    given: Sequence[object], *, source: Source, now: datetime, evidence: Mapping[str, object]
) -> Put:
    """Upsert customers by external id or address, a constant number of queries."""
    columns = customer_rows.catalogue()
    read: dict[int, Customer] = {}
    items: dict[int, Item] = {}
    for index, each in enumerate(given):
        try:
            read[index] = _customer(each, index=index, columns=columns, source=source, now=now)
        except CellError as fault:
            items[index] = _rejected(index, each, key="external_id", fault=fault)
    result = _again(
        lambda: customer_store.save(
            [*read.values()], columns=columns, source=source, now=now, evidence=evidence
        )
    )
    if read:
        Source.objects.heard(source.pk, at=now)
    for (index, customer), saved in zip(read.items(), result.saved, strict=True):
        name = customer.names.external_id or None
        items[index] = Item(index, name, saved.outcome.value, saved.faults)
    return Put(
        items=[items[index] for index in range(len(given))],
        left_out=tuple(sorted(_left_out(given, columns=columns))),
    )


def _customer(
    given: object, *, index: int, columns: Columns, source: Source, now: datetime
) -> Customer:
    item = _mapping(given, field="")
    _refuse_unknown(item, known=_CUSTOMER_KEYS, field="", hint="put it into attributes")
    names: Names = customer_rows.names(item)
    consents = item.get("consents") or []
    if not isinstance(consents, list):
        raise CellError("consents", "is not a list")
    statements = tuple(
        said(each, field=f"consents[{place}]", columns=columns, source=source.slug, now=now)
        for place, each in enumerate(consents)
    )
    attributes = _mapping(item.get("attributes") or {}, field="attributes")
    return customer_rows.customer(
        attributes, line=index, names=names, said=statements, columns=columns
    )


def said(given: object, *, field: str, columns: Columns, source: str, now: datetime) -> Said:
    """Read one statement of a person; `source` is where it was said, if it does not tell."""
    item = _mapping(given, field=field)
    _refuse_unknown(item, known=_CONSENT_KEYS, field=field, hint="leave it out")
    purpose = cells.text(item.get("purpose"), column=f"{field}.purpose", limit=40)
    if purpose not in columns.purposes:
        known = ", ".join(sorted(columns.purposes))
        raise CellError(f"{field}.purpose", f"{cells.shown(purpose)} is none of {known}")
    action = customer_rows.action(item.get("action") or "", column=f"{field}.action")
    where = cells.text(item.get("source"), column=f"{field}.source", limit=60)
    if not where and action == customer_rows.GRANTED and purpose in columns.explicit:
        raise CellError(f"{field}.source", f"is missing: {purpose} {customer_rows.NEEDS_PROOF}")
    at = customer_rows.said_at(item.get("at"), column=f"{field}.at", now=now)
    return Said(purpose=purpose, action=action, source=where or f"api:{source}", at=at)


def _mapping(value: object, *, field: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise CellError(field, "is not a JSON object")
    return value


def _refuse_unknown(
    item: Mapping[str, Any], *, known: frozenset[str], field: str, hint: str
) -> None:
    unknown = sorted(item.keys() - known)
    if unknown:
        path = f"{field}.{unknown[0]}" if field else unknown[0]
        raise CellError(path[:100], f"is unknown here: {hint}")


def _rejected(index: int, given: object, *, key: str, fault: CellError) -> Item:
    found = given.get(key) if isinstance(given, dict) else None
    is_plain = isinstance(found, str | int) and not isinstance(found, bool)
    return Item(index, str(found)[:_ID_LENGTH] if is_plain else None, REJECTED, (fault,))


def _left_out(given: Sequence[object], *, columns: Columns) -> Iterator[str]:
    attributes = (each.get("attributes") for each in given if isinstance(each, dict))
    named = {name for each in attributes if isinstance(each, dict) for name in each}
    return (name for name in named if not columns.keeps(name))


def _again(work: Callable[[], R]) -> R:
    for _ in range(_TRIES - 1):
        try:
            return work()
        except OperationalError as error:
            is_deadlock = isinstance(error.__cause__, psycopg.errors.DeadlockDetected)
            if not is_deadlock or connection.in_atomic_block:
                raise
    return work()
