"""Out of quarantine: mended and replayed under the same id, or discarded; nothing counts twice."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from consent.models import AuditEntry
from personalization.ingest import accept, apply, inbox, replay
from personalization.ingest.body import Parsed
from personalization.ingest.dialects import message
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.incoming import Incoming
from personalization.models import Event, InboxEvent, Source
from tests.campaigns.factories import person

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
VIEW = {
    "type": "track",
    "event": "Product Viewed",
    "userId": "C1",
    "messageId": "m-1",
    "timestamp": "2026-11-23T11:00:00Z",
    "properties": {"product_id": "b-1", "total": 9.5},
}


@pytest.fixture
def web() -> Source:
    return Source.objects.create(slug="web", name="Web", kind="collector", id_space="shop")


@pytest.fixture
def staff() -> User:
    return User.objects.create(username="staff")


def arrive(source: Source, **changes: object) -> InboxEvent:
    raw: dict[str, Any] = {**VIEW, **changes}
    sent = Sent(parsed=Parsed(raw, size=100), received_at=NOW)
    accept.accept([message.read(raw, sent=sent)], source=source, now=NOW)
    return InboxEvent.objects.latest("id")


def test_an_event_without_a_name_is_mended_and_applied_once(web: Source, staff: User) -> None:
    anna = person(1)
    row = arrive(web, event="")
    assert row.quarantined_at == NOW
    written = replay.message_of(row)
    assert isinstance(written, dict)

    replay.mend(row.pk, written={**written, "event": "Product Viewed"}, actor=staff)
    arrive(web)
    while apply.apply_batch(now=NOW).taken:
        pass

    stored = Event.objects.get(profile_id=anna.pk)
    assert (stored.name, stored.occurred_at.hour) == ("Product Viewed", 11)
    assert not InboxEvent.objects.exists()
    note = AuditEntry.objects.get(action="inbox.mend")
    assert (note.actor, note.object_id, note.detail) == (staff, str(row.pk), {})


def test_what_is_still_faulty_says_why_and_stays_as_it_was(web: Source, staff: User) -> None:
    row = arrive(web, event="")

    with pytest.raises(replay.StillFaulty, match="userId or anonymousId"):
        replay.mend(row.pk, written={"type": "track", "event": "X"}, actor=staff)

    again = InboxEvent.objects.get(pk=row.pk)
    assert again.quarantined_at == NOW
    assert replay.message_of(again) == replay.message_of(row)


def test_what_a_worker_could_not_take_is_not_mended_by_writing_it_again(
    web: Source, staff: User
) -> None:
    row = arrive(web, properties={"total": "a lot"})
    apply.apply_batch(now=NOW)
    row.refresh_from_db()
    assert "total" in row.reason
    written = replay.message_of(row)

    with pytest.raises(replay.StillFaulty, match="total"):
        replay.mend(row.pk, written=written, actor=staff)


def test_a_mended_event_keeps_where_it_happened_and_what_was_said(web: Source, staff: User) -> None:
    context = {"locale": "de-DE", "consent": {"categoryPreferences": {"profiling": True}}}
    row = arrive(web, properties={"total": "a lot"}, context=context)
    apply.apply_batch(now=NOW)
    written = replay.message_of(InboxEvent.objects.get())
    assert isinstance(written, dict)

    replay.mend(row.pk, written={**written, "properties": {}}, actor=staff)

    row.refresh_from_db()
    payload = inbox.open_payload(row.payload, message_id=row.message_id)
    assert payload["context"]["locale"] == "de-DE"
    assert payload["said"] == [
        {"purpose": "profiling", "is_granted": True, "source": "context.consent"}
    ]
    assert payload["message_id"] == "m-1"


def test_an_event_of_a_subject_of_ours_keeps_its_subject(web: Source, staff: User) -> None:
    anna = person(1)
    event = Incoming("mail-1", "", NOW, subject_id=anna.pk)
    accept.accept([event], source=web, now=NOW)
    apply.apply_batch(now=NOW)
    row = InboxEvent.objects.get()
    assert row.quarantined_at is not None
    written = replay.message_of(row)
    assert isinstance(written, dict)

    replay.mend(row.pk, written={**written, "event": "Email Delivered"}, actor=staff)

    row.refresh_from_db()
    payload = inbox.open_payload(row.payload, message_id=row.message_id)
    assert (payload["subject_id"], payload["external_id"]) == (anna.pk, "")


@pytest.mark.parametrize("kind", ["identify", "group", "alias", "page"])
def test_every_kind_of_event_can_be_written_again_as_it_came(
    web: Source, staff: User, kind: str
) -> None:
    raw = {
        "type": kind,
        "event": "",
        "groupId": "g-1",
        "previousId": "a-1",
        "traits": {"plan": "gold"},
        "properties": {} if kind == "group" else {"a": 1},
        "name": "Home",
    }
    row = arrive(web, **raw)
    before = inbox.open_payload(row.payload, message_id=row.message_id)
    InboxEvent.objects.update(quarantined_at=NOW, reason="for a test")
    written = replay.message_of(row)

    replay.mend(row.pk, written=written, actor=staff)

    row.refresh_from_db()
    after = inbox.open_payload(row.payload, message_id=row.message_id)
    assert after == before


def test_replaying_many_puts_back_what_can_be_read_now(web: Source, staff: User) -> None:
    nameless = arrive(web, messageId="m-1", event="")
    waits = arrive(web, messageId="m-2", properties={"total": "a lot"})
    apply.apply_batch(now=NOW)

    done = replay.replay(InboxEvent.objects.all(), actor=staff)

    assert (done.put_back, done.still_faulty) == (1, 1)
    left = InboxEvent.objects.exclude(quarantined_at=None).get()
    assert left.pk == nameless.pk
    assert InboxEvent.objects.get(quarantined_at=None).pk == waits.pk
    assert AuditEntry.objects.get(action="inbox.replay").detail == {"count": 1}


def test_only_what_is_in_quarantine_is_discarded(web: Source, staff: User) -> None:
    arrive(web, messageId="m-1", event="")
    waits = arrive(web, messageId="m-2")

    assert replay.discard(InboxEvent.objects.all(), actor=staff) == 1

    assert [row.pk for row in InboxEvent.objects.all()] == [waits.pk]
    assert AuditEntry.objects.get(action="inbox.discard").detail == {"count": 1}


def test_a_payload_whose_bytes_were_changed_can_only_be_discarded(web: Source, staff: User) -> None:
    row = arrive(web, event="")
    InboxEvent.objects.filter(pk=row.pk).update(payload=bytes(row.payload)[:-1] + b"x")

    with pytest.raises(replay.Unopenable):
        replay.message_of(InboxEvent.objects.get())
    assert replay.replay(InboxEvent.objects.all(), actor=staff).still_faulty == 1
