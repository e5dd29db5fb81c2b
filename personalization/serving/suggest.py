"""Recommend products to one person at send time; to whom nobody knows, what everybody may see."""

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError

from consent import gate
from consent.permission import Permission
from personalization import engine
from personalization.conditions.tree import NOTHING
from personalization.profiles import catalogue, load
from personalization.profiles.loaded import LoadedProfile, nobody
from personalization.receipts import Entry
from personalization.recommendations import shelf
from personalization.recommendations.offer import Wish, lists_for
from personalization.recommendations.recipe import parameter_faults
from personalization.recommendations.shelf import Shelf
from personalization.replay import AtHand, Outcome, cards_of, replay
from personalization.serving import cards, deadline, kept, lists, recipients
from personalization.serving.answer import WORDS, of_products
from personalization.serving.deadline import Budget, DeadlinePassed
from personalization.serving.kept import Key, New, Standing
from personalization.serving.question import Recipient

logger = logging.getLogger(__name__)

PURPOSE = "email_marketing"
# Products are shown as in stock for so long, and as long the same list is given again.
STANDS = timedelta(seconds=60)
# Lists do not belong to a message.
_NO_MESSAGE = ""
_MOST_REMEMBERED = 200


class WrongStrategy(ValueError):
    """Nothing is known by this name; the text lists what is."""


class NotYet(Exception):
    """The database is away, and this process has served no list yet."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """`body` is what goes out as JSON; `problem` says why nobody in particular is served."""

    body: dict[str, Any] = field(repr=False)
    expires_at: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    strategy: str
    limit: int
    shelf: Shelf
    now: datetime

    @property
    def name(self) -> str:
        """Stand where a slot's name stands; no slot has a slash in its name."""
        return f"/{self.limit}/{self.strategy}"[:80]


# What a receipt keeps of a list, and the products with their words.
_Told = tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]
_NOTHING: Mapping[str, Any] = {"recommendations": [], "causes": {}, "strategy": {}, "missing": ""}


@dataclass(frozen=True, slots=True)
class _ForAll:
    told: _Told
    made_at: datetime


@dataclass(slots=True)
class _Remembered:
    """What this process can say without the database, by strategy and length."""

    shelf: Shelf | None = None
    lists: dict[tuple[str, int], _ForAll] = field(default_factory=dict)


_remembered = _Remembered()


def suggest(
    recipient: Recipient, *, source: str, strategy: str, limit: int, now: datetime, budget: Budget
) -> Suggested:
    """Return a list for one person, made from the last events; never an error for want of data.

    Without the consent to profiling it is the same for everybody, as for whom nobody knows.
    """
    on_shelf = _shelf(now=now)
    for fault in parameter_faults(strategy, {}, chains=on_shelf.chains):
        raise WrongStrategy(fault.message)
    asked = _Asked(strategy, limit, on_shelf, now)
    problem = "unknown_person"
    try:
        with deadline.limited(budget, is_durable=False):
            subjects = recipients.find([recipient], source=source)
            found = _for_person(subjects[0], asked, budget=budget) if subjects[0] else None
            if found is not None:
                _prepare(asked)
                return found
    except DeadlinePassed:
        problem = "deadline"
    except OperationalError as error:
        problem = "deadline" if deadline.is_cancelled(error) else "unavailable"
        # Only the kind of error: its text may quote a person.
        logger.warning("a list is not made", extra={"error": type(error).__name__})
    return _for_nobody(asked, problem=problem)


def public_items(
    *, strategy: str, parameters: Mapping[str, object], limit: int, now: datetime
) -> list[dict[str, Any]]:
    """Return a list that is the same for everybody."""
    wish = Wish(strategy, parameters)
    decision, products = _told_for_all(shelf.live(now=now), wish, limit=limit, now=now)
    return lists.items(products, decision)


def forget() -> None:
    """Remember nothing of what was served: in tests."""
    _remembered.shelf = None
    _remembered.lists.clear()


def _shelf(*, now: datetime) -> Shelf:
    try:
        _remembered.shelf = shelf.live(now=now)
    except OperationalError as error:
        # The one of a moment ago is better than nothing at all.
        if _remembered.shelf is None:
            raise NotYet("the database does not answer, and no list was served before") from error
    return _remembered.shelf


def _for_person(subject_id: int, asked: _Asked, *, budget: Budget) -> Suggested | None:
    permission = gate.permissions([subject_id], purpose=PURPOSE, at=asked.now)[subject_id]
    key = Key(asked.name, subject_id)
    standing = _standing(key, now=asked.now)
    again = _from_receipt(standing, asked, permission=permission) if standing else None
    if again is not None:
        return again
    budget.check()
    profiles = load.profiles(
        {subject_id: permission},
        needs=NOTHING,
        catalogue=catalogue.load(),
        now=asked.now,
        with_address=False,
    )
    if not profiles:
        return None
    new, made = _decide(profiles[0], key, asked)
    ended = [standing] if standing else []
    if not kept.keep([new], message=_NO_MESSAGE, ended=ended, now=asked.now):
        return made
    # Another call was faster: what it decided is what is shown.
    other = _standing(key, now=asked.now)
    return _from_receipt(other, asked, permission=permission) if other else made


