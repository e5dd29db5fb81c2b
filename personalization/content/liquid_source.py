"""The Python source a template becomes: lines, and the values they name.

Nothing of a template gets into the source but the `repr` of its texts, names and whole numbers;
every other value is handed over beside it under a name made here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Final

from personalization.content import liquid_values

_INDENT: Final = " "
# Their `repr` is their Python spelling, whatever they hold.
_SPELLED: Final = (str, int, bool, type(None))
_GIVEN: Final[dict[str, object]] = {
    name: getattr(liquid_values, name)
    for name in (
        "FILTER_ERRORS", "LOST", "MISSING", "engine_says", "escaped", "is_blank", "is_empty",
        "is_truthy", "item", "items", "located", "measured", "shown_in_html", "shown_in_text",
        "too_many_calls", "too_many_rounds",
    )
}  # fmt: skip


class Source:
    """Lines written block by block; what a block looked up is known in it and below it."""

    def __init__(self, **given: object) -> None:
        self._lines: list[str] = []
        self._values: dict[str, object] = _GIVEN | given
        self._known: list[dict[object, str]] = [{}]
        self._shown: list[str] = []
        self._depth = 1
        self._count = 0

    def line(self, text: str) -> None:
        self._lines.append(f"{_INDENT * self._depth}{text}")

    def new(self, letter: str) -> str:
        """Return a name that was not used yet."""
        self._count += 1
        return f"{letter}{self._count}"

    def spelled(self, value: object) -> str:
        """Return the Python expression for a constant."""
        if type(value) in _SPELLED:
            return repr(value)
        return self.named(value)

    def named(self, value: object) -> str:
        name = self.new("k")
        self._values[name] = value
        return name

    def once(self, key: object, letter: str, /) -> tuple[str, bool]:
        """Return the name under which something is kept, and whether it has to be written yet."""
        for known in self._known:
            if key in known:
                return known[key], False
        name = self.new(letter)
        self._known[-1][key] = name
        return name, True

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write what follows inside of `if …:` or `for …:`."""
        self.flush()
        self.line(head)
        self._depth += 1
        self._known.append({})
        start = len(self._lines)
        yield
        self.flush()
        if len(self._lines) == start:
            self.line("pass")
        self._known.pop()
        self._depth -= 1

    def show(self, expression: str) -> None:
        """Note an output; neighbours are written together, before the next block."""
        self._shown.append(expression)

    def flush(self) -> None:
        if len(self._shown) == 1:
            self.line(f"add({self._shown[0]})")
        elif self._shown:
            self.line(f"pieces += ({', '.join(self._shown)})")
        self._shown = []

    def function(self, arguments: str, /) -> FunctionType:
        """Compile the lines to a function of these arguments."""
        self.flush()
        text = "\n".join([f"def program({arguments}):", *self._lines, f"{_INDENT}return pieces"])
        module = compile(text, "<template>", "exec", dont_inherit=True)
        code = next(each for each in module.co_consts if isinstance(each, CodeType))
        return FunctionType(code, self._values)
