"""Strategies that start from what one person bought or viewed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from personalization.recommendations import vmis
from personalization.recommendations.candidates import (
    MOST_LAST_ITEMS,
    NOTHING,
    Part,
    Scored,
    Source,
    best_first,
    bought_before,
    looked_at,
    similar,
)
from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import Neighbours
from personalization.recommendations.options import Option
from personalization.recommendations.strategies.base import Ground, History, Past, Person

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

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        past = _past(person, self.history)
        if not past:
            return NOTHING
        last = options.get("last_items", self.last)
        found = similar(
            ground.model,
            lists=_lists(ground.model, self.lists),
            past=past,
            allowed=ground.allowed,
            last=last if isinstance(last, int) else self.last,
            is_lifted=self.is_lifted,
        )
        return Scored(found)


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
    label="Completes the last order",
    because="Goes with {cause}",
    general="Goes with your recent orders",
    history="bought",
    last=10,
    lists="together",
    is_lifted=False,
)


@dataclass(frozen=True, slots=True)
class BuyAgain:
    """What was bought before, by how often."""

    name: str = "buy_again"
    label: str = "Buy again"
    because: str = ""
    general: str = "You bought it before"
    history: History = "bought"
    is_personal: bool = True
    options: tuple[Option, ...] = ()

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        return Scored(bought_before([position for position, _ in person.bought]))


@dataclass(frozen=True, slots=True)
class YouLookedAt:
    """What was viewed, the latest first."""

    name: str = "you_looked_at"
    label: str = "They looked at it"
    because: str = ""
    general: str = "You looked at it"
    history: History = "viewed"
    is_personal: bool = True
    options: tuple[Option, ...] = ()

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        return Scored(looked_at([position for position, _ in person.viewed]))


@dataclass(frozen=True, slots=True)
class Vmis:
    """What visitors with alike visits looked at: for shops that live of clicks."""

    name: str = "vmis"
    label: str = "Visits like theirs (VMIS-kNN)"
    because: str = ""
    general: str = "Viewed by visitors with the same interest"
    history: History = "viewed"
    is_personal: bool = True
    options: tuple[Option, ...] = ()

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        history = list(dict.fromkeys(position for position, _ in person.viewed))
        return _Visit(ground.model.sessions, history) if history else NOTHING


@dataclass(frozen=True, slots=True)
class _Visit:
    """Scored anew for every question: which visits are alike depends on all of its clicks."""

    sessions: vmis.Sessions
    history: list[int]
    detail: str = ""

    def best_first(self, *, without: int | None = None) -> Iterator[Part]:
        history = [item for item in self.history if item != without]
        items, scores = vmis.score(self.sessions, clicks=history[: vmis.LAST_CLICKS])
        is_new = ~np.isin(items, history)
        items, scores = items[is_new], scores[is_new]
        for best in best_first(scores):
            yield items[best], scores[best], None

    def causes(self, columns: Sequence[int]) -> list[int]:
        return [-1 for _ in columns]


def _past(person: Person, history: History) -> Past:
    return person.viewed if history == "viewed" else person.bought


def _lists(model: Model, name: str) -> Neighbours:
    return {"viewed": model.viewed, "together": model.together}.get(name, model.neighbours)
