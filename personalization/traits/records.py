"""What is known of a person when traits are derived: values only, as the database gave them."""

from collections.abc import Sequence
from dataclasses import dataclass

from personalization.traits.lifetime import FloatArray


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who allows profiling; `zone` is where their clock is."""

    id: int
    granted: frozenset[str]
    zone: str


@dataclass(frozen=True, slots=True)
class Purchases:
    """Buyers in order of their ids, a column for each fact; NaN where there was no order.

    Those of the last year first, then those of the lifetime in days, then the same up to a cut,
    with how many purchase days came after it.
    """

    ids: tuple[int, ...]
    recency: FloatArray
    order_count: FloatArray
    total_spent: FloatArray
    average: FloatArray
    historic: FloatArray
    repeats: FloatArray
    last: FloatArray
    age: FloatArray
    valued: FloatArray
    value: FloatArray
    repeats_before: FloatArray
    last_before: FloatArray
    age_before: FloatArray
    later: FloatArray


@dataclass(frozen=True, slots=True)
class Taste:
    favourite: str | None
    categories: Sequence[str]
    brands: Sequence[str]


@dataclass(frozen=True, slots=True)
class Acts:
    """What a person did in the last year: how often, mostly when, and how long ago."""

    count: int
    hour: int
    points: int
    days_since_view: int | None
    days_since_open: int | None
