"""What the condition builder offers: fields, events, segments and operators, as JSON."""

from typing import Any

from personalization.conditions.fields import OPERATORS_BY_TYPE, PRODUCT_FIELDS, Catalogue

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
    "includes_any": "includes any of",
    "includes_all": "includes all of",
}


def vocabulary(catalogue: Catalogue, *, segment_names: dict[str, str]) -> dict[str, Any]:
    """Return what a marketer can choose from, in the order it is shown."""
    return {
        "fields": [
            {
                "path": spec.path,
                "label": spec.label,
                "type": spec.type,
                "unit": spec.unit,
                "choices": list(spec.choices),
            }
            for spec in sorted(catalogue.fields.values(), key=lambda spec: spec.label.lower())
        ],
        "events": [
            {
                "name": event.name,
                "properties": [
                    {"path": name, "label": name.replace("_", " "), "type": type_}
                    for name, type_ in event.properties.items()
                ],
            }
            for event in catalogue.events.values()
        ],
        "productFields": [
            {"path": spec.path, "label": spec.label, "type": spec.type}
            for spec in PRODUCT_FIELDS.values()
        ],
        "segments": [{"slug": slug, "name": name} for slug, name in segment_names.items()],
        "operators": {kind: list(operators) for kind, operators in OPERATORS_BY_TYPE.items()},
        "operatorLabels": OPERATOR_LABELS,
    }
