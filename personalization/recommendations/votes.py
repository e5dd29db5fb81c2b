"""Neighbours of many histories at once: one sparse product scores the candidates of a batch."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from personalization.recommendations.candidates import HEAD, NOTHING, Part, Scores, Source
from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import (
    BoolArray,
    Int32Array,
    IntArray,
    Neighbours,
    lift,
)
from personalization.recommendations.past import Past

MOST_LAST_ITEMS = 50
# Each visit back counts a fifth less. Items of one basket have one age and count alike.
FADE_PER_VISIT = 0.8
_FADES: Scores = np.array([FADE_PER_VISIT**visits for visits in range(MOST_LAST_ITEMS + 1)])
# People times products looked at together: their marks and scores stay in the processor's cache.
_MOST_CELLS = 300_000
# For so few of them sparse matrices take longer to make than to multiply; so few heads are
# sorted at once.
_FEW_CELLS = 20_000
_FEW_HEADS = 200
# Without an item scores fall, mostly: what was enough for a list is lower then.
_LOWER = 0.7


@dataclass(frozen=True, slots=True)
class Ballot:
    """The history items that vote: person after person, the newest first, and one more.

    `rows` are positions, `voters` the same as rows of the table, `weights` what each vote counts:
    nothing for the one more, which comes in where an item is left out. `visits` numbers the visits
    back, and `begins` marks the first item of each.
    """

    starts: IntArray
    rows: Int32Array
    voters: IntArray
    visits: IntArray
    begins: BoolArray
    weights: Scores


@dataclass(frozen=True, slots=True)
class Table:
    """Votes: for each history item that occurs a span of products and what it counts for each."""

    starts: IntArray
    positions: Int32Array
    votes: Scores
    # Items and products.
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scored:
    """Candidates, person after person; those with the score 0 are none. `owners` says whose."""

    starts: IntArray
    owners: IntArray
    positions: Int32Array
    scores: Scores


@dataclass(frozen=True, slots=True)
class Group:
    """People who were scored together.

    `own` marks what is in each person's history, and `thresholds` are scores above which there
    are enough candidates for a list.
    """

    ballot: Ballot
    table: Table
    own: BoolArray
    scored: Scored
    thresholds: Scores

    def tail(self, person: int) -> Part:
        """What comes after the head, which constraints ate."""
        span = slice(self.scored.starts[person], self.scored.starts[person + 1])
        positions, scores = self.scored.positions[span], self.scored.scores[span]
        is_tail = (scores > 0) & (scores < self.thresholds[person])
        positions, scores = positions[is_tail], scores[is_tail]
        order = np.lexsort((positions, -scores))
        return positions[order].tolist(), scores[order].tolist()

    def loudest(self, people: Sequence[int], positions: Sequence[int]) -> list[int]:
        """For each pair of person and product the history item whose vote counts most."""
        ballot, owners = self.ballot, np.array(people)
        wanted, columns = np.unique(positions, return_inverse=True)
        votes = self._votes_for(wanted)
        begins = ballot.starts[owners]
        pairs, entries = _spread(begins, ballot.starts[owners + 1] - begins)
        weighed = ballot.weights[entries] * votes[ballot.voters[entries], columns[pairs]]
        most = np.maximum.reduceat(weighed, np.searchsorted(pairs, np.arange(len(owners))))
        # Of equal votes the newest item's: it stands first in the ballot.
        is_most = (weighed == most[pairs]).nonzero()[0]
        first = np.searchsorted(pairs[is_most], np.arange(len(owners)))
        causes: list[int] = ballot.rows[entries[is_most[first]]].tolist()
        return causes

    def _votes_for(self, positions: IntArray) -> Scores:
        """All votes for these products: a row a history item, a column a product."""
        items, products = self.table.shape
        columns = np.full(products, -1)
        columns[positions] = np.arange(len(positions))
        column = columns[self.table.positions]
        is_wanted = column >= 0
        voters = np.repeat(np.arange(items), np.diff(self.table.starts))
        votes = np.zeros((items, len(positions)))
        votes[voters[is_wanted], column[is_wanted]] = self.table.votes[is_wanted]
        return votes


class Voted(NamedTuple):
    """What the neighbours of one person's history are, best first."""

    group: Group
    person: int
    head: Part
    has_tail: bool
    detail: str

    def best_first(self) -> Iterator[Part]:
        yield self.head
        if self.has_tail:
            yield self.group.tail(self.person)


