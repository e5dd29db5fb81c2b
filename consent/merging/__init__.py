"""Join two subjects into one person, and part them again.

A row that was joined stays: `merged_into` points at the one row that is the person now, and the
merges that hold form a tree, so any one of them can be undone at any time.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from consent import identify, identity, ledger
from consent.merging import addresses
from consent.merging.family import Family, families, family_of
from consent.models import AuditEntry, ConsentState, DataSubject, Merge

Reason = Merge.Reason
PLACE = "consent_merge.before"


class MergeRefused(Exception):
    """These two cannot be joined or parted; the message says why."""


@dataclass(frozen=True, slots=True)
class Pair:
    """`before` is what the caller needs to know again when the two are parted."""

    kept_id: int
    absorbed_id: int
    reason: str
    before: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parted:
    """Two people again: who stays, and who goes with all that had been joined to them before."""

    stays: Family
    goes: Family
    before: Mapping[str, Any]


def join(
    kept: DataSubject,
    absorbed: DataSubject,
    *,
    reason: str,
    source: str,
    actor: AbstractBaseUser | None,
    now: datetime,
) -> Merge:
    """Make one person of two living subjects; `kept` is who they are from now on."""
    pair = Pair(kept_id=kept.pk, absorbed_id=absorbed.pk, reason=reason, before={})
    (merge,) = join_many([pair], source=source, actor=actor, now=now)
    return merge


@transaction.atomic
def join_many(
    pairs: Sequence[Pair], *, source: str, actor: AbstractBaseUser | None, now: datetime
) -> list[Merge]:
    """Join pairs in their order, one of them may be the kept one of another; constant queries."""
    identify.wait_for_others()
    subjects = hold({row for pair in pairs for row in (pair.kept_id, pair.absorbed_id)})
    _check(pairs, subjects=subjects)
    lapses = _lapses({pair.kept_id for pair in pairs})
    merges = Merge.objects.bulk_create(
        Merge(
            kept_id=pair.kept_id,
            absorbed_id=pair.absorbed_id,
            reason=pair.reason,
            source=source,
            actor_id=actor.pk if actor else None,
            at=now,
            before=_sealed(
                {**pair.before, "lapses": lapses[pair.kept_id]}, owner=subjects[pair.kept_id]
            ),
        )
        for pair in pairs
    )
    living = ends(pairs)
    _point(living)
    people = sorted(set(living.values()))
    if any(subjects[pair.absorbed_id].email_index for pair in pairs):
        addresses.settle(families(people).values(), at=now)
    ledger.refold(people)
    _note("identity.merge", merges, subjects=subjects, actor=actor)
    return merges


@transaction.atomic
def part(merge: Merge, *, actor: AbstractBaseUser | None, now: datetime) -> Parted:
    """Undo one merge: what was joined to the absorbed before goes with them."""
    identify.wait_for_others()
    merge.refresh_from_db()
    if merge.undone_at is not None:
        raise MergeRefused("These two were parted before. Reload the page to see where they are.")
    whole = family_of(merge.absorbed_id)
    subjects = hold({*whole.rows})
    if subjects[whole.living_id].erased_at is not None:
        raise MergeRefused("This person was erased: nothing is left that could be parted.")
    kept, absorbed = subjects[merge.kept_id], subjects[merge.absorbed_id]
    merge.undone_at, merge.undone_by_id = now, actor.pk if actor else None
    merge.save(update_fields=["undone_at", "undone_by"])
    others = [each for each in whole.merges if each.pk != merge.pk]
    gone = set(whole.below(absorbed.pk))
    goes = Family(absorbed.pk, tuple(each for each in others if each.absorbed_id in gone))
    stays = Family(whole.living_id, tuple(each for each in others if each.absorbed_id not in gone))
    # The one who stays gives the address back before the other is somebody again.
    addresses.settle([stays], at=now)
    _point(dict.fromkeys(gone - {absorbed.pk}, absorbed.pk))
    addresses.settle([goes], at=now)
    DataSubject.objects.filter(pk=absorbed.pk).update(merged_into=None)
    ledger.refold([stays.living_id, goes.living_id])
    before = opened(merge, kept=kept)
    _restore_lapses(kept.pk, lapses=before.get("lapses", []))
    _note("identity.part", [merge], subjects=subjects, actor=actor)
    return Parted(stays=stays, goes=goes, before=before)


def ends(pairs: Iterable[Pair]) -> dict[int, int]:
    """Return for each who is absorbed who they are once all pairs are joined."""
    into = {pair.absorbed_id: pair.kept_id for pair in pairs}
    found = {}
    for row, kept in into.items():
        end = kept
        while end in into:
            end = into[end]
        found[row] = end
    return found


def opened(merge: Merge, *, kept: DataSubject) -> dict[str, Any]:
    """Return what was noted when two were joined; empty once that person is erased."""
    if merge.before is None or kept.wrapped_key is None:
        return {}
    pseudonym = str(kept.pseudonym)
    key = identity.unwrap(kept.wrapped_key, pseudonym=pseudonym)
    plain = identity.open_sealed(merge.before, key=key, place=PLACE, owner=pseudonym)
    values: dict[str, Any] = orjson.loads(plain)
    return values


def hold(row_ids: Collection[int]) -> dict[int, DataSubject]:
    """Lock rows and those merged into them until the commit, in the order of their ids."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [list(row_ids), list(row_ids)])
        ids = [row[0] for row in cursor.fetchall()]
    return DataSubject.objects.in_bulk(ids)


