"""How many people a condition holds for: at once from a sample, exactly with some patience."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import sqrt
from typing import Any

from django.db import DatabaseError, OperationalError, connection, transaction

from consent.gate import permitted_sql
from personalization.conditions.fields import Catalogue
from personalization.conditions.nodes import Happened, Node
from personalization.conditions.nodes import Sequence as Steps
from personalization.conditions.sql_people import Among
from personalization.conditions.to_sql import SqlCondition, to_sql
from personalization.conditions.tree import needs, parse, walk
from personalization.profiles import catalogue
from personalization.segments import population

SAMPLE = 10_000
SMALLEST_SAMPLE = 2_000
# Of people in months: about what takes a quarter of a second.
LOOK_UPS = 40_000
# A count over everybody holds sets of people in memory, and two processes share the work.
FOR_MANY = {
    "work_mem": "128MB",
    "jit": "off",
    "max_parallel_workers_per_gather": "1",
    "parallel_setup_cost": "100",
    "parallel_tuple_cost": "0.02",
}
_MONTH = timedelta(days=30)
_MONTHS_WITHOUT_WINDOW = 24
PATIENCE_MILLISECONDS = 3000
# Of a normal distribution 95 % lie within so many standard deviations.
_DEVIATIONS = 1.96


@dataclass(frozen=True, slots=True)
class Estimate:
    """Probably `value` of `total` people; 95 of 100 such intervals hold the true number."""

    value: int
    low: int
    high: int
    total: int
    is_exact: bool


def estimate(tree: object, *, now: datetime) -> Estimate:
    """Count in the sample and say what it tells about everybody; raises TreeError."""
    return _estimates([parse(tree)], now=now)[0]


def by_condition(tree: object, *, now: datetime) -> dict[str, Estimate]:
    """Return for each node, by its path, how many it would keep alone; `""` is the whole tree."""
    nodes = {path: node for path, event, node in walk(parse(tree)) if event is None}
    found = _estimates(list(nodes.values()), now=now)
    return dict(zip(nodes, found, strict=True))


def exact(tree: object, *, now: datetime, patience_milliseconds: int) -> int | None:
    """Count over everybody; None where that takes longer than one will wait."""
    condition = _compiled(parse(tree), known=catalogue.load(), now=now)
    sql = f"SELECT count(*) FROM {population.PEOPLE} WHERE {population.LIVING} AND "
    found = _patiently(sql + condition.sql, condition.params, milliseconds=patience_milliseconds)
    return None if found is None else int(found[0][0])


def sample(tree: object, *, now: datetime, limit: int = 10) -> tuple[int, ...]:
    """Return some of whom the condition holds for, those seen last first.

    They come from the sample; where it holds too few of them, everybody is looked through, as
    long as one will wait.
    """
    node = parse(tree)
    some = population.sample(SAMPLE, by_look_up=_looked_up(node))
    found = _latest(node, now=now, limit=limit, among=some.among)
    if found is not None and len(found) < limit and not some.is_whole:
        found = _latest(node, now=now, limit=limit) or found
    return tuple(found or ())


def _latest(
    node: Node, *, now: datetime, limit: int, among: Among | None = None
) -> list[int] | None:
    condition = _compiled(node, known=catalogue.load(), now=now, among=among)
    within = "true" if among is None else "p.subject_id = ANY(%s)"
    sql = (
        f"SELECT p.subject_id FROM {population.PEOPLE} WHERE {within} AND {population.LIVING}"
        f" AND {condition.sql} ORDER BY p.last_seen_at DESC LIMIT %s"
    )
    params = [] if among is None else [among.ids]
    rows = _patiently(sql, (*params, *condition.params, limit), milliseconds=PATIENCE_MILLISECONDS)
    return None if rows is None else [row[0] for row in rows]


def _estimates(nodes: Sequence[Node], *, now: datetime) -> list[Estimate]:
    """Ask about all nodes at once: they look at the same people."""
    known, some = catalogue.load(), population.sample(SAMPLE, by_look_up=_looked_up(nodes[0]))
    conditions = [_compiled(node, known=known, now=now, among=some.among) for node in nodes]
    counts = ", ".join(f"count(*) FILTER (WHERE {each.sql})" for each in conditions)
    params = [param for each in conditions for param in each.params]
    with transaction.atomic(), connection.cursor() as cursor:
        # So few people are counted sooner than other processes start.
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        cursor.execute(
            f"SELECT {counts} FROM {population.PEOPLE} WHERE p.subject_id = ANY(%s)",
            [*params, some.among.ids],
        )
        hits: Sequence[int] = cursor.fetchone()
    return [extrapolated(each, of=some.size, total=some.total) for each in hits]


def extrapolated(hits: int, *, of: int, total: int) -> Estimate:
    """Conclude from `hits` in a sample `of` some people on `total` people (Wilson's interval)."""
    if of >= total:
        return Estimate(value=hits, low=hits, high=hits, total=total, is_exact=True)
    share, spread = hits / of, _DEVIATIONS**2 / of
    middle = share + spread / 2
    half = _DEVIATIONS * sqrt(share * (1 - share) / of + spread / (4 * of))
    low, high = ((middle + side) / (1 + spread) for side in (-half, half))
    return Estimate(
        value=round(share * total),
        # Who was seen in the sample is there, and who was not there is not everybody.
        low=max(hits, int(low * total)),
        high=min(total - (of - hits), round(high * total + 0.5)),
        total=total,
        is_exact=False,
    )


def _looked_up(node: Node) -> int:
    """Fewer people where each has to be looked up in many months, so that it takes no longer."""
    windows = [
        needs(each).events.values()
        for _, _, each in walk(node)
        if isinstance(each, Happened | Steps)
    ]
    months = sum(
        _MONTHS_WITHOUT_WINDOW if window is None else 1 + window / _MONTH
        for each in windows
        for window in each
    )
    return min(SAMPLE, max(SMALLEST_SAMPLE, int(LOOK_UPS / max(1, months))))


def _compiled(
    node: Node, *, known: Catalogue, now: datetime, among: Among | None = None
) -> SqlCondition:
    permitted = partial(permitted_sql, at=now)
    return to_sql(node, catalogue=known, now=now, permitted=permitted, among=among)


def _patiently(
    sql: str, params: Sequence[Any], *, milliseconds: int
) -> list[tuple[int, ...]] | None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {milliseconds:d}")
            for setting, value in FOR_MANY.items():
                cursor.execute(f"SET LOCAL {setting} = '{value}'")
            cursor.execute(sql, params)
            rows: list[tuple[int, ...]] = cursor.fetchall()
    except OperationalError as error:
        if _is_timeout(error):
            return None
        raise
    return rows


def _is_timeout(error: DatabaseError) -> bool:
    return getattr(error.__cause__, "sqlstate", "") == "57014"
