"""Would the lists have named what people bought next? Beside plain baselines, on weeks held out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from personalization.recommendations import fitting, neighbours
from personalization.recommendations.constraints import plain_catalogue
from personalization.recommendations.fitting import Goods, Story, Tuning, Visits
from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import IntArray, Lines
from personalization.recommendations.recipe import recipe
from personalization.recommendations.serve import Ask, recommend

SIZE = 20
GAIN_SIZE = 10
BOOTSTRAP_ROUNDS = 2_000

Floats = NDArray[np.float64]
# Positions, newest first, with their age in days at the cut.
Past = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One person at the cut, and the first basket after it."""

    bought: Past
    viewed: Past
    basket: frozenset[int]

    @property
    def known(self) -> frozenset[int]:
        return frozenset(item for item, _ in self.bought)


@dataclass(frozen=True, slots=True)
class Split:
    """What was known at the cut, and the people who bought before and after it."""

    before: Story
    cases: list[Case]


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one method, case by case; `coverage` is the share of products it ever showed."""

    hits: Floats
    reciprocal: Floats
    gains: Floats
    coverage: float

    def summary(self) -> dict[str, float]:
        count = max(len(self.hits), 1)
        return {
            "hr_20": round(float(self.hits.sum()) / count, 4),
            "mrr_20": round(float(self.reciprocal.sum()) / count, 4),
            "ndcg_10": round(float(self.gains.sum()) / count, 4),
            "coverage": round(self.coverage, 4),
        }


@dataclass(frozen=True, slots=True)
class HitRates:
    model: float
    popularity: float


# Ranked positions for a case, without some (what was bought before, where only new ones count).
Method = Callable[[Case, frozenset[int]], Sequence[int]]


def split(story: Story, *, held_out_days: int, until_days: int = 0, most: int, seed: int) -> Split:
    """Cut a story `held_out_days` ago; who bought on both sides, a fixed sample of at most `most`.

    `until_days` ends what comes after the cut: so validation weeks lie before the test weeks.
    """
    lines, people = story.bought, story.people
    is_before = lines.days >= held_out_days
    is_after = ~is_before & (lines.days >= until_days)
    both = np.intersect1d(people[is_before], people[is_after])
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(both, size=min(most, len(both)), replace=False))
    before = _before(story, is_before=is_before, days=held_out_days)
    past = _by_person(before.bought, before.people, chosen)
    later = _by_person(lines.where(is_after), people[is_after], chosen)
    views = _by_person(before.viewed.lines, before.viewed.people, chosen)
    cases = [
        Case(bought=_past(mine), viewed=_past(seen), basket=_first_basket(after))
        for mine, seen, after in zip(past, views, later, strict=True)
    ]
    return Split(before=before, cases=cases)


def methods(model: Model, *, before: Story, strategies: Sequence[str]) -> dict[str, Method]:
    """The strategies by name, as they serve, beside the baselines."""
    count = len(model.product_ids)
    ever = np.bincount(before.bought.items, minlength=count)
    recent = neighbours.popularity(before.bought, item_count=count)
    found: dict[str, Method] = {
        "baseline: popularity": _ranked(ever.astype(np.float64)),
        "baseline: popularity, 28 days": _ranked(recent.astype(np.float64)),
        "baseline: own history": _own_history(recent.astype(np.float64)),
        "baseline: item-kNN": _item_knn(before, count=count),
    }
    return found | {name: _served(model, name) for name in strategies}


def measure(cases: Sequence[Case], method: Method, *, count: int, only_new: bool) -> Measured:
    """Ask a method for every case that has something to find."""
    hits, reciprocal, gains, shown = [], [], [], set()
    for case in cases:
        wanted = case.basket - case.known if only_new else case.basket
        if not wanted:
            continue
        ranked = list(method(case, case.known if only_new else frozenset()))[:SIZE]
        shown.update(ranked)
        places = [place for place, item in enumerate(ranked, start=1) if item in wanted]
        hits.append(float(bool(places)))
        reciprocal.append(1.0 / places[0] if places else 0.0)
        gains.append(_gain(places, wanted=len(wanted)))
    return Measured(
        hits=np.array(hits),
        reciprocal=np.array(reciprocal),
        gains=np.array(gains),
        coverage=len(shown) / max(count, 1),
    )


def difference(ours: Floats, theirs: Floats, *, seed: int) -> tuple[float, float, float]:
    """Return the mean difference and its 95 % interval, by resampling the same cases for both."""
    if not len(ours):
        return 0.0, 0.0, 0.0
    rng, apart = np.random.default_rng(seed), ours - theirs
    drawn = rng.integers(len(apart), size=(BOOTSTRAP_ROUNDS, len(apart)))
    low, high = np.quantile(apart[drawn].mean(axis=1), (0.025, 0.975))
    return float(apart.mean()), float(low), float(high)


def hit_rates(model: Model, *, before: Story, cases: Sequence[Case]) -> HitRates:
    """The share of people met by the default strategy and by 28-day popularity, new items only."""
    found = methods(model, before=before, strategies=("because_you_bought",))
    count = len(model.product_ids)
    rates = {
        name: measure(cases, found[name], count=count, only_new=True).summary()["hr_20"]
        for name in ("because_you_bought", "baseline: popularity, 28 days")
    }
    return HitRates(
        model=rates["because_you_bought"], popularity=rates["baseline: popularity, 28 days"]
    )


def tune(
    goods: Goods, story: Split, *, grid: Sequence[Tuning], strategy: str
) -> tuple[Tuning, list[tuple[Tuning, float]]]:
    """Return the tuning that meets most people of a validation split, and all that was tried."""
    tried = []
    for tuning in grid:
        model = fitting.fit(goods, story.before, tuning=tuning)
        method = _served(model, strategy)
        found = measure(story.cases, method, count=len(goods.product_ids), only_new=True)
        tried.append((tuning, found.summary()["hr_20"]))
    return max(tried, key=lambda pair: pair[1])[0], tried


def _served(model: Model, name: str) -> Method:
    """A strategy exactly as it serves, with its fallbacks."""
    made = replace(recipe(name), per_category=None, exclude_bought_days=-1)
    keys = model.product_ids.tolist()
    place = {key: position for position, key in enumerate(keys)}
    catalogue = plain_catalogue(
        model.product_ids, categories=model.categories, category_names=model.category_names
    )

    def ranked(case: Case, without: frozenset[int]) -> list[int]:
        ask = Ask(
            recipe=made,
            bought=[(keys[item], age) for item, age in case.bought],
            viewed=[(keys[item], age) for item, age in case.viewed],
            exclude=[keys[item] for item in without],
        )
        return [place[item.product_id] for item in recommend(model, catalogue, ask, limit=SIZE)]

    return ranked


def _ranked(scores: Floats) -> Method:
    order = np.argsort(-scores, kind="stable").tolist()

    def ranked(case: Case, without: frozenset[int]) -> list[int]:
        return [item for item in order[: SIZE + len(without)] if item not in without][:SIZE]

    return ranked


def _own_history(recent: Floats) -> Method:
    """What was bought most often, then what is popular."""
    popular = _ranked(recent)

    def ranked(case: Case, without: frozenset[int]) -> list[int]:
        counts: dict[int, int] = {}
        for item, _ in case.bought:
            counts[item] = counts.get(item, 0) + 1
        rest = counts.keys() - without
        own = sorted(rest, key=lambda item: (-counts[item], -recent[item], item))[:SIZE]
        return [*own, *popular(case, without | frozenset(own))]

    return ranked


def _item_knn(before: Story, *, count: int) -> Method:
    """Cosine of items over baskets; nothing fades, nothing is lifted."""
    lists = neighbours.fit(
        before.bought, item_count=count, half_life_days=np.inf, neighbour_count=100
    )

    def ranked(case: Case, without: frozenset[int]) -> list[int]:
        rows = np.array(sorted(case.known), dtype=np.int64)
        ids = lists.ids[rows]
        usable = ids >= 0
        scores = np.bincount(ids[usable], weights=lists.scores[rows][usable], minlength=count)
        scores[list(without)] = 0.0
        best: list[int] = np.argsort(-scores, kind="stable")[:SIZE].tolist()
        return best

    return ranked


def _gain(places: Sequence[int], *, wanted: int) -> float:
    """NDCG of the first ten: each place counts by the logarithm of its depth."""
    found = sum(1 / np.log2(place + 1) for place in places if place <= GAIN_SIZE)
    best = sum(1 / np.log2(place + 1) for place in range(1, min(wanted, GAIN_SIZE) + 1))
    return float(found / best)


def _before(story: Story, *, is_before: NDArray[np.bool_], days: int) -> Story:
    bought = story.bought.where(is_before)
    seen = story.viewed.seconds >= days * 86_400
    return Story(
        bought=Lines(bought.baskets, bought.items, bought.days - days),
        people=story.people[is_before],
        viewed=Visits(
            story.viewed.visits[seen],
            story.viewed.items[seen],
            story.viewed.seconds[seen] - days * 86_400,
            story.viewed.people[seen],
        ),
        homes=story.homes,
    )


def _by_person(lines: Lines, people: IntArray, chosen: IntArray) -> list[Lines]:
    order = np.argsort(people, kind="stable")
    starts = np.searchsorted(people[order], chosen, side="left")
    ends = np.searchsorted(people[order], chosen, side="right")
    spans = [order[start:end] for start, end in zip(starts, ends, strict=True)]
    return [Lines(lines.baskets[rows], lines.items[rows], lines.days[rows]) for rows in spans]


def _past(lines: Lines) -> Past:
    order = np.argsort(lines.days, kind="stable")
    return tuple(
        zip(lines.items[order].tolist(), lines.days[order].astype(float).tolist(), strict=True)
    )


def _first_basket(lines: Lines) -> frozenset[int]:
    first = np.lexsort((lines.baskets, -lines.days))[0]
    is_first = lines.baskets == lines.baskets[first]
    return frozenset(lines.items[is_first].tolist())
