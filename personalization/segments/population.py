"""The people a segment can hold, all of them or a stable random sample, as SQL over `p`."""

from dataclasses import dataclass

from django.core.cache import cache
from django.db import connection

from personalization.conditions.sql_people import BOUNDS, HASH, Among

PEOPLE = "personalization_customerprofile p"
# Few are gone, so an index that holds only them makes this check nearly free.
LIVING = """NOT EXISTS (SELECT 1 FROM consent_datasubject gone WHERE gone.id = p.subject_id
    AND (gone.erased_at IS NOT NULL OR gone.merged_into_id IS NOT NULL))"""
# The order of a hash is random, yet the same for ever: who is in the sample stays in it.
_SAMPLE = f"""
SELECT p.subject_id FROM {PEOPLE} WHERE {LIVING} AND {HASH.format(column="p.subject_id")} < %s
ORDER BY {HASH.format(column="p.subject_id")} LIMIT %s
"""
_NO_BOUND = 2**63 - 1
_MANY = 100_000
_KEPT_SECONDS = 300
_TOTAL = "attune:people"


@dataclass(frozen=True, slots=True)
class Sample:
    """Some people out of `total`."""

    among: Among
    total: int

    @property
    def size(self) -> int:
        return len(self.among.ids)

    @property
    def is_whole(self) -> bool:
        return self.size == self.total


def sample(size: int, *, by_look_up: int | None = None) -> Sample:
    """Return about `size` people, the same ones as long as they live.

    They are a part of everybody whose events have an index of their own. Where each such part
    holds fewer than `by_look_up` people, it is so many, and their events are looked up.
    """
    everybody = total()
    at_least = size if by_look_up is None else by_look_up
    for share, bound in BOUNDS.items():
        if at_least <= everybody / share <= 2 * size:
            return Sample(Among(_first(2 * size, below=bound), below=bound), everybody)
    ids = _first(at_least, below=_NO_BOUND)
    return Sample(Among(ids), everybody if len(ids) == at_least else len(ids))


def _first(size: int, *, below: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLE, [below, size])
        return [row[0] for row in cursor.fetchall()]


def total() -> int:
    """Return how many people there are; of many it may be the number of some minutes ago."""
    known: int | None = cache.get(_TOTAL)
    if known is not None:
        return known
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {PEOPLE} WHERE {LIVING}")
        count: int = cursor.fetchone()[0]
    if count > _MANY:
        cache.set(_TOTAL, count, timeout=_KEPT_SECONDS)
    return count
