"""Take away values whose time is over: so long after the customer was last seen, field by field."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from personalization.importing import profile_store
from personalization.importing.profile_store import Held, Values, Written
from personalization.models import Field

BATCH = 1000

_PAST = """
SELECT p.subject_id
FROM personalization_customerprofile p JOIN consent_datasubject s ON s.id = p.subject_id
WHERE s.erased_at IS NULL AND s.wrapped_key IS NOT NULL AND EXISTS (
    SELECT 1 FROM unnest(%(names)s::text[], %(befores)s::timestamptz[]) AS field (name, before)
    WHERE p.last_seen_at < field.before AND (
        p.attributes ? field.name OR p.origins ? ('personal.' || field.name)
    ) AND greatest(
        coalesce((p.origins -> ('attributes.' || field.name) ->> 'at')::timestamptz, '-infinity'),
        coalesce((p.origins -> ('personal.' || field.name) ->> 'at')::timestamptz, '-infinity')
    ) < field.before
) ORDER BY p.subject_id LIMIT %(limit)s
"""


def remove_old_values(*, now: datetime) -> int:
    """Remove given values past their field's retention (or that of its purpose), counted from
    when they came or the customer was last seen, whichever is later; return how many people lost
    some. Each batch is a transaction of its own."""
    befores = _befores(now=now)
    total = 0
    while befores and (removed := _batch(befores, now=now)):
        total += removed
    return total


def _befores(*, now: datetime) -> Mapping[str, datetime]:
    fields = Field.objects.filter(kind=Field.Kind.ATTRIBUTE).select_related("purpose")
    return {
        field.name: now - timedelta(days=field.retention_days or field.purpose.retention_days)
        for field in fields
    }


@transaction.atomic
def _batch(befores: Mapping[str, datetime], *, now: datetime) -> int:
    asked: dict[str, Any] = {
        "names": list(befores),
        "befores": list(befores.values()),
        "limit": BATCH,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAST, asked)
        people: Sequence[int] = [row[0] for row in cursor.fetchall()]
    held = profile_store.locked(people).values()
    seen = _last_seen(people)
    written = [
        Written(before=old, after=_kept(old, befores=befores, seen=seen[old.subject_id]))
        for old in held
    ]
    profile_store.put(written, now=now)
    return len(written)


def _last_seen(people: Sequence[int]) -> Mapping[int, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT subject_id, last_seen_at FROM personalization_customerprofile"
            " WHERE subject_id = ANY(%s)",
            [list(people)],
        )
        return dict(cursor.fetchall())


def _kept(old: Held, *, befores: Mapping[str, datetime], seen: datetime) -> Values:
    def is_past(kind: str, name: str) -> bool:
        before = befores.get(name)
        if before is None or seen >= before:
            return False
        origin = old.values.origins.get(f"{kind}.{name}")
        return origin is None or datetime.fromisoformat(origin["at"]) < before

    return Values(
        personal={n: v for n, v in old.values.personal.items() if not is_past("personal", n)},
        attributes={n: v for n, v in old.values.attributes.items() if not is_past("attributes", n)},
        origins={
            path: origin
            for path, origin in old.values.origins.items()
            if not is_past(*path.split(".", 1))
        },
    )
