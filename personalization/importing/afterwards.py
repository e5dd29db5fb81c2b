"""What follows from stored events: who was seen when, whose segments and traits are due."""

from collections.abc import Sequence

import numpy as np
from django.db import connection, transaction

from consent import arrays
from consent.models import Job
from personalization.importing import event_days, touching
from personalization.importing.event_days import Days, Integers, Latest, starts
from personalization.models import ImportRun, ProfileDue, Source

_PROFILES = """
INSERT INTO personalization_customerprofile
    (subject_id, attributes, traits, first_seen_at, last_seen_at)
SELECT subject_id, '{}', '{}', timestamptz 'epoch' + first_at * interval '1 microsecond',
       timestamptz 'epoch' + last_at * interval '1 microsecond'
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])
    AS given (subject_id, first_at, last_at)
ON CONFLICT DO NOTHING
"""
_SEEN = """
INSERT INTO personalization_customerprofile AS known
    (subject_id, attributes, traits, first_seen_at, last_seen_at)
SELECT subject_id, '{}', '{}', timestamptz 'epoch' + first_at * interval '1 microsecond',
       timestamptz 'epoch' + last_at * interval '1 microsecond'
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])
    AS given (subject_id, first_at, last_at)
ON CONFLICT (subject_id) DO UPDATE
SET first_seen_at = LEAST(known.first_seen_at, EXCLUDED.first_seen_at),
    last_seen_at = GREATEST(known.last_seen_at, EXCLUDED.last_seen_at)
WHERE known.first_seen_at > EXCLUDED.first_seen_at OR known.last_seen_at < EXCLUDED.last_seen_at
"""
_SEEN_OF_IMPORT = """
INSERT INTO personalization_customerprofile AS known
    (subject_id, attributes, traits, first_seen_at, last_seen_at)
SELECT profile_id, '{}', '{}', min(occurred_at), max(occurred_at)
FROM personalization_event WHERE import_id = %s GROUP BY profile_id ORDER BY profile_id
ON CONFLICT (subject_id) DO UPDATE
SET first_seen_at = LEAST(known.first_seen_at, EXCLUDED.first_seen_at),
    last_seen_at = GREATEST(known.last_seen_at, EXCLUDED.last_seen_at)
WHERE known.first_seen_at > EXCLUDED.first_seen_at OR known.last_seen_at < EXCLUDED.last_seen_at
"""
_DUE = """
INSERT INTO personalization_profile_due (work, profile_id)
SELECT %s, profile_id FROM unnest(%s::bigint[]) AS profile_id ON CONFLICT DO NOTHING
"""
_DUE_OF_IMPORT = """
INSERT INTO personalization_profile_due (work, profile_id)
SELECT DISTINCT 'traits', profile_id FROM personalization_event WHERE import_id = %s
ON CONFLICT DO NOTHING
"""
_TOUCH_OF_IMPORT = """
INSERT INTO personalization_segment_touch
    (profile_id, cause, event_id, event_name, event_at, is_bulk)
SELECT DISTINCT ON (profile_id, name) profile_id, 'event', id, name, occurred_at, true
FROM personalization_event WHERE import_id = %s ORDER BY profile_id, name, occurred_at DESC
"""
# Above this the memory is written down and emptied, so it does not grow with the file.
KEPT = 500_000


def note(days: Days) -> None:
    """Note it at once, in the transaction of the events; whose traits are due the caller says."""
    _note_seen(days.people, days.first, days.last)
    touching.note(days.latest, is_bulk=False)


def make_due(profile_ids: Sequence[int], *, work: str) -> None:
    """Note whose state has to be derived anew; the worker of that kind takes the rows away."""
    if profile_ids:
        with connection.cursor() as cursor:
            cursor.execute(_DUE, [work, arrays.numbers(profile_ids)])


@transaction.atomic
def note_of_import(import_id: int) -> None:
    """Note it of everything an import brought: it died before it could. Twice does no harm."""
    with connection.cursor() as cursor:
        for statement in (_SEEN_OF_IMPORT, _TOUCH_OF_IMPORT, _DUE_OF_IMPORT):
            cursor.execute(statement, [import_id])


def note_of_unfinished(*, source: Source, but: int) -> None:
    """Note it of other imports of a source that seem to run: whoever runs a killed one again need
    not wait until it is found dead."""
    unfinished = ImportRun.objects.filter(
        kind=ImportRun.Kind.EVENTS, source=source, load_job__state=Job.State.RUNNING
    )
    for run_id in unfinished.values_list("pk", flat=True):
        if run_id != but:
            note_of_import(run_id)


class Later:
    """Gives each person a profile when first met; the rest is noted once, at the end.

    With every batch it would be the dearest part of a long import: a person would be looked at
    again for each, and each time seen moves in an index.
    """

    def __init__(self) -> None:
        self._met: set[int] = set()
        self._waiting: list[Days] = []
        self._count = 0

    def note(self, days: Days) -> None:
        """Make the profiles of those this import meets for the first time, remember the rest."""
        if self._count + len(self._met) > KEPT:
            self.write()
            self._met.clear()
        people = days.people.tolist()
        is_new = np.array([each not in self._met for each in people], np.bool_)
        if is_new.any():
            columns = (days.people[is_new], days.first[is_new], days.last[is_new])
            event_days.execute(_PROFILES, *columns)
            self._met.update(people)
        self._waiting.append(days)
        self._count += len(people) + len(days.latest.ids)

    @transaction.atomic
    def write(self) -> None:
        """Write down what is only remembered so far."""
        waiting, self._waiting, self._count = self._waiting, [], 0
        if waiting:
            people = _note_spans(waiting)
            touching.note(_latest([each.latest for each in waiting]), is_bulk=True)
            make_due(people, work=ProfileDue.Work.TRAITS)


def _note_spans(parts: Sequence[Days]) -> list[int]:
    """Note each person once over all parts, and return them."""
    people, first, last = (
        np.concatenate([getattr(each, column) for each in parts])
        for column in ("people", "first", "last")
    )
    order = np.argsort(people, kind="stable")
    people, first, last = people[order], first[order], last[order]
    begin = starts(people)
    once = people[begin]
    _note_seen(once, np.minimum.reduceat(first, begin), np.maximum.reduceat(last, begin))
    found: list[int] = once.tolist()
    return found


def _latest(parts: Sequence[Latest]) -> Latest:
    """Return the latest event of each name of each person over all parts."""
    names = sorted({name for each in parts for name in each.names})
    place = {name: number for number, name in enumerate(names, start=1)}
    code = np.concatenate(
        [np.array([0, *(place[name] for name in each.names)])[each.codes] for each in parts]
    )
    owner, ids, at = (
        np.concatenate([getattr(each, column) for each in parts])
        for column in ("owners", "ids", "at")
    )
    order = np.lexsort((at, code, owner))
    owner, code, ids, at = owner[order], code[order], ids[order], at[order]
    ends = np.append(starts(owner, code)[1:], len(order)) - 1
    return Latest(names, owner[ends], code[ends], ids[ends], at[ends])


def _note_seen(people: Integers, first: Integers, last: Integers) -> None:
    """Widen the time between which each person was seen; who has no profile gets one."""
    event_days.execute(_SEEN, people, first, last)
