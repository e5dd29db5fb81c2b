"""What every strategy is, and what it gets to look at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from personalization.recommendations.candidates import Listed, Source
from personalization.recommendations.constraints import Catalogue
from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import BoolArray, FloatArray, Int32Array
from personalization.recommendations.options import Option
from personalization.recommendations.past import NO_PAST, Past

# Whose items a strategy looks at; "" for one that looks at none. "cart" is the open cart, or
# what was bought where there is none.
History = Literal["bought", "viewed", "cart", ""]
# Positions, best first, and the value of each.
Ranking = tuple[Int32Array, FloatArray]


class Person(NamedTuple):
    """All that strategies see of one person; empty where consent is missing."""

    bought: Past = NO_PAST
    viewed: Past = NO_PAST
    cart: Past = NO_PAST
    favourite_category: str = ""
    # As `city:Köln`, the narrowest first.
    places: tuple[str, ...] = ()

    def without(self, history: History, *, position: int) -> "Person":
        """Return the same person without a product in one of the histories."""
        if history == "viewed":
            return self._replace(viewed=self.viewed.without(position))
        if history == "cart":
            return self._replace(cart=self.cart.without(position))
        return self._replace(bought=self.bought.without(position))

    def looks_at(self, history: History) -> History:
        """Return the history that a strategy finds where it looks for this one."""
        return "bought" if history == "cart" and not self.cart else history

    def past(self, history: History) -> Past:
        match self.looks_at(history):
            case "viewed":
                return self.viewed
            case "cart":
                return self.cart
            case _:
                return self.bought


@dataclass(frozen=True, slots=True)
class Ground:
    """What is the same for everybody of a batch under one set of constraints."""

    model: Model
    catalogue: Catalogue
    allowed: BoolArray
    _lists: dict[str, Listed] = field(default_factory=dict)

    def listed(self, name: str, make: Callable[[], Ranking], *, detail: str = "") -> Listed:
        """Return what is allowed of a shared list; worked out once a batch."""
        found = self._lists.get(name)
        if found is None:
            order, values = make()
            is_open = self.allowed[order]
            found = Listed(order[is_open], values[is_open], detail)
            self._lists[name] = found
        return found


class Strategy(Protocol):
    """A plug-in: one way to find products, its parameters, and what may be said as the reason."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str:
        """Its name in menus."""

    @property
    def because(self) -> str:
        """The reason with `{cause}`, said only where the cause is true; "" to name none."""

    @property
    def general(self) -> str:
        """The reason that is true without a cause; may name `{category}` or `{detail}`."""

    @property
    def history(self) -> History: ...
    @property
    def is_personal(self) -> bool:
        """Whether it looks at the person at all: then it needs the consent to profiling."""

    @property
    def options(self) -> tuple[Option, ...]: ...
    def sources(
        self, ground: Ground, people: Sequence[Person], options: Mapping[str, object]
    ) -> Sequence[Source]:
        """Return what it would show each of these people."""

    def causes(self, found: Sequence[tuple[Source, int]]) -> list[int]:
        """For each of its products (a position) the history item that speaks loudest for it.

        Only asked where `because` has words for a cause.
        """

    def without(self, found: Sequence[tuple[Source, int]]) -> Sequence[Source]:
        """For each source what it would be if the person did not have that history item.

        Only asked where `because` has words for a cause.
        """


class OneByOne:
    """A strategy that looks at one person at a time and names no causes."""

    __slots__ = ()

    def sources(
        self, ground: Ground, people: Sequence[Person], options: Mapping[str, object]
    ) -> list[Source]:
        return [self.source(ground, person, options) for person in people]

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        raise NotImplementedError

    def causes(self, found: Sequence[tuple[Source, int]]) -> list[int]:
        return [-1 for _ in found]

    def without(self, found: Sequence[tuple[Source, int]]) -> list[Source]:
        raise NotImplementedError("it names no causes")


class SameForAll(OneByOne):
    """A strategy that shows everybody the same."""

    __slots__ = ()

    def sources(
        self, ground: Ground, people: Sequence[Person], options: Mapping[str, object]
    ) -> list[Source]:
        found = self.source(ground, NOBODY, options)
        return [found] * len(people)


NOBODY = Person()
