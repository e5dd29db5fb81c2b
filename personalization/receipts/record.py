"""Keep what was decided and from what; read it again for 'why this content' and to replay it."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from consent import identity
from personalization.content.context import GREETING
from personalization.profiles.loaded import History, LoadedProfile
from personalization.receipts import facts, packing, parts
from personalization.receipts.parts import Part

_HISTORY_KEPT = 10

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
    """One decision about one profile, under the key its mail or answer carries.

    `decision` is kept in clear: ids, versions, numbers. `reasons`, `output` (marks of what was
    rendered, by part), `extras` (what else templates saw) and `cart` (product keys in the open
    cart, where one was looked at) are sealed with the profile's values.
    `parts` are contents that `decision` names by key.
    """

    message_key: str
    profile: LoadedProfile
    decision: dict[str, Any]
    properties: frozenset[str] = frozenset()
    parts: Sequence[Part] = ()
    reasons: Sequence[str] = field(default=(), repr=False)
    output: Mapping[str, str] = field(default_factory=dict, repr=False)
    extras: Mapping[str, Any] = field(default_factory=dict, repr=False)
    cart: Sequence[int] = field(default=(), repr=False)


def record(entries: Sequence[Entry], *, now: datetime) -> None:
    """Store a batch; a mail that is tried again keeps the receipt of the last try."""
    store_parts(entries, now=now)
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [now, orjson.dumps(rows(entries)).decode()])


def store_parts(entries: Sequence[Entry], *, now: datetime) -> None:
    """Store what the entries share with others, ahead of the entries themselves."""
    parts.store((each for entry in entries for each in entry.parts), now=now)


def rows(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return what is stored of each entry, for one JSON text: the driver would quote each element
    of an array in Python."""
    return [
        {
            "subject_id": entry.profile.subject_id,
            "message_key": entry.message_key,
            "decision": entry.decision,
            "inputs": base64.b64encode(_sealed(entry)).decode(),
        }
        for entry in entries
    ]


def _sealed(entry: Entry) -> bytes:
    profile = entry.profile
    inputs = {
        "facts": facts.dump(profile.facts, properties=entry.properties),
        "personal": {name: profile.personal[name] for name in GREETING if name in profile.personal},
        "reasons": entry.reasons,
        "bought": _kept(profile.bought, decision=entry.decision),
        "viewed": _kept(profile.viewed, decision=entry.decision),
        "cart": entry.cart,
        "output": entry.output,
        "extras": entry.extras,
    }
    return identity.seal(
        packing.packed(orjson.dumps(inputs)),
        key=profile.key,
        place=packing.PLACE,
        owner=packing.owner(profile.pseudonym, message_key=entry.message_key),
    )


def _kept(history: History, *, decision: Mapping[str, Any]) -> History:
    """Return the newest of a history, and what is older as far as a reason names it."""
    if len(history) <= _HISTORY_KEPT:
        return history
    lists = (decision, *decision.get("own", {}).values())
    causes = {why["because_of"] for each in lists for why in each.get("recommendations", ())}
    older = [each for each in history[_HISTORY_KEPT:] if each[0] in causes]
    return (*history[:_HISTORY_KEPT], *older)
