"""VMIS-kNN: what those clicked on whose visits resemble this one (Kersbergen et al., SIGMOD 2022).

Of the visits that share an item with the current one, the `m` latest are compared; the `k` most
alike vote for what else is in them, rare items counting more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.recommendations.neighbours import FloatArray, Int32Array, IntArray

# How many of the latest clicks are compared; the figures are those Serenade tuned.
LAST_CLICKS = 4
SAMPLE = 1500
NEIGHBOURS = 288
# A shared item further back than this says nothing any more.
_FORGOTTEN = 10


@dataclass(frozen=True, slots=True)
class Sessions:
    """Visits by falling age, so that a higher number is a later one, and where each item is.

    `items[starts[s]:starts[s + 1]]` is visit `s`; `visits[item_starts[i]:item_starts[i + 1]]`
    are the visits with item `i`, the latest first.
    """

    starts: IntArray
    items: Int32Array
    item_starts: IntArray
    visits: Int32Array
    rarity: FloatArray


def no_sessions(*, item_count: int) -> Sessions:
    nothing = np.zeros(0, dtype=np.int64)
    return fit(nothing, items=nothing, times=nothing.astype(np.float64), item_count=item_count)


def fit(
    sessions: IntArray,
    *,
    items: IntArray,
    times: NDArray[np.float64],
    item_count: int,
    most: int = SAMPLE,
) -> Sessions:
    """Index the clicks of visits; a visit is as old as its last click, an item counts once."""
    _, codes = np.unique(sessions, return_inverse=True)
    count = int(codes.max()) + 1 if len(codes) else 0
    ends = np.full(count, -np.inf)
    np.maximum.at(ends, codes, times)
    ranks = np.empty(count, dtype=np.int64)
    ranks[np.argsort(ends, kind="stable")] = np.arange(count)
    pairs = np.unique(ranks[codes] * item_count + items) if count else np.zeros(0, dtype=np.int64)
    visits, found = np.divmod(pairs, max(item_count, 1))
    often = np.bincount(found, minlength=item_count)
    order = np.lexsort((-visits, found))
    by_item, latest = found[order], visits[order]
    starts = np.concatenate(([0], np.cumsum(often)))
    kept = np.arange(len(by_item)) - starts[by_item] < most
    kept_often = np.bincount(by_item[kept], minlength=item_count)
    return Sessions(
        starts=np.searchsorted(visits, np.arange(count + 1)).astype(np.int64),
        items=found.astype(np.int32),
        item_starts=np.concatenate(([0], np.cumsum(kept_often))).astype(np.int64),
        visits=latest[kept].astype(np.int32),
        rarity=np.log(count / np.maximum(often, 1)).astype(np.float32)
        if count
        else np.zeros(item_count, dtype=np.float32),
    )


def score(
    sessions: Sessions, *, clicks: Sequence[int], m: int = SAMPLE, k: int = NEIGHBOURS
) -> tuple[IntArray, NDArray[np.float64]]:
    """Return items (in no order) and their scores for the latest clicks, newest first.

    The clicks themselves are scored like any other item.
    """
    newest = list(dict.fromkeys(clicks))
    found, votes = _alike(sessions, newest, m=m, k=k)
    if not len(found):
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    starts, lengths = sessions.starts[found], np.diff(sessions.starts)[found]
    owner = np.repeat(np.arange(len(found)), lengths)
    first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    items = sessions.items[starts[owner] + np.arange(len(owner)) - first[owner]].astype(np.int64)
    # How recently the visitor clicked on something of that visit.
    place = np.full(len(found), _FORGOTTEN)
    for position, item in reversed(list(enumerate(newest, start=1))):
        place[owner[items == item]] = position
    weights = votes * np.maximum(1.0 - 0.1 * place, 0.0)
    distinct, columns = np.unique(items, return_inverse=True)
    totals = np.bincount(columns, weights=weights[owner])
    return distinct, totals * sessions.rarity[distinct]


def _alike(
    sessions: Sessions, newest: list[int], *, m: int, k: int
) -> tuple[IntArray, NDArray[np.float64]]:
    """Return the `k` visits most alike of the `m` latest that share a click; later ones win."""
    parts, decays = [], []
    for place, item in enumerate(newest):
        start, end = sessions.item_starts[item], sessions.item_starts[item + 1]
        part = sessions.visits[start : min(end, start + m)]
        parts.append(part)
        decays.append(np.full(len(part), (len(newest) - place) / len(newest)))
    if not parts:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    found, columns = np.unique(np.concatenate(parts), return_inverse=True)
    votes = np.bincount(columns, weights=np.concatenate(decays), minlength=len(found))
    # Later visits have higher numbers and `found` ascends: the last `m` are the latest.
    found, votes = found[-m:], votes[-m:]
    best = np.lexsort((-found, -votes))[:k]
    return found[best].astype(np.int64), votes[best].astype(np.float64)
