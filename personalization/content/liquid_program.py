"""Write a parsed template as a Python function once, so that a mail costs no walk through a tree.

Texts, outputs, filters, conditions and loops, which is nearly all of a mail, become plain Python
that looks names up in the data. A template with anything else (`assign`, `capture`, `case`, …) is
written so that the engine renders those parts on its own context. Both give what the engine alone
would give: the test renders every construct both ways.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeAlias

from liquid import BoundTemplate, Node, RenderContext
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import Path
from liquid.builtin.expressions.primitive import IntegerLiteral, Literal
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.builtin.tags.cycle_tag import CycleNode
from liquid.builtin.tags.for_tag import BreakNode, ContinueNode, ForLoop, ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.exceptions import BreakLoop, ContinueLoop
from liquid.expression import Expression

from personalization.content.liquid_expressions import (
    EngineExpressions,
    Expressions,
    NeedsEngine,
)
from personalization.content.liquid_runtime import (
    MAX_ITERATIONS,
    OutputBuffer,
    PlainContext,
    PlainOutputNode,
    printed,
)
from personalization.content.liquid_source import Source
from personalization.content.liquid_values import UNMEASURED_PIECES

Program: TypeAlias = Callable[[Mapping[str, object]], Sequence[str]]
"""Data in, pieces of the output out."""

# Python refuses 20 loops inside each other; each of the engine's takes two of them.
DEEPEST_LOOPS: Final = 6


def compile_program(template: BoundTemplate) -> Program:
    """Return the function that renders a template, which was inspected before."""
    static = PlainContext(template, data={})
    try:
        return _Writer(template, static=static).program()
    except NeedsEngine:
        return _EngineWriter(template, static=static).program()


class _Writer:
    """A template whose names are looked up in the data and in its own loops."""

    make_expressions: type[Expressions] = Expressions

    def __init__(self, template: BoundTemplate, *, static: RenderContext) -> None:
        self.template = template
        self.static = static
        self.source = Source(
            static=static, ForLoop=ForLoop, BreakLoop=BreakLoop, ContinueLoop=ContinueLoop
        )
        self.expressions = self.make_expressions(template, self.source)
        self.loops = 0

    def program(self) -> Program:
        # Without a loop the inspection of the template bounds the calls of filters already.
        nodes = _within(self.template.nodes, self.static)
        self.expressions.counts_calls = any(isinstance(node, ForNode) for node in nodes)
        self.source.line("pieces = []; add = pieces.append; cycles = {}")
        self.source.line(f"calls = rounds = 0; mark = {UNMEASURED_PIECES}")
        self.nodes(self.template.nodes)
        return self.source.function("data")

    def nodes(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self.node(node)

    def node(self, node: Node) -> None:
        match node:
            case ContentNode(text=text):
                self.source.show(repr(str(text)))
            case CommentNode():
                pass
            case PlainOutputNode(expression=expression):
                self.source.show(self.shown(self.expressions.value(expression)))
            case IfNode() | UnlessNode():
                self.branches(node)
            case ForNode():
                self.loop(node)
            case CycleNode():
                self.cycle(node)
            case BreakNode() | ContinueNode() if self.loops:
                self.source.flush()
                self.source.line("break" if isinstance(node, BreakNode) else "continue")
            case _:
                self.other(node)

    def other(self, node: Node) -> None:
        raise NeedsEngine

    def shown(self, value: str) -> str:
        """Return how a value looks in the output, once for each value."""
        name, is_new = self.source.once(("shown", value), "s")
        if is_new:
            html = self.static.autoescape
            text, rest = (f"escaped({value})", "html") if html else (value, "text")
            self.source.line(
                f"{name} = {text} if type({value}) is str else shown_in_{rest}({value})"
            )
        return name

    def branches(self, node: IfNode | UnlessNode) -> None:
        test = self.expressions.test(node.condition)
        # Every look-up is written in front of the first test: looking changes nothing.
        others = [self.expressions.test(each.expression) for each in node.alternatives]
        is_if = isinstance(node, IfNode)
        with self.source.block(f"if {'' if is_if else 'not '}{test}:"):
            self.nodes(node.consequence.nodes)
        for other, alternative in zip(others, node.alternatives, strict=True):
            with self.source.block(f"elif {other}:"):
                self.nodes(alternative.block.nodes)
        if node.default:
            with self.source.block("else:"):
                self.nodes(node.default.nodes)

    def loop(self, node: ForNode) -> None:
        source, name = self.source, str(node.expression.identifier)
        if name == "forloop":
            raise NeedsEngine
        value = self.expressions.value(node.expression.iterable)
        items, item = source.new("v"), source.new("v")
        source.line(f"{items} = items({value}){self.part(node)}")
        with source.block(f"if {items}:"):
            source.line(f"rounds += len({items})")
            source.line(f"if rounds > {MAX_ITERATIONS}: raise too_many_rounds()")
            bound, over = {name: item}, items
            if self.asks_for_loop(node):
                over = bound["forloop"] = self.for_loop(node, items)
            with source.block(f"for {item} in {over}:"), self.inside(bound):
                self.nodes(node.block.nodes)
                source.flush()
                source.line("if len(pieces) > mark: mark = measured(pieces)")
        if node.default:
            with source.block("else:"):
                self.nodes(node.default.nodes)

    def part(self, node: ForNode) -> str:
        """Return what cuts the items to what the tag asks for."""
        expression = node.expression
        if expression.offset is not None:
            raise NeedsEngine
        cut = ""
        if expression.limit is not None:
            limit = expression.limit.value if isinstance(expression.limit, IntegerLiteral) else 0
            if limit < 1:
                raise NeedsEngine
            cut = f"[:{int(limit)}]"
        return f"{cut}[::-1]" if expression.reversed else cut

    def asks_for_loop(self, node: ForNode) -> bool:
        """Say whether anything inside looks at `forloop`."""
        return any(
            isinstance(expression, Path) and expression.path[0] == "forloop"
            for inner in _within(node.block.nodes, self.static)
            for expression in _expressions(inner.expressions())
        )

    def for_loop(self, node: ForNode, items: str, /) -> str:
        loop, title = (
            self.source.new("v"),
            f"{node.expression.identifier}-{node.expression.iterable}",
        )
        outer = self.expressions.bound[-1].get("forloop") if self.loops else None
        self.source.line(
            f"{loop} = ForLoop({title!r}, iter({items}), len({items}), {outer or 'MISSING'})"
        )
        return loop

    def cycle(self, node: CycleNode) -> None:
        arguments = [each for each in node.args if isinstance(each, Literal)]
        if node.group or len(arguments) < len(node.args):
            raise NeedsEngine
        values = [each.evaluate(self.static) for each in arguments]
        texts = self.source.named(
            [printed(value, autoescape=self.static.autoescape) for value in values]
        )
        key, turn = repr(str(values)), self.source.new("v")
        self.source.line(f"{turn} = cycles.get({key}, 0)")
        self.source.line(f"cycles[{key}] = ({turn} + 1) % {len(values)}")
        self.source.show(f"{texts}[{turn}]")

    @contextmanager
    def inside(self, bound: dict[str, str]) -> Iterator[None]:
        if self.loops == DEEPEST_LOOPS:
            raise NeedsEngine
        self.loops += 1
        self.expressions.bound.append(bound)
        yield
        self.expressions.bound.pop()
        self.loops -= 1


class _EngineWriter(_Writer):
    """A template that assigns names or does what only the engine can: on the engine's context."""

    make_expressions = EngineExpressions

    def program(self) -> Program:
        context = self.source.named(partial(_context, self.template))
        buffer = self.source.named(OutputBuffer)
        self.source.line(f"context = {context}(data); scope = context.scope; buffer = {buffer}()")
        self.source.line("pieces = buffer.pieces; add = pieces.append")
        self.nodes(self.template.nodes)
        return self.source.function("data")

    def node(self, node: Node) -> None:
        try:
            super().node(node)
        except NeedsEngine:
            self.other(node)

    def other(self, node: Node) -> None:
        self.source.flush()
        self.source.line(f"{self.source.named(node)}.render(context, buffer)")

    def cycle(self, node: CycleNode) -> None:
        self.other(node)

    def loop(self, node: ForNode) -> None:
        """The engine's own loop object and limits; only the body is written here."""
        if self.loops == DEEPEST_LOOPS:
            self.other(node)
            return
        source, name = self.source, str(node.expression.identifier)
        items, count, loop, names = (source.new("v") for _ in range(4))
        title = f"{name}-{node.expression.iterable}"
        source.line(f"{items}, {count} = {source.named(node.expression)}.evaluate(context)")
        with source.block(f"if {count}:"):
            source.line(f"{loop} = ForLoop({title!r}, {items}, {count}, context.parentloop())")
            source.line(f"{names} = {{'forloop': {loop}, {name!r}: None}}")
            with (
                source.block(f"with context.loop({names}, {loop}):"),
                source.block(f"for {names}[{name!r}] in {loop}:"),
            ):
                with source.block("try:"), self.inside({}):
                    self.nodes(node.block.nodes)
                    source.flush()
                    source.line("buffer.count()")
                source.line("except ContinueLoop: continue")
                source.line("except BreakLoop: break")
        if node.default:
            with source.block("else:"):
                self.nodes(node.default.nodes)


def _context(template: BoundTemplate, data: Mapping[str, object], /) -> PlainContext:
    return PlainContext(template, data=data)


def _within(nodes: Iterable[Node], static: RenderContext) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _within(node.children(static), static)


def _expressions(expressions: Iterable[Expression]) -> Iterator[Expression]:
    for expression in expressions:
        yield expression
        yield from _expressions(expression.children())
