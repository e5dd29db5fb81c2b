"""Statements that are asked many times a second: planned once a connection, then only run.

To plan a statement takes longer than to read one person's rows: of the server's time a quarter is
left (docs/benchmarks.md).
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import OperationalError, connections

Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]

# Up to so many people a statement is asked as it was planned; for more, planning for just those
# costs nothing beside reading them.
FEW = 20


class _Mine(threading.local):
    """The cursor of this thread's connection: making one takes longer than using it."""

    cursor: psycopg.Cursor[Row] | None = None


_mine = _Mine()


def rows(sql: str, parameters: Parameters, *, people: int = 1) -> list[Row]:
    """Return what a statement that only reads finds about so many people.

    Where the server left the connection since the last request, it is asked once more on another.
    """
    connection: Any = connections["default"]
    if people > FEW:
        return _planned_now(sql, parameters, connection=connection)
    is_first = not connection.health_check_done
    try:
        return _run(sql, parameters, connection=connection)
    except OperationalError:
        if connection.in_atomic_block or not is_first or not _is_lost(connection):
            raise
        connection.close()
        return _run(sql, parameters, connection=connection)


def run(sql: str, parameters: Parameters) -> list[Row]:
    """Run a statement that writes, or that must not be run twice; return its rows."""
    return _run(sql, parameters, connection=connections["default"])


# The stubs do not know of all that Django's connections have.
def _run(sql: str, parameters: Parameters, *, connection: Any) -> list[Row]:
    if connection.queries_logged or connection.execute_wrappers:
        # Whoever looks on sees the values in the text, as of every other statement.
        return _planned_now(sql, parameters, connection=connection)
    with connection.wrap_database_errors:
        cursor = _cursor(connection)
        cursor.execute(sql, parameters, prepare=True)
        found = cursor.fetchall()
    # It answered: Django need not ask for a sign of life in this request.
    connection.health_check_done = True
    return found


def _planned_now(sql: str, parameters: Parameters, *, connection: Any) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[Row] = cursor.fetchall()
    return found


def _cursor(connection: Any) -> psycopg.Cursor[Row]:
    """Return this thread's cursor; statements go with their parameters apart, so they are kept."""
    if connection.connection is None:
        connection.ensure_connection()
    cursor = _mine.cursor
    if cursor is None or cursor.connection is not connection.connection:
        connection.validate_thread_sharing()
        cursor = _mine.cursor = psycopg.Cursor(connection.connection)
    return cursor


def _is_lost(connection: Any) -> bool:
    return connection.connection is None or bool(connection.connection.closed)
