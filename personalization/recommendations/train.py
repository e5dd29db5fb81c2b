"""Fit a model to the shop's orders and visits, measure it on held-out weeks, put it live."""

from collections import defaultdict
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Max

from consent.jobs import Progress
from personalization.models import RecommendationModel
from personalization.recommendations import catalogue, evaluate, fitting, purchases, storage
from personalization.recommendations.fitting import Goods, Story, Visits
from personalization.recommendations.neighbours import BoolArray, IntArray, Lines
from personalization.recommendations.purchases import Purchases
from personalization.recommendations.strategies.shared import PLACE_KINDS

HELD_OUT_DAYS = 14
# Enough to see whether a model is broken; the full evaluation is a command of its own.
EVALUATED_PEOPLE = 400
SEED = 20
STEPS = 4

_HOMES = """
SELECT p.subject_id, p.attributes->>'city', p.attributes->>'region', p.attributes->>'country'
FROM personalization_customerprofile p
JOIN consent_consentstate s ON s.subject_id = p.subject_id AND s.purpose_id = 'profiling'
WHERE s.is_granted AND (s.expires_at IS NULL OR s.expires_at > %s)
"""


def train(*, now: datetime, progress: Progress | None = None) -> RecommendationModel:
    """Train from the last year's orders and publish; serving picks the new model up by itself."""
    goods = catalogue.read(now=now)
    story = read_story(goods, now=now)
    _step(progress)
    metrics = _metrics(story, goods=goods)
    _step(progress)
    model = fitting.fit(goods, story)
    _step(progress)
    linked = int((model.together.ids[:, 0] >= 0).sum())
    metrics |= {"products_with_neighbours": linked, "visits": len(model.sessions.starts) - 1}
    stored = _publish(storage.arrays_to_bytes(model), metrics=metrics, now=now)
    _step(progress)
    return stored


def _step(progress: Progress | None) -> None:
    if progress:
        progress.advance(1)


def read_story(goods: Goods, *, now: datetime) -> Story:
    """Read what was bought and viewed, and where buyers live.

    Lines of products that are gone are left out. So are sensitive ones: without neighbours they
    can never be the reason for anything.
    """
    bought, viewed = purchases.read(now=now), purchases.read_views(now=now)
    known, seen = _known(bought, goods=goods), _known(viewed, goods=goods)
    return Story(
        bought=Lines(
            bought.orders[known], _places(bought.products[known], goods), bought.days[known]
        ),
        people=bought.people[known],
        viewed=Visits(
            viewed.orders[seen],
            _places(viewed.products[seen], goods),
            viewed.seconds[seen],
            viewed.people[seen],
        ),
        homes=_homes(now=now),
    )


def _known(lines: Purchases, *, goods: Goods) -> BoolArray:
    return np.isin(lines.products, goods.product_ids[~goods.is_sensitive])


def _places(products: IntArray, goods: Goods) -> IntArray:
    return np.searchsorted(goods.product_ids, products).astype(np.int64)


def _homes(*, now: datetime) -> dict[str, IntArray]:
    """Return who lives in each place, as `city:Köln`."""
    found: dict[str, list[int]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_HOMES, [now])
        for person, *places in cursor.fetchall():
            for kind, place in zip(PLACE_KINDS, places, strict=True):
                if place:
                    found[f"{kind}:{place}"].append(person)
    return {
        place: np.array(people, dtype=np.int64)
        for place, people in found.items()
        if len(people) >= fitting.PLACE_BUYERS
    }


def _metrics(story: Story, *, goods: Goods) -> dict[str, Any]:
    """Fit without the last days, then ask: is one of the new purchases among the first 20?"""
    lines, people = story.bought, story.people
    split = evaluate.split(story, held_out_days=HELD_OUT_DAYS, most=EVALUATED_PEOPLE, seed=SEED)
    found = evaluate.hit_rates(
        fitting.fit(goods, split.before), before=split.before, cases=split.cases
    )
    return {
        "lines": len(lines.items),
        "people": len(np.unique(people)),
        "products": len(goods.product_ids),
        "held_out_days": HELD_OUT_DAYS,
        "cases": len(split.cases),
        "hit_rate_20": round(found.model, 4) if split.cases else None,
        "popularity_hit_rate_20": round(found.popularity, 4) if split.cases else None,
    }


@transaction.atomic
def _publish(payload: bytes, *, metrics: dict[str, Any], now: datetime) -> RecommendationModel:
    everything = RecommendationModel.objects.select_for_update().defer("payload")
    everything.filter(is_live=True).update(is_live=False)
    highest = RecommendationModel.objects.aggregate(highest=Max("number"))["highest"] or 0
    return RecommendationModel.objects.create(
        number=highest + 1, trained_at=now, is_live=True, metrics=metrics, payload=payload
    )
