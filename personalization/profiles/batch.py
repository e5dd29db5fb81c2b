"""Load what conditions may know of a batch of people, mailed or not: at most four queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from personalization.conditions import sampling
from personalization.conditions.facts import EventFact, Facts, ItemFact, visible, visible_events
from personalization.conditions.fields import Catalogue
from personalization.conditions.tree import Needs

_BEGINNING = timedelta(days=36500)

_PEOPLE = """
SELECT p.subject_id, d.pseudonym, p.attributes, p.traits, s.purposes, s.ends
FROM personalization_customerprofile p
JOIN consent_datasubject d ON d.id = p.subject_id
CROSS JOIN LATERAL (
    SELECT array_agg(purpose_id) AS purposes, array_agg(expires_at) AS ends
    FROM consent_consentstate
    WHERE subject_id = p.subject_id AND is_granted AND (expires_at IS NULL OR expires_at > %s)
) AS s
WHERE p.subject_id = ANY(%s) AND d.erased_at IS NULL AND d.merged_into_id IS NULL
"""
# What lies ahead counts for nothing yet, but it tells when to look again.
_EVENTS = """
SELECT e.profile_id, e.id, e.name, e.occurred_at, e.amount, e.is_machine,
       CASE WHEN e.name = ANY(%s) THEN e.properties END
FROM personalization_event e
JOIN unnest(%s::text[], %s::timestamptz[]) AS need(name, since)
  ON e.name = need.name AND e.occurred_at > need.since
WHERE e.profile_id = ANY(%s)
"""
_ITEMS = """
SELECT t.event_id, p.product_id, p.category, p.brand, p.department, t.quantity, t.price
FROM personalization_eventitem t LEFT JOIN personalization_product p ON p.id = t.product_id
WHERE t.event_id = ANY(%s) ORDER BY t.event_id, t.line
"""
# Whoever was merged into somebody gives them the place on a list.
_LISTS = """
SELECT who.id, s.slug
FROM (
    SELECT id, id AS entry FROM consent_datasubject
    WHERE id = ANY(%s) AND merged_into_id IS NULL AND erased_at IS NULL
    UNION ALL
    SELECT merged_into_id, id FROM consent_datasubject
    WHERE merged_into_id = ANY(%s) AND erased_at IS NULL
) AS who
JOIN personalization_listentry e ON e.subject_id = who.entry
JOIN personalization_segment s ON s.id = e.segment_id AND NOT s.is_archived
"""


@dataclass(frozen=True, slots=True)
class Known:
    """One living person. `facts.segments` holds the lists they stand on, where these were asked
    for; `lapses` says when consents that hold now will run out."""

    facts: Facts
    lapses: Mapping[str, datetime]


def known(
    ids: Sequence[int],
    *,
    needs: Needs,
    told: frozenset[str],
    with_lists: bool,
    catalogue: Catalogue,
    now: datetime,
) -> list[Known]:
    """Load those of `ids` who live; `told` are the events whose properties are asked for."""
    events = _events(ids, needs=needs, told=told, now=now)
    lists = _lists(ids) if with_lists else {}
    drawn = sorted(path for path in needs.fields if sampling.is_draw(path))
    return [
        _assemble(
            row, events=events.get(row[0], {}), lists=lists.get(row[0]), drawn=drawn,
            catalogue=catalogue,
        )
        for row in _rows(_PEOPLE, [now, list(ids)])
    ]  # fmt: skip


def _assemble(
    row: Sequence[Any],
    *,
    events: Mapping[str, Sequence[EventFact]],
    lists: set[str] | None,
    drawn: Sequence[str],
    catalogue: Catalogue,
) -> Known:
    pk, pseudonym, attributes, traits, purposes, ends = row
    values = {f"attributes.{name}": value for name, value in _json(attributes).items()}
    values |= {f"traits.{name}": value for name, value in _json(traits).items()}
    values |= {path: sampling.draw(str(pseudonym), path=path) for path in drawn}
    granted = frozenset(purposes or ())
    return Known(
        facts=Facts(
            profile_id=pk,
            values=visible(values, catalogue=catalogue, granted=granted),
            events=visible_events(events, catalogue=catalogue, granted=granted),
            segments=frozenset(lists or ()),
        ),
        lapses={
            purpose: until
            for purpose, until in zip(purposes or (), ends or (), strict=True)
            if until is not None
        },
    )


def _lists(ids: Sequence[int]) -> dict[int, set[str]]:
    lists: dict[int, set[str]] = defaultdict(set)
    for pk, slug in _rows(_LISTS, [list(ids), list(ids)]):
        lists[pk].add(slug)
    return lists


def _events(
    ids: Sequence[int], *, needs: Needs, told: frozenset[str], now: datetime
) -> dict[int, dict[str, list[EventFact]]]:
    if not needs.events:
        return {}
    names = list(needs.events)
    windows = [needs.events[name] for name in names]
    sinces = [now - (_BEGINNING if window is None else window) for window in windows]
    rows = _rows(_EVENTS, [sorted(told), names, sinces, list(ids)])
    items = _items([row[1] for row in rows if row[2] in needs.items])
    found: dict[int, dict[str, list[EventFact]]] = defaultdict(lambda: defaultdict(list))
    for profile_id, event_id, name, occurred_at, amount, is_machine, properties in rows:
        fact = EventFact(
            name=name,
            occurred_at=occurred_at,
            amount=amount,
            properties=_json(properties) if properties else {},
            items=tuple(items.get(event_id, ())),
            is_machine=is_machine,
        )
        found[profile_id][name].append(fact)
    return found


def _items(event_ids: list[int]) -> dict[int, list[ItemFact]]:
    found: dict[int, list[ItemFact]] = defaultdict(list)
    if event_ids:
        for event_id, *columns in _rows(_ITEMS, [event_ids]):
            found[event_id].append(ItemFact(*columns))
    return found


def _rows(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _json(value: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(value) if isinstance(value, str | bytes) else value
    return loaded
