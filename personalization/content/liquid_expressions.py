"""Write Liquid's names, filters and conditions as Python expressions."""

from collections.abc import Sequence
from typing import Final, cast

from liquid import BoundTemplate
from liquid.builtin.expressions import Path
from liquid.builtin.expressions.arguments import PositionalArgument
from liquid.builtin.expressions.filtered import Filter, FilteredExpression
from liquid.builtin.expressions.logical import (
    BooleanExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LogicalAndExpression,
    LogicalNotExpression,
    LogicalOrExpression,
    LtExpression,
    NeExpression,
    is_truthy,
)
from liquid.builtin.expressions.primitive import Blank, Empty, Literal, Nil, RangeLiteral
from liquid.expression import Expression

from personalization.content.liquid_runtime import (
    MAX_FILTER_CALLS,
    BoundedRangeEnd,
    MissingAsEmpty,
    PlainContext,
)
from personalization.content.liquid_source import Source
from personalization.content.liquid_values import Comparison

# Their meaning depends on the value they are asked of.
_VALUES_OWN: Final = frozenset({"size", "first", "last"})
_ORDERED: Final[dict[type[Expression], str]] = {
    LtExpression: "<",
    GtExpression: ">",
    LeExpression: "<=",
    GeExpression: ">=",
}
# Python refuses 200 brackets inside each other.
DEEPEST: Final = 40


class NeedsEngine(Exception):
    """Something that only the engine itself can render."""


class Expressions:
    """Expressions of one template; names that exist are plain look-ups in the data."""

    def __init__(self, template: BoundTemplate, source: Source) -> None:
        self.source = source
        self.static = PlainContext(template, data={})
        self.template = template
        self.counts_calls = False
        self._functions: dict[str, str] = {}
        # Loop variables of the loops around the place that is being written.
        self.bound: list[dict[str, str]] = []

    def value(self, expression: Expression) -> str:
        """Return a Python expression; what has to be done before is written as lines."""
        match expression:
            case Path():
                return self._path(expression)
            case FilteredExpression(left=left, filters=filters):
                return self._filtered(self.value(left), filters or [])
            case MissingAsEmpty(inner=inner):
                return self.value(inner)
            case Literal() | Blank() | Empty() | Nil():
                return self.source.spelled(expression.evaluate(self.static))
            case RangeLiteral() if _is_known(expression):
                return self.source.named(expression.evaluate(self.static))
            case _:
                raise NeedsEngine

    def test(self, expression: Expression, *, depth: int = 0) -> str:
        """Return a Python condition."""
        if depth > DEEPEST:
            raise NeedsEngine
        match expression:
            case BooleanExpression(expression=inner):
                return self.test(inner, depth=depth)
            case LogicalAndExpression() | LogicalOrExpression():
                word = "and" if isinstance(expression, LogicalAndExpression) else "or"
                parts = [self.test(part, depth=depth + 1) for part in _chain(expression)]
                return f"({f' {word} '.join(parts)})"
            case LogicalNotExpression(right=right):
                return f"(not {self.test(right, depth=depth + 1)})"
            case _ if isinstance(expression, Comparison):
                return self._comparison(expression)
            case Literal() | Blank() | Empty() | Nil():
                return str(is_truthy(expression.evaluate(self.static)))
            case _:
                return self.truth(self.value(expression))

    def truth(self, value: str) -> str:
        return f"({value} is not None and {value} is not False and {value} is not MISSING)"

    def root(self, name: str) -> tuple[str, bool]:
        """Return where a name is looked up, and whether it is sure to exist."""
        for names in reversed(self.bound):
            if name in names:
                return names[name], True
        return f"data[{name!r}]", False

    def name_of(self, look_up: object) -> tuple[str, bool]:
        """Return a variable for a look-up, and whether it is a new one: the data never changes."""
        return self.source.once(look_up, "v")

    def _path(self, path: Path) -> str:
        if not all(isinstance(step, str | int) for step in path.path):
            raise NeedsEngine
        root, *steps = cast("list[str | int]", path.path)
        found, is_sure = self.root(str(root))
        if is_sure and not steps:
            return found
        name, is_new = self.name_of((found, *map(_key, steps)))
        if is_new:
            self.source.line(f"try: {name} = {self._steps(found, steps)}")
            self.source.line(f"except LOST: {name} = MISSING")
        return name

    def _steps(self, found: str, steps: Sequence[str | int]) -> str:
        for step in steps:
            key = repr(int(step)) if isinstance(step, int) else repr(str(step))
            if isinstance(step, int) or step in _VALUES_OWN:
                found = f"item({found}, {key}, context=static)"
            else:
                found = f"{found}[{key}]"
        return found

    def _filtered(self, value: str, filters: Sequence[Filter]) -> str:
        for used in filters:
            arguments = [value]
            for argument in used.args:
                if not isinstance(argument, PositionalArgument):
                    raise NeedsEngine
                arguments.append(self.value(argument.value))
            value = self.source.new("v")
            place = self.source.named(used)
            if self.counts_calls:
                self.source.line("calls += 1")
                self.source.line(f"if calls > {MAX_FILTER_CALLS}: raise too_many_calls({place})")
            call = f"{self._function(used)}({', '.join(arguments)})"
            self.source.line(f"try: {value} = {call}")
            self.source.line(f"except FILTER_ERRORS as error: raise located(error, {place})")
        return value

    def _function(self, used: Filter) -> str:
        if used.name not in self._functions:
            function = self.static.filter(used.name, used.token)
            self._functions[used.name] = self.source.named(function)
        return self._functions[used.name]

    def _comparison(self, node: Comparison) -> str:
        if isinstance(node, EqExpression | NeExpression):
            no = "" if isinstance(node, EqExpression) else "not "
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(other, Blank | Empty):
                    function = "is_blank" if isinstance(other, Blank) else "is_empty"
                    return f"({no}{function}({self.value(one)}))"
        left, right = self.value(node.left), self.value(node.right)
        slow = f"engine_says({self.source.named(node)}, {left}, {right}, context=static)"
        quick = self._quick(node, left, right)
        return f"({quick} else {slow})" if quick else f"({slow})"

    def _quick(self, node: Comparison, left: str, right: str) -> str:
        """Compare with a constant of the same type, which is nearly every comparison."""
        constant = node.right.value if isinstance(node.right, Literal) else None
        if isinstance(node, EqExpression | NeExpression):
            sign = "==" if isinstance(node, EqExpression) else "!="
            if isinstance(constant, str):
                return f"{left} {sign} {str(constant)!r} if type({left}) is str"
        else:
            sign = _ORDERED.get(type(node), "")
        if sign and type(constant) is int:
            return f"{left} {sign} {right} if type({left}) is int or type({left}) is float"
        return ""


