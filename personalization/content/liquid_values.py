"""What compiled templates call while they run: looking up, comparing, printing, and the limits."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from liquid import RenderContext
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LtExpression,
    NeExpression,
    is_truthy,
)
from liquid.builtin.expressions.primitive import Blank, Empty
from liquid.exceptions import (
    FilterArgumentError,
    LiquidTypeError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
)
from liquid.expression import Expression
from liquid.undefined import Undefined
from markupsafe import escape

from personalization.content.liquid_runtime import (
    MAX_FILTER_CALLS,
    MAX_ITERATIONS,
    MAX_OUTPUT_CHARACTERS,
    printed,
)

Comparison = (
    EqExpression
    | NeExpression
    | LtExpression
    | GtExpression
    | LeExpression
    | GeExpression
    | ContainsExpression
)

# Stands for every name that does not exist: prints nothing, is false, has no items.
MISSING: Final = Undefined("missing")
LOST: Final = (KeyError, TypeError, IndexError)
FILTER_ERRORS: Final = (TypeError, LiquidTypeError, FilterArgumentError)
# So many pieces are never too long for the memory: only loops can make more.
UNMEASURED_PIECES: Final = 1_000


class Given(Expression):
    """A value known already, for the engine's own comparisons."""

    __slots__ = ("value",)

    def __init__(self, expression: Expression, value: object) -> None:
        super().__init__(expression.token)
        self.value = value

    def evaluate(self, _: RenderContext) -> object:
        return self.value

    def children(self) -> list[Expression]:
        return []


def engine_says(node: Comparison, left: object, right: object, /, context: RenderContext) -> bool:
    """Compare as the engine does: for every pair of types that the program does not know."""
    given = type(node)(node.token, Given(node.left, left), Given(node.right, right))
    return bool(given.evaluate(context))


def is_blank(value: object, /) -> bool:
    """`value == blank`, where what is missing is blank, too."""
    if type(value) is str or isinstance(value, str):
        return not value or value.isspace()
    return _is_nothing(value) or isinstance(value, Blank)


def is_empty(value: object, /) -> bool:
    """`value == empty`, where what is missing is empty, too."""
    if isinstance(value, str):
        return not value
    return _is_nothing(value) or isinstance(value, Empty)


def item(value: Any, key: str | int, /, context: RenderContext) -> object:
    """A step of a path whose meaning depends on the value: a place, `size`, `first`, `last`."""
    if type(value) is list:
        if key == "size":
            return len(value)
        if key == "first":
            return value[0]
        if key == "last":
            return value[-1]
    return context.get_item(value, key)


def items(value: object, /) -> Sequence[object]:
    """What a loop over the value goes through."""
    if type(value) is list:
        return value
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, str):
        return [value] if value else ()
    return value if isinstance(value, Sequence) else ()


def escaped(text: str, /) -> str:
    """Most texts hold nothing to escape: looking is quicker than escaping."""
    if "&" in text or "<" in text or ">" in text or '"' in text or "'" in text:
        return escape(text)
    return text


def shown_in_html(value: object, /) -> str:
    return printed(value, autoescape=True)


def shown_in_text(value: object, /) -> str:
    return printed(value, autoescape=False)


def measured(pieces: Sequence[str], /) -> int:
    """Refuse to go on with too long an output; return how many pieces to look again at."""
    if sum(map(len, pieces)) > MAX_OUTPUT_CHARACTERS:
        message = f"the output is longer than {MAX_OUTPUT_CHARACTERS:,} characters"
        raise OutputStreamLimitError(message, token=None)
    return 2 * len(pieces) + UNMEASURED_PIECES


def too_many_rounds() -> LoopIterationLimitError:
    message = f"the loops run more than {MAX_ITERATIONS:,} times in all"
    return LoopIterationLimitError(message, token=None)


def too_many_calls(used: Filter, /) -> ResourceLimitError:
    message = f"filters are called more than {MAX_FILTER_CALLS:,} times"
    return ResourceLimitError(message, token=used.token)


def located(error: Exception, used: Filter, /) -> Exception:
    """Return the error with the filter's place in the source, as the engine does."""
    if isinstance(error, LiquidTypeError | FilterArgumentError):
        error.token = used.token
        return error
    located_error = LiquidTypeError(f"{used.name}: {error}", token=used.token)
    located_error.__cause__ = error
    return located_error


def _is_nothing(value: object) -> bool:
    if value is None or isinstance(value, Undefined):
        return True
    return isinstance(value, list | dict) and not value


__all__ = ["is_truthy"]
