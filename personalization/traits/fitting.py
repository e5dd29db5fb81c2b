"""Fit what a trait needs of the whole population: RFM cut points and the lifetime model."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction

from personalization.models import TraitModel
from personalization.traits import derive, facts, holdout, lifetime, rfm
from personalization.traits.derive import DAYS_A_WEEK, Fitted
from personalization.traits.holdout import HeldOut
from personalization.traits.lifetime import Frequency, Histories, Worth
from personalization.traits.records import Purchases

RFM, LIFETIME = "rfm", "lifetime"
# A model of fewer people would describe them, not predict anybody.
LEAST_BUYERS, LEAST_REPEATERS = 100, 20
# More people do not make four parameters any better known.
MOST_PEOPLE = 50_000
LEAST_WEEKS_HELD_OUT, MOST_WEEKS_HELD_OUT = 4, 52

_FIRST_ORDER = """
SELECT least((SELECT min(occurred_at) FROM personalization_event WHERE name = 'Order Completed'),
             (SELECT min(placed_at) FROM personalization_order))
"""


def fit(groups: Iterable[Sequence[int]], *, now: datetime) -> Fitted:
    """Fit to everybody who allows profiling, read group by group, and keep what came out."""
    today = now.date()
    cut = _cut(today)
    bought = _joined(_read(groups, now=now, cut=cut))
    with transaction.atomic():
        _keep_cuts(bought, now=now)
        _keep_lifetime(bought, cut=cut, now=now)
    return newest()


def newest() -> Fitted:
    """Return what the last fit came to (two rows)."""
    rows = TraitModel.objects.order_by("name", "-fitted_at", "-pk").distinct("name")
    stored: dict[str, dict[str, Any]] = {row.name: row.parameters for row in rows}
    cuts, numbers = stored.get(RFM), stored.get(LIFETIME) or {}
    return Fitted(
        cuts=rfm.from_numbers(cuts) if cuts else None,
        frequency=Frequency(**numbers["frequency"]) if numbers.get("frequency") else None,
        worth=Worth(**numbers["worth"]) if numbers.get("worth") else None,
    )


def _read(
    groups: Iterable[Sequence[int]], *, now: datetime, cut: date | None
) -> Iterator[Purchases]:
    for ids in groups:
        allowed = [person.id for person in facts.people(ids, zones=frozenset(), now=now)]
        if allowed:
            yield facts.purchases(allowed, now=now, cut=cut)


def _joined(parts: Iterable[Purchases]) -> Purchases:
    columns = [field.name for field in fields(Purchases) if field.name != "ids"]
    ids: list[int] = []
    pieces: dict[str, list[lifetime.FloatArray]] = {name: [np.empty(0)] for name in columns}
    for part in parts:
        ids += part.ids
        for name in columns:
            pieces[name].append(getattr(part, name))
    return Purchases(tuple(ids), *(np.concatenate(pieces[name]) for name in columns))


def _cut(today: date) -> date | None:
    """Hold out the last third of the time there are orders of; None where that is too short."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_ORDER)
        (first,) = cursor.fetchone()
    if first is None:
        return None
    weeks = min((today - first.date()).days // DAYS_A_WEEK // 3, MOST_WEEKS_HELD_OUT)
    return today - timedelta(weeks=weeks) if weeks >= LEAST_WEEKS_HELD_OUT else None


def _keep_cuts(bought: Purchases, *, now: datetime) -> None:
    rows = ~np.isnan(bought.recency)
    cuts = rfm.cut(
        bought.recency[rows],
        frequency=bought.order_count[rows],
        monetary=bought.total_spent[rows],
    )
    TraitModel.objects.create(
        name=RFM,
        fitted_at=now,
        people=int(rows.sum()),
        parameters=asdict(cuts) if cuts else {},
    )


def _keep_lifetime(bought: Purchases, *, cut: date | None, now: datetime) -> None:
    """Fit to at most every n-th buyer; with too few of them, values are withdrawn, not guessed."""
    buyers, repeaters = len(bought.ids), int((bought.repeats > 0).sum())
    parameters: dict[str, Any] = {}
    metrics: dict[str, Any] = {"buyers": buyers, "repeaters": repeaters}
    if buyers >= LEAST_BUYERS and repeaters >= LEAST_REPEATERS:
        sample = _every(bought, step=-(-buyers // MOST_PEOPLE))
        parameters, measured = _fitted(sample)
        metrics |= measured | {"held_out": _held_out(sample, cut=cut, today=now.date())}
    TraitModel.objects.create(
        name=LIFETIME, fitted_at=now, people=buyers, parameters=parameters, metrics=metrics
    )


def _every(bought: Purchases, *, step: int) -> Purchases:
    columns = [field.name for field in fields(Purchases) if field.name != "ids"]
    return Purchases(bought.ids[::step], *(getattr(bought, name)[::step] for name in columns))


def _fitted(sample: Purchases) -> tuple[dict[str, Any], dict[str, Any]]:
    seen, spent = derive.histories(sample), derive.spending(sample)
    frequency, worth = lifetime.fit(seen), lifetime.fit_spending(spent)
    if frequency is None:
        return {}, {}
    parameters = {
        "frequency": lifetime.as_numbers(frequency),
        "worth": lifetime.as_numbers(worth) if worth else None,
    }
    likelihood = float(lifetime.log_likelihood(frequency, seen).sum())
    rows = spent.count > 0
    return parameters, {
        "fitted_on": len(sample.ids),
        "log_likelihood": round(likelihood, 1),
        # The value of a purchase must not depend on how often one buys; 0 is ideal.
        "correlation": _correlation(spent.count[rows], spent.mean[rows]),
    }


def _correlation(count: lifetime.FloatArray, mean: lifetime.FloatArray) -> float | None:
    if len(count) < LEAST_REPEATERS or not count.std() or not mean.std():
        return None
    return round(float(np.corrcoef(count, mean)[0, 1]), 3)


def _held_out(sample: Purchases, *, cut: date | None, today: date) -> dict[str, Any]:
    if cut is None:
        return {}
    rows = sample.age_before >= 0
    seen = Histories(
        repeats=sample.repeats_before[rows],
        last=sample.last_before[rows] / DAYS_A_WEEK,
        age=sample.age_before[rows] / DAYS_A_WEEK,
    )
    if (seen.repeats > 0).sum() < LEAST_REPEATERS:
        return {}
    weeks = (today - cut).days / DAYS_A_WEEK
    return holdout.measure(HeldOut(seen=seen, bought=sample.later[rows], weeks=weeks))
