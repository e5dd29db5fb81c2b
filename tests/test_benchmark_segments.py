"""The benchmarks of counting and of rules: fast counts equal those by hand, engines agree."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import conditions, segments
from config.embedded.layout import PROJECT
from personalization.conditions.tree import Happened, InSegment, Sequence, parse, walk

TREES = {each["slug"]: each["tree"] for each in json.loads(segments.TREES.read_text())}


def test_the_twenty_trees_are_of_all_kinds() -> None:
    nodes = {slug: [node for _, _, node in walk(parse(tree))] for slug, tree in TREES.items()}
    happened = [each for found in nodes.values() for each in found if isinstance(each, Happened)]

    assert len(TREES) == 20
    assert sum(each.match.where is not None for each in happened) >= 8
    assert sum(each.within is not None and each.within.delta.days >= 90 for each in happened) >= 4
    for kind in (Sequence, InSegment):
        assert sum(any(isinstance(each, kind) for each in found) for found in nodes.values()) >= 2


@pytest.mark.long
def test_every_fast_count_equals_the_one_by_hand(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "segments", "conditions", "--people", "1000"]
    database = f"attune_bench_test_{os.getpid()}"
    run = subprocess.run(
        [*command, "--out", str(tmp_path), "--database", database],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads((tmp_path / "segments.json").read_text())
    assert found["events"] > 9_000
    # Each was compared with the count by hand; nobody in most of them would prove little.
    assert sum(row[1] > 0 for row in found["segments"]) >= 15
    rules = json.loads((tmp_path / "conditions.json").read_text())
    assert set(rules["microseconds"]) >= {"Attune", "datalogic-py", "zen-engine"}


def test_an_engine_that_says_otherwise_stops_the_benchmark() -> None:
    always = conditions.Engine("always", dict, lambda values: True)

    with pytest.raises(conditions.AnswersDiffer, match="always"):
        conditions._agree([always])
