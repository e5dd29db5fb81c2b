"""Accept events: one insert into the inbox for a batch, and nothing else; workers apply it."""

import json
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256

import orjson
from django.db import connection, transaction

from personalization.ingest import consent_carried, inbox, tally
from personalization.ingest.incoming import Faulty, Incoming
from personalization.ingest.reading import EVENT_TYPES
from personalization.models import Source

LONGEST_ID = 200
LONGEST_REASON = 300
_UNSTORABLE = "holds what no JSON text can: a number over 64 bits, half a character, deep nesting"

_INSERT = """
INSERT INTO personalization_inboxevent
    (source_id, message_id, payload, received_at, quarantined_at, reason)
SELECT %s, message_id, decode(payload, 'base64'), %s, CASE WHEN reason <> '' THEN %s END, reason
FROM json_to_recordset(%s::json) AS event(message_id text, payload text, reason text)
ON CONFLICT (source_id, message_id) DO NOTHING RETURNING reason
"""


@dataclass(frozen=True, slots=True)
class _Row:
    plain: bytes
    reason: str


def accept(events: Sequence[Incoming | Faulty], *, source: Source | str, now: datetime) -> int:
    """Store a batch for the workers and return how many were new; a repeat is dropped quietly.

    What is faulty goes into quarantine at once. What its own consent refuses is stored without
    anything but who said so, for the ledger.
    """
    if not events:
        return 0
    source_id = source.pk if isinstance(source, Source) else _pk(source)
    rows: dict[str, _Row] = {}
    for event in events:
        row = _row(event)
        rows.setdefault(_key(event.message_id, plain=row.plain), row)
    if any(row.reason for row in rows.values()):
        return _insert_and_count(rows, source_id=source_id, now=now)
    return len(_insert(rows, source_id=source_id, now=now))


def _pk(slug: str) -> int:
    return Source.objects.values_list("pk", flat=True).get(slug=slug)


def _row(event: Incoming | Faulty) -> _Row:
    if isinstance(event, Faulty):
        return _Row(plain=_dumped(event), reason=event.reason[:LONGEST_REASON])
    try:
        return _Row(plain=orjson.dumps(_reduced(event)), reason="")
    except TypeError:  # orjson's JSONEncodeError
        fault = Faulty(message_id=event.message_id, reason=_UNSTORABLE, raw=event)
        return _Row(plain=_dumped(fault), reason=_UNSTORABLE)


def _reduced(event: Incoming) -> Incoming:
    """Cut an event down to who said what, where what they say forbids to keep it."""
    if not event.said or event.type not in EVENT_TYPES:
        return event
    if consent_carried.refuses(EVENT_TYPES[event.type] or event.event, said=event.said):
        return replace(event, properties={}, traits={}, context={})
    return event


def _dumped(fault: Faulty) -> bytes:
    """Return a faulty event as JSON; what has no JSON at all is left out of it."""
    try:
        return orjson.dumps(fault)
    except TypeError:
        pass
    try:
        # Python's own JSON takes huge numbers; half a character becomes a question mark.
        text = json.dumps(asdict(fault), default=str, ensure_ascii=False)
        return orjson.dumps(orjson.loads(text.encode(errors="replace")))
    except (ValueError, TypeError, RecursionError):
        return orjson.dumps({"message_id": "", "reason": fault.reason, "raw": None})


def _key(given: str, *, plain: bytes) -> str:
    """Return the message id, or a stand-in where it is none: applying will say what is wrong."""
    if given.strip() and len(given) <= LONGEST_ID and given.isprintable():
        return given
    return sha256(plain).hexdigest()


def _insert(rows: dict[str, _Row], *, source_id: int, now: datetime) -> list[str]:
    """Return the reasons of what was new, empty for what is well."""
    # One JSON text: the driver would quote each element of an array in Python.
    events = [
        {
            "message_id": key,
            "payload": b2a_base64(inbox.seal(row.plain, message_id=key), newline=False).decode(),
            "reason": row.reason,
        }
        for key, row in rows.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [source_id, now, now, orjson.dumps(events).decode()])
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def _insert_and_count(rows: dict[str, _Row], *, source_id: int, now: datetime) -> int:
    added = _insert(rows, source_id=source_id, now=now)
    tally.count_faulty([reason for reason in added if reason], source_id=source_id, now=now)
    return len(added)
