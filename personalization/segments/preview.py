"""Try a condition before it is saved: its sentence, how many it holds for, and a few of them."""

from dataclasses import dataclass
from datetime import datetime

from personalization.conditions.describe import describe
from personalization.conditions.fields import validate
from personalization.conditions.tree import TreeError, parse
from personalization.profiles import catalogue
from personalization.segments import counts
from personalization.segments.counts import Estimate
from personalization.versions import Problem

SAMPLE = 5
# A person waits for it; a condition that takes longer is counted when it is live.
PATIENCE_MILLISECONDS = 3000


@dataclass(frozen=True, slots=True)
class Preview:
    """`count` is None where counting everybody took too long; the estimate is there anyway."""

    sentence: str = ""
    estimate: Estimate | None = None
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
    about = counts.estimate(tree, now=now)
    return Preview(
        sentence=sentence,
        estimate=about,
        count=counts.exact(tree, now=now, patience_milliseconds=PATIENCE_MILLISECONDS),
        total=about.total,
        sample=counts.sample(tree, now=now, limit=SAMPLE),
    )
