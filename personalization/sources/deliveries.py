"""Verified deliveries: stored once and sealed, then worked on, oldest first for each source."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import DataError, OperationalError, connection, transaction
from django.db.models import Q, QuerySet

from consent import audit, identity
from personalization.importing.values import CellError
from personalization.models import Source, SourceObject, WebhookDelivery
from personalization.sources import carry, objects
from personalization.sources.delivered import Delivered
from personalization.sources.orders import NotYet
from personalization.sources.reading import parse

PLACE = "personalization_webhookdelivery.payload"
LONGEST_ID = 200
# Any number that no other advisory lock of ours uses; the second half is the source.
_WORKING = 4714
# After 1, 2, 4, 8 and 16 minutes: what waits for another delivery has half an hour for it.
TRIES = 6
_FIRST_WAIT = timedelta(minutes=1)
# What failed is kept for whoever mends it, and then it is nobody's any more.
PAYLOAD_KEPT = timedelta(days=30)
KEPT = timedelta(days=90)
_LONGEST_REASON = 300
_QUOTED = re.compile(r"'.*'|\".*\"", re.DOTALL)

State = WebhookDelivery.State


@dataclass(frozen=True, slots=True)
class Worked:
    """How many deliveries came to which end."""

    done: int = 0
    ignored: int = 0
    failed: int = 0
    again: int = 0

    def __add__(self, other: "Worked") -> "Worked":
        return Worked(
            done=self.done + other.done,
            ignored=self.ignored + other.ignored,
            failed=self.failed + other.failed,
            again=self.again + other.again,
        )

    @property
    def taken(self) -> int:
        return self.done + self.ignored + self.failed + self.again


def take(source: Source, *, delivery_id: str, topic: str, body: bytes, now: datetime) -> bool:
    """Store a delivery sealed; False for one that is here already, whatever became of it."""
    key = delivery_id[:LONGEST_ID]
    _, created = WebhookDelivery.objects.get_or_create(
        source=source,
        delivery_id=key,
        defaults={
            "topic": topic[:100],
            "payload": identity.seal_for_system(body, place=PLACE, owner=_owner(source.pk, key)),
            "received_at": now,
        },
    )
    return created


def work(*, now: datetime, limit: int = 500) -> Worked:
    """Work on what waits and is due, each delivery in a transaction of its own.

    A source is worked on by one worker at a time, in the order its deliveries came in.
    """
    total = Worked()
    for source in Source.objects.filter(pk__in=_waiting(now=now).values("source")).order_by("pk"):
        before = total.taken
        while total.taken < limit and (worked := _next(source, now=now)):
            total += worked
        if total.taken > before:
            # A shop that tells of products only is not silent either.
            Source.objects.heard(source.pk, at=now)
    return total


def body_of(delivery: WebhookDelivery) -> bytes | None:
    """Return the body as it came; None once it is done with."""
    if delivery.payload is None:
        return None
    owner = _owner(delivery.source_id, delivery.delivery_id)
    return identity.open_for_system(delivery.payload, place=PLACE, owner=owner)


@transaction.atomic
def retry(deliveries: Iterable[int], *, actor: AbstractBaseUser) -> int:
    """Let failed deliveries be tried again; return how many still have their payload."""
    chosen = WebhookDelivery.objects.filter(
        pk__in=list(deliveries), state=State.FAILED, payload__isnull=False
    )
    ids = sorted(chosen.values_list("pk", flat=True))
    count = chosen.update(state=State.WAITING, tries=0, due_at=None, done_at=None)
    if count:
        audit.note("webhook_delivery.retry", actor=actor, detail={"deliveries": ids[:100]})
    return count


def forget_old(*, now: datetime) -> int:
    """Empty what failed long ago; forget old carts, and deliveries that no shop repeats."""
    ended = WebhookDelivery.objects.exclude(state=State.WAITING)
    SourceObject.objects.filter(kind=objects.CART, told_at__lt=now - KEPT).delete()
    ended.filter(received_at__lt=now - PAYLOAD_KEPT).exclude(payload=None).update(payload=None)
    deleted, _ = ended.filter(received_at__lt=now - KEPT).delete()
    return deleted


def _waiting(*, now: datetime) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(Q(due_at=None) | Q(due_at__lte=now), state=State.WAITING)


def _next(source: Source, *, now: datetime) -> Worked | None:
    """Work on the oldest delivery of a source; None where there is none, or others are at it."""
    delivery = None
    try:
        with transaction.atomic():
            if not _alone_with(source):
                return None
            rows = _waiting(now=now).filter(source=source).order_by("id")
            delivery = rows.select_for_update(skip_locked=True, of=("self",)).first()
            return _work_on(delivery, source=source, now=now) if delivery else None
    except Exception:
        # Counted even so: a fault of ours may not hold up the source for ever.
        if delivery is not None:
            _again(delivery, reason="a fault inside; the log of the worker names it", now=now)
        raise


def _work_on(delivery: WebhookDelivery, *, source: Source, now: datetime) -> Worked:
    try:
        with transaction.atomic():
            given = Delivered(
                id=delivery.delivery_id,
                topic=delivery.topic,
                body=parse(body_of(delivery) or b""),
                received_at=delivery.received_at,
                mapping=source.mapping,
            )
            reason = carry.carry(given, source=source, now=now)
    except (CellError, identity.SealBroken) as fault:
        return _fail(delivery, reason=_without_values(str(fault)), now=now)
    except DataError:
        return _fail(delivery, reason="a value in it is larger than any that is kept", now=now)
    except NotYet as wait:
        return _again(delivery, reason=str(wait), now=now)
    except OperationalError:
        return _again(delivery, reason="the database was busy with the same rows", now=now)
    return _end(delivery, reason=reason, now=now)


def _end(delivery: WebhookDelivery, *, reason: str, now: datetime) -> Worked:
    """Note that it is done with; the payload is not needed any more."""
    delivery.state = State.IGNORED if reason else State.DONE
    delivery.payload, delivery.reason, delivery.done_at = None, reason[:_LONGEST_REASON], now
    delivery.save(update_fields=["state", "payload", "reason", "done_at"])
    return Worked(ignored=1) if reason else Worked(done=1)


def _fail(delivery: WebhookDelivery, *, reason: str, now: datetime) -> Worked:
    """Set it apart with its payload, to be mended and tried again by hand."""
    delivery.state, delivery.reason, delivery.done_at = State.FAILED, reason[:_LONGEST_REASON], now
    delivery.tries += 1
    delivery.save(update_fields=["state", "reason", "done_at", "tries"])
    return Worked(failed=1)


def _again(delivery: WebhookDelivery, *, reason: str, now: datetime) -> Worked:
    if delivery.tries + 1 >= TRIES:
        return _fail(delivery, reason=reason, now=now)
    delivery.due_at = now + _FIRST_WAIT * 2**delivery.tries
    delivery.tries += 1
    delivery.reason = reason[:_LONGEST_REASON]
    delivery.save(update_fields=["due_at", "tries", "reason"])
    return Worked(again=1)


def _without_values(reason: str) -> str:
    """Cut what a reason quotes: with a wrong mapping that may be somebody's name."""
    return _QUOTED.sub("…", reason).removeprefix(": ")


def _alone_with(source: Source) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_WORKING, source.pk])
        is_free: bool = cursor.fetchone()[0]
    return is_free


def _owner(source_id: int, delivery_id: str) -> str:
    return f"{source_id}:{delivery_id}"
