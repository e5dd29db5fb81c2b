"""Undo what an import did to the catalogue."""

from collections.abc import Collection
from datetime import datetime
from functools import partial

from django.db import connection

from consent.jobs import Progress
from personalization.importing import images, imported, product_store
from personalization.importing.images import Image
from personalization.importing.imported import Figures
from personalization.importing.product_rows import COLUMNS
from personalization.importing.product_store import Product
from personalization.importing.values import price
from personalization.models import ImportedRow, ImportRun
from personalization.models import Product as Stored

CHANGED_SINCE = "was changed since the import and stays as it is"
_MENTIONED = """
SELECT DISTINCT product_id FROM personalization_eventitem WHERE product_id = ANY(%s)
"""


def undo(run: ImportRun, *, progress: Progress, now: datetime) -> Figures:
    """Put changed products back and take new ones out.

    A new product that an event names by now is switched off instead: the event keeps its line.
    """
    return imported.undo_all(
        run, undo=partial(_undo, progress=progress, now=now), progress=progress
    )


def _undo(rows: list[ImportedRow], *, progress: Progress, now: datetime) -> dict[str, int]:
    names = dict(
        Stored.objects.filter(pk__in={row.product_id for row in rows}).values_list(
            "pk", "product_id"
        )
    )
    stored = product_store.locked(names.values())
    wanted = dict(stored)
    removed: set[str] = set()
    left = 0
    for row in rows:
        name = names.get(row.product_id or 0, "")
        if name not in wanted:
            continue  # somebody deleted it: nothing is left to undo
        image = _image(row)
        flat = product_store.flat(wanted[name])
        if not images.is_as_left(flat, image) or (row.is_new and {*flat} != {*image.names}):
            left += 1
            progress.reject(reason=CHANGED_SINCE, column=f"product {name}"[:100])
        elif row.is_new:
            removed.add(name)
        else:
            wanted[name] = _whole(images.put_back(flat, image))
    switched_off = _switched_off(removed, names=names)
    for name in switched_off:
        wanted[name] = {**wanted[name], "is_active": False}
    changed = {name: new for name, new in wanted.items() if new != stored[name]}
    gone = removed - switched_off
    product_store.put_back(
        {name: new for name, new in changed.items() if name not in gone}, stored=stored, now=now
    )
    Stored.objects.filter(product_id__in=gone).delete()
    put_back = len(changed.keys() - removed)
    return {
        "put_back": put_back,
        "removed": len(gone),
        "switched_off": len(switched_off),
        "left": left,
    }


def _image(row: ImportedRow) -> Image:
    return Image(
        before=row.before["values"], absent=tuple(row.before["absent"]), after_hash=row.after_hash
    )


def _whole(flat: images.Values) -> Product:
    """Return the product that `product_store.flat` wrote as paths."""
    plain = {name: flat[name] for name in COLUMNS}
    plain["price"] = price(flat["price"], column="price")
    return {**plain, "attributes": images.parts(flat, prefix="attributes")}


def _switched_off(removed: Collection[str], *, names: dict[int, str]) -> set[str]:
    """Return those of the products to remove that an event names."""
    keys = [key for key, name in names.items() if name in removed]
    if not keys:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_MENTIONED, [keys])
        return {names[row[0]] for row in cursor.fetchall()}
