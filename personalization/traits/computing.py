"""Bring traits up to date: of everybody, or of those whose data changed; the same either way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import orjson
from django.db import connection, transaction

from consent.jobs import Progress
from personalization.importing import bulk
from personalization.ingest.purposes import PROFILING
from personalization.models import CustomerProfile, Field, ProfileDue
from personalization.traits import aggregates, derive, facts, fitting
from personalization.traits.definition import Aggregate
from personalization.traits.derive import Fitted, Traits

CHUNK = 5_000
# Few at a time: while they are worked on, an event of theirs waits.
DUE_CHUNK = 1_000
# So that one run ends before the worker is asked why it takes so long; the next goes on.
MOST_DUE = 50_000
# A consent is noticed by its record, again until the traits are surely younger than it: a long
# transaction may show it a while after it was recorded.
NOTICED_FOR = timedelta(minutes=10)
LATEST_SHOWN = timedelta(minutes=1)

# Two at once could each overwrite the newer value with the older.
_ONE_AT_A_TIME = 4712

# Whoever is being written to right now stays due, so nobody waits here for another's lock.
_LOCK = """
SELECT subject_id FROM personalization_customerprofile WHERE subject_id = ANY(%s)
ORDER BY subject_id FOR NO KEY UPDATE SKIP LOCKED
"""
# Before reading: what changes from now on is due again.
_TAKE = """
DELETE FROM personalization_profile_due
WHERE work = 'traits' AND (profile_id = ANY(%(taken)s) OR (
    profile_id = ANY(%(asked)s) AND NOT EXISTS (
        SELECT FROM personalization_customerprofile p WHERE p.subject_id = profile_id)))
"""
# What did not change is touched only where somebody asked for these people: it is as new.
_WRITE = """
UPDATE personalization_customerprofile p
SET traits = fresh.document::jsonb, traits_at = %(now)s
FROM unnest(%(ids)s::bigint[], %(documents)s::text[]) AS fresh(id, document)
JOIN personalization_customerprofile old ON old.subject_id = fresh.id
WHERE p.subject_id = fresh.id
    AND (p.traits IS DISTINCT FROM fresh.document::jsonb OR %(is_asked_for)s)
RETURNING old.traits IS DISTINCT FROM fresh.document::jsonb
"""
_NOTICE = """
SELECT DISTINCT s.subject_id FROM consent_consentstate s
JOIN consent_consentrecord r ON r.id = s.record_id
JOIN personalization_customerprofile p ON p.subject_id = s.subject_id
WHERE s.record_id > coalesce((SELECT id FROM consent_consentrecord
                              WHERE recorded_at < %(before)s ORDER BY id DESC LIMIT 1), 0)
    AND s.purpose_id = ANY(%(purposes)s)
    AND (p.traits_at IS NULL OR p.traits_at < r.recorded_at + %(latest)s)
    AND (s.is_granted OR p.traits <> '{}')
ORDER BY s.subject_id LIMIT %(limit)s
"""
_QUEUE = """
INSERT INTO personalization_profile_due (work, profile_id)
SELECT 'traits', subject_id FROM personalization_customerprofile ORDER BY subject_id
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class _Run:
    """What is the same for every group of one run."""

    now: datetime
    fitted: Fitted
    aggregates: Sequence[Aggregate]
    # Name of a trait to the purpose without which it is not kept.
    purposes: dict[str, str]
    zones: frozenset[str]


def compute(*, now: datetime, refit: bool = True, progress: Progress | None = None) -> int:
    """Derive the traits of everybody; return how many profiles changed.

    What needs the whole population is fitted first, or taken from the last fit.
    """
    if progress:
        progress.expect(CustomerProfile.objects.count())
    fitted = fitting.fit(_everybody(), now=now) if refit else fitting.newest()
    run = _run(now, fitted=fitted)
    changed = 0
    for ids in _everybody():
        changed += _group(ids, run=run, is_patient=True, is_bulk=True) or 0
        if progress:
            progress.advance(len(ids))
    return changed


