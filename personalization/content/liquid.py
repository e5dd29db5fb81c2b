"""Compile and render marketers' Liquid: plain data only, bounded work, escaped output."""

import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from liquid import BoundTemplate, Node, Token
from liquid.builtin.expressions.filtered import Filter, FilteredExpression
from liquid.builtin.expressions.logical import EqExpression, NeExpression
from liquid.builtin.expressions.primitive import Blank, Empty, Literal, RangeLiteral
from liquid.builtin.tags.for_tag import BreakNode, ContinueNode, ForNode
from liquid.exceptions import LiquidError
from liquid.expression import Expression

from personalization.content.liquid_program import Program, compile_program
from personalization.content.liquid_runtime import (
    ENVIRONMENTS,
    BoundedRangeEnd,
    MissingAsEmpty,
    PlainContext,
    plain,
)
from personalization.content.liquid_values import measured
from personalization.content.suggestions import unknown_name

Kind = typing.Literal["html", "text"]

MAX_SOURCE_CHARACTERS: Final = 300_000
MAX_STEPS: Final = 20_000
MAX_STEPS_IN_LOOPS: Final = 2_000

_BLOCKS: Final = frozenset({"if", "unless", "case", "for", "capture"})
# Line ends and controls of all kinds, and the marks that turn the direction of what follows.
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_TAG = re.compile(r"\{%-?\s*(\w+)")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a source text, and where (both counted from 1)."""

    message: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class TemplateProblem(Exception):
    """A template that cannot be compiled or rendered; carries what to mend and where."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template ready to be rendered any number of times, in any thread."""

    kind: Kind
    source: str
    template: BoundTemplate
    program: Program = field(repr=False)

    def render(self, context: Mapping[str, object]) -> str:
        """Render with plain data; a resource limit or a failing filter is a TemplateProblem."""
        data = plain(context)
        try:
            pieces = self.program(data)
            measured(pieces)
        except LiquidError as error:
            raise TemplateProblem([_problem(self.source, error)]) from error
        except RecursionError as error:
            raise TemplateProblem([Problem("expressions are nested too deeply")]) from error
        return _encodable("".join(pieces))


@lru_cache(maxsize=512)
def compile_template(source: str, *, kind: Kind) -> Compiled:
    """Parse once per source text; raises TemplateProblem with line and column."""
    if len(source) > MAX_SOURCE_CHARACTERS:
        raise TemplateProblem(
            [
                Problem(
                    f"the template is longer than {MAX_SOURCE_CHARACTERS:,} characters; shorten it"
                )
            ]
        )
    environment = ENVIRONMENTS[kind]
    try:
        template = environment.from_string(source)
    except LiquidError as error:
        raise TemplateProblem([_problem(source, error)]) from error
    _Inspection(source, template).run()
    program = compile_program(template)
    return Compiled(kind=kind, source=source, template=template, program=program)


