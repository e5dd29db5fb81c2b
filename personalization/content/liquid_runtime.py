"""What a Liquid template runs in: plain data, counted loops, a capped output, few tags."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any, Final, TextIO

from liquid import Environment, RenderContext, Token
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags import (
    assign_tag,
    capture_tag,
    case_tag,
    comment_tag,
    cycle_tag,
    for_tag,
    if_tag,
    inline_comment_tag,
    unless_tag,
)
from liquid.exceptions import (
    LiquidError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
)
from liquid.expression import Expression
from liquid.limits import to_int
from liquid.template import BoundTemplate
from liquid.undefined import UNDEFINED, is_undefined
from liquid.utils import ReadOnlyChainMap
from markupsafe import Markup, escape

from personalization.content.liquid_filters import MAX_ITEMS, allowed_filters, builtin_filters

MAX_OUTPUT_CHARACTERS: Final = 1_000_000
MAX_ITERATIONS: Final = 2_000
MAX_FILTER_CALLS: Final = 20_000
MAX_DATA_DEPTH: Final = 12

_TAGS: Final = (
    content.Literal,
    illegal.Illegal,
    if_tag.IfTag,
    unless_tag.UnlessTag,
    case_tag.CaseTag,
    for_tag.ForTag,
    for_tag.BreakTag,
    for_tag.ContinueTag,
    assign_tag.AssignTag,
    capture_tag.CaptureTag,
    cycle_tag.CycleTag,
    comment_tag.CommentTag,
    inline_comment_tag.InlineCommentTag,
)
"""No include or render (files), no liquid, echo, tablerow, increment: nobody needs them here."""

_SCALARS: Final = (str, int, float, bool, Decimal, date, datetime, Markup, type(None))
_SCALAR_TYPES: Final = frozenset(_SCALARS)


class OutputBuffer(StringIO):
    """A list of pieces that refuses to grow past the limit.

    `add` takes a piece unseen; who adds many calls `count`, which looks at all new ones at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._counted = 0
        self._room = MAX_OUTPUT_CHARACTERS
        self.add = self.pieces.append

    def write(self, text: str, /) -> int:
        self.add(text)
        self.count()
        return len(text)

    def count(self) -> None:
        """Refuse to go on once all pieces together are longer than an output may be."""
        self._room -= sum(map(len, self.pieces[self._counted :]))
        self._counted = len(self.pieces)
        if self._room < 0:
            message = f"the output is longer than {MAX_OUTPUT_CHARACTERS:,} characters"
            raise OutputStreamLimitError(message, token=None)

    def getvalue(self) -> str:
        self.count()
        return "".join(self.pieces)


class PlainContext(RenderContext):
    """Variables of one rendering: no clock, and one budget for all loops and filters."""

    __slots__ = ("_filter_calls", "_iterations")

    def __init__(self, template: BoundTemplate, *, data: Mapping[str, object]) -> None:
        super().__init__(template, globals=data)
        # The engine's own scope knows `now` and `today`: a replayed mail would differ.
        self.scope = ReadOnlyChainMap(self.locals, self.globals)
        self._iterations = 0
        self._filter_calls = 0

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self._iterations += length
        if self._iterations > MAX_ITERATIONS:
            message = f"the loops run more than {MAX_ITERATIONS:,} times in all"
            raise LoopIterationLimitError(message, token=None)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        self._filter_calls += 1
        if self._filter_calls > MAX_FILTER_CALLS:
            message = f"filters are called more than {MAX_FILTER_CALLS:,} times"
            raise ResourceLimitError(message, token=token)
        return super().filter(name, token)

    def get(
        self, path: list[object], *, token: Token | None, default: object = UNDEFINED
    ) -> object:
        """The short way for names that exist; everything else is the engine's business."""
        try:
            root, *keys = path
            value: Any = self.scope[str(root)]
            for key in keys:
                value = value[key] if type(value) is dict else self.get_item(value, key)
        except (KeyError, TypeError, IndexError):
            return super().get(path, token=token, default=default)
        return value

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        return OutputBuffer()


class BoundedRangeEnd(Expression):
    """The end of a `(a..b)` range that refuses to be far away from the start."""

    __slots__ = ("start", "stop")

    def __init__(self, start: Expression, stop: Expression) -> None:
        super().__init__(stop.token)
        self.start = start
        self.stop = stop

    def __str__(self) -> str:
        return str(self.stop)

    def evaluate(self, context: RenderContext) -> object:
        start, stop = self.start.evaluate(context), self.stop.evaluate(context)
        if _whole(stop) - _whole(start) >= MAX_ITEMS:
            message = f"a range may hold at most {MAX_ITEMS:,} numbers"
            raise ResourceLimitError(message, token=self.token)
        return stop

    def children(self) -> list[Expression]:
        return [self.stop]


