"""Who would enter or leave if a condition went live, and what each part of a condition keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from personalization.conditions.describe import describe_part
from personalization.conditions.fields import Catalogue
from personalization.conditions.nodes import AllOf, AnyOf, Node
from personalization.conditions.tree import parse
from personalization.models import Segment
from personalization.profiles import catalogue
from personalization.segments import membership

SAMPLE = 5
# What a draft is compared with are the members, which are kept to the second.
_DIFFERENCE = """
WITH wanted AS MATERIALIZED (SELECT p.subject_id AS id FROM {living} WHERE {condition}),
     members AS (SELECT profile_id AS id FROM personalization_segmentmembership
                 WHERE segment_id = %s),
     entering AS (SELECT id FROM wanted EXCEPT SELECT id FROM members),
     leaving AS (SELECT id FROM members EXCEPT SELECT id FROM wanted)
SELECT (SELECT count(*) FROM wanted), (SELECT count(*) FROM entering),
       (SELECT count(*) FROM leaving),
       ARRAY(SELECT id FROM entering ORDER BY id LIMIT %s),
       ARRAY(SELECT id FROM leaving ORDER BY id LIMIT %s)
"""


@dataclass(frozen=True, slots=True)
class Difference:
    size: int
    entering: int
    leaving: int
    sample_entering: Sequence[int]
    sample_leaving: Sequence[int]


@dataclass(frozen=True, slots=True)
class Kept:
    """One condition of a segment: how many it holds for, and how many are left after it."""

    text: str
    alone: int
    left: int


def difference(segment: Segment, *, tree: object, now: datetime) -> Difference:
    """Compare a condition with the members (one statement); nothing is stored."""
    condition = membership.of_tree(parse(tree), known=catalogue.load(), now=now)
    with connection.cursor() as cursor:
        cursor.execute(
            _DIFFERENCE.format(living=membership.LIVING, condition=condition.sql),
            [*condition.params, segment.pk, SAMPLE, SAMPLE],
        )
        return Difference(*cursor.fetchone())


def breakdown(tree: object, *, now: datetime) -> tuple[int, list[Kept]]:
    """Return how many a condition holds for, and the same for each of its parts.

    One statement for each: as columns of one they could not be planned as joins, which for a
    large shop is the difference between seconds and minutes.
    """
    node, known = parse(tree), catalogue.load()
    parts = node.children if isinstance(node, AllOf | AnyOf) else (node,)
    asked = [node, *parts, *(_so_far(node, parts[: place + 1]) for place in range(len(parts)))]
    total, *counts = (_count(each, known=known, now=now) for each in asked)
    return total, [
        Kept(text=describe_part(part, catalogue=known), alone=alone, left=left)
        for part, alone, left in zip(parts, counts[: len(parts)], counts[len(parts) :], strict=True)
    ]


def _count(node: Node, *, known: Catalogue, now: datetime) -> int:
    condition = membership.of_tree(node, known=known, now=now)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {membership.LIVING} WHERE {condition.sql}", condition.params
        )
        found: int = cursor.fetchone()[0]
    return found


def _so_far(node: Node, parts: tuple[Node, ...]) -> Node:
    return AnyOf(parts) if isinstance(node, AnyOf) else AllOf(parts)
