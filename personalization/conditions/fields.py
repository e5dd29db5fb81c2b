"""The typed catalogue of fields and events, and the check of a tree against it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from personalization.conditions import values
from personalization.conditions.errors import TreeError, join
from personalization.conditions.nodes import (
    AMOUNT_PROPERTIES,
    PRODUCT_PREFIX,
    Absence,
    Compare,
    Duration,
    EventMatch,
    Happened,
    InSegment,
    Node,
    Operator,
    Sequence,
)
from personalization.conditions.walking import walk

FieldType = Literal["text", "number", "date", "boolean", "list"]

_ALWAYS: tuple[Operator, ...] = ("eq", "ne", "in", "not_in", "is_set", "is_not_set")
_ORDER: tuple[Operator, ...] = ("gt", "gte", "lt", "lte", "between")
_RELATIVE: tuple[Operator, ...] = ("within_last", "not_within_last", "anniversary_within_next")
OPERATORS_BY_TYPE: Mapping[FieldType, tuple[Operator, ...]] = {
    "text": (*_ALWAYS, "contains", "starts_with", "ends_with", "matches"),
    "number": (*_ALWAYS, *_ORDER),
    "date": (*_ALWAYS, *_ORDER, "before", "after", *_RELATIVE),
    "boolean": _ALWAYS,
    "list": (*_ALWAYS, "includes_any", "includes_all"),
}
_VALUE_EXAMPLES: Mapping[FieldType, str] = {
    "text": 'a text such as "DE"',
    "number": "a number such as 200",
    "date": 'an ISO date such as "2026-01-31" or "2026-01-31T09:00:00Z"',
    "boolean": "true or false",
    "list": 'a list such as ["red", "blue"]',
}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field: how it is read, what a marketer calls it, which purpose it needs (or none)."""

    path: str
    type: FieldType
    label: str
    purpose: str | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventSpec:
    """One event; with no properties listed any property may be asked for."""

    name: str
    label: str
    purpose: str | None = None
    properties: Mapping[str, FieldType] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that conditions may speak of; `segments` None means: not checked here.

    `segment_names` has what a marketer calls them.
    """

    fields: Mapping[str, FieldSpec]
    events: Mapping[str, EventSpec]
    segments: frozenset[str] | None = None
    segment_names: Mapping[str, str] = field(default_factory=dict)


PRODUCT_FIELDS: Mapping[str, FieldSpec] = {
    spec.path: spec
    for spec in (
        FieldSpec("product.product_id", "text", "product"),
        FieldSpec("product.category", "text", "product category"),
        FieldSpec("product.brand", "text", "product brand"),
        FieldSpec("product.department", "text", "product department"),
        FieldSpec("product.price", "number", "product price"),
        FieldSpec("product.quantity", "number", "product quantity"),
    )
}


def validate(node: Node, catalogue: Catalogue) -> list[TreeError]:
    """Every fault of the tree against the catalogue, in the order of the tree."""
    return list(_faults(node, catalogue=catalogue))


def _faults(node: Node, *, catalogue: Catalogue) -> Iterator[TreeError]:
    for path, event, inner in walk(node):
        match inner:
            case Compare() if event is None:
                yield from _field_faults(inner, path=path, catalogue=catalogue)
            case Compare() if event is not None:
                yield from _where_faults(inner, path=path, spec=catalogue.events.get(event.name))
            case InSegment(slug=slug):
                if catalogue.segments is not None and slug not in catalogue.segments:
                    yield _unknown("segment", slug, path=path, known=tuple(catalogue.segments))
            case Happened():
                yield from _event_faults(inner.match, path=path, catalogue=catalogue)
                yield from _measure_faults(inner, path=path, catalogue=catalogue)
            case Sequence(steps=steps):
                for index, step in enumerate(steps):
                    at = join(path, f"sequence[{index}]")
                    at = f"{at}.not" if isinstance(step, Absence) else at
                    yield from _event_faults(step.match, path=at, catalogue=catalogue)


def _field_faults(compare: Compare, *, path: str, catalogue: Catalogue) -> Iterator[TreeError]:
    spec = catalogue.fields.get(compare.field)
    if spec is None:
        yield _unknown("field", compare.field, path=path, known=tuple(catalogue.fields))
        return
    yield from _operator_faults(compare, path=path, spec=spec)


def _where_faults(compare: Compare, *, path: str, spec: EventSpec | None) -> Iterator[TreeError]:
    if compare.field.startswith(PRODUCT_PREFIX):
        product = PRODUCT_FIELDS.get(compare.field)
        if product is None:
            yield _unknown("product field", compare.field, path=path, known=tuple(PRODUCT_FIELDS))
        else:
            yield from _operator_faults(compare, path=path, spec=product)
        return
    if spec is None or not spec.properties:
        return
    kind = spec.properties.get(compare.field)
    if kind is None:
        yield _unknown("property", compare.field, path=path, known=tuple(spec.properties))
        return
    property_spec = FieldSpec(compare.field, kind, compare.field)
    yield from _operator_faults(compare, path=path, spec=property_spec)


def _event_faults(match: EventMatch, *, path: str, catalogue: Catalogue) -> Iterator[TreeError]:
    if match.name not in catalogue.events:
        yield _unknown("event", match.name, path=path, known=tuple(catalogue.events))


def _measure_faults(happened: Happened, *, path: str, catalogue: Catalogue) -> Iterator[TreeError]:
    name = happened.measure.property
    spec = catalogue.events.get(happened.match.name)
    if name is None or name in AMOUNT_PROPERTIES or spec is None or not spec.properties:
        return
    at = join(path, happened.measure.kind)
    kind = spec.properties.get(name)
    if kind is None:
        yield _unknown("property", name, path=at, known=tuple(spec.properties))
    elif kind != "number":
        yield TreeError(
            at, f"property “{name}” is of type {kind}; {happened.measure.kind} needs a number"
        )


def _operator_faults(compare: Compare, *, path: str, spec: FieldSpec) -> Iterator[TreeError]:
    allowed = OPERATORS_BY_TYPE[spec.type]
    if compare.op not in allowed:
        yield TreeError(
            path,
            f"operator “{compare.op}” does not fit {compare.field}, which is of type "
            f"{spec.type}; use one of: {', '.join(allowed)}",
        )
        return
    for value in _single_values(compare):
        if not _fits(value, type_=_value_type(compare, spec=spec)):
            example = _VALUE_EXAMPLES[_value_type(compare, spec=spec)]
            yield TreeError(
                path, f"{compare.field} is of type {spec.type}: {value!r} is not {example}"
            )
        elif _is_unknown_choice(value, compare=compare, spec=spec):
            yield _unknown("choice", str(value), path=path, known=spec.choices)


def _is_unknown_choice(value: object, *, compare: Compare, spec: FieldSpec) -> bool:
    is_exact = compare.op in ("eq", "ne", "in", "not_in")
    return is_exact and bool(spec.choices) and value not in spec.choices


def _single_values(compare: Compare) -> tuple[object, ...]:
    """The values to check one by one: members of a list operator, else the value itself."""
    if compare.value is None or isinstance(compare.value, Duration):
        return ()
    is_whole = compare.op in ("eq", "ne")
    if isinstance(compare.value, tuple) and not is_whole:
        return compare.value
    return (compare.value,)


def _value_type(compare: Compare, *, spec: FieldSpec) -> FieldType:
    """Members of a list field are texts or numbers; everything else is of the field's type."""
    if spec.type != "list" or compare.op in ("eq", "ne"):
        return spec.type
    return "number" if values.is_number(_single_values(compare)[0]) else "text"


def _fits(value: object, *, type_: FieldType) -> bool:
    kind = values.kind_of(value)
    return kind == type_ or (type_ == "text" and kind == "date")


def _unknown(what: str, name: str, *, path: str, known: Collection[str]) -> TreeError:
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(f'“{each}”' for each in close)}?" if close else ""
    end = hint or "; choose one from the catalogue"
    return TreeError(path, f"there is no {what} “{name[:80]}”{end}")
