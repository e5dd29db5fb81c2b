"""Slots as this process serves them: live versions compiled, fallback written, for some seconds."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from django.db import OperationalError

from personalization import engine
from personalization.conditions.describe import describe
from personalization.models import SendTimeSlot
from personalization.slots import SlotUnfilled

logger = logging.getLogger(__name__)

# What goes live or is taken back is served after so long at the latest.
MAX_AGE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Ready:
    """One slot: what decides for people, and what nobody in particular gets."""

    slug: str
    purpose: str
    ttl: timedelta
    is_default: bool
    plan: engine.Plan = field(repr=False)
    nobody: engine.Content = field(repr=False)
    # Rule key to its condition in words.
    sentences: dict[str, str] = field(repr=False)
    # Moments at which a rule begins or ends.
    turns: tuple[datetime, ...] = ()

    def expires_at(self, *, now: datetime, shows_products: bool) -> datetime:
        """Return until when a decision of now stands: the smallest of what went into it."""
        ttl = min(self.ttl, engine.STOCK_TTL) if shows_products else self.ttl
        return min([now + ttl, *(turn for turn in self.turns if turn > now)])


@dataclass(slots=True)
class _Served:
    read_at: datetime | None = None
    slots: dict[str, Ready] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


_served = _Served()


def live(*, now: datetime) -> dict[str, Ready]:
    """Return all active slots by name; read again every few seconds, by one thread at a time.

    The others go on with the last ones meanwhile: nobody waits but for the very first.
    """
    if not _served.lock.acquire(blocking=_served.read_at is None):
        return _served.slots
    try:
        if _served.read_at is None or abs(now - _served.read_at) >= MAX_AGE:
            try:
                _served.slots = {ready.slug: ready for ready in _read(now=now)}
                _served.read_at = now
            except OperationalError:
                # What was served a moment ago is better than nothing at all.
                if _served.read_at is None:
                    raise
                logger.warning("slots were not read again; the last ones are served")
        return _served.slots
    finally:
        _served.lock.release()


def default(slots: Collection[Ready]) -> Ready | None:
    """Return the slot whose fallback stands for slots that nobody set up."""
    return next((ready for ready in slots if ready.is_default), next(iter(slots), None))


def forget() -> None:
    """Read everything afresh at the next call: after a change in tests."""
    _served.read_at = None
    _served.slots = {}


def _read(*, now: datetime) -> Iterator[Ready]:
    rows = SendTimeSlot.objects.filter(is_active=True).select_related("ruleset__live")
    for row in rows.order_by("created_at"):
        try:
            yield _ready(row, now=now)
        except SlotUnfilled as error:
            logger.warning("slot is not served", extra={"slot": row.slug, "reason": str(error)})


def _ready(row: SendTimeSlot, *, now: datetime) -> Ready:
    plan = engine.prepare(
        {row.slug: row.ruleset}, recommendation_count=row.recommendation_count, now=now
    )
    for_nobody = engine.for_nobody(plan, now=now)
    if for_nobody.problem is not None:
        raise SlotUnfilled(f"the fallback cannot be written: {for_nobody.problem}")
    rules = plan.slots[0].ruleset.definition.rules
    turns = {turn for rule in rules for turn in (rule.active_from, rule.active_until) if turn}
    return Ready(
        slug=row.slug,
        purpose=str(row.purpose_id),
        ttl=timedelta(seconds=row.ttl_seconds),
        is_default=row.is_default,
        plan=plan,
        nobody=for_nobody,
        sentences={rule.key: describe(rule.condition, catalogue=plan.catalogue) for rule in rules},
        turns=tuple(sorted(turns)),
    )
