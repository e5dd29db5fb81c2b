"""Note which properties a source sends: names and types only, most batches write nothing.

What a process saw today it knows; counts are added once a minute, or with the next new property.
A worker that dies takes at most that minute's counts with it, never a name.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from personalization.ingest.tally import Property, day_of
from personalization.models import SeenProperty

EVERY = timedelta(minutes=1)
# A source that makes up names without end is noted up to here.
MOST = 2000
LONGEST = 120
MOST_DIGITS = 6
_DIGIT = re.compile(r"\d")

_UPSERT = """
INSERT INTO personalization_seenproperty AS known
    (source_id, event, name, type, is_kept, count, first_seen_at, last_seen_at)
SELECT %(source)s, event, name, type, is_kept, count, %(now)s, %(now)s
FROM unnest(%(events)s::text[], %(names)s::text[], %(types)s::text[], %(kept)s::boolean[],
            %(counts)s::bigint[]) AS given (event, name, type, is_kept, count)
ON CONFLICT (source_id, event, name, type) DO UPDATE SET
    is_kept = EXCLUDED.is_kept, count = known.count + EXCLUDED.count,
    last_seen_at = GREATEST(known.last_seen_at, EXCLUDED.last_seen_at)
"""

Key = tuple[str, str, str]


@dataclass(slots=True)
class _Memory:
    """What this process knows of one source today."""

    day: date
    known: set[Key]
    saved_at: datetime
    pending: Counter[Property] = field(default_factory=Counter)


_memories: dict[int, _Memory] = {}


def note(properties: Mapping[Property, int], *, source_id: int, now: datetime) -> None:
    """Add a batch's properties; write where one is new or a minute has gone by."""
    if not properties:
        return
    memory = _memory(source_id, now=now)
    fitting = _fitting(properties, memory=memory)
    found = Counter(memory.pending)
    found.update(fitting)
    keys = {key[:3] for key in fitting}
    if keys <= memory.known and now - memory.saved_at < EVERY:
        transaction.on_commit(lambda: memory.pending.update(fitting))
        return
    _save(found, source_id=source_id, now=now)
    transaction.on_commit(lambda: _remember(memory, keys=keys, now=now))


def forget() -> None:
    """Know nothing any more, as a process that has just begun."""
    _memories.clear()


def _remember(memory: _Memory, *, keys: set[Key], now: datetime) -> None:
    memory.known |= keys
    memory.saved_at = now
    memory.pending.clear()


def _memory(source_id: int, *, now: datetime) -> _Memory:
    today = day_of(now)
    memory = _memories.get(source_id)
    if memory is None or memory.day != today:
        rows = SeenProperty.objects.filter(source=source_id).values_list("event", "name", "type")
        pending = memory.pending if memory else Counter()
        # Long ago: what is known is written once more today, so that its last day is right.
        memory = _Memory(day=today, known=set(rows), saved_at=now - EVERY, pending=pending)
        _memories[source_id] = memory
    return memory


def _fitting(properties: Mapping[Property, int], *, memory: _Memory) -> Mapping[Property, int]:
    """Leave out names that are too long, and new ones of a source that has too many."""
    room = MOST - len(memory.known)
    fitting: dict[Property, int] = {}
    for key, count in properties.items():
        is_new = key[:3] not in memory.known
        if not _is_name(key[1]) or (is_new and room <= 0):
            continue
        room -= is_new
        fitting[key] = count
    return fitting


def _is_name(name: str) -> bool:
    """Tell a name from what some clients put in its place: an address, a telephone number."""
    is_value = "@" in name or "%40" in name or len(_DIGIT.findall(name)) > MOST_DIGITS
    return len(name) <= LONGEST and name.isprintable() and not is_value


def _save(properties: Mapping[Property, int], *, source_id: int, now: datetime) -> None:
    counts: Counter[Key] = Counter()
    kept: dict[Key, bool] = {}
    for (event, name, type_, is_kept), count in properties.items():
        counts[event, name, type_] += count
        kept[event, name, type_] = is_kept or kept.get((event, name, type_), False)
    keys = sorted(counts)
    with connection.cursor() as cursor:
        cursor.execute(
            _UPSERT,
            {
                "source": source_id,
                "now": now,
                "events": [key[0] for key in keys],
                "names": [key[1] for key in keys],
                "types": [key[2] for key in keys],
                "kept": [kept[key] for key in keys],
                "counts": [counts[key] for key in keys],
            },
        )
