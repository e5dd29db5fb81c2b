"""What the condition builder offers: fields, events, segments and operators, as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from personalization.conditions.fields import (
    OPERATORS_BY_TYPE,
    PRODUCT_FIELDS,
    Catalogue,
    EventSpec,
    FieldSpec,
    FieldType,
)
from personalization.models import Segment

OPERATOR_LABELS = {
    "eq": "is",
    "ne": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "is_set": "is known",
    "is_not_set": "is not known",
    "gt": "is more than",
    "gte": "is at least",
    "lt": "is less than",
    "lte": "is at most",
    "between": "is between",
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "matches": "matches pattern",
    "before": "is before",
    "after": "is after",
    "within_last": "is within the last",
    "not_within_last": "is longer ago than",
    "anniversary_within_next": "has its anniversary within the next",
    "includes_any": "includes any of",
    "includes_all": "includes all of",
}


def vocabulary(
    catalogue: Catalogue,
    *,
    segments: Sequence[Segment],
    purposes: Mapping[str, str],
    volumes: Mapping[str, int],
    properties: Mapping[str, Mapping[str, FieldType]],
) -> dict[str, Any]:
    """Return what a marketer can choose from, in the order it is shown."""
    events = sorted(catalogue.events.values(), key=lambda event: -volumes.get(event.name, 0))
    return {
        "fields": [
            _field(spec)
            for spec in sorted(catalogue.fields.values(), key=lambda spec: spec.label.lower())
        ],
        "events": [
            {
                "name": event.name,
                "purpose": event.purpose,
                "count": volumes.get(event.name, 0),
                "properties": [
                    {"path": name, "label": name.replace("_", " "), "type": type_}
                    for name, type_ in _asked(event, seen=properties.get(event.name, {})).items()
                ],
            }
            for event in events
        ],
        "productFields": [
            {"path": spec.path, "label": spec.label, "type": spec.type}
            for spec in sorted(PRODUCT_FIELDS.values(), key=lambda spec: spec.type != "text")
        ],
        "segments": [_segment(segment) for segment in segments],
        "purposes": dict(purposes),
        "operators": {kind: list(operators) for kind, operators in OPERATORS_BY_TYPE.items()},
        "operatorLabels": OPERATOR_LABELS,
    }


def _segment(segment: Segment) -> dict[str, Any]:
    """What cannot be used says so before it is chosen."""
    is_idle = segment.live_id is None and segment.kind == Segment.Kind.CONDITION
    states = {"archived": segment.is_archived, "broken": segment.broken_since, "not live": is_idle}
    return {
        "id": str(segment.pk),
        "slug": segment.slug,
        "name": segment.name,
        "description": segment.description,
        "count": segment.member_count if segment.counted_at else None,
        "state": next((state for state, is_so in states.items() if is_so), ""),
    }


def _field(spec: FieldSpec) -> dict[str, Any]:
    return {
        "path": spec.path,
        "label": spec.label,
        "type": spec.type,
        "unit": spec.unit,
        "purpose": spec.purpose,
        "choices": list(spec.choices),
    }


def _asked(event: EventSpec, *, seen: Mapping[str, FieldType]) -> Mapping[str, FieldType]:
    """Where the catalogue lists properties only those may be asked for; else those seen."""
    return event.properties or seen
