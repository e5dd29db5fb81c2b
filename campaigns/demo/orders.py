"""Purchases as Order Completed events, grouped by column arithmetic, not row by row."""

from collections.abc import Iterator

import numpy as np

from campaigns.demo.rows import CURRENCY, Row, external_id, iso
from campaigns.demo.source import Lines, Products


def batches(lines: Lines, *, goods: Products, batch_size: int) -> Iterator[list[Row]]:
    """Orders by time, `batch_size` at once; lines of one basket are neighbours already."""
    starts = np.flatnonzero(np.diff(lines.basket, prepend=-1))
    bounds = np.append(starts, len(lines.basket))
    product_ids = np.array([str(number) for number in goods.ids.tolist()], dtype=object)
    for first in range(0, len(starts), batch_size):
        part = bounds[first : first + batch_size + 1]
        yield _orders(lines.where(np.arange(part[0], part[-1])), part - part[0], product_ids)


def _orders(lines: Lines, bounds: np.ndarray, product_ids: np.ndarray) -> list[Row]:
    names = product_ids[lines.product].tolist()
    prices = (np.rint(lines.cents / lines.quantity) / 100).tolist()
    items = [
        {"product_id": name, "quantity": quantity, "price": price}
        for name, quantity, price in zip(names, lines.quantity.tolist(), prices, strict=True)
    ]
    starts, edges = bounds[:-1], bounds.tolist()
    columns = zip(
        lines.basket[starts].tolist(),
        lines.household[starts].tolist(),
        iso(lines.at[starts]),
        (np.add.reduceat(lines.cents, starts) / 100).tolist(),
        edges[:-1],
        edges[1:],
        strict=True,
    )
    return [
        {
            "message_id": f"order-{basket}",
            "type": "track",
            "event": "Order Completed",
            "external_id": external_id(household),
            "timestamp": at,
            "properties": {
                "order_id": str(basket),
                "total": total,
                "currency": CURRENCY,
                "products": items[start:end],
            },
        }
        for basket, household, at, total, start, end in columns
    ]
