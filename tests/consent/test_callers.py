"""Who calls while the database is away: who was let in a moment ago, and nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from consent import callers, keys
from consent.models import ApiKey
from tests.consent.people import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    callers.forget()
    yield
    callers.forget()


@contextmanager
def database_away() -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise OperationalError

    with connection.execute_wrapper(refuse):
        yield


def secret() -> str:
    return keys.make("Mailer", scopes=["decide"], actor=None, now=NOON).secret


def test_who_was_let_in_lately_is_let_in() -> None:
    mine, late = secret(), NOON + callers.TRUSTED
    known = callers.find(mine, now=NOON)

    with database_away():
        assert known is not None
        assert callers.find(mine, now=late) == known
        with pytest.raises(OperationalError):
            callers.find(mine, now=late + timedelta(seconds=1))


def test_a_stranger_is_not() -> None:
    mine = secret()

    with database_away(), pytest.raises(OperationalError):
        callers.find(mine, now=NOON)


def test_neither_is_who_was_refused_since() -> None:
    mine = secret()
    assert callers.find(mine, now=NOON) is not None
    ApiKey.objects.update(revoked_at=NOON)
    assert callers.find(mine, now=NOON) is None

    with database_away(), pytest.raises(OperationalError):
        callers.find(mine, now=NOON)
