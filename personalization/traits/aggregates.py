"""Compute all traits that marketers defined, in one statement for many people."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from personalization.conditions.nodes import AMOUNT_PROPERTIES
from personalization.conditions.sql_comparing import SqlCondition, connected, joined, parameter
from personalization.models import Field
from personalization.traits.definition import Aggregate, parse

# A function of the database takes at most 100 arguments, and each figure is two.
PAIRS = 40
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_JSON_TYPES = {"text": "string", "number": "number", "boolean": "boolean"}


def registered() -> list[Aggregate]:
    """Return the definitions of the catalogue; what stands there was checked when it was saved."""
    fields = Field.objects.filter(kind=Field.Kind.TRAIT).exclude(definition={})
    return [
        parse(each.definition, name=each.name, type_=each.type, purpose=each.purpose_id)
        for each in fields
    ]


def read(
    aggregates: Sequence[Aggregate], *, ids: Sequence[int], now: datetime
) -> dict[int, dict[str, Any]]:
    """Return what is there, by person and name; what never happened is absent, not nought."""
    if not aggregates:
        return {}
    query = _query(aggregates, ids=ids, now=now)
    with connection.cursor() as cursor:
        cursor.execute(query.sql, query.params)
        return {pk: orjson.loads(document) for pk, document in cursor.fetchall()}


def _query(aggregates: Sequence[Aggregate], *, ids: Sequence[int], now: datetime) -> SqlCondition:
    documents: list[str | SqlCondition] = []
    for start in range(0, len(aggregates), PAIRS):
        part = _document(aggregates[start : start + PAIRS], now=now)
        documents.extend((" || ", part) if documents else (part,))
    windows = [_since(each, now=now) for each in aggregates]
    conditions = [
        joined("e.profile_id = ANY(", parameter(list(ids)), ")"),
        joined("e.name = ANY(", parameter(sorted({each.event for each in aggregates})), ")"),
        joined("e.occurred_at > ", parameter(min(windows))),
        joined("e.occurred_at <= ", parameter(now)),
        SqlCondition("NOT e.is_machine"),
    ]
    return joined(
        "SELECT e.profile_id, jsonb_strip_nulls(",
        *documents,
        ")::text FROM personalization_event e WHERE ",
        connected("AND", conditions, empty="true"),
        " GROUP BY e.profile_id",
    )


def _document(aggregates: Sequence[Aggregate], *, now: datetime) -> SqlCondition:
    pairs: list[str | SqlCondition] = []
    for aggregate in aggregates:
        pairs += [", " if pairs else "", parameter(aggregate.name), "::text, "]
        pairs.append(_figure(aggregate, now=now))
    return joined("jsonb_build_object(", *pairs, ")")


def _since(aggregate: Aggregate, *, now: datetime) -> datetime:
    return now - timedelta(days=aggregate.days) if aggregate.days else _BEGINNING


def _figure(aggregate: Aggregate, *, now: datetime) -> SqlCondition:
    rows = joined(
        " FILTER (WHERE e.name = ",
        parameter(aggregate.event),
        " AND e.occurred_at > ",
        parameter(_since(aggregate, now=now)),
    )
    match aggregate.function:
        case "count":
            return joined("nullif(count(*)", rows, "), 0)")
        case "days_since":
            latest = joined("max(e.occurred_at)", rows, ")")
            return joined("floor(extract(epoch FROM ", parameter(now), " - ", latest, ") / 86400)")
        case "first" | "last":
            return _edge(aggregate, rows=rows)
        case _:
            number = _number(aggregate.of)
            exact = joined(f"{aggregate.function}(", number, ")", rows, ")")
            return joined("trim_scale(round(", exact, ", 4))")


def _edge(aggregate: Aggregate, *, rows: SqlCondition) -> SqlCondition:
    if not aggregate.of:
        edge = "min" if aggregate.function == "first" else "max"
        at = joined(f"{edge}(e.occurred_at)", rows, ")")
        return joined("to_char(", at, """ AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')""")
    direction = "" if aggregate.function == "first" else " DESC"
    value: SqlCondition = joined("(e.properties -> ", parameter(aggregate.of), ")")
    if aggregate.of in AMOUNT_PROPERTIES and aggregate.type == "number":
        value = SqlCondition("to_jsonb(e.amount)")
    kind = parameter(_JSON_TYPES[aggregate.type])
    return joined(
        "(array_agg(", value, f" ORDER BY e.occurred_at{direction}, e.id{direction})",
        rows, " AND jsonb_typeof(", value, ") = ", kind, "))[1]",
    )  # fmt: skip


def _number(name: str) -> SqlCondition:
    if name in AMOUNT_PROPERTIES:
        return SqlCondition("e.amount")
    value = joined("(e.properties -> ", parameter(name), ")")
    return joined("CASE WHEN jsonb_typeof(", value, ") = 'number' THEN ", value, "::numeric END")