def loudest(found: Sequence[tuple[Source, int]]) -> list[int]:
    """For each pair of a source and one of its products (a position) what caused it most."""
    causes = [-1] * len(found)
    for group, pairs in _grouped(found):
        numbers, people, positions = zip(*pairs, strict=True)
        for number, cause in zip(numbers, group.loudest(people, positions), strict=True):
            causes[number] = cause
    return causes


def without(found: Sequence[tuple[Source, int]]) -> list[Source]:
    """For each pair of a source and a history item (a position) what it would be without it."""
    others = [source for source, _ in found]
    for group, pairs in _grouped(found):
        most = _most_people(group.table.shape[1])
        for start in range(0, len(pairs), most):
            numbers, people, items = zip(*pairs[start : start + most], strict=True)
            fewer = _left_out(group, np.array(people), np.array(items))
            details = [others[number].detail for number in numbers]
            for number, source in zip(numbers, _sources(fewer, details=details), strict=True):
                others[number] = source
    return others


def _grouped(
    found: Sequence[tuple[Source, int]],
) -> Iterator[tuple[Group, list[tuple[int, int, int]]]]:
    """Sort pairs of source and position by group: their number, person and position."""
    groups: dict[int, Group] = {}
    pairs: dict[int, list[tuple[int, int, int]]] = {}
    for number, (source, position) in enumerate(found):
        if isinstance(source, Voted):
            groups[id(source.group)] = source.group
            pairs.setdefault(id(source.group), []).append((number, source.person, position))
    return ((group, pairs[key]) for key, group in groups.items())


def similar(
    model: Model,
    *,
    lists: Neighbours,
    pasts: Sequence[Past],
    allowed: BoolArray,
    last: int,
    is_lifted: bool = True,
    details: Sequence[str],
) -> list[Source]:
    """Allowed candidates from the last items of each history; what is in it is no candidate."""
    most = _most_people(len(model.product_ids))
    told = [number for number, past in enumerate(pasts) if past]
    found: list[Source] = [NOTHING] * len(pasts)
    for start in range(0, len(told), most):
        part = told[start : start + most]
        group = _group(
            model, lists=lists, pasts=[pasts[number] for number in part], allowed=allowed,
            last=last, is_lifted=is_lifted,
        )  # fmt: skip
        own = [details[number] for number in part]
        for number, source in zip(part, _sources(group, details=own), strict=True):
            found[number] = source
    return found


