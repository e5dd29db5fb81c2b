"""What every strategy is, and what it gets to look at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from personalization.recommendations.candidates import Listed, Source
from personalization.recommendations.constraints import Catalogue
from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import BoolArray, FloatArray, Int32Array
from personalization.recommendations.options import Option

# Whose items a strategy names as the cause; "" for one that names none.
History = Literal["bought", "viewed", ""]
# (position, age in days), newest first.
Past = Sequence[tuple[int, float]]
# Positions, best first, and the value of each.
Ranking = tuple[Int32Array, FloatArray]


@dataclass(frozen=True, slots=True)
class Person:
    """All that strategies see of one person; empty where consent is missing."""

    bought: Past = ()
    viewed: Past = ()
    favourite_category: str = ""
    # As `city:Köln`, the narrowest first.
    places: tuple[str, ...] = ()


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
    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source: ...
