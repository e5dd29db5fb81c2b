"""How many people each rule would decide for, counted in the stable sample of everybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import DatabaseError, OperationalError, connection, transaction

from consent.gate import permitted_sql
from personalization.conditions.fields import Catalogue
from personalization.conditions.sql_people import Among
from personalization.conditions.to_sql import SqlCondition, to_sql
from personalization.profiles import catalogue
from personalization.rules.ruleset import Rule, RuleSetDefinition
from personalization.segments import population
from personalization.segments.counts import SAMPLE, Estimate, extrapolated

PATIENCE_MILLISECONDS = 3000


@dataclass(frozen=True, slots=True)
class Reach:
    """`rules` by key: whom each decides for, under `collect` whom it fits; `fallback` the rest.

    A rule that is switched off or not active now is not in it.
    """

    rules: Mapping[str, Estimate]
    fallback: Estimate


def reach(definition: RuleSetDefinition, *, now: datetime) -> Reach | None:
    """Count all lines at once (one query over the sample); None where that takes too long.

    What an offer has left is not looked at: as if none had run out.
    """
    rules = [rule for rule in definition.rules if rule.is_enabled and rule.is_active(now)]
    if definition.hit_policy == "highest_value":
        rules.sort(key=lambda rule: (-_value(rule), rule.priority))
    else:
        rules.sort(key=lambda rule: rule.priority)
    known, some = catalogue.load(), population.sample(SAMPLE)
    ids = some.among.ids
    conditions = [_compiled(rule, known=known, now=now, among=some.among) for rule in rules]
    hits = _hits(conditions, ids=ids, is_collect=definition.hit_policy == "collect")
    if hits is None:
        return None
    estimates = [extrapolated(each, of=some.size, total=some.total) for each in hits]
    keys = [rule.key for rule in rules]
    return Reach(rules=dict(zip(keys, estimates, strict=False)), fallback=estimates[-1])


def _hits(
    conditions: Sequence[SqlCondition], *, ids: Sequence[int], is_collect: bool
) -> list[int] | None:
    """Return the hits of each condition, and at the end of those whom none fits."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MILLISECONDS:d}")
            if is_collect:
                return _each(conditions, ids=ids)
            return _first(conditions, ids=ids)
    except OperationalError as error:
        if _is_timeout(error):
            return None
        raise


def _first(conditions: Sequence[SqlCondition], *, ids: Sequence[int]) -> list[int]:
    """Put everybody to the first condition that holds."""
    cases = "".join(f" WHEN {each.sql} THEN {n}" for n, each in enumerate(conditions))
    line = f"CASE{cases} END" if conditions else "NULL::int"
    params = [param for each in conditions for param in each.params]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {line}, count(*) FROM {population.PEOPLE}"
            " WHERE p.subject_id = ANY(%s) GROUP BY 1",
            [*params, list(ids)],
        )
        found = dict(cursor.fetchall())
    return [found.get(number, 0) for number in [*range(len(conditions)), None]]


def _each(conditions: Sequence[SqlCondition], *, ids: Sequence[int]) -> list[int]:
    """Count each condition alone."""
    counts = "".join(f"count(*) FILTER (WHERE {each.sql}), " for each in conditions)
    anybody = " OR ".join(f"({each.sql})" for each in conditions) or "false"
    params = [param for each in conditions for param in each.params]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {counts} count(*) FILTER (WHERE ({anybody}) IS NOT TRUE)"
            f" FROM {population.PEOPLE} WHERE p.subject_id = ANY(%s)",
            [*params, *params, list(ids)],
        )
        row: Sequence[int] = cursor.fetchone()
    return list(row)


def _compiled(rule: Rule, *, known: Catalogue, now: datetime, among: Among) -> SqlCondition:
    permitted = partial(permitted_sql, at=now)
    return to_sql(rule.condition, catalogue=known, now=now, permitted=permitted, among=among)


def _value(rule: Rule) -> float:
    value = rule.outcome.get("value")
    return value if isinstance(value, int | float) else 0


def _is_timeout(error: DatabaseError) -> bool:
    return getattr(error.__cause__, "sqlstate", "") == "57014"
