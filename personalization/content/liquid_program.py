"""Turn a parsed template into closures once, so that a mail costs calls and not a tree walk.

Text, outputs, conditions and loops, which is nearly all of a mail, are compiled; whatever else
stands in a template is rendered by the engine's own node. Both give the same text: the test
renders every construct both ways.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from liquid import Node, RenderContext, Token
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import Path
from liquid.builtin.expressions.logical import (
    BooleanExpression,
    EqExpression,
    LogicalAndExpression,
    LogicalNotExpression,
    LogicalOrExpression,
    NeExpression,
    is_truthy,
)
from liquid.builtin.expressions.loop import LoopExpression
from liquid.builtin.expressions.primitive import Blank, StringLiteral
from liquid.builtin.tags.for_tag import ForLoop, ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.exceptions import BreakLoop, ContinueLoop
from liquid.expression import Expression
from markupsafe import escape

from personalization.content.liquid_runtime import (
    MissingAsEmpty,
    OutputBuffer,
    PlainOutputNode,
    only_names,
    printed,
)

Step: TypeAlias = Callable[[RenderContext, OutputBuffer], object]
Test: TypeAlias = Callable[[RenderContext], bool]
Value: TypeAlias = Callable[[RenderContext], object]


def compile_nodes(nodes: Sequence[Node]) -> Step:
    """Return one call that renders these nodes in order."""
    steps = tuple(_step(node) for node in nodes)
    if len(steps) == 1:
        return steps[0]

    def run(context: RenderContext, buffer: OutputBuffer) -> None:
        for step in steps:
            step(context, buffer)

    return run


def _step(node: Node) -> Step:
    match node:
        case ContentNode(text=text):
            return lambda _, buffer: buffer.add(text)
        case IfNode():
            return _branches(node)
        case ForNode():
            return _loop(node)
        case PlainOutputNode():
            return _output(node)
        case _:
            return node.render


def _output(node: PlainOutputNode) -> Step:
    """A name printed as it is, which most outputs are, costs one look-up and one escape."""
    value = (
        _named(node.path, token=node.token) if node.path is not None else node.expression.evaluate
    )

    def run(context: RenderContext, buffer: OutputBuffer) -> None:
        found = value(context)
        if type(found) is str:
            buffer.add(escape(found) if context.autoescape else found)
        else:
            buffer.add(printed(found, autoescape=context.autoescape))

    return run


def _branches(node: IfNode) -> Step:
    cases = [
        (_test(node.condition), compile_nodes(node.consequence.nodes)),
        *((_test(each.expression), compile_nodes(each.block.nodes)) for each in node.alternatives),
    ]
    default = compile_nodes(node.default.nodes) if node.default else None
    if len(cases) == 1:
        return _one_branch(*cases[0], default=default)

    def run(context: RenderContext, buffer: OutputBuffer) -> None:
        for holds, step in cases:
            if holds(context):
                step(context, buffer)
                return
        if default:
            default(context, buffer)

    return run


def _one_branch(holds: Test, step: Step, *, default: Step | None) -> Step:
    def run(context: RenderContext, buffer: OutputBuffer) -> None:
        if holds(context):
            step(context, buffer)
        elif default:
            default(context, buffer)

    return run


def _loop(node: ForNode) -> Step:
    """The engine's own loop object and limits; only the body is compiled."""
    expression: LoopExpression = node.expression
    name, title = expression.identifier, f"{expression.identifier}-{expression.iterable}"
    body = compile_nodes(node.block.nodes)
    default = compile_nodes(node.default.nodes) if node.default else None

    def run(context: RenderContext, buffer: OutputBuffer) -> None:
        items, length = expression.evaluate(context)
        if not length:
            if default:
                default(context, buffer)
            return
        loop = ForLoop(name=title, it=items, length=length, parentloop=context.parentloop())
        namespace: dict[str, object] = {"forloop": loop, name: None}
        with context.loop(namespace, loop):
            for namespace[name] in loop:
                try:
                    body(context, buffer)
                    buffer.count()
                except ContinueLoop:
                    continue
                except BreakLoop:
                    break

    return run


def _test(expression: Expression) -> Test:
    match expression:
        case BooleanExpression(expression=inner):
            return _test(inner)
        case LogicalAndExpression(left=left, right=right):
            first, second = _test(left), _test(right)
            return lambda context: first(context) and second(context)
        case LogicalOrExpression(left=left, right=right):
            first, second = _test(left), _test(right)
            return lambda context: first(context) or second(context)
        case LogicalNotExpression(right=right):
            holds = _test(right)
            return lambda context: not holds(context)
        case NeExpression():
            equal = _equal(expression)
            return lambda context: not equal(context)
        case EqExpression():
            return _equal(expression)
        case _:
            value = _value(expression)
            return lambda context: is_truthy(value(context))


def _equal(node: EqExpression | NeExpression) -> Test:
    """Texts are compared here; every other pair of types is the engine's business."""
    is_equal = isinstance(node, EqExpression)

    def slowly(context: RenderContext) -> bool:
        return bool(node.evaluate(context)) is is_equal

    left, right = _value(node.left), _value(node.right)
    if isinstance(node.right, Blank):
        return lambda context: (
            (not value or value.isspace())
            if type(value := left(context)) is str
            else slowly(context)
        )
    if isinstance(node.right, StringLiteral):
        text = node.right.value
        return lambda context: (
            value == text if type(value := left(context)) is str else slowly(context)
        )
    return lambda context: (
        one == other
        if type(one := left(context)) is str and type(other := right(context)) is str
        else slowly(context)
    )


def _value(expression: Expression) -> Value:
    if isinstance(expression, MissingAsEmpty):
        # Only texts are looked at by the caller: a missing name goes the engine's way.
        return _value(expression.inner)
    if isinstance(expression, Path) and only_names(expression):
        return _named(list(expression.path), token=expression.token)
    return expression.evaluate


def _named(path: list[object], *, token: Token) -> Value:
    """Look a name up; what does not exist is the engine's business."""
    root, keys = str(path[0]), path[1:]

    def look_up(context: RenderContext) -> object:
        try:
            value: Any = context.scope[root]
            for key in keys:
                value = value[key] if type(value) is dict else context.get_item(value, key)
        except (KeyError, TypeError, IndexError):
            return context.get(path, token=token)
        return value

    return look_up
