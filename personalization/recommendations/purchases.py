"""Read purchase lines straight into columns: binary COPY, no Python object a row."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import connection

from personalization.recommendations.neighbours import IntArray

WINDOW = timedelta(days=365)

# Only lines of people who allow profiling: a model is computed from persons, too.
_LINES = """
COPY (
    SELECT i.event_id, i.profile_id, i.product_id,
           floor(extract(epoch FROM %(now)s - i.occurred_at) / 86400)::bigint
    FROM personalization_eventitem i
    JOIN consent_consentstate s ON s.subject_id = i.profile_id AND s.purpose_id = 'profiling'
    WHERE i.name = 'Order Completed' AND i.quantity > 0
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
    """One entry a line: order, person, product key, age in whole days."""

    orders: IntArray
    people: IntArray
    products: IntArray
    days: IntArray


def read(*, now: datetime) -> Purchases:
    with (
        connection.cursor() as cursor,
        cursor.copy(_LINES, {"now": now, "since": now - WINDOW}) as copy,
    ):
        raw = b"".join(copy)
    size = len(raw) - _HEADER_BYTES - _END_BYTES
    rows = np.frombuffer(raw, dtype=_ROW, offset=_HEADER_BYTES, count=size // _ROW.itemsize)
    columns = [rows[f"value{n}"].astype(np.int64) for n in range(4)]
    return Purchases(*columns)
