"""Keep what was decided and why; read it again for 'why this content'."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from consent import identity
from personalization.models import Receipt
from personalization.profiles.loaded import LoadedProfile

INPUTS_PLACE = "personalization_receipt.inputs"

_RECORD = """
INSERT INTO personalization_receipt (subject_id, message_key, decided_at, decision, inputs)
SELECT subject_id, message_key, %s, decision, decode(inputs, 'base64')
FROM jsonb_to_recordset(%s::jsonb)
     AS entry(subject_id bigint, message_key uuid, decision jsonb, inputs text)
ON CONFLICT (message_key) DO UPDATE SET
    decided_at = EXCLUDED.decided_at, decision = EXCLUDED.decision, inputs = EXCLUDED.inputs
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision about one profile, under the key its mail carries."""

    message_key: str
    profile: LoadedProfile
    decision: dict[str, Any]


def record(entries: Sequence[Entry], *, now: datetime) -> None:
    """Store a batch; a mail that is tried again keeps the receipt of the last try."""
    # One JSON text: the driver would quote each element of an array in Python.
    rows = [
        {
            "subject_id": entry.profile.subject_id,
            "message_key": entry.message_key,
            "decision": entry.decision,
            "inputs": base64.b64encode(_sealed(entry.profile)).decode(),
        }
        for entry in entries
    ]
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [now, orjson.dumps(rows).decode()])


def open_inputs(receipt: Receipt) -> dict[str, Any] | None:
    """Return the values a decision looked at; None once the person is erased."""
    subject = receipt.subject
    if subject.wrapped_key is None or receipt.inputs is None:
        return None
    key = identity.unwrap(subject.wrapped_key, pseudonym=str(subject.pseudonym))
    plain = identity.open_sealed(
        receipt.inputs, key=key, place=INPUTS_PLACE, owner=str(subject.pseudonym)
    )
    inputs: dict[str, Any] = orjson.loads(plain)
    return inputs


def _sealed(profile: LoadedProfile) -> bytes:
    inputs = {
        "values": profile.facts.values,
        "segments": sorted(profile.facts.segments),
        "bought": profile.bought[:10],
        "viewed": profile.viewed[:10],
    }
    plain = orjson.dumps(inputs, default=str)
    return identity.seal(plain, key=profile.key, place=INPUTS_PLACE, owner=profile.pseudonym)
