"""What the events look like that occur: how many there are lately, and with which properties."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Sum

from personalization.conditions.fields import FieldType
from personalization.models import EventDaily, SeenProperty

RECENT = timedelta(days=30)
PROPERTIES = 60
_VOLUMES = "personalization.event_volumes"
_VOLUMES_KEPT_SECONDS = 600
_TYPES: Mapping[str, FieldType] = {
    "text": "text", "number": "number", "date": "date", "boolean": "boolean", "list": "list",
}  # fmt: skip


def volumes(*, now: datetime) -> dict[str, int]:
    """Return how often each event occurred in the last 30 days; some minutes old at most."""

    def ask() -> dict[str, int]:
        since = (now - RECENT).date()
        rows = EventDaily.objects.filter(day__gte=since).order_by().values("name")
        return dict(rows.annotate(total=Sum("count")).values_list("name", "total"))

    return cache.get_or_set(_VOLUMES, ask, _VOLUMES_KEPT_SECONDS) or {}


def properties() -> dict[str, dict[str, FieldType]]:
    """Return by event the properties that sources send, those seen most first (one query).

    A property that came with several types counts as text, which everything can be read as.
    """
    rows = (
        SeenProperty.objects.exclude(event="")
        .order_by()
        .values("event", "name", "type")
        .annotate(total=Sum("count"))
        .order_by("event", "-total", "name")
    )
    types: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        if row["type"] in _TYPES:
            types[row["event"]][row["name"]].add(row["type"])
    return {
        event: {
            name: _TYPES[next(iter(seen))] if len(seen) == 1 else "text"
            for name, seen in list(named.items())[:PROPERTIES]
        }
        for event, named in types.items()
    }