def _check(pairs: Iterable[Pair], *, subjects: Mapping[int, DataSubject]) -> None:
    gone: set[int] = set()
    for pair in pairs:
        for row in (pair.kept_id, pair.absorbed_id):
            subject = subjects.get(row)
            if subject is None or subject.erased_at or subject.merged_into_id or row in gone:
                raise MergeRefused(
                    f"Subject {row} was erased or joined to somebody else meanwhile. "
                    "Look at both people again."
                )
        if pair.kept_id == pair.absorbed_id:
            raise MergeRefused(f"Subject {pair.kept_id} cannot be joined to itself.")
        gone.add(pair.absorbed_id)


def _point(living: Mapping[int, int]) -> None:
    """Let rows, and those merged into them, stand for whom they are now."""
    columns = [list(living), list(living.values())]
    with connection.cursor() as cursor:
        cursor.execute(_POINT_MERGED, columns)
        cursor.execute(_POINT, columns)


def _lapses(kept_ids: Collection[int]) -> dict[int, list[list[object]]]:
    """Return which consents run out, and when: the ledger does not know, and must not forget."""
    found: dict[int, list[list[object]]] = defaultdict(list)
    rows = ConsentState.objects.filter(subject__in=kept_ids).exclude(expires_at=None)
    for pk, record, until in rows.values_list("subject_id", "record_id", "expires_at"):
        found[pk].append([record, until])
    return found


def _restore_lapses(subject_id: int, *, lapses: Iterable[Sequence[Any]]) -> None:
    for record, until in lapses:
        states = ConsentState.objects.filter(subject=subject_id, record=record, expires_at=None)
        states.update(expires_at=datetime.fromisoformat(until))


def _sealed(values: Mapping[str, Any], *, owner: DataSubject) -> bytes:
    pseudonym = str(owner.pseudonym)
    key = identity.unwrap(owner.wrapped_key or b"", pseudonym=pseudonym)
    return identity.seal(orjson.dumps(values), key=key, place=PLACE, owner=pseudonym)


def _note(
    action: str,
    merges: Iterable[Merge],
    *,
    subjects: Mapping[int, DataSubject],
    actor: AbstractBaseUser | None,
) -> None:
    AuditEntry.objects.bulk_create(
        AuditEntry(
            action=action,
            actor_id=actor.pk if actor else None,
            object_type=merge._meta.label_lower,
            object_id=str(merge.pk),
            pseudonym=subjects[merge.kept_id].pseudonym,
            detail={
                "absorbed": str(subjects[merge.absorbed_id].pseudonym),
                "reason": merge.reason,
                "source": merge.source,
            },
        )
        for merge in merges
    )


_HOLD = """
SELECT id FROM consent_datasubject
WHERE id = ANY(%s) OR merged_into_id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
_POINT_MERGED = """
UPDATE consent_datasubject AS subject SET merged_into_id = new.living
FROM unnest(%s::bigint[], %s::bigint[]) AS new(id, living) WHERE subject.merged_into_id = new.id
"""
_POINT = """
UPDATE consent_datasubject AS subject SET merged_into_id = new.living
FROM unnest(%s::bigint[], %s::bigint[]) AS new(id, living) WHERE subject.id = new.id
"""


__all__ = [
    "Family",
    "MergeRefused",
    "Pair",
    "Parted",
    "Reason",
    "ends",
    "families",
    "family_of",
    "hold",
    "join",
    "join_many",
    "opened",
    "part",
]
