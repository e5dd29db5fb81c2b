"""Read lines of events straight into columns: binary COPY, no Python object a row."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import connection

from personalization.recommendations.neighbours import IntArray

WINDOW = timedelta(days=365)
VIEWS_WINDOW = timedelta(days=90)
# A pause this long ends a visit.
VISIT_PAUSE_SECONDS = 30 * 60
_DAY = 86_400

# Only lines of people who allow profiling: a model is computed from persons, too.
_LINES = """
COPY (
    SELECT i.event_id, i.profile_id, i.product_id,
           floor(extract(epoch FROM %(now)s - i.occurred_at))::bigint
    FROM personalization_eventitem i
    JOIN consent_consentstate s ON s.subject_id = i.profile_id AND s.purpose_id = 'profiling'
    WHERE i.name = %(name)s AND i.quantity > 0
      AND i.occurred_at > %(since)s AND i.occurred_at <= %(now)s
      AND s.is_granted AND (s.expires_at IS NULL OR s.expires_at > %(now)s)
) TO STDOUT (FORMAT binary)
"""
# PostgreSQL's binary COPY: a header, rows of four 8-byte fields each behind its length, an end.
_HEADER_BYTES, _END_BYTES = 19, 2
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(
            (f"{kind}{n}", f">i{size}")
            for n in range(4)
            for kind, size in (("length", 4), ("value", 8))
        ),
    ]
)


@dataclass(frozen=True, slots=True)
class Purchases:
    """One entry a line: order (or visit), person, product key, age in seconds."""

    orders: IntArray
    people: IntArray
    products: IntArray
    seconds: IntArray

    @property
    def days(self) -> IntArray:
        return self.seconds // _DAY


def read(*, now: datetime) -> Purchases:
    """Return the lines of the last year's orders."""
    return _read("Order Completed", now=now, window=WINDOW)


def read_views(*, now: datetime) -> Purchases:
    """Return what was viewed in the last 90 days; `orders` are visits."""
    found = _read("Product Viewed", now=now, window=VIEWS_WINDOW)
    order = np.lexsort((-found.seconds, found.people))
    people, seconds = found.people[order], found.seconds[order]
    begins = np.ones(len(order), dtype=np.bool_)
    pauses = seconds[:-1] - seconds[1:]
    begins[1:] = (people[1:] != people[:-1]) | (pauses > VISIT_PAUSE_SECONDS)
    visits = np.cumsum(begins).astype(np.int64)
    return Purchases(visits, people, found.products[order], seconds)


def _read(name: str, *, now: datetime, window: timedelta) -> Purchases:
    with (
        connection.cursor() as cursor,
        cursor.copy(_LINES, {"now": now, "since": now - window, "name": name}) as copy,
    ):
        raw = b"".join(copy)
    size = len(raw) - _HEADER_BYTES - _END_BYTES
    rows = np.frombuffer(raw, dtype=_ROW, offset=_HEADER_BYTES, count=size // _ROW.itemsize)
    columns = [rows[f"value{n}"].astype(np.int64) for n in range(4)]
    return Purchases(*columns)
