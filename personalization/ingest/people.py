"""Whose events these are: known and new people, followed through merges and locked in id order."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from consent import arrays, identity
from consent.identify import ANONYMOUS_ID
from consent.models import Identifier, Purpose
from personalization import merging
from personalization.ingest.purposes import CONTRACT, collection_purpose
from personalization.ingest.reading import Reading

# Nobody else may write these people until the commit: an erasure, an import or a merge waits, and
# then finds our rows.
_LOCK = """
SELECT id, erased_at IS NULL, merged_into_id FROM consent_datasubject
WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
# How often a row may be merged into one that was merged itself.
_CHAIN = 5


@dataclass(frozen=True, slots=True)
class Met:
    """The readings of a batch by what is known of their person."""

    # Their `subject_id` is set, and the person is locked.
    known: Sequence[Reading]
    # Visitors without a name who allowed nothing: of them not even the anonymous id is kept.
    strangers: Sequence[Reading]
    gone: Sequence[Reading]


def meet(readings: Sequence[Reading], *, space: str, now: datetime) -> Met:
    """Find or make the people of a batch; a constant number of queries.

    `space` says whose customer numbers these are. The order of the batch holds: what an event
    says of who is who counts for the events after it.
    """
    kept, strangers = _told_apart(readings, space=space)
    _resolve([each for each in kept if not each.subject_id], space=space, now=now)
    living = _lock({each.subject_id for each in kept})
    known, gone = [], []
    for each in kept:
        # Given by their id they may have been merged since: that row is where they come from.
        each.origin_id = each.origin_id or each.subject_id
        if (owner := living.get(each.subject_id)) is None:
            gone.append(each)
        else:
            each.subject_id = owner
            known.append(each)
    return Met(known=known, strangers=strangers, gone=gone)


def _told_apart(readings: Sequence[Reading], *, space: str) -> tuple[list[Reading], list[Reading]]:
    """Split off visitors who are nobody yet and may not become somebody."""
    nameless = [each for each in readings if _is_nameless(each)]
    if not nameless:
        return list(readings), []
    purposes = _allowed_by(nameless)
    welcoming = [each.names for each in readings if _makes_somebody(each, purposes)]
    welcome = {name for each in welcoming for name in (each.anonymous_id, each.previous_id)}
    unsure = {each.names.anonymous_id for each in nameless} - welcome
    strange = unsure - _known(unsure, space=space)
    if not strange:
        return list(readings), []
    kept: list[Reading] = []
    strangers: list[Reading] = []
    for each in readings:
        is_strange = _is_nameless(each) and each.names.anonymous_id in strange
        (strangers if is_strange else kept).append(each)
    return kept, strangers


def _is_nameless(reading: Reading) -> bool:
    names = reading.names
    return not (reading.subject_id or names.external_id or names.email)


def _allowed_by(nameless: Iterable[Reading]) -> set[str]:
    """Return what visitors allow of what we ask for; a banner's "necessary" is nothing of it."""
    said = {each.purpose for one in nameless for each in one.said if each.is_granted}
    if not said:
        return set()
    ours = Purpose.objects.filter(code__in=said).exclude(basis=Purpose.Basis.CONTRACT)
    return set(ours.values_list("code", flat=True))


def _makes_somebody(reading: Reading, purposes: Collection[str], /) -> bool:
    """Say whether a visitor may be kept: by a name, an order, or something they allow."""
    event = reading.event
    return (
        not _is_nameless(reading)
        or (event is not None and collection_purpose(event.name) == CONTRACT)
        or any(said.is_granted and said.purpose in purposes for said in reading.said)
    )


def _known(anonymous_ids: Collection[str], *, space: str) -> set[str]:
    if not anonymous_ids:
        return set()
    hashes = {identity.blind_index(ANONYMOUS_ID, each): each for each in anonymous_ids}
    found = Identifier.objects.filter(kind=ANONYMOUS_ID, source=space, hash__in=hashes)
    return {hashes[hash_] for hash_ in found.values_list("hash", flat=True)}


def _resolve(readings: Sequence[Reading], *, space: str, now: datetime) -> None:
    """Give each reading its subject, and the row that its names stand at."""
    asked = list(dict.fromkeys(each.names for each in readings))
    if not asked:
        return
    found = merging.resolve(asked, source=space, now=now)
    subjects = dict(zip(asked, zip(found.subject_ids, found.origin_ids, strict=True), strict=True))
    for each in readings:
        subject_id, origin_id = subjects[each.names]
        each.subject_id, each.origin_id = subject_id or 0, origin_id or 0


def _lock(subject_ids: Collection[int]) -> dict[int, int]:
    """Lock people and return who each id stands for now; who was erased is missing."""
    merged: dict[int, int] = {}
    living: set[int] = set()
    open_ids: Iterable[int] = subject_ids
    with connection.cursor() as cursor:
        for _ in range(_CHAIN):
            cursor.execute(_LOCK, [arrays.numbers(sorted(open_ids))])
            rows = cursor.fetchall()
            living |= {id_ for id_, is_alive, into in rows if is_alive and into is None}
            merged |= {id_: into for id_, _, into in rows if into is not None}
            open_ids = {into for _, _, into in rows if into is not None} - living
            if not open_ids:
                break
    return {each: owner for each in subject_ids if (owner := _owner(each, merged=merged)) in living}


def _owner(subject_id: int, *, merged: dict[int, int]) -> int:
    for _ in range(_CHAIN):
        if subject_id not in merged:
            break
        subject_id = merged[subject_id]
    return subject_id
