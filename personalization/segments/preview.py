"""Read a condition as an editor has it now: its sentence, and what is wrong where."""

from dataclasses import dataclass

from personalization.conditions.describe import describe
from personalization.conditions.fields import validate
from personalization.conditions.tree import TreeError, parse
from personalization.profiles import catalogue
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
    faults = (Problem(fault.message, path=fault.path) for fault in validate(node, known))
    return Preview(sentence=describe(node, catalogue=known), problems=tuple(faults))
