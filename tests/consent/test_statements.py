"""Kept statements: planned once, with Django's errors; a lost connection is replaced."""

from typing import Any

import pytest
from django.db import DataError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from consent import statements
from consent.models import Purpose

ADD = "SELECT %s::integer + 1"
KEPT = "SELECT count(*) FROM pg_prepared_statements WHERE statement = %s"
WRITE = """
INSERT INTO consent_purpose (code, name, description, basis, is_explicit, notice_version,
    retention_days) VALUES (%s, '', '', 'consent', false, '1', 1) RETURNING code
"""
OTHERS_PID = "SELECT pg_backend_pid()"


def kept(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(KEPT, [statement])
        count: int = cursor.fetchone()[0]
    return count


def lose_connection() -> int:
    """Let the server end the connection, as a restart does, before the next request begins."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERS_PID)
        pid: int = cursor.fetchone()[0]
    with connection.copy().cursor() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.db.close()
    # As Django does when a request begins.
    request_begins: Any = connection
    request_begins.health_check_done = False
    return pid


@pytest.mark.django_db
def test_the_server_plans_a_statement_once() -> None:
    found = [statements.rows(ADD, [number]) for number in (1, 2, 3)]

    assert found == [[(2,)], [(3,)], [(4,)]]
    assert kept("SELECT $1::integer + 1") == 1


@pytest.mark.django_db
def test_for_many_people_it_is_planned_for_just_those() -> None:
    people = statements.FEW + 1

    assert statements.rows("SELECT %s::integer + 2", [1], people=people) == [(3,)]
    assert kept("SELECT $1::integer + 2") == 0


@pytest.mark.django_db
def test_statements_are_counted_where_somebody_counts() -> None:
    with CaptureQueriesContext(connection) as captured:
        statements.rows(ADD, [41])

    assert [query["sql"] for query in captured] == ["SELECT 41::integer + 1"]


@pytest.mark.django_db
def test_errors_are_those_of_django() -> None:
    with pytest.raises(DataError), transaction.atomic():
        statements.rows("SELECT 1 / %s::integer", [0])


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_connection_that_the_server_left_is_replaced() -> None:
    lost = lose_connection()

    [(pid,)] = statements.rows(OTHERS_PID, [])

    assert pid != lost


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_first_statement_of_a_transaction_is_taken_back_with_it() -> None:
    with transaction.atomic():
        assert statements.run(WRITE, ["a_mark"]) == [("a_mark",)]
        transaction.set_rollback(True)

    assert not Purpose.objects.filter(code="a_mark").exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_what_writes_is_never_run_twice() -> None:
    lose_connection()

    with pytest.raises(OperationalError):
        statements.run(ADD, [1])

    connection.close()
