"""What one person of several rows holds: the kept one's values win, gaps are filled.

Every row keeps its own values. What the living one got from another row names that row in its
origin (`from`), so that parting can take exactly that away again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from consent import identity, merging
from consent.merging import Family, Parted
from consent.models import DataSubject
from personalization.models import CustomerProfile

PLACE = "personalization_customerprofile.personal"
# First and last seen.
Span = tuple[datetime, datetime]

_STORED = """
SELECT subject.id, subject.pseudonym, subject.wrapped_key, profile.subject_id IS NOT NULL,
       profile.personal, profile.attributes::text, profile.origins::text,
       profile.first_seen_at, profile.last_seen_at
FROM consent_datasubject AS subject
LEFT JOIN personalization_customerprofile AS profile ON profile.subject_id = subject.id
WHERE subject.id = ANY(%s)
"""
_UPSERT = """
INSERT INTO personalization_customerprofile
    (subject_id, personal, attributes, traits, origins, first_seen_at, last_seen_at)
SELECT subject_id, personal, convert_from(attributes, 'UTF8')::jsonb, '{}',
       convert_from(origins, 'UTF8')::jsonb, first_seen_at, last_seen_at
FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[], %s::timestamptz[],
            %s::timestamptz[])
    AS given (subject_id, personal, attributes, origins, first_seen_at, last_seen_at)
ON CONFLICT (subject_id) DO UPDATE
SET personal = EXCLUDED.personal, attributes = EXCLUDED.attributes, origins = EXCLUDED.origins,
    first_seen_at = EXCLUDED.first_seen_at, last_seen_at = EXCLUDED.last_seen_at
"""
_BY_ORIGIN = """
SELECT origin_profile_id, min(occurred_at), max(occurred_at) FROM personalization_event
WHERE profile_id = ANY(%s) GROUP BY origin_profile_id
"""


@dataclass(slots=True)
class Row:
    """A row of a person; `personal` is opened only where somebody has to look."""

    pk: int
    pseudonym: str
    wrapped_key: bytes | None = field(repr=False)
    has_profile: bool
    sealed: bytes | None = field(repr=False)
    attributes: dict[str, Any]
    origins: dict[str, Any]
    span: Span | None

    def personal(self) -> dict[str, Any]:
        if self.sealed is None or self.wrapped_key is None:
            return {}
        key = identity.unwrap(self.wrapped_key, pseudonym=self.pseudonym)
        plain = identity.open_sealed(self.sealed, key=key, place=PLACE, owner=self.pseudonym)
        opened: dict[str, Any] = orjson.loads(plain)
        return opened

    def seal(self, personal: Mapping[str, Any]) -> bytes | None:
        if not personal or self.wrapped_key is None:
            return None
        key = identity.unwrap(self.wrapped_key, pseudonym=self.pseudonym)
        return identity.seal(orjson.dumps(personal), key=key, place=PLACE, owner=self.pseudonym)

    def own(self, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out what came from another row."""
        return {
            name: value
            for name, value in values.items()
            if "from" not in self.origins.get(f"{kind}.{name}", ())
        }

    def origin_of(self, path: str) -> dict[str, Any]:
        """Say where a value comes from; what was kept before there were origins has a date only."""
        at = self.span[1].isoformat() if self.span else ""
        return {"source": "", "at": at, **self.origins.get(path, {})}

    def holds_own(self) -> bool:
        return bool(
            self.own("attributes", self.attributes) or self.own("personal", self.personal())
        )


def own_seen(living_ids: Collection[int]) -> dict[int, list[str] | None]:
    """Return when people were seen by themselves, before anybody was joined to them.

    None where they have no profile of their own.
    """
    found: dict[int, list[str] | None] = dict.fromkeys(living_ids)
    for row in _stored(living_ids).values():
        found[row.pk] = [each.isoformat() for each in row.span] if row.span else None
    subjects = DataSubject.objects.in_bulk(list(living_ids))
    for living, family in merging.families(living_ids).items():
        for made in family.merges:
            if made.kept_id == living:
                found[living] = merging.opened(made, kept=subjects[living]).get("seen")
    return found


def join(families: Collection[Family]) -> None:
    """Fill the gaps of the living and widen when they were seen; two statements."""
    rows = _stored({row for family in families for row in family.rows})
    changed = []
    for family in families:
        stored = [rows[row] for row in family.rows]
        span = _widest(row.span for row in stored)
        if span is not None:
            changed.append(_written(stored, span=span))
    _write([row for row in changed if row is not None])


