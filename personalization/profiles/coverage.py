"""What is really there of the field catalogue: how filled, how old, and what nobody registered."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max, Sum

from personalization.models import Field, SeenProperty

# Of the customers seen last: a share of a million rows would take longer than a page may.
SAMPLE = 5_000
UNKNOWN_SHOWN = 50
_REGISTRABLE = re.compile(r"[A-Za-z0-9_-]{1,60}")

# A sealed value is told by its origin alone. Half of the values are younger than the age shown.
_FILLED = """
WITH sample AS MATERIALIZED (
    SELECT attributes, traits, traits_at, origins
    FROM personalization_customerprofile ORDER BY last_seen_at DESC LIMIT %(size)s
), kept AS (
    SELECT 'attributes.' || given.key AS path,
           (origins #>> ARRAY['attributes.' || given.key, 'at'])::timestamptz AS at
    FROM sample, jsonb_each(attributes) AS given
    WHERE jsonb_typeof(given.value) <> 'null'
    UNION ALL
    SELECT 'attributes.' || substr(sealed.key, 10), (sealed.value->>'at')::timestamptz
    FROM sample, jsonb_each(origins) AS sealed WHERE sealed.key LIKE 'personal.%%'
    UNION ALL
    SELECT 'traits.' || derived.key, traits_at FROM sample, jsonb_each(traits) AS derived
)
SELECT path, count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY at DESC),
       (SELECT count(*) FROM sample)
FROM kept GROUP BY path
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """Of how many of the customers looked at a field has a value; `age` is the middle one's."""

    share: float
    age: timedelta | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """An attribute that sources send and nobody registered: it is not kept."""

    name: str
    types: Sequence[str]
    sources: Sequence[str]
    count: int
    last_seen_at: datetime

    @property
    def is_registrable(self) -> bool:
        return _REGISTRABLE.fullmatch(self.name) is not None

    @property
    def label(self) -> str:
        return self.name.replace("_", " ").replace("-", " ").capitalize()

    @property
    def type(self) -> str:
        """Return the type to propose; different ones are all text."""
        known = {*Field.Type.values} & {*self.types}
        return known.pop() if len(self.types) == len(known) == 1 else Field.Type.TEXT.value


def filled(*, now: datetime) -> dict[str, Filled]:
    """Return what is there by path (one query)."""
    with connection.cursor() as cursor:
        cursor.execute(_FILLED, {"size": SAMPLE})
        return {
            path: Filled(share=count / size, age=now - at if at else None)
            for path, count, at, size in cursor.fetchall()
        }


def unknown() -> list[Unknown]:
    """Return the unregistered attributes, those seen most first (two queries)."""
    registered = Field.objects.filter(kind=Field.Kind.ATTRIBUTE).values("name")
    rows = SeenProperty.objects.filter(event="", is_kept=False).exclude(name__in=registered)
    totals = (
        rows.order_by()
        .values("name")
        .annotate(total=Sum("count"), latest=Max("last_seen_at"))
        .order_by("-total", "name")[:UNKNOWN_SHOWN]
    )
    shown = {row["name"]: row for row in totals}
    types: dict[str, set[str]] = {name: set() for name in shown}
    sources: dict[str, set[str]] = {name: set() for name in shown}
    for name, type_, source in rows.filter(name__in=shown).values_list(
        "name", "type", "source__name"
    ):
        types[name].add(type_)
        sources[name].add(source)
    return [
        Unknown(
            name=name,
            types=sorted(types[name]),
            sources=sorted(sources[name]),
            count=row["total"],
            last_seen_at=row["latest"],
        )
        for name, row in shown.items()
    ]
