"""The catalogue that conditions may speak of: registered fields, known events, segments."""

from typing import cast

from django.core.cache import cache

from personalization.conditions import sampling
from personalization.conditions.fields import Catalogue, EventSpec, FieldSpec, FieldType
from personalization.ingest.purposes import USE_PURPOSE, use_purpose
from personalization.models import EventDaily, Field, Segment

_NAMES = "personalization.event_names"
# Looking through all days for their names takes long where there are millions.
_NAMES_KEPT_SECONDS = 60


def load() -> Catalogue:
    """Read the catalogue (two queries, and a third now and then: a new event is known within a
    minute)."""
    segments = dict(Segment.objects.values_list("slug", "name"))
    names = event_names()
    return Catalogue(
        fields={
            **sampling.FIELDS,
            **{
                field.path: FieldSpec(
                    path=field.path,
                    type=cast(FieldType, field.type),
                    label=field.label,
                    purpose=field.purpose_id,
                    unit=field.unit,
                )
                for field in Field.objects.filter(is_personal=False, is_sensitive=False)
            },
        },
        events={name: EventSpec(name, name, purpose=use_purpose(name)) for name in names},
        segments=frozenset(segments),
        segment_names=segments,
    )


def event_names() -> list[str]:
    """Return the events that conditions may ask for: known ones and those that occurred."""
    seen = cache.get_or_set(_NAMES, _seen, _NAMES_KEPT_SECONDS) or []
    return sorted({*USE_PURPOSE, *seen})


def _seen() -> list[str]:
    return list(EventDaily.objects.order_by().values_list("name", flat=True).distinct())
