"""The recommendations as one would work them out on paper: no arrays, nothing done at once."""

from collections.abc import Collection, Sequence

from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import lift
from personalization.recommendations.recipe import recipe
from personalization.recommendations.serve import Recommended
from personalization.recommendations.votes import FADE_PER_VISIT

History = Sequence[tuple[int, float]]
LAST_ITEMS = 50


def recommend_plainly(
    model: Model,
    *,
    bought: History,
    strategy: str,
    exclude: Collection[int],
    allowed: Sequence[bool],
    limit: int,
    favourite_category: str = "",
    per_category: int | None = None,
) -> list[Recommended]:
    """For the strategies because_you_bought, buy_again and popular."""
    place = {product: index for index, product in enumerate(model.product_ids.tolist())}
    in_order = sorted(bought, key=lambda entry: entry[1])
    newest = [(place[product], age) for product, age in in_order if product in place]
    blocked = {place[product] for product in exclude if product in place}
    tiers = {step.strategy.name: tier for tier, step in enumerate(recipe(strategy).steps)}

    def chosen(without: int | None) -> dict[int, tuple[str, float]]:
        found: dict[int, tuple[str, float]] = {}
        taken: list[int] = []
        for position, name, score in ranked(
            model, newest=newest, strategy=strategy, without=without, favourite=favourite_category
        ):
            category = int(model.categories[position])
            is_full = per_category is not None and taken.count(category) >= per_category
            if not allowed[position] or position in blocked or position in found:
                continue
            if (category < 0 or not is_full) and len(found) < limit:
                found[position] = (name, score)
                taken.append(category)
        return found

    final = chosen(None)
    _, loudest = votes(model, newest=newest, strategy=strategy, without=None)
    return [
        Recommended(
            product_id=int(model.product_ids[position]),
            score=score,
            strategy=name,
            tier=tiers[name],
            because_of=(
                int(model.product_ids[loudest[position]])
                if name == "because_you_bought" and position not in chosen(loudest[position])
                else None
            ),
        )
        for position, (name, score) in final.items()
    ]


def ranked(
    model: Model, *, newest: History, strategy: str, without: int | None, favourite: str
) -> list[tuple[int, str, float]]:
    """All that could be shown, best first: personal, favourite category, whole shop, the rest."""
    scores, _ = votes(model, newest=newest, strategy=strategy, without=without)
    tie = {position: index for index, position in enumerate(order_of(scores, strategy))}
    best = sorted(scores, key=lambda position: (-scores[position], tie[position]))
    popular = [int(position) for position in model.popular if model.popularity[position] > 0]
    names = ("", *model.category_names)
    liked = [p for p in popular if favourite and names[int(model.categories[p]) + 1] == favourite]
    if strategy == "popular":
        liked = []
    shared = (("popular_in_category", liked), ("popular", popular))
    return [
        *((p, strategy, scores[p]) for p in best),
        *((p, name, float(model.popularity[p])) for name, places in shared for p in places),
        *((p, "range", 0.0) for p in reversed(range(len(model.product_ids)))),
    ]


def order_of(scores: dict[int, float], strategy: str) -> list[int]:
    """Equal scores: the one bought last first, else by the place in the model."""
    return list(scores) if strategy == "buy_again" else sorted(scores)


def votes(
    model: Model, *, newest: History, strategy: str, without: int | None
) -> tuple[dict[int, float], dict[int, int]]:
    """Positive scores of the candidates, and for each who speaks loudest for it."""
    if strategy == "popular":
        return {}, {}
    if strategy == "buy_again":
        bought = [position for position, _ in newest]
        ranks = {position: rank for rank, position in enumerate(dict.fromkeys(bought))}
        counts = {p: bought.count(p) + 1.0 / (2.0 + ranks[p]) for p in ranks}
        return {p: c for p, c in counts.items() if p != without}, {p: p for p in ranks}
    mine = {position for position, _ in newest if position != without}
    first: dict[int, float] = {}
    for position, age in newest:
        first.setdefault(position, age)
    scores: dict[int, float] = {}
    loudest: dict[int, tuple[float, int]] = {}
    visits, counted, last = 0, 0, 0.0
    for position, age in list(first.items())[: LAST_ITEMS + 1]:
        if position == without or counted == LAST_ITEMS:
            continue
        visits += counted > 0 and age > last
        counted, last = counted + 1, age
        for other, similarity in zip(
            model.neighbours.ids[position].tolist(),
            model.neighbours.scores[position],
            strict=True,
        ):
            if other < 0 or other in mine:
                continue
            vote = similarity * lift(model.popularity[[other]])[0]
            weighed = float(FADE_PER_VISIT**visits * vote)
            scores[other] = scores.get(other, 0.0) + weighed
            if other not in loudest or weighed > loudest[other][0]:
                loudest[other] = (weighed, position)
    positive = {position: score for position, score in scores.items() if score > 0}
    return positive, {position: cause for position, (_, cause) in loudest.items()}
