"""The strategies there are, by name: a new one needs its class and a line here."""

from typing import Final

from personalization.recommendations.strategies import personal, shared
from personalization.recommendations.strategies.base import Strategy

_ALL: tuple[Strategy, ...] = (
    personal.BECAUSE_YOU_BOUGHT,
    personal.BECAUSE_YOU_VIEWED,
    personal.GOES_WITH,
    personal.BuyAgain(),
    personal.YouLookedAt(),
    personal.Vmis(),
    shared.PopularInCategory(),
    shared.PopularHere(),
    shared.Trending(),
    shared.New(),
    shared.Pinned(),
    shared.Popular(),
    shared.Range(),
)
STRATEGIES: Final[dict[str, Strategy]] = {strategy.name: strategy for strategy in _ALL}
DEFAULT: Final = personal.BECAUSE_YOU_BOUGHT.name
# What every list ends with. The last one has everything, so only constraints can empty a list.
FALLBACKS: Final = ("popular_in_category", "popular_here", "popular", "range")
