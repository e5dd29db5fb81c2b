"""The people a segment can hold, all of them or a stable random sample, as SQL over `p`."""

from django.db import connection

PEOPLE = "personalization_customerprofile p"
# Few are gone, so an index that holds only them makes this check nearly free.
LIVING = """NOT EXISTS (SELECT 1 FROM consent_datasubject gone WHERE gone.id = p.subject_id
    AND (gone.erased_at IS NOT NULL OR gone.merged_into_id IS NOT NULL))"""
# The order of a hash is random, yet the same for ever: who is in the sample stays in it.
_SAMPLE = f"""
SELECT p.subject_id FROM {PEOPLE} WHERE {LIVING}
ORDER BY hashint8extended(p.subject_id, 0) LIMIT %s
"""


def sample(size: int) -> list[int]:
    """Return the ids of at most `size` people, the same ones as long as they live."""
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLE, [size])
        return [row[0] for row in cursor.fetchall()]


def total() -> int:
    """Return how many people there are."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {PEOPLE} WHERE {LIVING}")
        count: int = cursor.fetchone()[0]
    return count
