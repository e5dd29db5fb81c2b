"""Statements that are asked many times a second: planned once a connection, then only run.

To plan a statement takes longer than to read one person's rows: of the server's time a quarter is
left. The driver's cursors would take half as long again as the rest of the way to the server, so
kept statements go by its lower level (docs/benchmarks.md).
"""

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import OperationalError, connections
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import execute
from psycopg.pq.abc import PGresult

Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]

# Up to so many people a statement is asked as it was planned: a batch of a hundred then takes the
# server a quarter less. For more, planning for just those costs nothing beside reading them.
FEW = 100

_MARK = re.compile(r"%(?:\((?P<name>[^)]+)\))?s|%%")
_IDLE = pq.TransactionStatus.IDLE
_GOOD = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class _Kept:
    """A statement as one connection keeps it: under a name for each combination of types."""

    def __init__(self, sql: str, connection: "psycopg.Connection[Any]", *, number: int) -> None:
        self._connection = connection
        self._transformer = Transformer(connection)
        self._number = number
        self._names: dict[tuple[int, ...], bytes] = {}
        # Which parameter stands at $1, $2 and so on; a name may stand at several places.
        self._order: list[str] = []
        self._marks = 0
        self._text = _MARK.sub(self._placed, sql).encode()
        self._formats = [PyFormat.AUTO] * self._marks

    def run(self, parameters: Parameters) -> list[Row]:
        transformer, server = self._transformer, self._connection.pgconn
        if server.transaction_status == _IDLE and not self._connection.autocommit:
            # The driver begins a transaction with the first statement of a cursor.
            self._connection.execute("")
        values = transformer.dump_sequence(self._in_order(parameters), self._formats)
        types = transformer.types or ()
        name = self._names.get(types) or self._prepared(types)
        server.send_query_prepared(name, values, transformer.formats)
        result = self._answer()
        transformer.set_pgresult(result)
        found = transformer.load_rows(0, result.ntuples, tuple)
        # Nothing of a person stays behind.
        transformer.set_pgresult(None)
        return found

    def _in_order(self, parameters: Parameters) -> Sequence[Any]:
        if isinstance(parameters, Mapping):
            return [parameters[name] for name in self._order]
        return parameters

    def _prepared(self, types: tuple[int, ...]) -> bytes:
        name = f"attune_{self._number}_{len(self._names)}".encode()
        self._connection.pgconn.send_prepare(name, self._text, types)
        self._answer()
        self._names[types] = name
        return name

    def _answer(self) -> PGresult:
        result: PGresult = self._connection.wait(execute(self._connection.pgconn))[-1]
        if result.status not in _GOOD:
            raise error_from_result(result)
        return result

    def _placed(self, mark: "re.Match[str]") -> str:
        name = mark["name"]
        if mark[0] == "%%":
            return "%"
        if name is None:
            self._marks += 1
            return f"${self._marks}"
        if name not in self._order:
            self._order.append(name)
            self._marks += 1
        return f"${self._order.index(name) + 1}"


class _Mine(threading.local):
    """What this thread's connection keeps."""

    connection: "psycopg.Connection[Any] | None" = None
    kept: dict[str, _Kept]


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
        found = _kept(sql, connection=connection).run(parameters)
    # It answered: Django need not ask for a sign of life in this request.
    connection.health_check_done = True
    return found


def _planned_now(sql: str, parameters: Parameters, *, connection: Any) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[Row] = cursor.fetchall()
    return found


def _kept(sql: str, *, connection: Any) -> _Kept:
    if connection.connection is None:
        connection.ensure_connection()
    if _mine.connection is not connection.connection:
        connection.validate_thread_sharing()
        _mine.connection, _mine.kept = connection.connection, {}
    kept = _mine.kept.get(sql)
    if kept is None:
        number = len(_mine.kept)
        kept = _mine.kept[sql] = _Kept(sql, connection.connection, number=number)
    return kept


def _is_lost(connection: Any) -> bool:
    return connection.connection is None or bool(connection.connection.closed)
