"""Products a history speaks for, and what would be left of them without one of its items."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import BoolArray, Int32Array, IntArray, lift

# Ten items are too few for shops with large baskets: 50 found 55 % instead of 46 % of the people
# a newly bought product on held-out invoices, more found little more.
LAST_ITEMS = 50
# Each visit back counts a fifth less. Items of one basket have one age and count alike.
FADE_PER_VISIT = 0.8
_FADES = tuple(FADE_PER_VISIT**visits for visits in range(LAST_ITEMS + 1))

# Sorted at once; the long tail behind it is sorted only if constraints eat all of these.
HEAD = 64

Scores = NDArray[np.float64]


class Candidates(Protocol):
    @property
    def positions(self) -> IntArray: ...

    def scores(self, *, without: int | None = None) -> Scores:
        """One score a position; `without` leaves that history item (a position) out."""

    def causes(self, columns: IntArray) -> IntArray:
        """The history items (positions) that speak loudest for these candidates."""


@dataclass(frozen=True, slots=True)
class Similar:
    """Neighbours of the last items: one vote a line, of a history item (row) for a candidate.

    `history` and `ages` are lists, newest first: so few numbers are quicker without numpy.
    """

    history: list[int]
    ages: list[float]
    positions: IntArray
    rows: IntArray
    columns: Int32Array
    votes: Scores

    def scores(self, *, without: int | None = None) -> Scores:
        weighed = self._weights(without)[self.rows] * self.votes
        total = np.bincount(self.columns, weights=weighed, minlength=len(self.positions))
        return total.astype(np.float64, copy=False)

    def causes(self, columns: IntArray) -> IntArray:
        weighed = self._weights(None)[self.rows] * self.votes
        loudest = []
        for column in columns.tolist():
            voters = np.flatnonzero(self.columns == column)
            loudest.append(self.history[self.rows[voters[np.argmax(weighed[voters])]]])
        return np.array(loudest, dtype=np.int64)

    def _weights(self, without: int | None) -> Scores:
        # Without an item the older ones move up, and the one after the last comes in.
        weights = np.zeros(len(self.history))
        visits, counted, last = 0, 0, 0.0
        for row, (position, age) in enumerate(zip(self.history, self.ages, strict=True)):
            if position == without or counted == LAST_ITEMS:
                continue
            visits += counted > 0 and age > last
            weights[row] = _FADES[visits]
            counted, last = counted + 1, age
        return weights


@dataclass(frozen=True, slots=True)
class BoughtBefore:
    """Own products by how often they were bought; the newer one wins a tie."""

    positions: IntArray
    counts: Scores

    def scores(self, *, without: int | None = None) -> Scores:
        kept = self.positions != (-1 if without is None else without)
        return np.where(kept, self.counts, 0.0)

    def causes(self, columns: IntArray) -> IntArray:
        return self.positions[columns]


class _Scratch(threading.local):
    """Room of one thread for marks on products: made once, left clean by every user."""

    def __init__(self) -> None:
        self.marks: BoolArray = np.zeros(0, dtype=np.bool_)
        self.slots: Int32Array = np.zeros(0, dtype=np.int32)

    def fit(self, size: int) -> None:
        if len(self.marks) < size:
            self.marks = np.zeros(size, dtype=np.bool_)
            self.slots = np.zeros(size, dtype=np.int32)


_scratch = _Scratch()


def similar(model: Model, *, history: IntArray, ages: Scores, allowed: BoolArray) -> Similar:
    """Allowed candidates from a history, newest first; what is in it is no candidate."""
    _scratch.fit(len(model.product_ids))
    first: dict[int, int] = {}
    for index, position in enumerate(history.tolist()):
        first.setdefault(position, index)
    newest = np.fromiter(islice(first.values(), LAST_ITEMS + 1), dtype=np.int64)
    rows = history[newest]
    ids, sims = model.neighbours.ids[rows], model.neighbours.scores[rows]
    usable = (ids >= 0) & allowed[ids] & ~_marked(ids, among=history)
    found, columns = _distinct(ids[usable])
    return Similar(
        history=rows.tolist(),
        ages=ages[newest].tolist(),
        positions=found.astype(np.int64),
        rows=np.nonzero(usable)[0],
        columns=columns,
        votes=sims[usable] * lift(model.popularity[found])[columns],
    )


def _marked(ids: Int32Array, *, among: IntArray) -> BoolArray:
    """Say of each id whether it is among some; marks are quicker than a search."""
    marks = _scratch.marks
    marks[among] = True
    found = marks[ids]
    marks[among] = False
    return found


def _distinct(ids: Int32Array) -> tuple[Int32Array, Int32Array]:
    """Return the ids once each, ascending, and for every id its place among them."""
    slots, order = _scratch.slots, np.arange(len(ids), dtype=np.int32)
    slots[ids] = order
    found = np.sort(ids[slots[ids] == order])
    slots[found] = order[: len(found)]
    return found, slots[ids]


def bought_before(history: IntArray) -> BoughtBefore:
    """Candidates are the history itself, which comes newest first and with its repeats."""
    counts: dict[int, int] = {}
    for position in history.tolist():
        counts[position] = counts.get(position, 0) + 1
    ranks = np.arange(len(counts))
    return BoughtBefore(
        positions=np.fromiter(counts, dtype=np.int64),
        counts=np.fromiter(counts.values(), dtype=np.float64) + 1.0 / (2.0 + ranks),
    )


def nothing() -> BoughtBefore:
    return bought_before(np.empty(0, dtype=np.int64))


def best_first(scores: Scores) -> Iterator[IntArray]:
    """Columns with a score by falling score; ties keep their order, on every machine."""
    positive = np.flatnonzero(scores > 0)
    if len(positive) > HEAD:
        threshold = np.partition(scores, -HEAD)[-HEAD]
        yield _sorted(scores, columns=np.flatnonzero(scores >= threshold))
        positive = positive[scores[positive] < threshold]
    yield _sorted(scores, columns=positive)


def _sorted(scores: Scores, *, columns: IntArray) -> IntArray:
    return columns[np.argsort(-scores[columns], kind="stable")]