def part(parted: Parted, *, kept_id: int) -> None:
    """Give both their own values again, with what they got from those still joined to them."""
    families = (parted.stays, parted.goes)
    rows = _stored({row for family in families for row in family.rows})
    spans = _own_spans(families, rows=rows)
    if "seen" in parted.before:
        spans[kept_id] = _span(parted.before["seen"])
    for origin, first, last in _by_origin([family.living_id for family in families]):
        spans[origin] = _widest([spans.get(origin), (first, last)])
    # Rows between the two that were joined further stand for what went through them, too.
    between = [Family(row, parted.stays.merges) for row in parted.stays.above(kept_id)]
    for family in (*families, *between):
        _settle([rows[row] for row in family.rows], spans=spans)


def _settle(stored: Sequence[Row], *, spans: Mapping[int, Span | None]) -> None:
    living = stored[0]
    span = _widest(spans.get(row.pk) for row in stored)
    if span is None and living.holds_own():
        span = living.span
    if span is None:
        CustomerProfile.objects.filter(pk=living.pk).delete()
    elif (written := _written(stored, span=span)) is not None:
        _write([written])


def _own_spans(families: Iterable[Family], *, rows: Mapping[int, Row]) -> dict[int, Span | None]:
    """Return when each row was seen by itself, as far as merges and frozen rows know."""
    spans = {row.pk: row.span for row in rows.values()}
    merges = [made for family in families for made in family.merges]
    subjects = DataSubject.objects.in_bulk({made.kept_id for made in merges})
    for made in merges:
        before = merging.opened(made, kept=subjects[made.kept_id])
        if "seen" in before:
            spans[made.kept_id] = _span(before["seen"])
    return spans


def _stored(row_ids: Collection[int]) -> dict[int, Row]:
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [list(row_ids)])
        return {row[0]: _row(*row) for row in cursor.fetchall()}


def _row(pk: int, pseudonym: Any, wrapped_key: bytes | None, *stored: Any) -> Row:
    has_profile, sealed, attributes, origins, first, last = stored
    return Row(
        pk=pk,
        pseudonym=str(pseudonym),
        wrapped_key=wrapped_key,
        has_profile=has_profile,
        sealed=sealed,
        attributes=orjson.loads(attributes or "{}"),
        origins=orjson.loads(origins or "{}"),
        span=(first, last) if has_profile else None,
    )


def _written(stored: Sequence[Row], *, span: Span) -> Row | None:
    """Return what the living row, the first one, has to hold; None where it does already."""
    living = stored[0]
    origins = {path: each for path, each in living.origins.items() if "from" not in each}
    attributes, filled = _filled("attributes", [row.attributes for row in stored], rows=stored)
    origins |= filled
    sealed = living.sealed
    is_marked = any(path.startswith("personal.") for path in living.origins.keys() - origins.keys())
    if is_marked or any(row.sealed for row in stored[1:]):
        opened = [row.personal() for row in stored]
        personal, filled = _filled("personal", opened, rows=stored)
        origins |= filled
        sealed = sealed if personal == opened[0] else living.seal(personal)
    fresh = replace(living, sealed=sealed, attributes=attributes, origins=origins, span=span)
    return None if fresh == living else fresh


def _filled(
    kind: str, values: Sequence[Mapping[str, Any]], *, rows: Sequence[Row]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of a person, and the origins of those that other rows filled in."""
    found = rows[0].own(kind, values[0])
    origins: dict[str, Any] = {}
    for row, theirs in zip(rows[1:], values[1:], strict=True):
        for name, value in row.own(kind, theirs).items():
            if name not in found:
                found[name] = value
                path = f"{kind}.{name}"
                origins[path] = {**row.origin_of(path), "from": row.pk}
    return found, origins


def _write(rows: Sequence[Row]) -> None:
    if not rows:
        return
    ordered = sorted(rows, key=lambda row: row.pk)
    spans = [row.span for row in ordered if row.span is not None]
    with connection.cursor() as cursor:
        cursor.execute(
            _UPSERT,
            [
                [row.pk for row in ordered],
                [row.sealed for row in ordered],
                [orjson.dumps(row.attributes) for row in ordered],
                [orjson.dumps(row.origins) for row in ordered],
                [span[0] for span in spans],
                [span[1] for span in spans],
            ],
        )


def _by_origin(living_ids: Collection[int]) -> list[tuple[int, datetime, datetime]]:
    with connection.cursor() as cursor:
        cursor.execute(_BY_ORIGIN, [list(living_ids)])
        rows: list[tuple[int, datetime, datetime]] = cursor.fetchall()
    return rows


def _widest(spans: Iterable[Span | None]) -> Span | None:
    known = [span for span in spans if span is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


def _span(seen: Sequence[str] | None) -> Span | None:
    return (datetime.fromisoformat(seen[0]), datetime.fromisoformat(seen[1])) if seen else None
