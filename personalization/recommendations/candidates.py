"""Products that one strategy would show one person, best first."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from personalization.recommendations.neighbours import FloatArray, Int32Array, IntArray

Scores = NDArray[np.float64]
# Positions and their scores.
Part = tuple[list[int], list[float]]

# Sorted at once; the long tail behind it is sorted only if constraints eat all of these.
HEAD = 16
# Products looked at in the first step of a list.
FIRST_STRIDE = 32


class Source(Protocol):
    """What one strategy would show one person."""

    @property
    def detail(self) -> str:
        """What its reason has to say beside the cause: the kind of place, or nothing."""

    def best_first(self) -> Iterator[Part]:
        """Products by falling score, in parts: mostly the first few are enough."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Few products with their scores, all of them in order."""

    part: Part
    detail: str = ""

    def best_first(self) -> Iterator[Part]:
        yield self.part


@dataclass(frozen=True, slots=True)
class Found:
    """Products with a score each, in no order."""

    positions: IntArray
    scores: Scores
    detail: str = ""

    def best_first(self) -> Iterator[Part]:
        for best in best_first(self.scores):
            yield self.positions[best].tolist(), self.scores[best].tolist()


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that is the same for many people, with a value each; no history caused it."""

    order: Int32Array
    values: FloatArray
    detail: str = ""
    # What was looked at so far.
    _parts: list[Part] = field(default_factory=list, init=False, repr=False)

    def best_first(self) -> Iterator[Part]:
        """Cut into parts, each as long as all before it."""
        number, start, end = 0, 0, FIRST_STRIDE
        while start < len(self.order):
            if number == len(self._parts):
                self._parts.append(
                    (self.order[start:end].tolist(), self.values[start:end].tolist())
                )
            yield self._parts[number]
            number, start, end = number + 1, end, 2 * end


NOTHING = Ranked(part=([], []))


def bought_before(history: list[int]) -> Ranked:
    """Candidates are the history itself, which comes newest first and with its repeats."""
    counts: dict[int, int] = {}
    for position in history:
        counts[position] = counts.get(position, 0) + 1
    scores = {
        position: count + 1.0 / (2.0 + rank)
        for rank, (position, count) in enumerate(counts.items())
    }
    order = sorted(scores, key=scores.__getitem__, reverse=True)
    return Ranked(part=(order, [scores[position] for position in order]))


def looked_at(newest: list[int]) -> Ranked:
    """Candidates are the history itself, the latest first, each once."""
    return Ranked(part=(newest, [1.0 / rank for rank in range(1, len(newest) + 1)]))


def best_first(scores: Scores) -> Iterator[IntArray]:
    """Columns with a score by falling score; ties keep their order, on every machine."""
    threshold = 0.0
    if len(scores) > HEAD:
        ordered = scores.copy()
        ordered.partition(len(scores) - HEAD)
        threshold = float(ordered[-HEAD])
    if threshold > 0:
        yield _sorted(scores, columns=(scores >= threshold).nonzero()[0])
        yield _sorted(scores, columns=((scores > 0) & (scores < threshold)).nonzero()[0])
    else:
        yield _sorted(scores, columns=(scores > 0).nonzero()[0])


def _sorted(scores: Scores, *, columns: IntArray) -> IntArray:
    return columns[(-scores[columns]).argsort(kind="stable")]
