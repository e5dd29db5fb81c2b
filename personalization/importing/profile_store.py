"""Write what is known of people: sealed names, typed attributes, and where each value came from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection

from consent import identity

PLACE = "personalization_customerprofile.personal"


@dataclass(frozen=True, slots=True)
class Change:
    """Values a source gives for one person; what it does not name stays as it is.

    `at` is when the person said so, where that can be earlier than now: a value that is younger
    already stays.
    """

    subject_id: int
    personal: Mapping[str, str] = field(default_factory=dict, repr=False)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


# By path, as "attributes.city": the value, and when it was said.
_Given = dict[str, tuple[Any, datetime]]


@dataclass(frozen=True, slots=True)
class Values:
    """What a profile holds: sealed values in clear, typed ones, where each came from."""

    personal: Mapping[str, str] = field(default_factory=dict, repr=False)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """A living subject whose row is locked, and its profile as it is stored now."""

    subject_id: int
    pseudonym: str
    key: AESGCM = field(repr=False)
    has_profile: bool
    # As stored; sealed again only where a personal value changes.
    sealed: bytes | None
    values: Values


@dataclass(frozen=True, slots=True)
class Written:
    """A profile that was changed, and what it holds since."""

    before: Held
    after: Values

    @property
    def subject_id(self) -> int:
        return self.before.subject_id


def save(changes: Sequence[Change], *, source: str, now: datetime) -> set[int]:
    """Write the profiles whose values differ, two queries a batch; return their ids."""
    return {written.subject_id for written in write(changes, source=source, now=now)}


def write(changes: Sequence[Change], *, source: str, now: datetime) -> list[Written]:
    """Write the profiles whose values differ, two queries a batch; say what changed.

    Several changes of one person are laid over each other in the order they were said. Profiles
    are locked in the order of their ids. A new value notes the source (its slug) and the time it
    came from. Who was erased between two queries is left alone.
    """
    wanted = _merged(changes, now=now)
    written = [
        Written(before=old, after=after)
        for subject_id, old in locked(set(wanted)).items()
        if (after := _changed(wanted[subject_id], old=old, source=source))
    ]
    put(written, now=now)
    return written


def locked(subject_ids: Collection[int]) -> dict[int, Held]:
    """Open the profiles of living people, in the order of their ids, held until the commit."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [list(subject_ids)])
        return {row[0]: _held(*row) for row in cursor.fetchall()}


def put(written: Sequence[Written], *, now: datetime) -> None:
    """Write profiles as they shall be, in one statement."""
    if not written:
        return
    columns: list[list[Any]] = [
        [each.subject_id for each in written],
        [_sealed(each) for each in written],
        [orjson.dumps(each.after.attributes) for each in written],
        [orjson.dumps(each.after.origins) for each in written],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [now, now, *columns])


def _merged(changes: Sequence[Change], *, now: datetime) -> dict[int, _Given]:
    """Return by person and path ("attributes.city") the value that counts, and since when."""
    wanted: dict[int, _Given] = {}
    for change in sorted(changes, key=lambda each: each.at or now):
        at = change.at or now
        given = wanted.setdefault(change.subject_id, {})
        given |= {f"personal.{name}": (value, at) for name, value in change.personal.items()}
        given |= {f"attributes.{name}": (value, at) for name, value in change.attributes.items()}
    return wanted


def _changed(given: _Given, *, old: Held, source: str) -> Values | None:
    """Return what the profile shall hold, or None where nothing changes."""
    known = {"personal": old.values.personal, "attributes": old.values.attributes}
    fresh: dict[str, dict[str, Any]] = {"personal": {}, "attributes": {}}
    origins = {}
    for path, (value, at) in given.items():
        kind, _, name = path.partition(".")
        held = known[kind]
        if (name in held and held[name] == value) or _is_older(at, old=old, path=path):
            continue
        fresh[kind][name] = value
        origins[path] = {"source": source, "at": at.isoformat()}
    if old.has_profile and not origins:
        return None
    return Values(
        personal={**old.values.personal, **fresh["personal"]},
        attributes={**old.values.attributes, **fresh["attributes"]},
        origins={**old.values.origins, **origins},
    )


def _is_older(at: datetime, *, old: Held, path: str) -> bool:
    origin = old.values.origins.get(path)
    return origin is not None and datetime.fromisoformat(origin["at"]) > at


def _sealed(written: Written) -> bytes | None:
    old, personal = written.before, written.after.personal
    if personal == old.values.personal:
        return old.sealed
    plain = orjson.dumps(personal)
    return identity.seal(plain, key=old.key, place=PLACE, owner=old.pseudonym)


def _held(
    subject_id: int,
    pseudonym: UUID,
    wrapped_key: bytes,
    sealed: bytes | None,
    attributes: str | None,
    origins: str | None,
) -> Held:
    owner = str(pseudonym)
    key = identity.unwrap(wrapped_key, pseudonym=owner)
    personal: dict[str, str] = {}
    if sealed:
        personal = orjson.loads(identity.open_sealed(sealed, key=key, place=PLACE, owner=owner))
    return Held(
        subject_id=subject_id,
        pseudonym=owner,
        key=key,
        has_profile=attributes is not None,
        sealed=sealed,
        values=Values(
            personal=personal,
            attributes=orjson.loads(attributes or "{}"),
            origins=orjson.loads(origins or "{}"),
        ),
    )


_STORED = """
SELECT subject.id, subject.pseudonym, subject.wrapped_key, profile.personal,
       profile.attributes::text, profile.origins::text
FROM consent_datasubject AS subject
LEFT JOIN personalization_customerprofile AS profile ON profile.subject_id = subject.id
WHERE subject.id = ANY(%s) AND subject.wrapped_key IS NOT NULL
ORDER BY subject.id FOR NO KEY UPDATE OF subject
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
