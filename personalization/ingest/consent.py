"""Consent at collection: what events say goes to the ledger first, then the gate decides."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from consent import gate, ledger
from consent.ledger import Statement
from consent.models import ConsentRecord, Purpose
from consent.permission import Permission
from personalization.ingest.purposes import CONTRACT, collection_purpose
from personalization.ingest.reading import Reading

Action = ConsentRecord.Action
# A banner's yes that comes later than this does not lift a no of the same banner: between the two
# the no may have been repeated, and repetitions are not kept.
LATE = timedelta(hours=1)

# Subject, purpose, who says so.
_Voice = tuple[int, str, str]

_LAST = """
SELECT DISTINCT ON (record.subject_id, record.purpose_id, record.source)
       record.subject_id, record.purpose_id, record.source, record.action, record.occurred_at
FROM consent_consentrecord AS record
WHERE record.subject_id = ANY(%s) AND record.source = ANY(%s)
ORDER BY record.subject_id, record.purpose_id, record.source, record.occurred_at DESC,
         record.action = 'granted'
"""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Events that may be kept, and the others with the purpose they lack."""

    kept: Sequence[Reading]
    refused: Sequence[tuple[Reading, str]]
    permissions: Mapping[int, Permission]


def record(readings: Iterable[Reading], *, now: datetime) -> int:
    """Write what these events say of consent into the ledger; return how much of it was news.

    Trackers repeat the whole consent with every event: only what differs from what the same voice
    said last is kept. It is the word of a banner, not the person's own choice before us, so that
    it lifts no objection.
    """
    said = _statements(readings, now=now)
    if not said:
        return 0
    purposes = set(Purpose.objects.values_list("code", flat=True))
    said = {voice: each for voice, each in said.items() if voice[1] in purposes}
    last = _last(said)
    news = [
        statement
        for voice, statements in said.items()
        for statement in _news(statements, last=last.get(voice), now=now)
    ]
    return ledger.record_many(news) if news else 0


def sort(readings: Sequence[Reading], *, also: Iterable[int], now: datetime) -> Sorted:
    """Ask the gate for each event; `also` are people whose permission somebody else needs."""
    asking = {
        each.subject_id
        for each in readings
        if each.event and collection_purpose(each.event.name) != CONTRACT
    }
    asking.update(also)
    permissions = gate.permissions(asking, purpose="email_marketing", at=now) if asking else {}
    kept: list[Reading] = []
    refused: list[tuple[Reading, str]] = []
    for each in readings:
        purpose = collection_purpose(each.event.name) if each.event else CONTRACT
        if purpose == CONTRACT or _is_allowed(each, purpose, permissions[each.subject_id]):
            kept.append(each)
        else:
            refused.append((each, purpose))
    return Sorted(kept=kept, refused=refused, permissions=permissions)


def _is_allowed(reading: Reading, purpose: str, permission: Permission, /) -> bool:
    """What its own event refuses is empty already, whatever was said elsewhere."""
    refuses = any(said.purpose == purpose and not said.is_granted for said in reading.said)
    return not refuses and purpose in permission.granted


def _statements(readings: Iterable[Reading], *, now: datetime) -> dict[_Voice, list[Statement]]:
    found: dict[_Voice, list[Statement]] = defaultdict(list)
    for each in readings:
        for said in each.said:
            # Said by the visitor they were; where a merge is undone it goes back to them.
            found[each.origin_id, said.purpose, said.source[:60]].append(
                Statement(
                    subject_id=each.origin_id,
                    purpose=said.purpose,
                    action=Action.GRANTED if said.is_granted else Action.REFUSED,
                    source=said.source[:60],
                    # A later time than now would win over what the person says next.
                    occurred_at=min(each.occurred_at, now),
                    evidence={"message_id": each.message_id},
                )
            )
    return found


def _last(said: Iterable[_Voice]) -> dict[_Voice, tuple[str, datetime]]:
    voices = list(said)
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [[voice[0] for voice in voices], list({v[2] for v in voices})])
        return {(row[0], row[1], row[2]): (row[3], row[4]) for row in cursor.fetchall()}


def _news(
    statements: list[Statement], *, last: tuple[str, datetime] | None, now: datetime
) -> Iterable[Statement]:
    """Yield what changes what one voice says of one purpose, in the order of its times."""
    for each in sorted(statements, key=lambda one: one.occurred_at):
        action, at = last or ("", each.occurred_at)
        is_yes_after_no = (action, each.action) == (Action.REFUSED, Action.GRANTED)
        is_late = each.occurred_at <= at or now - each.occurred_at > LATE
        if each.action == action or (is_yes_after_no and is_late):
            continue
        yield each
        if each.occurred_at >= at:
            last = (each.action, each.occurred_at)
