"""Products a history speaks for, and what would be left of them without one of its items."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import BoolArray, Int32Array, IntArray, lift

Scores = NDArray[np.float64]

# Ten items are too few for shops with large baskets: 50 found 55 % instead of 46 % of the people
# a newly bought product on held-out invoices, more found little more.
LAST_ITEMS = 50
# Each visit back counts a fifth less. Items of one basket have one age and count alike.
FADE_PER_VISIT = 0.8
_FADES: Scores = np.array([FADE_PER_VISIT**visits for visits in range(LAST_ITEMS + 1)])

# Sorted at once; the long tail behind it is sorted only if constraints eat all of these.
HEAD = 16


class Candidates(Protocol):
    @property
    def positions(self) -> IntArray: ...

    def scores(self, *, without: int | None = None) -> Scores:
        """One score a position; `without` leaves that history item (a position) out."""

    def causes(self, columns: Sequence[int]) -> list[int]:
        """The history items (positions) that speak loudest for these candidates."""


@dataclass(frozen=True, slots=True)
class Similar:
    """Neighbours of the last items: one vote a line, of a history item (row) for a candidate.

    `history` and `ages` are lists, newest first: so few numbers are quicker without numpy.
    """

    history: list[int]
    ages: list[float]
    visits: IntArray
    positions: IntArray
    rows: IntArray
    columns: Int32Array
    votes: Scores

    def scores(self, *, without: int | None = None) -> Scores:
        weighed = self._weights(without)[self.rows] * self.votes
        total = np.bincount(self.columns, weights=weighed, minlength=len(self.positions))
        return total.astype(np.float64, copy=False)

    def causes(self, columns: Sequence[int]) -> list[int]:
        weighed = self._weights(None)[self.rows] * self.votes
        loudest = []
        for column in columns:
            voters = (self.columns == column).nonzero()[0]
            loudest.append(self.history[self.rows[voters[weighed[voters].argmax()]]])
        return loudest

    def _weights(self, without: int | None) -> Scores:
        if without is None:
            weights = _FADES[self.visits]
            weights[LAST_ITEMS:] = 0.0
            return weights
        # Without an item the one after the last comes in, and older ones may move up.
        row = self.history.index(without)
        visits = self.visits
        if self._is_own_visit(row):
            visits = visits.copy()
            visits[row + 1 :] -= 1
        weights = _FADES[visits]
        weights[row] = 0.0
        return weights

    def _is_own_visit(self, row: int) -> bool:
        ages, age = self.ages, self.ages[row]
        is_newer = row == 0 or ages[row - 1] < age
        return is_newer and (row + 1 == len(ages) or ages[row + 1] > age)


@dataclass(frozen=True, slots=True)
class BoughtBefore:
    """Own products by how often they were bought; the newer one wins a tie."""

    positions: IntArray
    counts: Scores

    def scores(self, *, without: int | None = None) -> Scores:
        kept = self.positions != (-1 if without is None else without)
        return np.where(kept, self.counts, 0.0)

    def causes(self, columns: Sequence[int]) -> list[int]:
        return [int(self.positions[column]) for column in columns]


class _Scratch(threading.local):
    """Room of one thread for marks on products; the marks have one place more, for nobody (-1)."""

    def __init__(self) -> None:
        self.marks: BoolArray = np.zeros(1, dtype=np.bool_)
        self.slots: Int32Array = np.zeros(0, dtype=np.int32)

    def fit(self, size: int) -> None:
        if len(self.marks) != size + 1:
            self.marks = np.zeros(size + 1, dtype=np.bool_)
            self.slots = np.zeros(size, dtype=np.int32)


_scratch = _Scratch()


def similar(
    model: Model, *, history: Sequence[int], ages: Sequence[float], allowed: BoolArray
) -> Similar:
    """Allowed candidates from a history, newest first; what is in it is no candidate."""
    first: dict[int, float] = {}
    for position, age in zip(history, ages, strict=True):
        first.setdefault(position, age)
    newest = dict(islice(first.items(), LAST_ITEMS + 1))
    rows = np.fromiter(newest, dtype=np.int64, count=len(newest))
    ids = model.neighbours.ids[rows]
    usable = _open(allowed, but=list(first))[ids]
    near = ids[usable]
    found, columns = _distinct(near)
    return Similar(
        history=list(newest),
        ages=list(newest.values()),
        visits=_visits(newest.values()),
        positions=found.astype(np.int64),
        rows=usable.nonzero()[0],
        columns=columns,
        votes=model.neighbours.scores[rows][usable] * lift(model.popularity[near]),
    )


def _visits(ages: Iterable[float]) -> IntArray:
    """Number the ages, ascending, by how many lower ones there are."""
    numbers = []
    number, last = -1, -np.inf
    for age in ages:
        number += age > last
        last = age
        numbers.append(number)
    return np.array(numbers, dtype=np.int64)


def _open(allowed: BoolArray, *, but: list[int]) -> BoolArray:
    """Return a mark for each allowed product but some; valid until the next call."""
    _scratch.fit(len(allowed))
    marks = _scratch.marks
    marks[:-1] = allowed
    marks[but] = False
    return marks


def _distinct(ids: Int32Array) -> tuple[Int32Array, Int32Array]:
    """Return the ids once each, ascending, and for every id its place among them."""
    slots, order = _scratch.slots, np.arange(len(ids), dtype=np.int32)
    slots[ids] = order
    found = ids[slots[ids] == order]
    found.sort()
    slots[found] = order[: len(found)]
    return found, slots[ids]


def bought_before(history: Sequence[int]) -> BoughtBefore:
    """Candidates are the history itself, which comes newest first and with its repeats."""
    counts: dict[int, int] = {}
    for position in history:
        counts[position] = counts.get(position, 0) + 1
    ranks = np.arange(len(counts))
    return BoughtBefore(
        positions=np.fromiter(counts, dtype=np.int64),
        counts=np.fromiter(counts.values(), dtype=np.float64) + 1.0 / (2.0 + ranks),
    )


def nothing() -> BoughtBefore:
    return bought_before(())


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