def _key(step: str | int) -> tuple[bool, str | int]:
    return isinstance(step, str), step


def _is_known(expression: RangeLiteral) -> bool:
    stop = expression.stop.stop if isinstance(expression.stop, BoundedRangeEnd) else expression.stop
    return isinstance(expression.start, Literal) and isinstance(stop, Literal)


def _chain(expression: LogicalAndExpression | LogicalOrExpression) -> list[Expression]:
    """`a and (b and c)` is one chain of three: the brackets that Python would need are saved."""
    kind, parts = type(expression), [expression.left]
    rest = expression.right
    while isinstance(rest, kind):
        parts.append(rest.left)
        rest = rest.right
    return [*parts, rest]


class EngineExpressions(Expressions):
    """The same where the engine takes part: names may be assigned, so nothing is kept."""

    def value(self, expression: Expression) -> str:
        if isinstance(expression, FilteredExpression) and not expression.filters:
            return self.value(expression.left)
        if isinstance(expression, FilteredExpression):
            raise NeedsEngine
        return super().value(expression)

    def test(self, expression: Expression, *, depth: int = 0) -> str:
        if depth:
            return super().test(expression, depth=depth)
        try:
            return super().test(expression)
        except NeedsEngine:
            return f"is_truthy({self.source.named(expression)}.evaluate(context))"

    def truth(self, value: str) -> str:
        # What is missing may have been assigned: then it is another object of the engine's.
        return f"is_truthy({value})"

    def root(self, name: str) -> tuple[str, bool]:
        return f"scope[{name!r}]", False

    def name_of(self, look_up: object) -> tuple[str, bool]:
        return self.source.new("v"), True