def position(source: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of an offset in the source."""
    before = source[: max(offset, 0)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def single_line(text: str) -> str:
    """For subjects and other header-like places: one line, single blanks, no control characters."""
    # What can be printed holds no blank but spaces, which is nearly always the whole answer.
    if text.isprintable() and "  " not in text:
        return text.strip()
    return _BLANKS.sub(" ", text).strip()


def _problem(source: str, error: LiquidError) -> Problem:
    message = str(error.message or "this cannot be read as Liquid")
    if isinstance(error.__cause__, RecursionError):
        message = "expressions are nested too deeply"
    if message.startswith("expected tag end"):
        return _never_closed(source) or Problem(message)
    if message.startswith("unexpected tag '") and error.token is not None:
        message = _unexpected_tag(error.token.value)
    return _at(source, error.token, message.replace("found end of expression", "found nothing"))


def _unexpected_tag(name: str) -> str:
    if name in {"else", "elsif", "when"} or name.removeprefix("end") in _BLOCKS:
        return f"`{name}` without the tag it belongs to"
    tags = [tag for tag in ENVIRONMENTS["html"].tags if tag.isalpha()]
    return unknown_name("tag", name, tags)


def _never_closed(source: str) -> Problem | None:
    """The engine sees this only at the end of the text; the reader needs the beginning."""
    opened: list[re.Match[str]] = []
    for tag in _TAG.finditer(source):
        if tag[1] in _BLOCKS:
            opened.append(tag)
        elif tag[1].removeprefix("end") in _BLOCKS and opened:
            opened.pop()
    if not opened:
        return None
    name = opened[-1][1]
    line, column = position(source, opened[-1].start())
    return Problem(f"`{name}` is never closed; add `{{% end{name} %}}`", line, column)


def _at(source: str, token: Token | None, message: str) -> Problem:
    if token is None or token.start_index < 0:
        return Problem(message)
    line, column = position(source, token.start_index)
    return Problem(message, line, column)


def _encodable(text: str) -> str:
    """Replace half surrogate pairs, which JSON may carry; neither database nor mail can."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _compare_missing_as_empty(expression: EqExpression | NeExpression) -> None:
    if isinstance(expression.right, Blank | Empty):
        expression.left = MissingAsEmpty(expression.left)
    elif isinstance(expression.left, Blank | Empty):
        expression.right = MissingAsEmpty(expression.right)


class _Inspection:
    """Walk a fresh parse tree: bound its ranges, count its work, know its filters and breaks."""

    def __init__(self, source: str, template: BoundTemplate) -> None:
        self.source = source
        self.template = template
        self.context = PlainContext(template, data={})
        self.steps = 0
        self.steps_in_loops = 0
        self.problems: list[Problem] = []

    def run(self) -> None:
        for node in self.template.nodes:
            self._node(node, in_loop=False)
        if self.steps > MAX_STEPS or self.steps_in_loops > MAX_STEPS_IN_LOOPS:
            message = (
                f"the template does too much: at most {MAX_STEPS:,} tags, outputs and filters, "
                f"{MAX_STEPS_IN_LOOPS:,} of them in loops; split or shorten it"
            )
            self.problems.insert(0, Problem(message))
        if self.problems:
            raise TemplateProblem(self.problems)

    def _node(self, node: Node, *, in_loop: bool) -> None:
        self._count(in_loop=in_loop)
        if isinstance(node, BreakNode | ContinueNode) and not in_loop:
            name = "break" if isinstance(node, BreakNode) else "continue"
            self._report(node.token, f"`{name}` is only possible inside a `for` loop")
        for expression in node.expressions():
            self._expression(expression, in_loop=in_loop)
        for child in node.children(self.context):
            self._node(child, in_loop=in_loop or isinstance(node, ForNode))

    def _expression(self, expression: Expression, *, in_loop: bool) -> None:
        self._count(in_loop=in_loop)
        if isinstance(expression, EqExpression | NeExpression):
            _compare_missing_as_empty(expression)
        if isinstance(expression, RangeLiteral):
            self._bound(expression)
        if isinstance(expression, FilteredExpression):
            for used in expression.filters or ():
                self._filter(used, in_loop=in_loop)
        for child in expression.children():
            self._expression(child, in_loop=in_loop)

    def _filter(self, used: Filter, *, in_loop: bool) -> None:
        self._count(in_loop=in_loop)
        if used.name not in self.template.env.filters:
            self._report(used.token, unknown_name("filter", used.name, self.template.env.filters))

    def _bound(self, expression: RangeLiteral) -> None:
        ends_are_known = all(isinstance(end, Literal) for end in expression.children())
        expression.stop = BoundedRangeEnd(expression.start, expression.stop)
        if not ends_are_known:
            return
        try:
            expression.evaluate(self.context)
        except LiquidError as error:
            self._report(expression.token, str(error.message))

    def _count(self, *, in_loop: bool) -> None:
        self.steps += 1
        self.steps_in_loops += in_loop

    def _report(self, token: Token, message: str) -> None:
        self.problems.append(_at(self.source, token, message))
