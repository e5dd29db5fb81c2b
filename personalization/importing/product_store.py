"""Write products, whoever tells of them: new ones are made, known ones changed where they differ.

Files, the API and shops come through here, so price and stock have one history.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from django.db import connection, transaction
from psycopg.types.json import Jsonb

from personalization.importing import images
from personalization.importing.product_rows import COLUMNS, ProductRow
from personalization.models import ImportedRow, ProductChange
from personalization.models import Product as Stored

_NEW_NEEDS = ("name", "price", "currency")
# A change of one of these is kept as history.
HISTORY = ("price", "currency", "in_stock", "stock")
_BLANK: Mapping[str, Any] = {
    **dict.fromkeys(("category", "department", "brand", "url", "image_url"), ""),
    "in_stock": True,
    "stock": None,
    "is_active": True,
    "is_sensitive": False,
    "attributes": {},
}

Product = Mapping[str, Any]


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one row; `column` and `reason` say why it was rejected."""

    product_id: str
    outcome: Outcome
    reason: str = ""
    column: str = ""


@transaction.atomic
def save(rows: Sequence[ProductRow], *, now: datetime, import_id: int | None = None) -> list[Saved]:
    """Upsert by the shop's id, at most four statements; the results are in the order of the rows.

    Rows of one product are laid over each other in order. `import_id` keeps what stood there
    before, so that the import can be undone.
    """
    stored = locked({row.product_id for row in rows})
    wanted: dict[str, Product] = {}
    results = []
    for row in rows:
        old = wanted.get(row.product_id) or stored.get(row.product_id)
        saved, new = _judged(row, old=old)
        results.append(saved)
        if saved.outcome in (Outcome.CREATED, Outcome.UPDATED):
            wanted[row.product_id] = new
    # Rows of one product can lead back to where it stood.
    changed = {key: new for key, new in wanted.items() if new != stored.get(key)}
    ids = write(changed, now=now)
    _note_history(_with_another_price(changed, stored=stored), ids=ids, now=now)
    if import_id is not None:
        _keep_images(import_id, changed=changed, stored=stored, ids=ids)
    return results


def locked(product_ids: Iterable[str]) -> dict[str, Product]:
    """Return products by the shop's id, held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [list(product_ids)])
        found: dict[str, Product] = {}
        for product_id, *cells in cursor.fetchall():
            product = dict(zip((*COLUMNS, "attributes"), cells, strict=True))
            found[product_id] = {**product, "attributes": orjson.loads(product["attributes"])}
        return found


def write(changed: Mapping[str, Product], *, now: datetime) -> dict[str, int]:
    """Write whole products; return the keys of their rows."""
    if not changed:
        return {}
    ids = sorted(changed)
    columns = [[changed[key][name] for key in ids] for name in COLUMNS]
    attributes = [Jsonb(changed[key]["attributes"]) for key in ids]
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [now, ids, *columns, attributes])
        return dict(cursor.fetchall())


def note_price(product: Stored, *, now: datetime) -> None:
    """Note the price and stock of a product that somebody changed by hand."""
    told = {name: getattr(product, name) for name in HISTORY}
    ProductChange.objects.create(product=product, at=now, **told)


def put_back(
    changed: Mapping[str, Product], *, stored: Mapping[str, Product], now: datetime
) -> None:
    """Write products as an import found them; the way back is part of their history."""
    ids = write(changed, now=now)
    _note_history(_with_another_price(changed, stored=stored), ids=ids, now=now)


def flat(product: Product) -> dict[str, Any]:
    """Write a product as paths and plain values, as images of it are kept."""
    plain = {name: product[name] for name in COLUMNS}
    # Columns of money read alike, whether they come from a file or from the database.
    plain["price"] = f"{product['price']:.2f}"
    return {**plain, **images.flat(product["attributes"], prefix="attributes")}


def _judged(row: ProductRow, *, old: Product | None) -> tuple[Saved, Product]:
    missing = [name for name in _NEW_NEEDS if row.given.get(name) in (None, "")]
    if old is None and missing:
        why = "is missing: a product that is not in the catalogue yet needs it"
        return Saved(row.product_id, Outcome.REJECTED, reason=why, column=missing[0]), {}
    base = _BLANK if old is None else old
    attributes = {**base["attributes"], **row.given.get("attributes", {})}
    new = {**base, **row.given, "attributes": attributes}
    if old is None:
        return Saved(row.product_id, Outcome.CREATED), new
    outcome = Outcome.UNCHANGED if new == old else Outcome.UPDATED
    return Saved(row.product_id, outcome), new


def _with_another_price(
    changed: Mapping[str, Product], *, stored: Mapping[str, Product]
) -> dict[str, Product]:
    return {
        key: new
        for key, new in changed.items()
        if key not in stored or any(new[name] != stored[key][name] for name in HISTORY)
    }


def _note_history(changed: Mapping[str, Product], *, ids: Mapping[str, int], now: datetime) -> None:
    if not changed:
        return
    keys = sorted(changed)
    columns = [[changed[key][name] for key in keys] for name in HISTORY]
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES, [now, [ids[key] for key in keys], *columns])


def _keep_images(
    import_id: int,
    *,
    changed: Mapping[str, Product],
    stored: Mapping[str, Product],
    ids: Mapping[str, int],
) -> None:
    rows = []
    for key in sorted(changed):
        old = stored.get(key)
        image = images.taken(flat(old) if old else {}, flat(changed[key]))
        rows.append(
            ImportedRow(
                run_id=import_id,
                product_id=ids[key],
                is_new=old is None,
                before={"values": image.before, "absent": image.absent},
                after_hash=image.after_hash,
            )
        )
    ImportedRow.objects.bulk_create(rows)


_STORED = """
SELECT product_id, name, category, department, brand, price, currency, url, image_url, in_stock,
       stock, is_active, is_sensitive, attributes::text
FROM personalization_product WHERE product_id = ANY(%s) AND NOT is_stub ORDER BY id FOR UPDATE
"""
_UPSERT = """
INSERT INTO personalization_product
    (product_id, name, category, department, brand, price, currency, url, image_url, in_stock,
     stock, is_active, is_sensitive, attributes, updated_at)
SELECT *, %s FROM unnest(
    %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::numeric[], %s::text[],
    %s::text[], %s::text[], %s::boolean[], %s::integer[], %s::boolean[], %s::boolean[],
    %s::jsonb[])
ON CONFLICT (product_id) DO UPDATE SET
    name = EXCLUDED.name, category = EXCLUDED.category, department = EXCLUDED.department,
    brand = EXCLUDED.brand, price = EXCLUDED.price, currency = EXCLUDED.currency,
    url = EXCLUDED.url, image_url = EXCLUDED.image_url, in_stock = EXCLUDED.in_stock,
    stock = EXCLUDED.stock, is_active = EXCLUDED.is_active, is_stub = false,
    is_sensitive = EXCLUDED.is_sensitive, attributes = EXCLUDED.attributes,
    updated_at = EXCLUDED.updated_at
RETURNING product_id, id
"""
_CHANGES = """
INSERT INTO personalization_productchange (at, product_id, price, currency, in_stock, stock)
SELECT %s, * FROM unnest(%s::bigint[], %s::numeric[], %s::text[], %s::boolean[], %s::integer[])
"""
