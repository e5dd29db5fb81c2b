"""Take in what a shop says of its products and their stock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from personalization.importing import product_rows, product_store
from personalization.importing.product_store import Outcome, Saved
from personalization.importing.values import CellError
from personalization.models import Product, Source
from personalization.sources import objects
from personalization.sources.customers import OLDER
from personalization.sources.news import ProductNews, StockItem, StockNews
from personalization.sources.objects import Known

UNKNOWN_ITEM = "no product with this inventory item is known yet; products/update tells of it"
UNKNOWN_PRODUCT = "the product is not in the catalogue"


def take(news: ProductNews, *, source: Source, now: datetime) -> str:
    """Write a product unless something newer is known; return why nothing was done, or ''."""
    product_id = str(news.values.get("product_id") or "")
    known = objects.known(objects.PRODUCT, product_id, source=source)
    if known.is_newer_than(news.told_at):
        return OLDER
    if news.is_gone:
        return _retire(known, product_id=product_id, news=news, source=source, now=now)
    counts = {each.item: _count(each) for each in news.items}
    _save({**news.values, **_stock(counts)}, now=now)
    for each in news.items:
        item = objects.known(objects.ITEM, each.item, source=source)
        # What the product tells is the sum of all places: what one place told before is older.
        objects.remember(
            item, source=source, at=news.told_at, state={"product_id": product_id, "levels": {}}
        )
    objects.remember(known, source=source, at=news.told_at, state={"items": counts})
    return ""


def take_stock(news: StockNews, *, source: Source, now: datetime) -> str:
    """Write the stock of one item at one place, and what that makes of its product."""
    item = objects.known(objects.ITEM, news.item, source=source)
    product_id = item.state.get("product_id")
    if not product_id:
        return UNKNOWN_ITEM
    if item.is_newer_than(news.told_at):
        return OLDER
    levels = {**item.state["levels"], news.location: news.available}
    product = objects.known(objects.PRODUCT, product_id, source=source)
    counts = {**product.state.get("items", {})}
    is_counted = any(level is not None for level in levels.values())
    total = sum(level or 0 for level in levels.values()) if is_counted else None
    counts[news.item] = {**counts.get(news.item, {}), "quantity": total}
    _save({"product_id": product_id, **_stock(counts)}, now=now)
    objects.remember(item, source=source, at=news.told_at, state={**item.state, "levels": levels})
    objects.remember(
        product, source=source, at=product.told_at or news.told_at, state={"items": counts}
    )
    return ""


def _count(item: StockItem) -> dict[str, Any]:
    return {"quantity": item.quantity, "sells_without": item.sells_without}


def _stock(counts: Mapping[str, Mapping[str, Any]]) -> dict[str, object]:
    """Return the stock of a product, its items together; what nobody counts is always there."""
    if not counts:
        return {}
    quantities = [each.get("quantity") for each in counts.values()]
    is_counted = all(quantity is not None for quantity in quantities)
    is_endless = any(
        each.get("sells_without") or each.get("quantity") is None for each in counts.values()
    )
    total = sum(quantity or 0 for quantity in quantities)
    columns: dict[str, object] = {"in_stock": is_endless or total > 0}
    return {**columns, "stock": total} if is_counted else columns


def _retire(
    known: Known, *, product_id: str, news: ProductNews, source: Source, now: datetime
) -> str:
    """Take a product out of everything that is offered; what was bought keeps its name."""
    objects.remember(known, source=source, at=news.told_at)
    if not Product.objects.filter(product_id=product_id).exists():
        return UNKNOWN_PRODUCT
    _save({"product_id": product_id, "is_active": False}, now=now)
    return ""


def _save(values: Mapping[str, object], *, now: datetime) -> None:
    (saved,) = product_store.save([product_rows.read(values)], now=now)
    if saved.outcome == Outcome.REJECTED:
        raise CellError(saved.column, _reason(saved))


def _reason(saved: Saved) -> str:
    if saved.column != "currency":
        return saved.reason
    return "is missing: the shop does not send it, so the mapping of the source has to name one"
