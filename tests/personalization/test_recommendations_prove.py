"""Constraints hold, no place is empty, every cause is true: in random shops under random rules.

`make prove` looks at 100,000 of them, goes on where it was stopped, and writes seeds and counts to
`var/prove/recommendations.json`.
"""

import json
from collections import Counter
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.embedded.layout import var_folder
from personalization import recommendations
from personalization.recommendations import serve
from personalization.recommendations.constraints import Catalogue
from personalization.recommendations.model import Model
from personalization.recommendations.serve import Ask, Recommended
from personalization.recommendations.strategies.registry import STRATEGIES
from tests.personalization import recommendation_proof
from tests.personalization.recommendation_proof import check

WORLDS = 100_000
PART = 1_000


@settings(max_examples=250, deadline=None)
@given(seed=st.integers(10**6, 10**9))
def test_a_list_keeps_what_it_has_to_in_any_shop(seed: int) -> None:
    check(seed)


def test_the_random_worlds_reach_every_strategy_and_claim_causes() -> None:
    counts: Counter[str] = Counter()
    for seed in range(1200):
        counts += check(seed)

    reached = {name.removeprefix("of ") for name in counts if name.startswith("of ")}
    assert reached == set(STRATEGIES)
    assert counts["claims"] > 50
    assert counts["constrained"] > 200
    assert 0 < counts["nothing_allowed"] < 600


def test_a_broken_constraint_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: lists that forget the mask do not pass."""

    def careless(model: Model, catalogue: Catalogue, ask: Ask, *, limit: int) -> list[Recommended]:
        everything = replace(catalogue, is_in_stock=np.ones_like(catalogue.is_in_stock))
        return serve.recommend(model, everything, ask, limit=limit)

    monkeypatch.setattr(recommendation_proof, "recommend", careless)

    with pytest.raises(AssertionError, match="constraint broken"):
        [check(seed) for seed in range(200)]


@pytest.mark.prove
def test_a_hundred_thousand_worlds_hold() -> None:
    path = var_folder() / "prove" / "recommendations.json"
    code = _code()
    done, counts = _resumed(path, code=code)
    while done < WORLDS:
        for seed in range(done, done + PART):
            counts += check(seed)
        done += PART
        told = {"code": code, "seeds": [0, done], "counts": dict(sorted(counts.items()))}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{json.dumps(told, indent=1)}\n", encoding="utf-8")

    assert counts["worlds"] == WORLDS


def _resumed(path: Path, *, code: str) -> tuple[int, Counter[str]]:
    """Go on with what was counted of the same code."""
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if told.get("code") != code:
        return 0, Counter()
    return int(told["seeds"][1]), Counter(told["counts"])


def _code() -> str:
    """The hash of all that is proved: another code begins anew."""
    folder = Path(str(recommendations.__file__)).parent
    files = [*sorted(folder.rglob("*.py")), Path(str(recommendation_proof.__file__))]
    return blake2b(b"".join(file.read_bytes() for file in files), digest_size=8).hexdigest()
