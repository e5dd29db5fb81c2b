"""Load a batch of full profiles: exactly what the live trees need, in at most five queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent import identity, statements
from consent.permission import Permission
from personalization.conditions import sampling
from personalization.conditions.facts import EventFact, Facts, ItemFact, visible, visible_events
from personalization.conditions.fields import Catalogue
from personalization.conditions.tree import Needs
from personalization.profiles.loaded import History, LoadedProfile

PERSONAL_PLACE = "personalization_customerprofile.personal"
HISTORY_ITEMS = 60
# What was looked at longer ago says nothing about today; a purchase still does.
HISTORY_AGE = {"Order Completed": timedelta(days=36500), "Product Viewed": timedelta(days=90)}

_PROFILES = """
SELECT s.id, s.pseudonym, s.wrapped_key, i.ciphertext, o.pseudonym, o.wrapped_key,
       p.personal, p.attributes, p.traits, p.traits_at
FROM consent_datasubject s
JOIN personalization_customerprofile p ON p.subject_id = s.id
LEFT JOIN consent_identifier i ON i.kind = 'email' AND i.source = '' AND i.hash = s.email_index
LEFT JOIN consent_datasubject o ON o.id = i.subject_id
WHERE s.id = ANY(%s) AND s.wrapped_key IS NOT NULL
"""
_EVENTS = """
SELECT e.profile_id, e.id, e.name, e.occurred_at, e.amount, e.properties, e.is_machine
FROM personalization_event e
JOIN unnest(%s::text[], %s::timestamptz[]) AS need(name, since)
  ON e.name = need.name AND e.occurred_at > need.since
WHERE e.profile_id = ANY(%s) AND e.occurred_at <= %s AND e.occurred_at > %s
"""
_ITEMS = """
SELECT t.event_id, p.product_id, p.category, p.brand, p.department, t.quantity, t.price
FROM personalization_eventitem t LEFT JOIN personalization_product p ON p.id = t.product_id
WHERE t.event_id = ANY(%s) ORDER BY t.event_id, t.line
"""
# `date_part`: `extract` would count in decimal numbers, which takes longer than finding the rows.
_HISTORY = """
    SELECT '{name}' AS name, array_agg(line.product_id) AS products, array_agg(line.age) AS ages
    FROM (
        SELECT t.product_id,
               date_part('epoch', %(now)s - t.occurred_at) / 86400 AS age
        FROM personalization_eventitem t
        WHERE t.profile_id = person.id AND t.name = '{name}'
          AND t.occurred_at <= %(now)s AND t.occurred_at > %({name})s
        ORDER BY t.occurred_at DESC, t.line LIMIT %(limit)s
    ) AS line
"""
# Each name with its own span: so only its months are looked at.
_HISTORIES = f"""
SELECT person.id, item.name, item.products, item.ages
FROM unnest(%(ids)s::bigint[]) AS person(id)
CROSS JOIN LATERAL (
{" UNION ALL ".join(_HISTORY.format(name=name) for name in HISTORY_AGE)}
) AS item
WHERE item.products IS NOT NULL
"""
_SEGMENTS = """
SELECT m.profile_id, s.slug FROM personalization_segmentmembership m
JOIN personalization_segment s ON s.id = m.segment_id
    AND s.broken_since IS NULL AND NOT s.is_archived
WHERE m.profile_id = ANY(%s) AND s.slug = ANY(%s)
"""


def profiles(
    permissions: Mapping[int, Permission],
    *,
    needs: Needs,
    catalogue: Catalogue,
    now: datetime,
    with_history: bool = True,
    with_address: bool = True,
) -> list[LoadedProfile]:
    """Load the people of `permissions`; erased people do not come back.

    `with_address` leaves out who cannot be mailed; without it addresses are not opened at all.
    """
    ids = list(permissions)
    profiling = [pk for pk, permission in permissions.items() if permission.may_profile]
    events = _events(ids, needs=needs, now=now)
    segments = _segments(ids, needs=needs)
    histories = _histories(profiling, now=now) if with_history else {}
    drawn = [path for path in needs.fields if sampling.is_draw(path)]
    return [
        _assemble(
            row,
            permission=permissions[row[0]],
            drawn=drawn,
            catalogue=catalogue,
            events=events.get(row[0], {}),
            segments=frozenset(segments.get(row[0], ())),
            histories=histories.get(row[0], {}),
            with_address=with_address,
        )
        for row in statements.rows(_PROFILES, [ids], people=len(ids))
        if not with_address or row[5] is not None
    ]


def open_personal(sealed: bytes | None, *, key: AESGCM, pseudonym: str) -> dict[str, str]:
    """Decrypt a profile's names and other personal values."""
    if sealed is None:
        return {}
    plain = identity.open_sealed(sealed, key=key, place=PERSONAL_PLACE, owner=pseudonym)
    personal: dict[str, str] = orjson.loads(plain)
    return personal


