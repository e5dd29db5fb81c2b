"""From facts and fitted models to traits: plain arithmetic for many people at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Any

import numpy as np

from personalization.traits import engagement, lifetime, rfm
from personalization.traits.lifetime import FloatArray, Frequency, Histories, Spending, Worth
from personalization.traits.records import Acts, Purchases, Taste
from personalization.traits.rfm import Cuts

DAYS_A_WEEK = 7
# An order further ahead is no date a campaign could plan with.
FURTHEST_DAYS = 365

Traits = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the whole population tells about one of its members; None where it is too small."""

    cuts: Cuts | None = None
    frequency: Frequency | None = None
    worth: Worth | None = None


# Fewer say nothing about a habit.
ACTS_FOR_AN_HOUR = 3


def from_purchases(
    bought: Purchases, /, *, fitted: Fitted, today: date
) -> Iterator[tuple[int, Traits]]:
    """Yield what orders tell of each buyer: the last year's figures, RFM, the lifetime."""
    columns: dict[str, Sequence[Any]] = {
        "recency_days": _whole(bought.recency),
        "order_count": _whole(bought.order_count),
        "total_spent": _kept(bought.total_spent),
        "average_order_value": _kept(bought.average),
        "historic_value": _kept(bought.historic),
    }
    if fitted.cuts:
        columns |= _scores(bought, cuts=fitted.cuts)
    if fitted.frequency:
        columns |= _future(bought, frequency=fitted.frequency, worth=fitted.worth, today=today)
    names = list(columns)
    for pk, row in zip(bought.ids, zip(*columns.values(), strict=True), strict=True):
        pairs = zip(names, row, strict=True)
        yield pk, {name: value for name, value in pairs if value is not None}


def histories(bought: Purchases, /) -> Histories:
    return Histories(
        repeats=bought.repeats, last=bought.last / DAYS_A_WEEK, age=bought.age / DAYS_A_WEEK
    )


def spending(bought: Purchases, /) -> Spending:
    return Spending(count=bought.valued, mean=bought.value / np.maximum(bought.valued, 1))


def from_tastes(tastes: Mapping[int, Taste], /) -> Iterator[tuple[int, Traits]]:
    for pk, taste in tastes.items():
        traits = {
            "favourite_category": taste.favourite,
            "category_affinities": list(taste.categories),
            "brand_affinities": list(taste.brands),
        }
        yield pk, {name: value for name, value in traits.items() if value}


def from_acts(acts: Mapping[int, Acts], /) -> Iterator[tuple[int, Traits]]:
    points = np.array([did.points for did in acts.values()], dtype=np.int64)
    scores: list[float] = engagement.score(points).tolist()
    for (pk, did), score in zip(acts.items(), scores, strict=True):
        traits: Traits = {"engagement": score}
        if did.count >= ACTS_FOR_AN_HOUR:
            traits["preferred_hour"] = did.hour
        if did.days_since_view is not None:
            traits["days_since_last_view"] = did.days_since_view
        if did.days_since_open is not None:
            traits["days_since_last_open"] = did.days_since_open
        yield pk, traits


def _scores(bought: Purchases, *, cuts: Cuts) -> dict[str, Sequence[Any]]:
    """Score who ordered within the year; the others have no recency to compare."""
    rows = ~np.isnan(bought.recency)
    scores = rfm.score(
        cuts,
        recency=np.nan_to_num(bought.recency),
        frequency=np.nan_to_num(bought.order_count),
        monetary=np.nan_to_num(bought.total_spent),
    )
    parts = [
        [score if is_scored else None for score, is_scored in zip(each.tolist(), rows, strict=True)]
        for each in (scores.recency, scores.frequency, scores.monetary)
    ]
    joined = [None if r is None else f"{r}{f}{m}" for r, f, m in zip(*parts, strict=True)]
    return {
        "rfm_recency": parts[0],
        "rfm_frequency": parts[1],
        "rfm_monetary": parts[2],
        "rfm": joined,
    }


def _future(
    bought: Purchases, *, frequency: Frequency, worth: Worth | None, today: date
) -> dict[str, Sequence[Any]]:
    seen = histories(bought)
    columns: dict[str, Sequence[Any]] = {
        "churn_probability": np.round(frequency.quiet(seen, weeks=lifetime.YEAR), 4).tolist(),
        "next_order_date": [
            _day(weeks, today=today) for weeks in frequency.weeks_to_next(seen).tolist()
        ],
    }
    if worth:
        value = lifetime.value(frequency, worth, seen=seen, spent=spending(bought))
        columns["predicted_value_12m"] = np.round(value, 2).tolist()
    return columns


def _day(weeks: float, *, today: date) -> str | None:
    if weeks * DAYS_A_WEEK > FURTHEST_DAYS:
        return None
    return (today + timedelta(days=ceil(weeks * DAYS_A_WEEK))).isoformat()


def _whole(values: FloatArray) -> list[int | None]:
    """Return whole numbers; None where there was no order within the year."""
    return [None if value != value else int(value) for value in values.tolist()]


def _kept(values: FloatArray) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
