"""What one would write first, as the peer: each event stored through the ORM, one by one."""

import json
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt

from consent import identity
from consent.models import ConsentState, Identifier
from personalization.models import (
    CustomerProfile,
    Event,
    EventDaily,
    EventItem,
    EventKey,
    Product,
    Source,
)


@csrf_exempt
def collect(request: HttpRequest) -> HttpResponse:
    """Store a batch in one transaction; what it answers for is applied."""
    source = Source.objects.get(write_key=request.GET["writeKey"])
    with transaction.atomic():
        for each in json.loads(request.body)["batch"]:
            _store(each, source=source)
    return HttpResponse(b"{}")


def _store(given: dict[str, Any], *, source: Source) -> None:
    _, is_new = EventKey.objects.get_or_create(
        source=source, message_id=given["messageId"], defaults={"seen_at": timezone.now()}
    )
    hash_ = identity.blind_index("external_id", given["userId"])
    subject_id = Identifier.objects.get(
        kind="external_id", source=source.space, hash=hash_
    ).subject_id
    states = ConsentState.objects.filter(subject=subject_id, purpose="profiling", is_granted=True)
    name, properties = given["event"], given["properties"]
    if not is_new or (not name.startswith("Order") and not states.exists()):
        return
    at = parse_datetime(given["timestamp"])
    assert at is not None
    profile, _ = CustomerProfile.objects.get_or_create(subject_id=subject_id)
    event = Event.objects.create(
        source=source,
        name=name,
        profile_id=profile.pk,
        origin_profile_id=profile.pk,
        occurred_at=at,
        received_at=timezone.now(),
        amount=_money(properties.get("total")),
        properties=properties,
        context=given["context"],
    )
    for line, product in enumerate(properties.get("products", [properties])):
        _store_line(product, line=line, event=event)
    daily, _ = EventDaily.objects.get_or_create(
        profile_id=profile.pk, name=name, day=at.date(), defaults={"count": 0, "total": 0}
    )
    daily.count += 1
    daily.total += event.amount or 0
    daily.save(update_fields=["count", "total"])
    if profile.last_seen_at < at:
        profile.last_seen_at = at
        profile.save(update_fields=["last_seen_at"])


def _money(given: object) -> Decimal | None:
    return None if given is None else Decimal(str(given))


def _store_line(given: dict[str, Any], *, line: int, event: Event) -> None:
    if "product_id" not in given:
        return
    EventItem.objects.create(
        event_id=event.pk,
        line=line,
        occurred_at=event.occurred_at,
        profile_id=event.profile_id,
        name=event.name,
        product_id=Product.objects.get(product_id=given["product_id"]).pk,
        quantity=given.get("quantity", 1),
        price=given.get("price"),
    )


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.path)


urlpatterns = [path("v1/batch", collect), path("healthz", healthz)]
