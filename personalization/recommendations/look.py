"""Look at what one customer would be recommended now, and why."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consent import gate
from personalization.conditions.tree import NOTHING
from personalization.profiles import catalogue, load, people
from personalization.recommendations import shelf
from personalization.recommendations.offer import Offer, Wish, offers_for
from personalization.recommendations.strategies.registry import STRATEGIES

COUNT = 12
PURPOSE = "email_marketing"
MISSING = {
    "empty_catalogue": "the catalogue is empty",
    "sold_out": "every product is sold out",
    "nothing_allowed": "no product passes the limits, or all of them were just bought",
}


@dataclass(frozen=True, slots=True)
class Look:
    subject_id: int
    may_profile: bool
    items: list[dict[str, Any]]
    missing: str
    bought: int
    viewed: int
    model: int | None
    milliseconds: float


def at(number: str, *, strategy: str, now: datetime) -> Look | None:
    """Recommend for the customer of a number or address; None if nobody can be loaded."""
    subjects = people.find(number)
    if not subjects:
        return None
    subject_id = subjects[0]
    permissions = gate.permissions([subject_id], purpose=PURPOSE, at=now)
    found = load.profiles(permissions, needs=NOTHING, catalogue=catalogue.load(), now=now)
    if not found:
        return None
    (profile,), stock = found, shelf.live(now=now)
    started = time.perf_counter()
    offer = offers_for([(profile, Wish(strategy))], shelf=stock, count=COUNT).of(subject_id)
    return Look(
        subject_id=subject_id,
        may_profile=profile.permission.may_profile,
        items=_items(offer),
        missing=MISSING.get(offer.missing, offer.missing),
        bought=len(profile.bought),
        viewed=len(profile.viewed),
        model=stock.number,
        milliseconds=1000 * (time.perf_counter() - started),
    )


def _items(offer: Offer) -> list[dict[str, Any]]:
    return [
        {**card, "tier": told["tier"], "strategy": STRATEGIES[told["strategy"]].label}
        for card, told in zip(offer.products, offer.reasons, strict=True)
    ]
