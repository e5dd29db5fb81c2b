"""Read one product, from a file, the API or a shop: typed columns, the shop's own ones beside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from personalization.importing import values
from personalization.importing.values import CellError

EXTRA_COLUMNS = 50
_KEY_LIMIT = 60
_VALUE_LIMIT = 1000

_Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ProductRow:
    """What a source says of a product: columns by name, `attributes` for the shop's own ones.

    A column that is not given stays as it is stored.
    """

    product_id: str
    given: Mapping[str, Any]


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
    "stock": lambda value: values.whole(value, column="stock"),
    "is_active": lambda value: values.flag(value, column="is_active"),
    "is_sensitive": lambda value: values.flag(value, column="is_sensitive"),
}
COLUMNS = tuple(_READERS)


def read(given: Mapping[str, Any]) -> ProductRow:
    """Return the product of a row, or raise the CellError of its first bad column.

    A column we do not know is kept among the product's attributes. A stock without a word on
    whether the product can be had says that, too.
    """
    why = "the shop's own id finds the product again"
    product_id = values.required(given.get("product_id"), column="product_id", limit=100, why=why)
    found: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for column, value in given.items():
        if column == "product_id" or values.is_missing(value):
            continue
        reader = _READERS.get(column)
        if reader:
            found[column] = reader(value)
        else:
            extra[column] = _extra(value, column=column)
    if len(extra) > EXTRA_COLUMNS:
        raise CellError("", f"has more than {EXTRA_COLUMNS} columns of its own")
    if "stock" in found:
        found.setdefault("in_stock", found["stock"] > 0)
    return ProductRow(product_id=product_id, given={**found, "attributes": extra})


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
