"""Where each derived value of one person comes from: a sentence a trait."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils import timezone

from personalization.models import CustomerProfile, TraitModel
from personalization.traits import aggregates, engagement, facts
from personalization.traits.formulas import FORMULAS, Basis, Formula

_STORY = """
SELECT e.name, count(*), min(e.occurred_at),
       count(*) FILTER (WHERE e.occurred_at > %(since)s)
FROM personalization_event e
WHERE e.profile_id = %(id)s AND e.occurred_at <= %(now)s AND NOT e.is_machine
GROUP BY e.name
"""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of one kind of event of a person."""

    count: int
    first_at: datetime
    in_year: int


def of(profile: CustomerProfile, *, now: datetime) -> dict[str, str]:
    """Return for each trait of a profile what it was derived from, how and when (3 queries)."""
    seen = _seen(profile.pk, now=now)
    models = {model.name: model for model in _models()}
    defined = {each.name: each for each in aggregates.registered()}
    computed = f"Computed {_moment(profile.traits_at)}." if profile.traits_at else ""
    found = {}
    for name in profile.traits:
        if formula := FORMULAS.get(name):
            model = models.get(formula.model)
            parts = (f"{formula.text}.", _basis(formula, seen=seen), _fitted(model), computed)
        elif own := defined.get(name):
            parts = (f"{own.sentence}.", _kept(seen.get(own.event), what=own.event), "", computed)
        else:
            parts = ("No longer in the catalogue; it goes with the next run.", "", "", computed)
        found[name] = " ".join(filter(None, parts))
    return found


def _seen(pk: int, *, now: datetime) -> dict[str, _Seen]:
    with connection.cursor() as cursor:
        cursor.execute(_STORY, {"id": pk, "now": now, "since": now - facts.YEAR})
        return {name: _Seen(*columns) for name, *columns in cursor.fetchall()}


def _models() -> "list[TraitModel]":
    return list(TraitModel.objects.order_by("name", "-fitted_at", "-pk").distinct("name"))


def _basis(formula: Formula, *, seen: Mapping[str, _Seen]) -> str:
    words: dict[Basis, str] = {
        "orders of the year": _kept(seen.get("Order Completed"), what="orders", in_year=True),
        "all orders": _kept(seen.get("Order Completed"), what="orders"),
        "products": _sum(seen, names=facts.TASTE_POINTS, what="views, wishes, carts and orders"),
        "visits": _kept(seen.get("Product Viewed"), what="product views", in_year=True),
        "opens": _kept(seen.get("Email Opened"), what="opened mails", in_year=True),
        "acts": _sum(seen, names=seen.keys() - {*engagement.NOT_ACTIVE}, what="acts"),
    }
    return words[formula.basis]


def _kept(seen: _Seen | None, *, what: str, in_year: bool = False) -> str:
    if seen is None:
        return ""
    if in_year:
        return f"From {seen.in_year:,} {what} in the last year."
    since = timezone.localtime(seen.first_at)
    return f"From {seen.count:,} {what} since {since:%d %b %Y}."


def _sum(seen: Mapping[str, _Seen], *, names: "Mapping[str, int] | set[str]", what: str) -> str:
    total = sum(each.in_year for name, each in seen.items() if name in names)
    return f"From {total:,} {what} in the last year."


def _fitted(model: TraitModel | None) -> str:
    if model is None:
        return ""
    return f"Compared with {model.people:,} buyers as of {_moment(model.fitted_at)}."


def _moment(at: datetime) -> str:
    return f"{timezone.localtime(at):%d %b %Y, %H:%M}"
