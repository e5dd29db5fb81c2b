"""Load the catalogue: new products are made, known ones changed only where a row differs."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from django.db import connection, transaction
from psycopg.types.json import Jsonb

from consent.jobs import Progress
from personalization.importing import values
from personalization.importing.outcome import Loaded, batches
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row
from personalization.importing.values import CellError
from personalization.models import Source

BATCH_ROWS = 2000
REQUIRED = ("product_id",)
EXTRA_COLUMNS = 50
_NEW_NEEDS = ("name", "price", "currency")
_KEY_LIMIT = 60
_VALUE_LIMIT = 1000

_Product = dict[str, Any]
_Reader = Callable[[Any], Any]


def _text(column: str, *, limit: int) -> _Reader:
    return lambda value: values.text(value, column=column, limit=limit)


def _link(column: str) -> _Reader:
    def read(value: Any) -> str:
        url = values.text(value, column=column, limit=500)
        if not url.startswith(("https://", "http://")) or " " in url:
            raise CellError(column, f"{values.shown(url)} is not a link: write https://…")
        return url

    return read


_READERS: Mapping[str, _Reader] = {
    "name": _text("name", limit=300),
    "category": _text("category", limit=120),
    "department": _text("department", limit=120),
    "brand": _text("brand", limit=120),
    "price": lambda value: values.price(value, column="price"),
    "currency": lambda value: values.currency(value, column="currency"),
    "url": _link("url"),
    "image_url": _link("image_url"),
    "in_stock": lambda value: values.flag(value, column="in_stock"),
    "is_active": lambda value: values.flag(value, column="is_active"),
    "is_sensitive": lambda value: values.flag(value, column="is_sensitive"),
}
_BLANK: _Product = {
    **dict.fromkeys(("category", "department", "brand", "url", "image_url"), ""),
    "in_stock": True,
    "is_active": True,
    "is_sensitive": False,
    "attributes": {},
}
_COLUMNS = (*_READERS, "attributes")


def load(
    rows: Iterable[Row],
    *,
    source: Source,
    now: datetime,
    progress: Progress,
    rejected: RejectedRows,
) -> Loaded:
    """Upsert by `product_id`, three queries a batch; an empty cell leaves what is stored."""
    outcome = Loaded()
    for batch in batches(rows, size=BATCH_ROWS):
        outcome += _load_batch(batch, now=now, rejected=rejected)
        progress.advance(len(batch))
    return outcome


def check(
    rows: Iterable[Row],
    *,
    source: Source,
    now: datetime,
    progress: Progress,
    rejected: RejectedRows,
) -> Loaded:
    """Read every row and write nothing; what needs the database (a new product) is not judged."""
    outcome = Loaded()
    for batch in batches(rows, size=BATCH_ROWS):
        good = len(_read_all(batch, rejected=rejected))
        outcome += Loaded(loaded=good, rejected=len(batch) - good)
        progress.advance(len(batch))
    return outcome


def _load_batch(batch: list[Row], *, now: datetime, rejected: RejectedRows) -> Loaded:
    before = rejected.count
    read = _read_all(batch, rejected=rejected)
    with transaction.atomic():
        stored = _stored({product_id for _, product_id, _ in read})
        changed: dict[str, _Product] = {}
        rows_changed = 0
        for line, product_id, given in read:
            old = changed.get(product_id) or stored.get(product_id)
            missing = [name for name in _NEW_NEEDS if not old and name not in given]
            if missing:
                why = "a product that is not in the catalogue yet needs it"
                rejected.add(CellError(missing[0], f"is missing: {why}"), line=line)
                continue
            new = _merged(old or _BLANK, given)
            if new != old:
                changed[product_id] = new
                rows_changed += 1
        _write(changed, now=now)
    refused = rejected.count - before
    return Loaded(
        loaded=rows_changed, unchanged=len(batch) - refused - rows_changed, rejected=refused
    )


def _read_all(batch: list[Row], *, rejected: RejectedRows) -> list[tuple[int, str, _Product]]:
    found = []
    for row in batch:
        try:
            found.append((row.line, *_read(row)))
        except CellError as fault:
            rejected.add(fault, line=row.line)
    return found


def _read(row: Row) -> tuple[str, _Product]:
    if row.fault:
        raise CellError("", row.fault)
    why = "the shop's own id finds the product again"
    product_id = values.required(
        row.values.get("product_id"), column="product_id", limit=100, why=why
    )
    given: _Product = {"attributes": {}}
    for column, value in row.values.items():
        if column == "product_id" or values.is_missing(value):
            continue
        reader = _READERS.get(column)
        if reader:
            given[column] = reader(value)
        else:
            given["attributes"][column] = _extra(value, column=column)
    if len(given["attributes"]) > EXTRA_COLUMNS:
        raise CellError("", f"has more than {EXTRA_COLUMNS} columns of its own")
    return product_id, given


def _extra(value: Any, *, column: str) -> Any:
    """Keep a column of the shop's own as it is, if JSON can hold it."""
    name = values.text(column, column=column[:_KEY_LIMIT], limit=_KEY_LIMIT)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return values.number(value, column=name)
    if isinstance(value, list):
        return [values.text(each, column=name, limit=_VALUE_LIMIT) for each in value]
    return values.text(value, column=name, limit=_VALUE_LIMIT)


def _merged(old: _Product, given: _Product) -> _Product:
    return {**old, **given, "attributes": {**old["attributes"], **given["attributes"]}}


_STORED = """
SELECT product_id, name, category, department, brand, price, currency, url, image_url, in_stock,
       is_active, is_sensitive, attributes::text
FROM personalization_product WHERE product_id = ANY(%s) ORDER BY id FOR UPDATE
"""
_UPSERT = """
INSERT INTO personalization_product
    (product_id, name, category, department, brand, price, currency, url, image_url, in_stock,
     is_active, is_sensitive, attributes, updated_at)
SELECT *, %s FROM unnest(
    %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::numeric[], %s::text[],
    %s::text[], %s::text[], %s::boolean[], %s::boolean[], %s::boolean[], %s::jsonb[])
ON CONFLICT (product_id) DO UPDATE SET
    name = EXCLUDED.name, category = EXCLUDED.category, department = EXCLUDED.department,
    brand = EXCLUDED.brand, price = EXCLUDED.price, currency = EXCLUDED.currency,
    url = EXCLUDED.url, image_url = EXCLUDED.image_url, in_stock = EXCLUDED.in_stock,
    is_active = EXCLUDED.is_active, is_sensitive = EXCLUDED.is_sensitive,
    attributes = EXCLUDED.attributes,
    updated_at = EXCLUDED.updated_at
"""


def _stored(product_ids: set[str]) -> dict[str, _Product]:
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [list(product_ids)])
        found = {}
        for product_id, *cells in cursor.fetchall():
            product = dict(zip(_COLUMNS, cells, strict=True))
            found[product_id] = {**product, "attributes": orjson.loads(product["attributes"])}
        return found


def _write(changed: dict[str, _Product], *, now: datetime) -> None:
    if not changed:
        return
    ids = sorted(changed)
    columns = [[changed[key][name] for key in ids] for name in _COLUMNS[:-1]]
    attributes = [Jsonb(changed[key]["attributes"]) for key in ids]
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [now, ids, *columns, attributes])
