"""How the price and stock of a product went: a line of steps, and the changes below it."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from consent.admin.look import chip, quiet, when
from personalization.models import Product, ProductChange

SHOWN = 30
WIDTH, HEIGHT = 600, 90
_EDGE = 6


def shown(product: Product) -> SafeString:
    """Return the last changes (one query), oldest left in the line, newest first in the table."""
    changes = list(ProductChange.objects.filter(product=product.pk)[:SHOWN])
    if not changes:
        return quiet("No change of price or stock noted yet.")
    rows = format_html_join(
        "",
        "<tr><td>{}</td><td>{} {}</td><td>{}</td></tr>",
        (
            (when(change.at), f"{change.price:,.2f}", change.currency, _stock(change))
            for change in changes
        ),
    )
    return format_html(
        '<div class="at">{}<table class="at-history-table"><thead><tr><th scope="col">From</th>'
        '<th scope="col">Price</th><th scope="col">Stock</th></tr></thead><tbody>{}</tbody>'
        "</table></div>",
        _line(list(reversed(changes))),
        rows,
    )


def steps(
    changes: Sequence[ProductChange], *, width: int = WIDTH, height: int = HEIGHT
) -> list[tuple[float, float]]:
    """Return the corners of a line that holds each price until the next one."""
    prices = [float(change.price) for change in changes]
    low, high = min(prices), max(prices)
    times = [change.at for change in changes]
    corners: list[tuple[float, float]] = []
    for at, price in zip(times, prices, strict=True):
        x = _EDGE + _share(at, times=times) * (width - 2 * _EDGE)
        share = (price - low) / (high - low) if high > low else 0.5
        y = height - _EDGE - share * (height - 2 * _EDGE)
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    return [*corners, (float(width), corners[-1][1])]


def _share(at: datetime, *, times: Sequence[datetime]) -> float:
    whole = (times[-1] - times[0]).total_seconds()
    return (at - times[0]).total_seconds() / whole if whole else 0.0


def _line(changes: Sequence[ProductChange]) -> SafeString:
    # One price in two currencies is no line.
    if len(changes) < 2 or len({change.currency for change in changes}) > 1:
        return SafeString()
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in steps(changes))
    first, last = changes[0], changes[-1]
    words = f"Price from {first.price} to {last.price} {last.currency}"
    return format_html(
        '<svg class="at-price-line" viewBox="0 0 {0} {1}" preserveAspectRatio="none" role="img" '
        'aria-label="{2}"><title>{2}</title><polyline points="{3}" fill="none" '
        'stroke="currentColor" stroke-width="2" vector-effect="non-scaling-stroke"/></svg>',
        WIDTH,
        HEIGHT,
        words,
        points,
    )


def _stock(change: ProductChange) -> SafeString:
    if not change.in_stock:
        return chip("Sold out", tone="bad")
    return chip("In stock" if change.stock is None else f"{change.stock:,}", tone="good")