def _standing(key: Key, *, now: datetime) -> Standing | None:
    found = kept.standing(_NO_MESSAGE, slots=[key.slot], subject_ids=[key.subject_id], now=now)
    return found.get(key)


def _decide(profile: LoadedProfile, key: Key, asked: _Asked) -> tuple[New, Suggested]:
    [offer] = lists_for([(profile, Wish(asked.strategy))], shelf=asked.shelf, count=asked.limit)
    shown = lists.parts(offer, limit=asked.limit)
    permission = profile.permission
    decision = lists.decision(
        offer, cards=shown, permission=permission, shelf=asked.shelf, now=asked.now
    )
    products = offer.products[: asked.limit]
    decision_id, expires_at = str(uuid.uuid4()), asked.now + STANDS
    entry = Entry(
        message_key=decision_id,
        profile=profile,
        decision=decision,
        parts=shown,
        reasons=[str(card["reason"]) for card in products],
        cart=offer.cart,
    )
    cards.remember(shown)
    body = _body(decision_id, decision, products, permission=permission, asked=asked)
    return New(key, entry, expires_at), Suggested(body, expires_at)


def _from_receipt(found: Standing, asked: _Asked, *, permission: Permission) -> Suggested | None:
    """Tell a kept list again; None if a consent changed since or the receipt does not open."""
    decision = found.receipt.decision
    if decision["permission"] != engine.told(permission):
        return None
    done = replay(found.receipt, at_hand=AtHand(cards=cards.of(cards_of(decision))))
    if done.outcome is not Outcome.EQUAL or done.scene is None:
        logger.warning("a kept list is not replayable", extra={"receipt": found.receipt.pk})
        return None
    context: Mapping[str, Any] = done.scene.context
    decision_id = str(found.receipt.message_key)
    body = _body(
        decision_id, decision, context["recommendations"], permission=permission, asked=asked
    )
    return Suggested(body, found.expires_at)


def _body(
    decision_id: str | None,
    decision: Mapping[str, Any],
    products: Sequence[Mapping[str, Any]],
    *,
    permission: Permission,
    asked: _Asked,
    problem: str = "",
) -> dict[str, Any]:
    missing = str(decision["missing"])
    return {
        "decision_id": decision_id,
        "items": lists.items(products, decision),
        "strategy": decision["strategy"].get("name", asked.strategy),
        "fallback": bool(problem or missing),
        "permission": {"may_send": permission.may_send, "may_profile": permission.may_profile},
        "reasons": [*_reasons(problem), *of_products(decision, is_empty=not products)],
    }


def _for_nobody(asked: _Asked, *, problem: str) -> Suggested:
    """Tell what everybody may see: in want of time or of the database what was told last."""
    key = (asked.strategy, asked.limit)
    known = _remembered.lists.get(key)
    if problem == "unknown_person" or (known is None and problem != "unavailable"):
        known = _remember(asked)
    decision, products = known.told if known else (_NOTHING, [])
    permission = nobody(purpose=PURPOSE, now=asked.now).permission
    body = _body(None, decision, products, permission=permission, asked=asked, problem=problem)
    return Suggested(body, asked.now + STANDS, problem=problem)


def _prepare(asked: _Asked) -> None:
    """See to it that there is something to tell once the database is away."""
    known = _remembered.lists.get((asked.strategy, asked.limit))
    if known is None or abs(asked.now - known.made_at) >= STANDS:
        # What was found for the person is told in any case.
        with suppress(OperationalError):
            _remember(asked)


def _remember(asked: _Asked) -> _ForAll:
    """Make the list that everybody may see, and keep it for when the database is away."""
    wish = Wish(asked.strategy)
    told = _told_for_all(asked.shelf, wish, limit=asked.limit, now=asked.now)
    if len(_remembered.lists) >= _MOST_REMEMBERED:
        _remembered.lists.clear()
    made = _remembered.lists[asked.strategy, asked.limit] = _ForAll(told, asked.now)
    return made


def _told_for_all(on_shelf: Shelf, wish: Wish, *, limit: int, now: datetime) -> _Told:
    profile = nobody(purpose=PURPOSE, now=now)
    [offer] = lists_for([(profile, wish)], shelf=on_shelf, count=limit)
    shown = lists.parts(offer, limit=limit)
    decision = lists.decision(
        offer, cards=shown, permission=profile.permission, shelf=on_shelf, now=now
    )
    return decision, offer.products[:limit]


def _reasons(problem: str) -> Iterator[dict[str, Any]]:
    if problem:
        yield {"kind": "fallback", "code": problem, "text": WORDS[problem]}
