"""Products a history speaks for, and what would be left of them without one of its items."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import (
    BoolArray,
    FloatArray,
    Int32Array,
    IntArray,
    Neighbours,
    lift,
)

Scores = NDArray[np.float64]
# Positions, their scores, and their columns in the source (None where it names no causes).
Part = tuple[IntArray | Int32Array, Scores | FloatArray, IntArray | None]

MOST_LAST_ITEMS = 50
# Each visit back counts a fifth less. Items of one basket have one age and count alike.
FADE_PER_VISIT = 0.8
_FADES: Scores = np.array([FADE_PER_VISIT**visits for visits in range(MOST_LAST_ITEMS + 1)])

# Sorted at once; the long tail behind it is sorted only if constraints eat all of these.
HEAD = 16
# Products looked at in the first step of a list.
FIRST_STRIDE = 32


class Source(Protocol):
    """What one strategy would show one person."""

    @property
    def detail(self) -> str:
        """What its reason has to say beside the cause: the kind of place, or nothing."""

    def best_first(self, *, without: int | None = None) -> Iterator[Part]:
        """Products by falling score; `without` leaves an item of the history (a position) out."""

    def causes(self, columns: Sequence[int]) -> list[int]:
        """The history items (positions) that speak loudest for these columns."""


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
    columns: IntArray
    votes: Scores
    last: int
    # Columns of the history's own products: no candidates, but for one that is left out.
    own: dict[int, int]
    own_columns: IntArray

    def scores(self, *, without: int | None = None) -> Scores:
        weighed = self._weights(without).take(self.rows)
        weighed *= self.votes
        counted = np.bincount(self.columns, weights=weighed, minlength=len(self.positions))
        total: Scores = counted.astype(np.float64, copy=False)
        freed = None if without is None else self.own.get(without)
        kept = 0.0 if freed is None else total[freed]
        total[self.own_columns] = 0.0
        if freed is not None:
            total[freed] = kept
        return total

    def causes(self, columns: Sequence[int]) -> list[int]:
        weighed = self._weights(None).take(self.rows) * self.votes
        loudest = []
        for column in columns:
            voters = (self.columns == column).nonzero()[0]
            loudest.append(self.history[self.rows[voters[weighed[voters].argmax()]]])
        return loudest

    def _weights(self, without: int | None) -> Scores:
        if without is None or without not in self.history:
            weights = _FADES[self.visits]
            weights[self.last :] = 0.0
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
    """Own products with a score each, as how often they were bought."""

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
        self.slots: IntArray = np.zeros(0, dtype=np.int64)

    def fit(self, size: int) -> None:
        if len(self.marks) != size + 1:
            self.marks = np.zeros(size + 1, dtype=np.bool_)
            self.slots = np.zeros(size, dtype=np.int64)


_scratch = _Scratch()


def similar(
    model: Model,
    *,
    lists: Neighbours,
    past: Sequence[tuple[int, float]],
    allowed: BoolArray,
    last: int,
    is_lifted: bool = True,
) -> Similar:
    """Allowed candidates from a history, newest first; what is in it is no candidate."""
    first: dict[int, float] = {}
    for position, age in past:
        first.setdefault(position, age)
    newest = dict(islice(first.items(), last + 1))
    rows = np.fromiter(newest, dtype=np.int64, count=len(newest))
    ids = lists.ids[rows]
    usable = _open(allowed)[ids].ravel().nonzero()[0]
    near = ids.take(usable).astype(np.int64)
    found, columns = _distinct(near)
    votes = lists.scores[rows].take(usable).astype(np.float64)
    own = _own(found, history=list(first))
    return Similar(
        history=list(newest),
        ages=list(newest.values()),
        visits=_visits(newest.values()),
        positions=found,
        rows=usable // ids.shape[1],
        columns=columns,
        votes=votes * lift(model.popularity[near]) if is_lifted else votes,
        last=last,
        own=own,
        own_columns=np.fromiter(own.values(), dtype=np.int64, count=len(own)),
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


def _own(found: IntArray, *, history: list[int]) -> dict[int, int]:
    """Return the columns of those ascending ids that are in the history."""
    if not len(found):
        return {}
    places = np.minimum(np.searchsorted(found, history), len(found) - 1)
    pairs = zip(history, places.tolist(), (found[places] == history).tolist(), strict=True)
    return {position: column for position, column, is_there in pairs if is_there}


def _open(allowed: BoolArray) -> BoolArray:
    """Return a mark for each allowed product, and one for nobody; valid until the next call."""
    _scratch.fit(len(allowed))
    marks = _scratch.marks
    marks[:-1] = allowed
    return marks


def _distinct(ids: IntArray) -> tuple[IntArray, IntArray]:
    """Return the ids once each, ascending, and for every id its place among them."""
    slots, order = _scratch.slots, np.arange(len(ids))
    slots[ids] = order
    found = ids[slots.take(ids) == order]
    found.sort()
    slots[found] = order[: len(found)]
    return found, slots.take(ids)


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


def looked_at(history: Sequence[int]) -> BoughtBefore:
    """Candidates are the history itself, the latest first."""
    newest = list(dict.fromkeys(history))
    return BoughtBefore(
        positions=np.array(newest, dtype=np.int64),
        counts=1.0 / np.arange(1, len(newest) + 1, dtype=np.float64),
    )


@dataclass(frozen=True, slots=True)
class Scored:
    """A source of scored candidates."""

    candidates: Candidates
    detail: str = ""

    def best_first(self, *, without: int | None = None) -> Iterator[Part]:
        scores = self.candidates.scores(without=without)
        for best in best_first(scores):
            yield self.candidates.positions[best], scores[best], best

    def causes(self, columns: Sequence[int]) -> list[int]:
        return self.candidates.causes(columns)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that is the same for many people, with a value each; no history caused it."""

    order: Int32Array
    values: FloatArray
    detail: str = ""

    def best_first(self, *, without: int | None = None) -> Iterator[Part]:
        """Cut into parts, each as long as all before it: mostly the first few are enough."""
        start, end = 0, FIRST_STRIDE
        while start < len(self.order):
            yield self.order[start:end], self.values[start:end], None
            start, end = end, 2 * end

    def causes(self, columns: Sequence[int]) -> list[int]:
        return [-1 for _ in columns]


NOTHING = Listed(order=np.zeros(0, dtype=np.int32), values=np.zeros(0, dtype=np.float32))


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
