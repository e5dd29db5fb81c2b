"""What many receipts share, kept once: a product as it was shown, the frame of a campaign's mails.

A part is found by the hash of its content, so it cannot change without being noticed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b
from typing import Any

import orjson
from django.db import connection

from personalization.models import ReceiptPart

_BYTES = 16
# A process that remembers what it stored today spares the statement; then it begins anew.
_MOST_REMEMBERED = 50_000

_STORE = """
INSERT INTO personalization_receiptpart (key, content, used_on)
SELECT entry.key, entry.content, %s
FROM jsonb_to_recordset(%s::jsonb) AS entry(key text, content jsonb)
ORDER BY entry.key
ON CONFLICT (key) DO UPDATE SET used_on = EXCLUDED.used_on
    WHERE personalization_receiptpart.used_on < EXCLUDED.used_on
"""


class PartAltered(Exception):
    """A kept part no longer has the content its key was made of, or is gone."""


@dataclass(frozen=True, slots=True)
class Part:
    key: str
    content: Mapping[str, Any] = field(repr=False)


@dataclass(slots=True)
class _Remembered:
    day: date = date.min
    keys: set[str] = field(default_factory=set)


_remembered = _Remembered()


def part(content: Mapping[str, Any]) -> Part:
    """Return a content with its key; the order of its names does not matter."""
    return Part(key=_key(content), content=content)


def store(parts: Iterable[Part], *, now: datetime) -> None:
    """Keep parts and note the day they were used on; at most one statement, often none."""
    known = _known_on(now.date())
    new = {each.key: each for each in parts if each.key not in known}
    if not new:
        return
    rows = [{"key": each.key, "content": each.content} for each in new.values()]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [now.date(), orjson.dumps(rows).decode()])
    # What a transaction stores may be taken back: only then nothing is remembered.
    if not connection.in_atomic_block:
        known.update(new)


def fetch(keys: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Return parts by key (one query); PartAltered where one is gone or was changed."""
    wanted = set(keys)
    found: dict[str, Mapping[str, Any]] = dict(
        ReceiptPart.objects.filter(key__in=wanted).values_list("key", "content")
    )
    for key in sorted(wanted):
        if key not in found:
            raise PartAltered(f"part {key} is gone")
        if _key(found[key]) != key:
            raise PartAltered(f"part {key} was altered")
    return found


def forget() -> None:
    """Remember nothing of what was stored: after parts were removed, and in tests."""
    _remembered.keys.clear()


def _known_on(day: date) -> set[str]:
    if _remembered.day != day or len(_remembered.keys) > _MOST_REMEMBERED:
        _remembered.day = day
        _remembered.keys.clear()
    return _remembered.keys


def _key(content: Mapping[str, Any]) -> str:
    plain = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return blake2b(plain, digest_size=_BYTES).hexdigest()
