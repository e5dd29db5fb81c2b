"""Which source a write key is of; remembered for seconds, so that a revoked key ends soon."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from personalization.ingest.consent_carried import Categories
from personalization.models import Source

REMEMBERED = timedelta(seconds=3)
# Anybody may ask with any key: what is remembered of them is thrown away before it grows.
_MOST = 10_000
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class _Found:
    source: Source | None
    until: datetime


_remembered: dict[str, _Found] = {}


def find(key: str, *, now: datetime) -> Source | None:
    """Return the active source of a write key."""
    if not key or len(key) > _LONGEST_KEY or not key.isprintable():
        return None
    found = _remembered.get(key)
    if found is None or found.until <= now:
        found = _Found(_active(key), until=now + REMEMBERED)
        if len(_remembered) >= _MOST:
            _remembered.clear()
        _remembered[key] = found
    return found.source


def forget() -> None:
    """Ask the database again for every key."""
    _remembered.clear()


def categories(source: Source) -> Categories:
    """Return which purposes the categories of this source's consent banner stand for."""
    given = source.mapping.get("consent")
    if not isinstance(given, dict):
        return {}
    return {
        category: [code for code in codes if isinstance(code, str)]
        for category, codes in given.items()
        if isinstance(codes, list)
    }


def _active(key: str) -> Source | None:
    return Source.objects.filter(write_key=key, is_active=True).first()