class MissingAsEmpty(Expression):
    """One side of a comparison with `blank` or `empty`: what is missing is blank, too.

    The engine says that a missing name is not blank, so `{% if customer.city != blank %}` would
    print "in ." for everyone without a city.
    """

    __slots__ = ("inner",)

    def __init__(self, inner: Expression) -> None:
        super().__init__(inner.token)
        self.inner = inner

    def __str__(self) -> str:
        return str(self.inner)

    def evaluate(self, context: RenderContext) -> object:
        value = self.inner.evaluate(context)
        return "" if value is None or is_undefined(value) else value

    def children(self) -> list[Expression]:
        return [self.inner]


def _whole(value: object) -> int:
    # As the engine reads the ends of a range: what is no number counts as 0.
    try:
        return to_int(value)
    except (ValueError, TypeError, OverflowError):
        return 0


class PlainOutputNode(OutputNode):
    """Most outputs are a name and nothing else: looked up without the engine's detours."""

    __slots__ = ("path",)

    def __init__(self, token: Token, expression: Expression) -> None:
        super().__init__(token, expression)
        self.path = _plain_path(expression)

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        if self.path is not None:
            value = context.get(self.path, token=self.token)
        else:
            value = self.expression.evaluate(context)
        if type(value) is str:
            return buffer.write(escape(value) if context.autoescape else value)
        return buffer.write(printed(value, autoescape=context.autoescape))


def _plain_path(expression: Expression) -> list[object] | None:
    if not isinstance(expression, FilteredExpression) or expression.filters:
        return None
    if not isinstance(expression.left, Path):
        return None
    return list(expression.left.path) if only_names(expression.left) else None


def only_names(path: Path) -> bool:
    return all(isinstance(step, str | int) for step in path.path)


class _Output(output.Output):
    node_class = PlainOutputNode


def printed(value: object, *, autoescape: bool) -> str:
    """How a value looks in the mail; objects, groups and missing values print nothing."""
    if isinstance(value, str):
        return escape(value) if autoescape else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "".join(printed(item, autoescape=autoescape) for item in value)
    if isinstance(value, range):
        return f"{value.start}..{value.stop - 1}"
    return ""


def require_plain(value: object, *, path: str = "", depth: int = 0) -> None:
    """Refuse anything but plain data, so that no template can reach an attribute or a method."""
    if type(value) in _SCALAR_TYPES:
        return
    if depth > MAX_DATA_DEPTH:
        raise TypeError(f"template data at `{path}` is nested deeper than {MAX_DATA_DEPTH} levels")
    # The exact types first: to ask for a Mapping is slow.
    if type(value) is dict or (type(value) is not list and isinstance(value, Mapping)):
        # Most hold nothing but scalars: that is seen without a loop.
        if _SCALAR_TYPES.issuperset(map(type, value.values())):
            return
        for key, item in value.items():
            if type(item) not in _SCALAR_TYPES:
                require_plain(item, path=f"{path}.{key}" if path else str(key), depth=depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            require_plain(item, path=f"{path}[]", depth=depth + 1)
    elif not isinstance(value, _SCALARS):
        raise TypeError(
            f"template data at `{path}` is a {type(value).__name__}; "
            "pass plain text, numbers, dates, lists and dicts only"
        )


class PlainData(dict[str, object]):
    """Data that was looked through already; make it with `plain` and `also`."""

    __slots__ = ()

    def also(self, more: Mapping[str, object]) -> "PlainData":
        """Return this and more, of which only the new is looked through."""
        require_plain(more)
        return PlainData({**self, **more})


def plain(data: Mapping[str, object]) -> PlainData:
    """Look through data once for any number of templates."""
    if type(data) is PlainData:
        return data
    require_plain(data)
    return PlainData(data)


class _PlainEnvironment(Environment):
    block_nesting_limit = 30
    context_depth_limit = 30
    local_namespace_limit = 1_000_000
    # A slot that holds only blanks still keeps its line breaks.
    suppress_blank_control_flow_blocks = False

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (*_TAGS, _Output):
            self.add_tag(tag)
        self.filters.update(allowed_filters(builtin_filters()))

    def error(
        self,
        exc: type[LiquidError] | LiquidError,
        msg: str | None = None,
        token: Token | None = None,
    ) -> None:
        # The engine marks "end of expression" with no position: the tag it was in has one.
        if isinstance(exc, LiquidError) and (exc.token is None or exc.token.start_index < 0):
            exc.token = token
        super().error(exc, msg, token)


ENVIRONMENTS: Final = {
    "html": _PlainEnvironment(autoescape=True),
    "text": _PlainEnvironment(autoescape=False),
}
