"""SQL and Python mean the same, for people loaded as they really are: many worlds, many trees.

`make prove` looks at 40 worlds with 100 trees each, goes on where it was stopped, and writes seeds
and counts to `var/prove/conditions.json`. A case is one tree asked about one person.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import pytest

from config.embedded.layout import var_folder
from personalization import conditions
from personalization.conditions.facts import Facts
from personalization.conditions.nodes import MEASURES, OPERATORS, Node
from personalization.conditions.to_python import compile_tree
from tests.personalization import condition_proof, condition_worlds
from tests.personalization.condition_proof import check

pytestmark = [
    pytest.mark.django_db,
    # Hypothesis has a remark on large strategies; it is of no use to the reader of a test run.
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]

WORLDS = 40
TREES = 100
CASES = 20_000
LEAST_EACH = 200


def test_a_world_of_loaded_people_gets_the_same_answers_both_ways() -> None:
    counts = check(1, trees=60, longest=300)

    assert counts["trees"] >= 60
    assert min(counts["true"], counts["false"]) >= counts["cases"] * 0.25


@pytest.mark.parametrize("fault", ["a second early", "machines counted"])
def test_a_broken_evaluator_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: an evaluator that is nearly right does not pass."""
    monkeypatch.setattr(condition_proof, "compile_tree", _broken(fault))

    with pytest.raises(AssertionError, match="world 2"):
        check(2, trees=150, longest=100)


def _broken(fault: str) -> Callable[[Node], Callable[[Facts, datetime], bool]]:
    def compiled(node: Node) -> Callable[[Facts, datetime], bool]:
        holds = compile_tree(node)
        if fault == "a second early":
            return lambda facts, now: holds(facts, now - timedelta(seconds=1))
        return lambda facts, now: holds(_without_machines(facts), now)

    return compiled


def _without_machines(facts: Facts) -> Facts:
    events = {
        name: [
            type(event)(event.name, event.occurred_at, event.amount, event.properties, event.items)
            for event in history
        ]
        for name, history in facts.events.items()
    }
    return Facts(facts.profile_id, facts.values, events, facts.segments)


@pytest.mark.prove
def test_every_operator_means_the_same_in_many_worlds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = var_folder() / "prove" / "conditions.json"
    code = _code()
    done, counts = _resumed(path, code=code)
    while done < WORLDS:
        counts += check(done, trees=TREES)
        done += 1
        told = {"code": code, "seeds": [0, done], "counts": dict(sorted(counts.items()))}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{json.dumps(told, indent=1)}\n", encoding="utf-8")
    with capsys.disabled():
        sys.stdout.write(f"\n{json.dumps(dict(sorted(counts.items())), indent=1)}\n")

    assert counts["cases"] >= CASES
    assert min(counts["true"], counts["false"]) >= counts["cases"] * 0.3
    assert {op: n for op in OPERATORS if (n := counts[f"operator {op}"]) < LEAST_EACH} == {}
    assert {kind: n for kind in MEASURES if (n := counts[f"measure {kind}"]) < LEAST_EACH} == {}


def _resumed(path: Path, *, code: str) -> tuple[int, Counter[str]]:
    """Go on with what was counted of the same code."""
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if told.get("code") != code:
        return 0, Counter()
    return int(told["seeds"][1]), Counter(told["counts"])


def _code() -> str:
    """The hash of all that is proved: another code begins anew."""
    folder = Path(str(conditions.__file__)).parent
    own = [Path(str(module.__file__)) for module in (condition_proof, condition_worlds)]
    files = [*sorted(folder.rglob("*.py")), *own]
    return blake2b(b"".join(file.read_bytes() for file in files), digest_size=8).hexdigest()
