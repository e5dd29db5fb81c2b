"""Accept events: one insert into the inbox for a batch, and nothing else; workers apply it."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

import orjson
from django.db import connection

from consent import identity
from personalization.ingest.incoming import Incoming
from personalization.models import Source

LONGEST_ID = 200
INBOX_PLACE = "personalization_inboxevent.payload"

_INSERT = """
INSERT INTO personalization_inboxevent (source_id, message_id, payload, received_at, reason)
SELECT %s, message_id, payload, %s, ''
FROM unnest(%s::text[], %s::bytea[]) AS event(message_id, payload)
ON CONFLICT (source_id, message_id) DO NOTHING
"""


def accept(events: Sequence[Incoming], *, source: str, now: datetime) -> int:
    """Store a batch for the workers and return how many were new; a repeat is dropped quietly.

    Payloads wait sealed: nobody's data lies in clear before its owner is known.
    """
    if not events:
        return 0
    source_id = Source.objects.values_list("pk", flat=True).get(slug=source)
    payloads: dict[str, bytes] = {}
    for event in events:
        payloads.setdefault(_key(event), orjson.dumps(event))
    sealed = [
        identity.seal_for_system(payload, place=INBOX_PLACE, owner=key)
        for key, payload in payloads.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [source_id, now, list(payloads), sealed])
        added: int = cursor.rowcount
    return added


def _key(event: Incoming) -> str:
    """Return the message id, or a stand-in where it is none: applying will say what is wrong."""
    given = event.message_id
    if given.strip() and len(given) <= LONGEST_ID and given.isprintable():
        return given
    return sha256(orjson.dumps(event)).hexdigest()
