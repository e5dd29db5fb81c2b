"""Recommend products to one person at send time; to whom nobody knows, what everybody may see."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import OperationalError

from consent import gate
from personalization.conditions.tree import NOTHING
from personalization.content.context import REASON
from personalization.models import Product
from personalization.profiles import catalogue, load
from personalization.profiles.loaded import LoadedProfile, nobody
from personalization.recommendations import shelf
from personalization.recommendations.offer import Offer, Wish, offers_for
from personalization.recommendations.recipe import parameter_faults
from personalization.serving import deadline, recipients
from personalization.serving.answer import WORDS
from personalization.serving.deadline import Budget, DeadlinePassed
from personalization.serving.question import Recipient

PURPOSE = "email_marketing"
# Why a list is empty.
_MISSING = {
    "empty_catalogue": "there are no products",
    "sold_out": "no product is in stock",
    "nothing_allowed": "no product meets the limits of the list",
}


class WrongStrategy(ValueError):
    """Nothing is known by this name; the text lists what is."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """`body` is what goes out as JSON; `problem` says why nobody in particular is served."""

    body: dict[str, Any] = field(repr=False)
    problem: str = ""


def suggest(
    recipient: Recipient, *, source: str, strategy: str, limit: int, now: datetime, budget: Budget
) -> Suggested:
    """Return a list for one person, made from the last events; never an error for want of data.

    Without the consent to profiling it is the same for everybody, as for whom nobody knows.
    """
    on_shelf = shelf.live(now=now)
    for fault in parameter_faults(strategy, {}, chains=on_shelf.chains):
        raise WrongStrategy(fault.message)
    profile, problem = _sought(recipient, source=source, now=now, budget=budget)
    found = _offered(profile, strategy=strategy, limit=limit, on_shelf=on_shelf)
    return Suggested(
        body={
            # A chain may have a limit of its own.
            "items": _items(found)[:limit],
            "strategy": found.recipe.get("name", strategy),
            "fallback": bool(problem or found.missing),
            "permission": {
                "may_send": profile.permission.may_send,
                "may_profile": profile.permission.may_profile,
            },
            "reasons": [*_reasons(problem, found.missing)],
        },
        problem=problem,
    )


def public_items(
    *, strategy: str, parameters: Mapping[str, object], limit: int, now: datetime
) -> list[dict[str, Any]]:
    """Return a list that is the same for everybody."""
    found = offers_for(
        [(nobody(purpose="", now=now), Wish(strategy, parameters))],
        shelf=shelf.live(now=now),
        count=limit,
    )
    return _items(found.of(0))[:limit]


def _sought(
    recipient: Recipient, *, source: str, now: datetime, budget: Budget
) -> tuple[LoadedProfile, str]:
    """Return who is meant, or nobody and why."""
    try:
        with deadline.limited(budget):
            found = _loaded(recipient, source=source, now=now)
            budget.check()
    except DeadlinePassed:
        return nobody(purpose=PURPOSE, now=now), "deadline"
    except OperationalError as error:
        if not deadline.is_cancelled(error):
            raise
        return nobody(purpose=PURPOSE, now=now), "deadline"
    if found is None:
        return nobody(purpose=PURPOSE, now=now), "unknown_person"
    return found, ""


def _loaded(recipient: Recipient, *, source: str, now: datetime) -> LoadedProfile | None:
    [subject_id] = recipients.find([recipient], source=source)
    if subject_id is None:
        return None
    found = load.profiles(
        gate.permissions([subject_id], purpose=PURPOSE, at=now),
        needs=NOTHING,
        catalogue=catalogue.load(),
        now=now,
        with_address=False,
    )
    return found[0] if found else None


def _offered(profile: LoadedProfile, *, strategy: str, limit: int, on_shelf: shelf.Shelf) -> Offer:
    found = offers_for([(profile, Wish(strategy))], shelf=on_shelf, count=limit)
    return found.of(profile.subject_id)


def _items(offer: Offer) -> list[dict[str, Any]]:
    """Put each product beside why it is there; a cause is named by the shop's own id."""
    causes = _ids({why["because_of"] for why in offer.reasons} - {None})
    return [
        {
            **{name: value for name, value in card.items() if name != REASON},
            "score": why["score"],
            "reason": {
                "kind": why["strategy"],
                "text": card[REASON],
                "because_of": causes.get(why["because_of"]),
            },
        }
        for card, why in zip(offer.products, offer.reasons, strict=True)
    ]


def _ids(keys: Collection[int]) -> dict[int | None, str]:
    if not keys:
        return {}
    return dict(Product.objects.filter(pk__in=keys).values_list("pk", "product_id"))


def _reasons(problem: str, missing: str) -> Iterator[dict[str, str]]:
    if problem:
        yield {"kind": "fallback", "code": problem, "text": WORDS[problem]}
    if missing:
        yield {"kind": "empty", "code": missing, "text": _MISSING[missing]}