def _most_people(products: int) -> int:
    return max(1, _MOST_CELLS // max(products, 1))


def _group(
    model: Model,
    *,
    lists: Neighbours,
    pasts: Sequence[Past],
    allowed: BoolArray,
    last: int,
    is_lifted: bool,
) -> Group:
    distinct = [past.distinct() for past in pasts]
    ballot, used = _ballot(distinct, last=last)
    table = _table(model, lists=lists, used=used, allowed=allowed, is_lifted=is_lifted)
    own = np.zeros((len(pasts), len(allowed)), dtype=np.bool_)
    histories = [history for history, _ in distinct]
    people = np.repeat(np.arange(len(pasts)), [len(history) for history in histories])
    own[people, _flat(histories, dtype=np.int64)] = True
    scored = _scored(ballot, table, own=own)
    return Group(ballot, table, own, scored, _thresholds(scored))


def _ballot(
    distinct: Sequence[tuple[list[int], list[float]]], *, last: int
) -> tuple[Ballot, Int32Array]:
    """Put the last items of all people in a row; with them the items that occur, once each."""
    rows = _flat((history[: last + 1] for history, _ in distinct), dtype=np.int32)
    ages = _flat((ages[: last + 1] for _, ages in distinct), dtype=np.float64)
    starts = _starts([min(len(history), last + 1) for history, _ in distinct])
    lengths = np.diff(starts)
    begins = np.ones(len(ages), dtype=np.bool_)
    begins[1:] = ages[1:] > ages[:-1]
    begins[starts[:-1]] = True
    numbers = np.cumsum(begins)
    visits: IntArray = numbers - np.repeat(numbers[starts[:-1]], lengths)
    weights = _FADES[visits]
    weights[starts[1:][lengths > last] - 1] = 0.0
    used, voters = np.unique(rows, return_inverse=True)
    return Ballot(starts, rows, voters, visits, begins, weights), used


def _left_out(group: Group, people: IntArray, items: IntArray) -> Group:
    """Score people again, each without one item: the one after the last comes in for it."""
    ballot, cases = group.ballot, np.arange(len(people))
    lengths = np.diff(ballot.starts)[people]
    owners, entries = _spread(ballot.starts[people], lengths)
    rows, visits = ballot.rows[entries], ballot.visits[entries].copy()
    is_item = rows == items[owners]
    places = is_item.nonzero()[0]
    # If it was a visit of its own, older ones move up.
    ends = np.append(ballot.begins, np.True_)
    alone = places[ballot.begins[entries[places]] & ends[entries[places] + 1]]
    shift = np.full(len(people), len(rows))
    shift[owners[alone]] = alone
    visits -= np.arange(len(rows)) > shift[owners]
    weights = _FADES[np.maximum(visits, 0)]
    weights[places] = 0.0
    # Who does not have it among the last is asked as before.
    has_it = np.zeros(len(people), dtype=np.bool_)
    has_it[owners[places]] = True
    weights = np.where(has_it[owners], weights, ballot.weights[entries])
    own = group.own[people]
    own[cases, items] = False
    fewer = Ballot(
        _starts(lengths), rows, ballot.voters[entries], visits, ballot.begins[entries], weights
    )
    scored = _scored(fewer, group.table, own=own)
    return Group(fewer, group.table, own, scored, group.thresholds[people] * _LOWER)


def _table(
    model: Model, *, lists: Neighbours, used: Int32Array, allowed: BoolArray, is_lifted: bool
) -> Table:
    """Votes of some items for their allowed neighbours; what came after the training has none."""
    items, used = len(used), used[: np.searchsorted(used, len(lists.ids))]
    ids = lists.ids[used]
    # One mark more than products: for nobody (-1), who is never allowed.
    is_open = np.append(allowed, np.False_)[ids]
    near = ids[is_open]
    votes = lists.scores[used][is_open].astype(np.float64)
    if is_lifted:
        votes *= lift(model.popularity[near])
    lengths = np.zeros(items, dtype=np.int64)
    lengths[: len(used)] = is_open.sum(axis=1)
    return Table(_starts(lengths), near, votes, shape=(items, len(allowed)))


def _scored(ballot: Ballot, table: Table, *, own: BoolArray) -> Scored:
    """Add up the votes; what is in the person's own history is no candidate."""
    if own.size <= _FEW_CELLS:
        return _summed(ballot, table, own=own)
    shape = (len(own), table.shape[0])
    weights = sparse.csr_array((ballot.weights, ballot.voters, ballot.starts), shape=shape)
    total = weights @ sparse.csr_array((table.votes, table.positions, table.starts), table.shape)
    owners = np.repeat(np.arange(len(own)), np.diff(total.indptr))
    scores: Scores = total.data
    scores[own[owners, total.indices]] = 0.0
    return Scored(total.indptr.astype(np.int64), owners, total.indices, scores)


def _summed(ballot: Ballot, table: Table, *, own: BoolArray) -> Scored:
    """The same sums, added up in the same order."""
    people, products = own.shape
    begins = table.starts[ballot.voters]
    pairs, entries = _spread(begins, table.starts[ballot.voters + 1] - begins)
    whose = np.repeat(np.arange(people), np.diff(ballot.starts))
    cells = whose[pairs] * products + table.positions[entries]
    counted = ballot.weights[pairs] * table.votes[entries]
    sums = np.bincount(cells, weights=counted, minlength=own.size).astype(np.float64, copy=False)
    sums[own.ravel()] = 0.0
    found = sums.nonzero()[0]
    owners, positions = np.divmod(found, products)
    starts = np.searchsorted(owners, np.arange(people + 1))
    return Scored(starts, owners, positions.astype(np.int32), sums[found])


def _thresholds(scored: Scored) -> Scores:
    """The score of each person's HEAD-th candidate; 0 for who has fewer."""
    lengths = np.diff(scored.starts)
    width = int(lengths.max(initial=0))
    if width <= HEAD:
        return np.zeros(len(lengths))
    table = np.zeros((len(lengths), width))
    shifts = np.arange(len(lengths)) * width - scored.starts[:-1]
    table.ravel()[shifts[scored.owners] + np.arange(len(scored.owners))] = scored.scores
    table.partition(width - HEAD, axis=1)
    return table[:, width - HEAD]


def _sources(group: Group, *, details: Sequence[str]) -> Iterator[Voted]:
    """Sort the heads of all people at once; equal scores keep the order of the catalogue."""
    scored, count = group.scored, group.table.shape[1]
    least = np.maximum(group.thresholds, np.nextafter(0, 1))
    is_head = scored.scores >= least[scored.owners]
    owners, positions = scored.owners[is_head], scored.positions[is_head]
    scores = scored.scores[is_head]
    if len(owners) <= _FEW_HEADS:
        order = np.lexsort((positions, -scores, owners))
        owners = owners[order]
    else:
        order = (owners * count + positions).argsort()
        owners, positions, scores = owners[order], positions[order], scores[order]
        order = _falling(owners, scores, people=len(group.thresholds))
    ranked, values = positions[order].tolist(), scores[order].tolist()
    starts = np.searchsorted(owners, np.arange(len(group.thresholds) + 1)).tolist()
    for person, has_tail in enumerate((group.thresholds > 0).tolist()):
        span = slice(starts[person], starts[person + 1])
        yield Voted(group, person, (ranked[span], values[span]), has_tail, details[person])


def _falling(owners: IntArray, scores: Scores, *, people: int) -> IntArray:
    """Order by owner, as they are, then by falling score; equal scores keep their order.

    Few to a person: sorted as rows of a table they take a fifth of the time.
    """
    lengths = np.bincount(owners, minlength=people)
    places = np.arange(len(owners)) - (np.cumsum(lengths) - lengths)[owners]
    table = np.full((people, int(lengths.max(initial=0))), np.inf)
    table[owners, places] = -scores
    order = table.argsort(axis=1, kind="stable")
    is_there = np.arange(table.shape[1]) < lengths[:, None]
    firsts = np.cumsum(lengths) - lengths
    found: IntArray = (order + firsts[:, None])[is_there]
    return found


def _spread(begins: IntArray, lengths: IntArray) -> tuple[IntArray, IntArray]:
    """Number the entries of spans one after the other: whose each is, and which it is."""
    ends = np.cumsum(lengths)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    return owners, np.arange(len(owners)) + (begins - ends + lengths)[owners]


def _starts(lengths: "Sequence[int] | IntArray") -> IntArray:
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def _flat(parts: Iterable[Sequence[Any]], *, dtype: Any) -> NDArray[Any]:
    return np.array(list(chain.from_iterable(parts)), dtype=dtype)
