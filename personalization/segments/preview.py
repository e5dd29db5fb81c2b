"""Read a condition as an editor has it now: its sentence, and what is wrong where."""

from collections.abc import Iterator
from dataclasses import dataclass

from personalization.conditions.describe import describe
from personalization.conditions.fields import validate
from personalization.conditions.tree import InSegment, Node, TreeError, needs, parse, walk
from personalization.profiles import catalogue
from personalization.segments import health
from personalization.versions import Problem


@dataclass(frozen=True, slots=True)
class Preview:
    """`sentence` is empty where the tree cannot be read at all."""

    sentence: str = ""
    problems: tuple[Problem, ...] = ()


def preview(tree: object) -> Preview:
    known = catalogue.load()
    try:
        node = parse(tree)
    except TreeError as error:
        return Preview(problems=(Problem(error.message, path=error.path),))
    faults = [Problem(fault.message, path=fault.path) for fault in validate(node, known)]
    # Without a usable segment any number would be that of a wrong audience.
    return Preview(
        sentence=describe(node, catalogue=known),
        problems=(*faults, *(() if faults else _of_segments(node))),
    )


def _of_segments(node: Node) -> Iterator[Problem]:
    wrong = health.unusable(needs(node).segments)
    for path, _, inner in walk(node):
        if isinstance(inner, InSegment) and inner.slug in wrong:
            yield Problem(f"{wrong[inner.slug]}: put it live or mend it, or take it out", path=path)
