"""What a fit says, in plain words: cut points as ranges, parameters as habits, errors compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from personalization.traits.holdout import MODEL, PREDICTORS
from personalization.traits.lifetime import HIGHEST, LOWEST
from personalization.traits.rfm import HIGHEST as BEST

# A difference this small is chance.
AS_GOOD = 1.02


@dataclass(frozen=True, slots=True)
class Levels:
    """What each score of one measure stands for, the best first."""

    title: str
    rows: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Compared:
    """How one way to predict did on what was held out."""

    name: str
    is_model: bool
    purchases: float
    mae: float
    rmse: float


def levels(cuts: Mapping[str, Sequence[float]], /) -> list[Levels]:
    """Return the ranges of each score; a score nobody can have says so."""
    if not cuts:
        return []
    return [
        Levels("Recency: days since the last order", _ranges(cuts["recency"], is_low_best=True)),
        Levels("Frequency: orders in a year", _ranges(cuts["frequency"])),
        Levels("Monetary: spent in a year", _ranges(cuts["monetary"])),
    ]


def habits(parameters: Mapping[str, Any], /) -> list[str]:
    """Return what the parameters mean for the average customer."""
    found = []
    if frequency := parameters.get("frequency"):
        weeks = frequency["alpha"] / frequency["r"]
        leaving = frequency["a"] / (frequency["a"] + frequency["b"])
        found = [
            f"A customer buys once in {weeks:,.1f} weeks on average, until they leave. "
            + _spread(frequency["r"]),
            f"After each further purchase {_percent(leaving)} of customers leave for good.",
        ]
        if not all(LOWEST * 2 < value < HIGHEST / 2 for value in frequency.values()):
            found.append(
                "Some parameters are at the edge of what is tried: these orders do not "
                "tell them. What is expected of people hardly changes with them."
            )
    if worth := parameters.get("worth"):
        mean = worth["p"] * worth["gamma"] / (worth["q"] - 1)
        found.append(f"A purchase of somebody unknown is expected to be worth {mean:,.2f}.")
    return found


def comparison(held_out: Mapping[str, Any], /) -> list[Compared]:
    """Return the model and its baselines, the smallest error first."""
    if not held_out:
        return []
    rows = [
        Compared(
            name=words,
            is_model=name == MODEL,
            purchases=held_out["predicted"][name],
            mae=held_out["mae"][name],
            rmse=held_out["rmse"][name],
        )
        for name, words in PREDICTORS.items()
    ]
    return sorted(rows, key=lambda row: row.rmse)


def verdict(held_out: Mapping[str, Any], /) -> str:
    """Say whether the model is of use: whether it is less wrong than the simplest guesses."""
    rows = comparison(held_out)
    if not rows:
        return "Not enough weeks of orders to hold any out: nobody knows yet how good this is."
    ours = next(row for row in rows if row.is_model)
    if rows[0].is_model:
        return "The model was closer than every simple guess."
    if ours.rmse <= rows[0].rmse * AS_GOOD:
        return f"The model was as close as the best simple guess, “{rows[0].name}”."
    return f"“{rows[0].name.capitalize()}” was closer than the model: take its values with care."


def _percent(share: float) -> str:
    return "less than 1 %" if share < 0.01 else f"{share * 100:.0f} %"


def _spread(r: float) -> str:
    if r < 1:
        return "Customers differ a lot: many buy rarely, a few very often."
    return "Customers are alike: most buy about as often as the average."


def _ranges(cuts: Sequence[float], *, is_low_best: bool = False) -> list[tuple[int, str]]:
    bounds = [None, *cuts, None]
    # From the smallest values on.
    texts = [_range(low, high) for low, high in pairwise(bounds)]
    scores = range(1, BEST + 1)
    rows = zip(reversed(scores) if is_low_best else scores, texts, strict=True)
    return sorted(rows, reverse=True)


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {_number(high or 0)}"
    if high is None:
        return f"more than {_number(low)}"
    if low == high:
        return "nobody: too many are equal"
    return f"more than {_number(low)}, up to {_number(high)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
