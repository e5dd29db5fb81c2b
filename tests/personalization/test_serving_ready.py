"""The slots a process serves: read ahead, and again while the last ones are served."""

from datetime import timedelta
from threading import Thread

import pytest
from django.utils import timezone

from personalization.models import SendTimeSlot
from personalization.serving import ready
from tests.personalization.decision_support import slot

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("served_afresh"),
]


def add_another(first: SendTimeSlot) -> None:
    SendTimeSlot.objects.create(
        slug="second", name="Second", ruleset=first.ruleset, recommendation_count=0
    )


def test_a_new_process_has_read_its_slots_before_somebody_asks() -> None:
    first = slot()
    thread = Thread(target=ready.read_ahead)
    thread.start()
    thread.join()
    add_another(first)

    # Not read again so soon.
    assert list(ready.live(now=timezone.now())) == ["hero"]


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