def compute_due(*, now: datetime, progress: Progress | None = None) -> int:
    """Derive the traits of those whose events, attributes or consents changed; return how many
    profiles changed. What needs the whole population is that of the last full run."""
    run = _run(now, fitted=fitting.newest())
    ids = _due(run)
    if progress:
        progress.expect(len(ids))
    changed = 0
    for start in range(0, len(ids), DUE_CHUNK):
        group = ids[start : start + DUE_CHUNK]
        done = _group(group, run=run, is_patient=False, is_bulk=len(ids) > DUE_CHUNK)
        if done is None:
            break  # Somebody else is at it.
        changed += done
        if progress:
            progress.advance(len(group))
    return changed


def start_full(*, now: datetime) -> int:
    """Fit anew and make everybody due; the runs of the next minutes do the work, group by group."""
    fitting.fit(_everybody(), now=now)
    return queue_everybody()


def queue_everybody() -> int:
    """Make every profile due, as when a definition changed; return how many were not yet."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE)
        queued: int = cursor.rowcount
    return queued


def _everybody() -> Iterator[list[int]]:
    last = 0
    profiles = CustomerProfile.objects.order_by("pk").values_list("pk", flat=True)
    while ids := list(profiles.filter(pk__gt=last)[:CHUNK]):
        yield ids
        last = ids[-1]


def _due(run: _Run) -> list[int]:
    waiting = ProfileDue.objects.filter(work=ProfileDue.Work.TRAITS).order_by("profile_id")
    ids = set(waiting.values_list("profile_id", flat=True)[:MOST_DUE])
    asked: dict[str, Any] = {
        "before": run.now - NOTICED_FOR,
        "purposes": sorted({*run.purposes.values(), PROFILING}),
        "latest": LATEST_SHOWN,
        "limit": MOST_DUE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOTICE, asked)
        ids |= {pk for (pk,) in cursor.fetchall()}
    return sorted(ids)[:MOST_DUE]


def _group(ids: Sequence[int], *, run: _Run, is_patient: bool, is_bulk: bool) -> int | None:
    """Work on these people in one transaction; None if somebody else is at it and that is enough.

    Who is being written to at the moment is left, and due.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if not _claim(is_patient=is_patient):
            return None
        if is_bulk:
            bulk.mark()
        cursor.execute(_LOCK, [list(ids)])
        taken = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(_TAKE, {"taken": taken, "asked": list(ids)})
        traits = _derived(taken, run=run)
        documents = [orjson.dumps(traits.get(pk, {})).decode() for pk in taken]
        fresh: dict[str, Any] = {"ids": taken, "documents": documents, "now": run.now}
        cursor.execute(_WRITE, {**fresh, "is_asked_for": not is_patient})
        changed = sum(bool(has_changed) for (has_changed,) in cursor.fetchall())
    busy = sorted({*ids} - {*taken})
    if busy:
        work = ProfileDue.Work.TRAITS
        alive = CustomerProfile.objects.filter(pk__in=busy).values_list("pk", flat=True)
        rows = [ProfileDue(work=work, profile_id=pk) for pk in alive.order_by("pk")]
        ProfileDue.objects.bulk_create(rows, ignore_conflicts=True)
    return changed


def _claim(*, is_patient: bool) -> bool:
    with connection.cursor() as cursor:
        if is_patient:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        return bool(cursor.fetchone()[0])


def _derived(ids: Sequence[int], *, run: _Run) -> dict[int, Traits]:
    """Return what may be kept of each person: the purpose of each trait has to be granted."""
    people = facts.people(ids, zones=run.zones, now=run.now)
    allowed = [person.id for person in people]
    if not allowed:
        return {}
    bought = facts.purchases(allowed, now=run.now)
    found: dict[int, Traits] = {pk: {} for pk in allowed}
    for pk, traits in chain(
        derive.from_purchases(bought, fitted=run.fitted, today=run.now.date()),
        derive.from_tastes(facts.tastes(allowed, now=run.now)),
        derive.from_acts(facts.acts(people, now=run.now)),
        aggregates.read(run.aggregates, ids=allowed, now=run.now).items(),
    ):
        found[pk] |= traits
    return {
        person.id: {
            name: value
            for name, value in found[person.id].items()
            if run.purposes.get(name) in person.granted
        }
        for person in people
    }


def _run(now: datetime, *, fitted: Fitted) -> _Run:
    fields = Field.objects.filter(kind=Field.Kind.TRAIT)
    return _Run(
        now=now,
        fitted=fitted,
        aggregates=aggregates.registered(),
        purposes=dict(fields.values_list("name", "purpose_id")),
        zones=facts.zones(),
    )
