"""Which values occur: the most frequent ones of a field or of an event's property, with counts.

Every question is bounded: the people seen last, the latest events. A value is told only where
several people share it, so that none points at one of them; people who did not agree to the
field's purpose are not looked at. Personal and sensitive fields are in no catalogue, so they
are never asked for.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import OperationalError, connection, transaction

from consent.gate import permitted_sql
from personalization.conditions.fields import PRODUCT_FIELDS, FieldSpec
from personalization.profiles import catalogue

PEOPLE = 20_000
EVENTS = 10_000
SHARED_BY = 3
SHOWN = 50
KEPT_SECONDS = 600
PATIENCE_MILLISECONDS = 2_000

_LIVING = """JOIN consent_datasubject living ON living.id = p.subject_id
    AND living.erased_at IS NULL AND living.merged_into_id IS NULL"""
# One row a person and value: `key`, what is shown for it, who has it.
_OF_TEXT = "SELECT {document} ->> %(name)s AS key, NULL AS label, subject_id FROM looked_at"
_OF_LIST = """
SELECT each.value AS key, NULL AS label, subject_id
FROM looked_at, jsonb_array_elements_text(
    CASE jsonb_typeof({document} -> %(name)s) WHEN 'array' THEN {document} -> %(name)s
    ELSE '[]' END) AS each(value)
"""
_PEOPLE = """
SELECT p.subject_id, p.{document} FROM personalization_customerprofile p {living}
WHERE {permitted} ORDER BY p.last_seen_at DESC LIMIT %(most)s
"""
_EVENTS = """
SELECT e.id, e.occurred_at, e.properties, p.subject_id FROM (
    SELECT id, occurred_at, properties, profile_id FROM personalization_event
    WHERE name = %(event)s AND occurred_at <= %(now)s AND NOT is_machine
    ORDER BY occurred_at DESC LIMIT %(most)s
) AS e JOIN personalization_customerprofile p ON p.subject_id = e.profile_id {living}
WHERE {permitted}
"""
_OF_PRODUCT = """
SELECT product.{column} AS key, product.name AS label, subject_id
FROM looked_at
JOIN personalization_eventitem item
    ON item.event_id = looked_at.id AND item.occurred_at = looked_at.occurred_at
JOIN personalization_product product ON product.id = item.product_id AND NOT product.is_sensitive
"""
_COUNTED = """
WITH looked_at AS MATERIALIZED ({rows}), found AS ({values})
SELECT key, {label}, count(*) FROM found
WHERE key <> '' AND length(key) <= 200 AND strpos(key, '@') = 0
  AND (%(term)s = '' OR strpos(lower(key || ' ' || coalesce({searched}, '')), %(term)s) > 0)
GROUP BY key HAVING count(DISTINCT subject_id) >= %(shared)s
ORDER BY count(*) DESC, key LIMIT %(shown)s + 1
"""


@dataclass(frozen=True, slots=True)
class Suggested:
    """A value, what it is called where that is something else, and how often it was found."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Suggestions:
    """`is_cut`: there are more than are shown."""

    values: tuple[Suggested, ...] = ()
    is_cut: bool = False


NONE = Suggestions()


def of_field(path: str, *, term: str = "", now: datetime) -> Suggestions:
    """Return the values of a catalogued field; nothing for numbers, dates and unknown fields."""
    spec = catalogue.load().fields.get(path)
    if spec is None or spec.type not in ("text", "list"):
        return NONE
    return _kept(("field", path, term), lambda: _of_field(spec, term=term, now=now))


def of_property(event: str, name: str, *, term: str = "", now: datetime) -> Suggestions:
    """Return the values of a property of an event, or of the products in it."""
    spec = catalogue.load().events.get(event)
    if spec is None:
        return NONE
    product = PRODUCT_FIELDS.get(name)
    if product is not None and product.type != "text":
        return NONE
    values = _OF_TEXT.format(document="properties")
    if product is not None:
        values = _OF_PRODUCT.format(column=name.partition(".")[2])
    is_product = name == "product.product_id"
    return _kept(
        ("event", event, name, term),
        lambda: _asked(
            _EVENTS,
            values=values,
            label="max(label)" if is_product else "NULL",
            searched="label" if is_product else "NULL",
            purpose=spec.purpose,
            params={"event": event, "name": name, "now": now, "most": EVENTS, "term": term},
        ),
    )


def _of_field(spec: FieldSpec, *, term: str, now: datetime) -> Suggestions:
    document, _, name = spec.path.partition(".")
    values = (_OF_LIST if spec.type == "list" else _OF_TEXT).format(document=document)
    rows = _PEOPLE.replace("{document}", document)
    params = {"name": name, "now": now, "most": PEOPLE, "term": term}
    return _asked(
        rows, values=values, label="NULL", searched="NULL", purpose=spec.purpose, params=params
    )


def _asked(
    rows: str,
    *,
    values: str,
    label: str,
    searched: str,
    purpose: str | None,
    params: dict[str, Any],
) -> Suggestions:
    permitted, given = permitted_sql(purpose, at=params["now"]) if purpose else ("true", [])
    named = {f"permitted_{index}": value for index, value in enumerate(given)}
    for name in named:
        permitted = permitted.replace("%s", f"%({name})s", 1)
    sql = _COUNTED.format(
        rows=rows.format(living=_LIVING, permitted=permitted),
        values=values,
        label=label,
        searched=searched,
    )
    more = {"shared": SHARED_BY, "shown": SHOWN, "term": params["term"].lower()}
    found = [
        Suggested(key, label or "", count)
        for key, label, count in _patiently(sql, {**params, **named, **more})
    ]
    return Suggestions(values=tuple(found[:SHOWN]), is_cut=len(found) > SHOWN)


def _patiently(sql: str, params: dict[str, Any]) -> list[tuple[str, str | None, int]]:
    """Ask, but not for long: whoever types goes on without suggestions."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MILLISECONDS}")
            cursor.execute(sql, params)
            rows: list[tuple[str, str | None, int]] = cursor.fetchall()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == "57014":
            return []
        raise
    return rows


def _kept(about: tuple[str, ...], ask: Callable[[], Suggestions]) -> Suggestions:
    """Remember an answer for some minutes; what was asked stands in the key as a digest only."""
    digest = hashlib.blake2b("\0".join(about).encode(), digest_size=16).hexdigest()
    found: Suggestions | None = cache.get_or_set(f"attune.suggestions.{digest}", ask, KEPT_SECONDS)
    return found or NONE
