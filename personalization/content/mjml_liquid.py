"""Carry Liquid through an XML parser: each tag becomes a letter word of the same length."""

import re
from dataclasses import dataclass
from typing import Final

from personalization.content.liquid import Problem, TemplateProblem

_LIQUID: Final = re.compile(
    r"\{%-?\s*(?P<verbatim>comment|raw)\s*-?%\}.*?\{%-?\s*end(?P=verbatim)\s*-?%\}"
    r"|\{%-?\s*(?P<tag>\w*).*?%\}|\{\{.*?\}\}",
    re.DOTALL,
)
# Yi syllables: letters to XML, and nobody writes a template in them.
_OPEN: Final = "ꀀ"
_CLOSE: Final = "ꀁ"
_PAD: Final = "ꀂ"
_DIGITS: Final = 0xA010
_BASE: Final = 1000


@dataclass(frozen=True, slots=True)
class LiquidTag:
    source: str
    offset: int
    stand_in: str
    name: str

    @property
    def is_block(self) -> bool:
        """A `{% … %}` tag; `{{ … }}` has no name."""
        return self.source.startswith("{%")


@dataclass(frozen=True, slots=True)
class Shielded:
    """The source with stand-ins; offsets are the same in both."""

    source: str
    text: str
    tags: tuple[LiquidTag, ...]

    def at(self, offset: int) -> LiquidTag | None:
        return next((tag for tag in self.tags if tag.offset == offset), None)

    def restore(self, html: str) -> str:
        sources = {tag.stand_in: tag.source for tag in self.tags}
        return STAND_IN.sub(lambda match: sources[match.group()], html)


STAND_IN: Final = re.compile(f"{_OPEN}..{_PAD}*{_CLOSE}")


def shield(source: str) -> Shielded:
    for letter in (_OPEN, _CLOSE, _PAD):
        if letter in source:
            raise TemplateProblem([Problem(f"the character {letter} cannot be used in a template")])
    tags: list[LiquidTag] = []

    def stand_in(match: re.Match[str]) -> str:
        text = _word(len(tags), length=len(match.group()))
        name = match["verbatim"] or match["tag"] or ""
        tags.append(LiquidTag(match.group(), match.start(), text, name))
        return text

    return Shielded(source, _LIQUID.sub(stand_in, source), tuple(tags))


def _word(number: int, *, length: int) -> str:
    high, low = divmod(number, _BASE)
    head = _OPEN + chr(_DIGITS + high) + chr(_DIGITS + low)
    return head + _PAD * (length - len(head) - 1) + _CLOSE
