"""People with a history for the tests of merging, and a dump of everything that is theirs."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from django.db import connection
from django.db.models import Model

from consent import identify, identity
from consent.identify import Names
from consent.models import ConsentRecord, ConsentState, DataSubject, Identifier, Suppression
from personalization.commerce import state
from personalization.merging.values import PLACE
from personalization.models import (
    Basket,
    CustomerProfile,
    Event,
    EventDaily,
    EventItem,
    Order,
    Product,
    SegmentMembership,
    Source,
)
from tests.consent.people import NOON

# Made anew with every refresh: what they hold is compared, not their numbers.
_ANEW = {Basket: {"id"}, Order: {"id", "changed_at"}, SegmentMembership: {"id"}}
_TABLES: tuple[type[Model], ...] = (
    DataSubject,
    Identifier,
    ConsentRecord,
    ConsentState,
    Suppression,
    Event,
    EventItem,
    EventDaily,
    Basket,
    Order,
    SegmentMembership,
)
# After all that happens.
LATE = NOON + timedelta(days=2)
_SEEN = """
INSERT INTO personalization_customerprofile AS known
    (subject_id, attributes, traits, first_seen_at, last_seen_at) VALUES (%s, '{}', '{}', %s, %s)
ON CONFLICT (subject_id) DO UPDATE
SET first_seen_at = LEAST(known.first_seen_at, EXCLUDED.first_seen_at),
    last_seen_at = GREATEST(known.last_seen_at, EXCLUDED.last_seen_at)
"""
_COUNT = """
INSERT INTO personalization_event_daily AS known VALUES (%s, %s, %s, 1, %s)
ON CONFLICT (profile_id, name, day) DO UPDATE
SET count = known.count + 1, total = known.total + EXCLUDED.total
"""


def somebody(**names: str) -> DataSubject:
    """A subject behind names of the source `shop`."""
    (found,) = identify.resolve([Names(**names)], source="shop").subject_ids
    return DataSubject.objects.get(pk=found or 0)


def living(row_id: int) -> int:
    row = DataSubject.objects.get(pk=row_id)
    return row.merged_into_id or row.pk


def happened(
    row_id: int,
    name: str,
    *,
    at: datetime,
    product: Product | None = None,
    amount: Decimal | None = None,
    order_id: str = "",
) -> Event:
    """An event under a name of one row, stored as the worker stores it."""
    source, _ = Source.objects.get_or_create(slug="shop", defaults={"name": "Shop"})
    person = living(row_id)
    event = Event.objects.create(
        source=source,
        name=name,
        profile_id=person,
        origin_profile_id=row_id,
        occurred_at=at,
        received_at=at,
        amount=amount,
        currency="EUR" if amount is not None else None,
        properties={"order_id": order_id} if order_id else {},
    )
    if product is not None:
        EventItem.objects.create(
            event_id=event.pk,
            line=1,
            occurred_at=at,
            profile_id=person,
            name=name,
            product_id=product.pk,
            quantity=2,
            price=product.price,
        )
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [person, at, at])
        cursor.execute(_COUNT, [person, name, at.date(), amount or 0])
    state.refresh([person], now=LATE)
    return event


def profile(
    subject: DataSubject,
    *,
    personal: Mapping[str, str] | None = None,
    at: datetime,
    **attributes: object,
) -> CustomerProfile:
    """A profile whose values come from a file."""
    origin = {"source": "file", "at": at.isoformat()}
    paths = [f"attributes.{name}" for name in attributes]
    paths += [f"personal.{name}" for name in personal or {}]
    owner = str(subject.pseudonym)
    key = identity.unwrap(subject.wrapped_key or b"", pseudonym=owner)
    sealed = identity.seal(orjson.dumps(dict(personal or {})), key=key, place=PLACE, owner=owner)
    return CustomerProfile.objects.create(
        subject=subject,
        personal=sealed if personal else None,
        attributes=attributes,
        origins=dict.fromkeys(paths, origin),
        first_seen_at=at,
        last_seen_at=at,
    )


def personal_of(row_id: int) -> dict[str, str]:
    held = CustomerProfile.objects.select_related("subject").filter(pk=row_id).first()
    if held is None or held.personal is None:
        return {}
    owner = str(held.subject.pseudonym)
    key = identity.unwrap(held.subject.wrapped_key or b"", pseudonym=owner)
    opened: dict[str, str] = orjson.loads(
        identity.open_sealed(held.personal, key=key, place=PLACE, owner=owner)
    )
    return opened


def dump(*, without: Iterable[type[Model]] = ()) -> dict[str, list[Any]]:
    """Return every row of every table that merging touches; sealed names in clear."""
    found: dict[str, list[Any]] = {
        model.__name__: _rows(model, leave=_ANEW.get(model, set()))
        for model in _TABLES
        if model not in set(without)
    }
    found["CustomerProfile"] = [
        {**row, "personal": personal_of(row["subject_id"])}
        for row in _rows(CustomerProfile, leave=set())
    ]
    return found


def _rows(model: type[Model], *, leave: set[str]) -> list[dict[str, Any]]:
    columns = [field.attname for field in model._meta.concrete_fields]
    kept = [name for name in columns if name not in {*leave, "pk"}]
    rows: list[dict[str, Any]] = list(model._default_manager.order_by().values(*kept))
    return sorted(rows, key=repr)
