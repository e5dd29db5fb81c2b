"""Write what is known of people: sealed names, typed attributes, and where each value came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from consent import identity

PLACE = "personalization_customerprofile.personal"


@dataclass(frozen=True, slots=True)
class Change:
    """Values a source gives for one person; what it does not name stays as it is."""

    subject_id: int
    personal: Mapping[str, str] = field(default_factory=dict, repr=False)
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A subject of the batch and what its profile holds now."""

    pseudonym: UUID
    wrapped_key: bytes | None
    personal: bytes | None
    attributes: dict[str, Any] | None
    origins: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Write:
    subject_id: int
    personal: bytes | None
    attributes: bytes
    origins: bytes


def save(changes: Sequence[Change], *, source: str, now: datetime) -> set[int]:
    """Write the profiles whose values differ, two queries a batch; return their ids.

    Several changes of one person are laid over each other in order. Profiles are locked in the
    order of their ids. A new value notes the source (its slug) and the time it came from.
    """
    wanted = _merged(changes)
    stored = _stored(set(wanted))
    writes = [
        write
        for subject_id, change in sorted(wanted.items())
        if (write := _difference(change, old=stored[subject_id], source=source, now=now))
    ]
    _write(writes, now=now)
    return {write.subject_id for write in writes}


def _merged(changes: Sequence[Change]) -> dict[int, Change]:
    wanted: dict[int, Change] = {}
    for change in changes:
        known = wanted.get(change.subject_id)
        wanted[change.subject_id] = (
            change
            if known is None
            else Change(
                subject_id=change.subject_id,
                personal={**known.personal, **change.personal},
                attributes={**known.attributes, **change.attributes},
            )
        )
    return wanted


def _difference(change: Change, *, old: _Stored, source: str, now: datetime) -> _Write | None:
    """Return the columns to write, or None where nothing changes."""
    if old.wrapped_key is None:
        return None  # Erased between two queries: nothing is kept of them any more.
    owner = str(old.pseudonym)
    key = identity.unwrap(old.wrapped_key, pseudonym=owner)
    known: dict[str, str] = {}
    if old.personal:
        known = orjson.loads(identity.open_sealed(old.personal, key=key, place=PLACE, owner=owner))
    attributes = old.attributes or {}
    new_names = [name for name, value in change.personal.items() if known.get(name) != value]
    new_values = [
        name
        for name, value in change.attributes.items()
        if name not in attributes or attributes[name] != value
    ]
    if old.attributes is not None and not new_names and not new_values:
        return None
    sealed = old.personal
    if new_names:
        plain = orjson.dumps({**known, **change.personal})
        sealed = identity.seal(plain, key=key, place=PLACE, owner=owner)
    origin = {"source": source, "at": now.isoformat()}
    fresh = {
        **{f"personal.{name}": origin for name in new_names},
        **{f"attributes.{name}": origin for name in new_values},
    }
    return _Write(
        subject_id=change.subject_id,
        personal=sealed,
        attributes=orjson.dumps({**attributes, **change.attributes}),
        origins=orjson.dumps({**old.origins, **fresh}),
    )


_STORED = """
SELECT subject.id, subject.pseudonym, subject.wrapped_key, profile.personal,
       profile.attributes::text, profile.origins::text
FROM consent_datasubject AS subject
LEFT JOIN personalization_customerprofile AS profile ON profile.subject_id = subject.id
WHERE subject.id = ANY(%s) ORDER BY subject.id FOR UPDATE OF subject
"""
_UPSERT = """
INSERT INTO personalization_customerprofile
    (subject_id, personal, attributes, traits, origins, first_seen_at, last_seen_at)
SELECT subject_id, personal, convert_from(attributes, 'UTF8')::jsonb, '{}',
       convert_from(origins, 'UTF8')::jsonb, %s, %s
FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[])
    AS given (subject_id, personal, attributes, origins)
ON CONFLICT (subject_id) DO UPDATE
SET personal = EXCLUDED.personal, attributes = EXCLUDED.attributes, origins = EXCLUDED.origins
"""


def _stored(subject_ids: set[int]) -> dict[int, _Stored]:
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [list(subject_ids)])
        return {
            subject_id: _Stored(
                pseudonym=pseudonym,
                wrapped_key=wrapped_key,
                personal=personal,
                attributes=None if attributes is None else orjson.loads(attributes),
                origins={} if origins is None else orjson.loads(origins),
            )
            for subject_id, pseudonym, wrapped_key, personal, attributes, origins in (
                cursor.fetchall()
            )
        }


def _write(writes: Sequence[_Write], *, now: datetime) -> None:
    if not writes:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _UPSERT,
            [
                now,
                now,
                [write.subject_id for write in writes],
                [write.personal for write in writes],
                [write.attributes for write in writes],
                [write.origins for write in writes],
            ],
        )
