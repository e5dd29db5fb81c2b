"""Dealing people into arms: the same in Python and in SQL, the same tomorrow, near the weights."""

import random
import uuid
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from campaigns.experiments.assign import choose_variant, is_held_out
from campaigns.experiments.bucketing import bucket, bucket_sql


def pseudonyms(count: int, *, seed: int) -> list[str]:
    source = random.Random(seed)
    return [str(uuid.UUID(int=source.getrandbits(128), version=4)) for _ in range(count)]


def buckets_in_sql(people: list[str], *, seed: str, size: int) -> list[int]:
    sql, params = bucket_sql("person.pseudonym", seed=seed, size=size)
    parameters: list[Any] = [*params, people]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {sql} FROM unnest(%s::uuid[]) WITH ORDINALITY AS person(pseudonym, n)"
            " ORDER BY n",
            parameters,
        )
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.django_db
@pytest.mark.parametrize("seed", ["spring-seed", "spring-seed:holdout", "Ümläut % %s 'quote'"])
@pytest.mark.parametrize("size", [2, 3, 100, 65_535])
def test_bucket_in_python_is_the_bucket_in_sql(seed: str, size: int) -> None:
    people = pseudonyms(500, seed=size)

    assert buckets_in_sql(people, seed=seed, size=size) == [
        bucket(person, seed=seed, size=size) for person in people
    ]


def test_bucket_of_known_people_never_changes() -> None:
    person = "00000000-0000-4000-8000-000000000001"

    found = [bucket(person, seed=seed, size=1000) for seed in ("a", "b", "a:holdout")]

    # Written down once: another hash would deal everybody anew.
    assert found == [612, 883, 216]


@given(
    st.uuids(version=4),
    st.dictionaries(st.text("abcd", min_size=1), st.integers(1, 50), min_size=1),
)
def test_arm_is_always_one_of_the_arms_and_always_the_same(
    person: uuid.UUID, weights: dict[str, int]
) -> None:
    arm = choose_variant(str(person), experiment="seed", weights=weights)

    assert arm in weights
    backwards = dict(reversed(weights.items()))
    assert choose_variant(str(person), experiment="seed", weights=backwards) == arm


def test_arm_without_weight_gets_nobody() -> None:
    weights = {"a": 0, "b": 1, "c": 0}

    arms = {choose_variant(p, experiment="s", weights=weights) for p in pseudonyms(200, seed=1)}

    assert arms == {"b"}


@pytest.mark.parametrize("weights", [{"a": 1, "b": 1}, {"a": 1, "b": 3}, {"a": 2, "b": 3, "c": 5}])
def test_arms_come_near_their_weights(weights: dict[str, int]) -> None:
    people = pseudonyms(20_000, seed=11)

    counts = Counter(choose_variant(p, experiment="spring", weights=weights) for p in people)

    total = sum(weights.values())
    for arm, weight in weights.items():
        share = weight / total
        # Five standard deviations: fails by chance once in two million runs, and the seed is fixed.
        allowed = 5 * (share * (1 - share) / len(people)) ** 0.5
        assert abs(counts[arm] / len(people) - share) < allowed


def test_holdout_comes_near_its_share_and_does_not_skew_the_arms() -> None:
    people = pseudonyms(20_000, seed=12)
    weights = {"a": 1, "b": 1}

    kept = [p for p in people if not is_held_out(p, experiment="spring", percent=10)]

    assert abs(len(kept) / len(people) - 0.9) < 0.011
    arms = Counter(choose_variant(p, experiment="spring", weights=weights) for p in kept)
    assert abs(arms["a"] / len(kept) - 0.5) < 0.02


@pytest.mark.parametrize(("percent", "expected"), [(0, False), (100, True)])
def test_holdout_of_nobody_and_of_everybody(percent: int, expected: bool) -> None:
    found = {is_held_out(p, experiment="s", percent=percent) for p in pseudonyms(300, seed=3)}

    assert found == {expected}
