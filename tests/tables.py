"""Put the test database back after a test that committed, so that no test minds what ran before.

Django's own way empties every table and saves the rows of migrations again one by one: half a
second a test, and only for tests that ask for it. Here only tables that differ are touched.
"""

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

KEPT = "kept_for_tests"
TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
      AND NOT relispartition AND relname <> 'django_migrations'
    ORDER BY relname
"""


def keep() -> None:
    """Copy what stands in the tables now: it is what every test begins with."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {KEPT}")
        for table in _true(cursor, {name: f"EXISTS (TABLE {name})" for name in _all(cursor)}):
            cursor.execute(f"CREATE TABLE {KEPT}.{table} AS TABLE public.{table}")


def restore() -> None:
    """Empty the tables that a test filled or changed, and put back what was kept."""
    with transaction.atomic(), connection.cursor() as cursor:
        kept = _kept(cursor)
        differs = {name: f"EXISTS (TABLE public.{name})" for name in _all(cursor)}
        differs |= {name: _changed(name) for name in kept}
        if changed := _true(cursor, differs):
            cursor.execute(f"TRUNCATE {', '.join(changed)} CASCADE")
            for table in kept:
                cursor.execute(
                    f"INSERT INTO public.{table} TABLE {KEPT}.{table} ON CONFLICT DO NOTHING"
                )


def _changed(table: str) -> str:
    now, then = f"public.{table}", f"{KEPT}.{table}"
    return f"EXISTS (TABLE {now} EXCEPT TABLE {then}) OR EXISTS (TABLE {then} EXCEPT TABLE {now})"


def _all(cursor: CursorWrapper) -> list[str]:
    cursor.execute(TABLES)
    return [name for (name,) in cursor.fetchall()]


def _kept(cursor: CursorWrapper) -> list[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [KEPT])
    return [name for (name,) in cursor.fetchall()]


def _true(cursor: CursorWrapper, conditions: dict[str, str]) -> list[str]:
    """Return the names whose condition holds; one statement for all of them."""
    cursor.execute(
        " UNION ALL ".join(f"SELECT '{name}' WHERE {sql}" for name, sql in conditions.items())
    )
    return [name for (name,) in cursor.fetchall()]