def _assemble(
    row: Sequence[Any],
    *,
    permission: Permission,
    drawn: Sequence[str],
    catalogue: Catalogue,
    events: Mapping[str, Sequence[EventFact]],
    segments: frozenset[str],
    histories: Mapping[str, History],
    with_address: bool,
) -> LoadedProfile:
    pk, uuid, wrapped, _, _, _, sealed, attributes, traits, traits_at = row
    pseudonym = str(uuid)
    key = identity.unwrap(wrapped, pseudonym=pseudonym)
    values = {f"attributes.{name}": value for name, value in _json(attributes).items()}
    values |= {f"traits.{name}": value for name, value in _json(traits).items()}
    values |= {path: sampling.draw(pseudonym, path=path) for path in drawn}
    granted = permission.granted
    return LoadedProfile(
        subject_id=pk,
        pseudonym=pseudonym,
        permission=permission,
        facts=Facts(
            profile_id=pk,
            values=visible(values, catalogue=catalogue, granted=granted),
            events=visible_events(events, catalogue=catalogue, granted=granted),
            segments=segments,
        ),
        email=_address(row, key=key) if with_address else "",
        personal=open_personal(sealed, key=key, pseudonym=pseudonym),
        key=key,
        bought=histories.get("Order Completed", ()),
        viewed=histories.get("Product Viewed", ()),
        traits_at=traits_at if permission.may_profile else None,
    )


def _address(row: Sequence[Any], *, key: AESGCM) -> str:
    _, uuid, _, ciphertext, holder, held_by, *_ = row
    # The address can stand at a row that was merged into this one, under that row's key.
    address_key = key if holder == uuid else identity.unwrap(held_by, pseudonym=str(holder))
    return identity.open_sealed(
        ciphertext, key=address_key, place="consent_identifier.email", owner=str(holder)
    ).decode()


def _events(
    ids: list[int], *, needs: Needs, now: datetime
) -> dict[int, dict[str, list[EventFact]]]:
    if not needs.events:
        return {}
    names = list(needs.events)
    beginning = now - timedelta(days=36500)
    windows = [needs.events[name] for name in names]
    sinces = [beginning if window is None else now - window for window in windows]
    # The earliest of them tells the server which months it need not open at all.
    parameters = [names, sinces, ids, now, min(sinces)]
    rows = statements.rows(_EVENTS, parameters, people=len(ids))
    items = _items([row[1] for row in rows if row[2] in needs.items], people=len(ids))
    found: dict[int, dict[str, list[EventFact]]] = defaultdict(lambda: defaultdict(list))
    for profile_id, event_id, name, occurred_at, amount, properties, is_machine in rows:
        fact = EventFact(
            name=name,
            occurred_at=occurred_at,
            amount=amount,
            properties=_json(properties),
            items=tuple(items.get(event_id, ())),
            is_machine=is_machine,
        )
        found[profile_id][name].append(fact)
    return found


def _items(event_ids: list[int], *, people: int) -> dict[int, list[ItemFact]]:
    found: dict[int, list[ItemFact]] = defaultdict(list)
    if event_ids:
        for event_id, *columns in statements.rows(_ITEMS, [event_ids], people=people):
            found[event_id].append(ItemFact(*columns))
    return found


def _histories(ids: list[int], *, now: datetime) -> dict[int, dict[str, History]]:
    found: dict[int, dict[str, History]] = defaultdict(dict)
    if ids:
        sinces = {name: now - age for name, age in HISTORY_AGE.items()}
        parameters = {"ids": ids, "now": now, "limit": HISTORY_ITEMS, **sinces}
        for pk, name, products, ages in statements.rows(_HISTORIES, parameters, people=len(ids)):
            found[pk][name] = tuple(zip(products, ages, strict=True))
    return found


def _segments(ids: list[int], *, needs: Needs) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    if needs.segments:
        asked = [ids, list(needs.segments)]
        for pk, slug in statements.rows(_SEGMENTS, asked, people=len(ids)):
            found[pk].add(slug)
    return found


def _json(value: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(value) if isinstance(value, str | bytes) else value
    return loaded
