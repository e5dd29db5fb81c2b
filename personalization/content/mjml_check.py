"""Read MJML element by element: names, nesting, closing tags, and where Liquid stands."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from personalization.content import mjml_tags as tags
from personalization.content.liquid import Problem, position
from personalization.content.mjml_liquid import STAND_IN, LiquidTag, Shielded
from personalization.content.suggestions import unknown_name

_MARKUP: Final = re.compile(
    r"(?P<skip><!--.*?-->|<!doctype[^>]*>|<\?.*?\?>)"
    r"|<(?P<close>/?)(?P<name>[A-Za-z][\w:-]*)(?P<attributes>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)"
    r"(?P<empty>/?)>"
    rf"|(?P<liquid>{STAND_IN.pattern})"
    r"|(?P<stray><)"
    r"|(?P<text>[^<\s])",
    re.DOTALL | re.IGNORECASE,
)
_RAW_STYLE: Final = re.compile(r"</mj-style\s*>", re.IGNORECASE)
_UNQUOTED: Final = re.compile(r"=\s*[^\s\"'=]")
_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'")
_BLOCKS: Final = frozenset({"if", "unless", "case", "for", "capture"})


@dataclass(slots=True)
class _Open:
    """An element that is not closed yet, and the Liquid blocks begun in it."""

    name: str
    offset: int
    blocks: list[LiquidTag] = field(default_factory=list)


@dataclass(slots=True)
class Scan:
    problems: list[Problem] = field(default_factory=list)
    # (where, how many characters to replace, by what), in order
    edits: list[tuple[int, int, str]] = field(default_factory=list)

    def rewritten(self, text: str) -> str:
        """The source as the library wants it: Liquid wrapped in mj-raw, `<br>` closed."""
        parts, done = [], 0
        for offset, length, replacement in self.edits:
            parts += [text[done:offset], replacement]
            done = offset + length
        return "".join([*parts, text[done:]])


def scan(shielded: Shielded) -> Scan:
    scanner = _Scanner(shielded)
    scanner.run()
    return scanner.found


class _Scanner:
    def __init__(self, shielded: Shielded) -> None:
        self.shielded = shielded
        self.found = Scan()
        self.stack = [_Open(tags.ROOT, 0)]
        self.has_body = False

    def run(self) -> None:
        handlers: dict[str, Callable[[re.Match[str]], None]] = {
            "name": self._element,
            "liquid": self._liquid,
            "stray": self._stray,
            "text": self._text,
        }
        place = 0
        while match := _MARKUP.search(self.shielded.text, place):
            place = match.end()
            group = next((name for name in handlers if match[name]), None)
            if group is not None:
                handlers[group](match)
            if match["name"] == "mj-style" and not match["close"] and not match["empty"]:
                place = self._end_of_style(place)
            elif match["text"]:
                place = self._end_of_text(place)
        self._finish()

    def _end_of_style(self, place: int) -> int:
        end = _RAW_STYLE.search(self.shielded.text, place)
        stop = end.start() if end else len(self.shielded.text)
        markup = self.shielded.text.find("<", place, stop)
        if markup >= 0:
            self._report(markup, "`<` is not possible in a style, not even in a comment")
        return stop

    def _end_of_text(self, place: int) -> int:
        end = re.compile(f"<|{STAND_IN.pattern}").search(self.shielded.text, place)
        return end.start() if end else len(self.shielded.text)

    def _finish(self) -> None:
        for element in reversed(self.stack[1:]):
            self._report(element.offset, f"`<{element.name}>` is never closed")
        if not self.has_body and not self.found.problems:
            self._report(0, "the template has no `<mj-body>`; put the content into one")

    def _element(self, match: re.Match[str]) -> None:
        name = match["name"].lower()
        if match["name"] != name:
            self._report(match.start(), f"write `<{name}>` in small letters")
        if match["close"]:
            self._close(name, match.start())
            return
        self._attributes(match)
        if self._is_html_context():
            self._html(name, match)
        else:
            self._mjml(name, match)

    def _mjml(self, name: str, match: re.Match[str]) -> None:
        parent = self.stack[-1].name
        if name not in tags.ALL:
            self._report(match.start(), unknown_name("element", name, sorted(tags.ALL)))
        elif name not in tags.CHILDREN.get(parent, frozenset()):
            self._report(match.start(), _misplaced(name, parent))
        self.has_body = self.has_body or (name == "mj-body" and parent == "mjml")
        in_defaults = parent == "mj-attributes"
        if not match["empty"]:
            self.stack.append(_Open(name, match.start()))
        if name == "mj-social-element" and "src=" not in match["attributes"] and not in_defaults:
            message = "give the icon a `src`: the default icon is loaded from another company"
            self._report(match.start(), f"`<mj-social-element>` has no own image; {message}")

    def _html(self, name: str, match: re.Match[str]) -> None:
        if name.startswith("mj") and name in tags.ALL:
            self._report(match.start(), _misplaced(name, self._mjml_parent().name))
        if name in {"script", "iframe", "object", "embed", "form"}:
            self._report(match.start(), f"`<{name}>` is not possible in a mail: programs remove it")
        if name in tags.VOID_HTML:
            if not match["empty"]:
                self.found.edits.append((match.end() - 1, 0, "/"))
        elif not match["empty"]:
            self.stack.append(_Open(name, match.start()))

    def _attributes(self, match: re.Match[str]) -> None:
        outside_quotes = _QUOTED.sub('""', match["attributes"])
        name = match["name"]
        if STAND_IN.search(outside_quotes):
            self._report(match.start(), f"inside `<{name} …>` Liquid can stand in quotes only")
        elif _UNQUOTED.search(outside_quotes):
            self._report(match.start(), f"put the attribute values of `<{name}>` into quotes")

    def _close(self, name: str, offset: int) -> None:
        if name in tags.VOID_HTML and self._is_html_context():
            self._report(offset, f"`</{name}>` is not needed; remove it")
            return
        if all(element.name != name for element in self.stack[1:]):
            self._report(offset, f"`</{name}>` closes nothing; remove it or open `<{name}>`")
            return
        while (element := self.stack.pop()).name != name:
            self._report(element.offset, f"`<{element.name}>` is never closed")
        for block in element.blocks:
            self._report(block.offset, _crossing(block.name, element.name))

    def _liquid(self, match: re.Match[str]) -> None:
        tag = self.shielded.at(match.start())
        if tag is None:
            return
        parent = self._mjml_parent()
        if tag.is_block:
            self._follow(tag, parent)
        if self._is_html_context():
            return
        self._between_elements(tag, parent.name)

    def _follow(self, tag: LiquidTag, parent: _Open) -> None:
        if tag.name in _BLOCKS:
            parent.blocks.append(tag)
        elif tag.name.removeprefix("end") in _BLOCKS and tag.name.startswith("end"):
            if parent.blocks:
                parent.blocks.pop()
            else:
                self._report(tag.offset, _crossing(tag.name, parent.name))

    def _between_elements(self, tag: LiquidTag, parent: str) -> None:
        if parent not in tags.LIQUID_BETWEEN:
            where = f"directly in `<{parent}>`" if parent else "outside of `<mjml>`"
            self._report(tag.offset, f"`{tag.source}` cannot stand {where}")
        elif not tag.is_block and parent != "mj-body":
            self._report(tag.offset, f"put `{tag.source}` into an `<mj-text>`")
        else:
            wrapped = f"<mj-raw>{tag.stand_in}</mj-raw>"
            self.found.edits.append((tag.offset, len(tag.stand_in), wrapped))

    def _stray(self, match: re.Match[str]) -> None:
        self._report(
            match.start(), "no complete element begins here; write `&lt;` for the sign `<`"
        )

    def _text(self, match: re.Match[str]) -> None:
        if not self._is_html_context():
            parent = self.stack[-1].name
            where = f"directly in `<{parent}>`" if parent else "outside of `<mjml>`"
            self._report(match.start(), f"text cannot stand {where}; put it into an `<mj-text>`")

    def _is_html_context(self) -> bool:
        return self._mjml_parent().name in tags.WITH_HTML

    def _mjml_parent(self) -> _Open:
        """The innermost MJML element around this place, whatever HTML is open in it."""
        known = (element for element in reversed(self.stack) if element.name in tags.ALL)
        return next(known, self.stack[0])

    def _report(self, offset: int, message: str) -> None:
        line, column = position(self.shielded.source, offset)
        self.found.problems.append(Problem(message, line, column))


def _misplaced(name: str, parent: str) -> str:
    homes = sorted(f"`<{home}>`" for home, inner in tags.CHILDREN.items() if home and name in inner)
    where = f"in `<{parent}>`" if parent else "at the outside"
    return f"`<{name}>` cannot stand {where}; it belongs into {' or '.join(homes) or 'the file'}"


def _crossing(liquid: str, element: str) -> str:
    return f"`{liquid}` has to begin and end inside the same element, here `<{element}>`"
