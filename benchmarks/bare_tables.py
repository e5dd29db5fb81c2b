"""Fill tables fast: without their indexes and foreign keys, which are made at the end, at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection

# Foreign keys first, so that the keys they lean on can go; made again in the other order.
_CONSTRAINTS = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', owner.oid::regclass, conname),
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', owner.oid::regclass, conname,
              pg_get_constraintdef(c.oid))
FROM pg_constraint c JOIN pg_class owner ON owner.oid = c.conrelid
WHERE contype IN ('f', 'p', 'u') AND conparentid = 0
    AND (owner.relname = ANY(%(tables)s) OR confrelid = ANY(%(tables)s::regclass[]::oid[]))
ORDER BY contype = 'f' DESC, conname
"""
_INDEXES = """
SELECT format('DROP INDEX %%s', indexrelid::regclass),
       replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
FROM pg_index JOIN pg_class owner ON owner.oid = indrelid
WHERE owner.relname = ANY(%(tables)s)
    AND NOT EXISTS (SELECT 1 FROM pg_constraint
                    WHERE conindid = indexrelid AND contype IN ('p', 'u'))
ORDER BY indexrelid
"""


@contextmanager
def bare(tables: Sequence[str]) -> Iterator[None]:
    """Take indexes and keys away for the time of the block; a fault inside leaves them away."""
    with connection.cursor() as cursor:
        cursor.execute(_CONSTRAINTS, {"tables": list(tables)})
        constraints = cursor.fetchall()
        cursor.execute(_INDEXES, {"tables": list(tables)})
        indexes = cursor.fetchall()
        for drop, _ in [*constraints, *indexes]:
            cursor.execute(drop)
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _, create in [*indexes, *reversed(constraints)]:
            cursor.execute(create)
        cursor.execute("RESET maintenance_work_mem")
