"""Strategies that start from what one person bought or viewed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from personalization.recommendations import vmis, votes
from personalization.recommendations.candidates import (
    NOTHING,
    Found,
    Source,
    bought_before,
    looked_at,
)
from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import Neighbours
from personalization.recommendations.options import Option
from personalization.recommendations.strategies.base import Ground, History, OneByOne, Person
from personalization.recommendations.votes import MOST_LAST_ITEMS

_LAST_ITEMS = Option(
    "last_items",
    "Last items looked at",
    "whole",
    1,
    MOST_LAST_ITEMS,
    help="How much of the history counts; each visit back counts a fifth less.",
)


@dataclass(frozen=True, slots=True)
class Neighbourly:
    """Neighbours of the last items of one history."""

    name: str
    label: str
    because: str
    general: str
    history: History
    # Ten lines of orders are too few for shops with large baskets: 50 found 55 % instead of 46 %
    # of the people a newly bought product on held-out invoices, more found little more.
    last: int
    lists: str
    is_lifted: bool = True
    is_personal: bool = True
    options: tuple[Option, ...] = (_LAST_ITEMS,)
    # What the general reason calls the history that was found.
    details: Mapping[History, str] = field(default_factory=dict)

    def sources(
        self, ground: Ground, people: Sequence[Person], options: Mapping[str, object]
    ) -> list[Source]:
        last = options.get("last_items", self.last)
        return votes.similar(
            ground.model,
            lists=_lists(ground.model, self.lists),
            pasts=[person.past(self.history) for person in people],
            allowed=ground.allowed,
            last=last if isinstance(last, int) else self.last,
            is_lifted=self.is_lifted,
            details=[self.details.get(person.looks_at(self.history), "") for person in people],
        )

    def causes(self, found: Sequence[tuple[Source, int]]) -> list[int]:
        return votes.loudest(found)

    def without(self, found: Sequence[tuple[Source, int]]) -> list[Source]:
        return votes.without(found)


BECAUSE_YOU_VIEWED = Neighbourly(
    name="because_you_viewed",
    label="Goes with what they viewed",
    because="Because you viewed {cause}",
    general="Goes with what you looked at",
    history="viewed",
    last=10,
    lists="viewed",
)
BECAUSE_YOU_BOUGHT = Neighbourly(
    name="because_you_bought",
    label="Goes with what they bought",
    because="Because you bought {cause}",
    general="Goes with your recent orders",
    history="bought",
    last=50,
    lists="bought",
)
GOES_WITH = Neighbourly(
    name="goes_with",
    label="Completes the cart or the last order",
    because="Goes with {cause}",
    general="Goes with {detail}",
    history="cart",
    last=10,
    lists="together",
    is_lifted=False,
    details={"cart": "your cart", "bought": "your recent orders"},
)


@dataclass(frozen=True, slots=True)
class BuyAgain(OneByOne):
    """What was bought before, by how often."""

    name: str = "buy_again"
    label: str = "Buy again"
    because: str = ""
    general: str = "You bought it before"
    history: History = "bought"
    is_personal: bool = True
    options: tuple[Option, ...] = ()

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        return bought_before(person.bought.positions)


@dataclass(frozen=True, slots=True)
class YouLookedAt(OneByOne):
    """What was viewed, the latest first."""

    name: str = "you_looked_at"
    label: str = "They looked at it"
    because: str = ""
    general: str = "You looked at it"
    history: History = "viewed"
    is_personal: bool = True
    options: tuple[Option, ...] = ()

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        return looked_at(person.viewed.distinct()[0])


@dataclass(frozen=True, slots=True)
class Vmis(OneByOne):
    """What visitors with alike visits looked at: for shops that live of clicks."""

    name: str = "vmis"
    label: str = "Visits like theirs (VMIS-kNN)"
    because: str = ""
    general: str = "Viewed by visitors with the same interest"
    history: History = "viewed"
    is_personal: bool = True
    options: tuple[Option, ...] = ()

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        history, _ = person.viewed.distinct()
        if not history:
            return NOTHING
        sessions = ground.model.sessions
        # What came after the training was in no visit yet.
        clicks = [item for item in history if item < len(sessions.rarity)]
        items, scores = vmis.score(sessions, clicks=clicks[: vmis.LAST_CLICKS])
        is_new = ~np.isin(items, history)
        return Found(items[is_new], scores[is_new])


def _lists(model: Model, name: str) -> Neighbours:
    return {"viewed": model.viewed, "together": model.together}.get(name, model.neighbours)
