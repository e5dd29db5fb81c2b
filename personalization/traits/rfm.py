"""RFM scores: how recent, how often, how much, each from 1 to 5 against all buyers of the year.

Four cut points split the buyers into fifths. A value's score is 1 plus the number of cut points
below it, so equal values always get equal scores, and fifths with many equal values are uneven:
where half of all buyers ordered once, half have frequency 1. Recency counts the other way round.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
ScoreArray: TypeAlias = NDArray[np.int64]

SHARES = (0.2, 0.4, 0.6, 0.8)
HIGHEST = len(SHARES) + 1


@dataclass(frozen=True, slots=True)
class Cuts:
    """The cut points of a population, lowest first: days since the last order, orders, money."""

    recency: tuple[float, ...]
    frequency: tuple[float, ...]
    monetary: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    recency: ScoreArray
    frequency: ScoreArray
    monetary: ScoreArray


def cut(recency: FloatArray, /, *, frequency: FloatArray, monetary: FloatArray) -> Cuts | None:
    """Return the cut points of these buyers; None if there are none."""
    if not len(recency):
        return None
    return Cuts(*map(_fifths, (recency, frequency, monetary)))


def score(
    cuts: Cuts, /, *, recency: FloatArray, frequency: FloatArray, monetary: FloatArray
) -> Scores:
    return Scores(
        recency=HIGHEST + 1 - _among(cuts.recency, recency),
        frequency=_among(cuts.frequency, frequency),
        monetary=_among(cuts.monetary, monetary),
    )


def from_numbers(numbers: Mapping[str, list[float]], /) -> Cuts:
    """Return the cut points as they were stored."""
    return Cuts(**{name: tuple(points) for name, points in numbers.items()})


def _fifths(values: FloatArray) -> tuple[float, ...]:
    # A value that occurs, never one between two: the same on every machine.
    points: list[float] = np.quantile(values, SHARES, method="inverted_cdf").tolist()
    return tuple(points)


def _among(cuts: tuple[float, ...], values: FloatArray) -> ScoreArray:
    return 1 + np.searchsorted(np.array(cuts), values, side="left").astype(np.int64)
