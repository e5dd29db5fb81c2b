"""The slots a process serves: rehearsed, and read again while the last ones are served."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from personalization.models import Exposure, Receipt, SendTimeSlot
from personalization.serving import ready, rehearsal
from tests.personalization.decision_support import get, key, people, slot

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("served_afresh"),
]


def add_another(first: SendTimeSlot) -> None:
    SendTimeSlot.objects.create(
        slug="second", name="Second", ruleset=first.ruleset, recommendation_count=0
    )


def as_a_process_begins() -> None:
    rehearsal.rehearse()
    connection.close()


def plans() -> set[str]:
    """What the server keeps for this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements")
        return {name for (name,) in cursor.fetchall()}


def test_a_new_process_has_read_its_slots_before_somebody_asks() -> None:
    first = slot()
    thread = Thread(target=as_a_process_begins)
    thread.start()
    thread.join()
    add_another(first)

    # Not read again so soon.
    assert list(ready.live(now=timezone.now())) == ["hero"]


def test_who_asks_first_finds_the_plans_made() -> None:
    people()
    slot(recommendation_count=2)
    secret = key()

    rehearsal.rehearse()

    rehearsed = plans()
    assert len(rehearsed) >= 10
    answer = get(secret=secret, external_id="C1", message="spring")
    assert answer.json()["fallback"] is False
    # Whose key it is.
    assert len(plans() - rehearsed) == 1, plans() - rehearsed


def test_nothing_is_left_of_a_rehearsal() -> None:
    slot(recommendation_count=2)

    rehearsal.rehearse()

    assert not Receipt.objects.exists()
    assert not Exposure.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone()[0] == "0"


def test_without_a_database_a_process_begins_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("no server")

    monkeypatch.setattr(ready, "_read", refuse)

    rehearsal.rehearse()


def test_while_one_thread_reads_again_the_others_serve_the_last_ones() -> None:
    first = slot()
    now = timezone.now()
    assert list(ready.live(now=now)) == ["hero"]
    add_another(first)
    later = now + 2 * ready.MAX_AGE

    with ready._served.lock:
        found: list[str] = []
        other = Thread(target=lambda: found.extend(ready.live(now=later)))
        other.start()
        other.join(timeout=60)
        assert not other.is_alive()
        assert found == ["hero"]

    assert list(ready.live(now=later + timedelta(seconds=1))) == ["hero", "second"]
