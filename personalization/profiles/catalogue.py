"""The catalogue that conditions may speak of: registered fields, known events, segments."""

from typing import cast

from personalization.conditions.fields import Catalogue, EventSpec, FieldSpec, FieldType
from personalization.ingest.purposes import USE_PURPOSE, use_purpose
from personalization.models import EventDaily, Field, Segment


def load() -> Catalogue:
    """Read the catalogue (three queries)."""
    seen = EventDaily.objects.order_by().values_list("name", flat=True).distinct()
    names = sorted({*USE_PURPOSE, *seen})
    return Catalogue(
        fields={
            field.path: FieldSpec(
                path=field.path,
                type=cast(FieldType, field.type),
                label=field.label,
                purpose=field.purpose_id,
                unit=field.unit,
            )
            for field in Field.objects.filter(is_personal=False, is_sensitive=False)
        },
        events={name: EventSpec(name, name, purpose=use_purpose(name)) for name in names},
        segments=frozenset(Segment.objects.values_list("slug", flat=True)),
    )
