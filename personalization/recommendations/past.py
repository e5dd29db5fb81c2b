"""What one person bought, viewed or has in the cart, as strategies see it."""

from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter


class Past:
    """Positions in the model and their ages in days, newest first; some come more than once."""

    __slots__ = ("_distinct", "ages", "positions")

    def __init__(self, positions: list[int], ages: list[float]) -> None:
        self.positions = positions
        self.ages = ages
        self._distinct: tuple[list[int], list[float]] | None = None

    def __bool__(self) -> bool:
        return bool(self.positions)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return zip(self.positions, self.ages, strict=True)

    def distinct(self) -> tuple[list[int], list[float]]:
        """Return each position once, with the age it has last."""
        if self._distinct is None:
            once = list(dict.fromkeys(self.positions))
            if len(once) == len(self.positions):
                self._distinct = (self.positions, self.ages)
            else:
                # Of several ages the last one written stays: that of the newest.
                newest = dict(zip(reversed(self.positions), reversed(self.ages), strict=True))
                self._distinct = (once, [newest[position] for position in once])
        return self._distinct

    def within(self, days: float) -> frozenset[int]:
        """Return what was met within these days, the last of them included."""
        return frozenset(self.positions[: bisect_right(self.ages, days)])

    def without(self, position: int) -> "Past":
        """Return the history of somebody who never met this product."""
        once, _ = self.distinct()
        kept = Past(*_cut(self.positions, self.ages, position=position))
        if once is not self.positions:
            kept._distinct = _cut(*self.distinct(), position=position)
        else:
            kept._distinct = (kept.positions, kept.ages)
        return kept


def _cut(
    positions: list[int], ages: list[float], *, position: int
) -> tuple[list[int], list[float]]:
    while position in positions:
        place = positions.index(position)
        positions = positions[:place] + positions[place + 1 :]
        ages = ages[:place] + ages[place + 1 :]
    return positions, ages


def of(positions: list[int], ages: list[float]) -> Past:
    """Return a history told in any order; positions below 0 are unknown and left out."""
    if -1 not in positions and ages == sorted(ages):
        return Past(positions, ages)
    told = [pair for pair in zip(positions, ages, strict=True) if pair[0] >= 0]
    told.sort(key=itemgetter(1))
    return Past([position for position, _ in told], [age for _, age in told])


NO_PAST = Past([], [])
