"""Which fields a source fills, for how many of its customers, and how old the values are."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from personalization.models import CustomerProfile, Field

# Beyond this many profiles a sample tells the same shares in a second.
LOOKED_AT = 100_000
STALE = timedelta(days=365)

_FILLED = """
WITH looked_at AS (
    SELECT profile.subject_id, filled.key, (filled.value ->> 'at')::timestamptz AS at
    FROM personalization_customerprofile AS profile {sample},
         jsonb_each(profile.origins) AS filled
    WHERE filled.value ->> 'source' = %(source)s
)
SELECT key, count(*), min(at), max(at), count(*) FILTER (WHERE at < %(stale)s),
       (SELECT count(DISTINCT subject_id) FROM looked_at)
FROM looked_at
GROUP BY key
ORDER BY count(*) DESC, key
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """A field a source gives: for how many of its customers it is there, and since when."""

    path: str
    label: str
    count: int
    people: int
    oldest: datetime
    newest: datetime
    stale_count: int

    @property
    def share(self) -> float:
        return 100 * self.count / self.people if self.people else 0.0

    @property
    def missing_count(self) -> int:
        return self.people - self.count

    @property
    def is_thin(self) -> bool:
        """Fewer than half have it: a rule on it leaves most people out."""
        return self.share < 50


@dataclass(frozen=True, slots=True)
class Fields:
    people: int
    filled: list[Filled]
    is_sample: bool


def of(slug: str, *, now: datetime) -> Fields:
    """Look at the profiles a source filled; three queries, at most about 100,000 profiles."""
    percent = _sample_percent()
    sample = f"TABLESAMPLE SYSTEM ({percent:.4f})" if percent < 100 else ""
    with connection.cursor() as cursor:
        cursor.execute(_FILLED.format(sample=sample), {"source": slug, "stale": now - STALE})
        rows = cursor.fetchall()
    labels = {field.path: field.label for field in Field.objects.all()} if rows else {}
    filled = [
        Filled(key, labels.get(key) or _sealed(key), count, people, oldest, newest, stale)
        for key, count, oldest, newest, stale, people in rows
    ]
    return Fields(people=filled[0].people if filled else 0, filled=filled, is_sample=percent < 100)


def _sealed(key: str) -> str:
    """Name a value that identifies, as a name or a street: the catalogue need not list it."""
    kind, _, name = key.partition(".")
    return name.replace("_", " ").capitalize() if kind == "personal" else key


def _sample_percent() -> float:
    """Estimate from the statistics of the table how much of it is enough."""
    with connection.cursor() as cursor:
        table = CustomerProfile._meta.db_table
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        rows: float = cursor.fetchone()[0]
    return 100 * LOOKED_AT / rows if rows > LOOKED_AT else 100
