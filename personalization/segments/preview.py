"""Try a condition before it is saved: its sentence, how many it holds for, and a few of them."""

from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, OperationalError, connection, transaction

from personalization.conditions.describe import describe
from personalization.conditions.fields import validate
from personalization.conditions.to_sql import SqlCondition
from personalization.conditions.tree import TreeError, parse
from personalization.models import SegmentVersion
from personalization.profiles import catalogue
from personalization.segments import membership
from personalization.versions import Problem

SAMPLE = 5
# A person waits for it; a condition that takes longer is counted when it is live.
PATIENCE_MILLISECONDS = 3000


@dataclass(frozen=True, slots=True)
class Preview:
    """`count` is None where counting took too long; then there is no sample either."""

    sentence: str = ""
    count: int | None = None
    total: int = 0
    sample: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()


def preview(tree: object, *, now: datetime) -> Preview:
    """Read a tree as an editor has it now; what is wrong comes back with its path."""
    known = catalogue.load()
    try:
        node = parse(tree)
    except TreeError as error:
        return Preview(problems=(Problem(error.message, path=error.path),))
    faults = validate(node, known)
    sentence = describe(node, catalogue=known)
    if faults:
        problems = tuple(Problem(fault.message, path=fault.path) for fault in faults)
        return Preview(sentence=sentence, problems=problems)
    condition = membership.compiled(SegmentVersion(content={"tree": tree}), now=now)
    return _counted(sentence, condition)


def _counted(sentence: str, condition: SqlCondition) -> Preview:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MILLISECONDS}")
            count, total = _count(condition)
            return Preview(sentence=sentence, count=count, total=total, sample=_sample(condition))
    except OperationalError as error:
        if _is_timeout(error):
            return Preview(sentence=sentence)
        raise


def _is_timeout(error: DatabaseError) -> bool:
    return getattr(error.__cause__, "sqlstate", "") == "57014"


def _count(condition: SqlCondition) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FILTER (WHERE {condition.sql}), count(*)"
            " FROM personalization_customerprofile p",
            condition.params,
        )
        count, total = cursor.fetchone()
    return count, total


def _sample(condition: SqlCondition) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT p.subject_id FROM personalization_customerprofile p WHERE {condition.sql}"
            " ORDER BY p.last_seen_at DESC LIMIT %s",
            [*condition.params, SAMPLE],
        )
        return tuple(row[0] for row in cursor.fetchall())
