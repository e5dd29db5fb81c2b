"""The safe subset of regular expressions behind `matches`: one meaning in Python and PostgreSQL.

Literals, `.`, classes, `|`, groups and plain quantifiers; no back-references, no look-around,
no quantifier on a group that holds one, `^` and `$` only around the whole. PostgreSQL gets the
pattern written anew from what was understood here; Python runs it on an automaton of our own
(`automaton.py`), so that time grows with the text and never explodes.
"""

from dataclasses import dataclass
from typing import TypeAlias

MAX_LENGTH = 200
MAX_SIZE = 300
MAX_REPEAT = 100

_CLASSES = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 13), (32, 32)),
}
_SPECIAL = frozenset("\\.[](){}*+?|^$")


class PatternError(ValueError):
    """The pattern is outside the subset; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Chars:
    ranges: tuple[tuple[int, int], ...]
    is_negated: bool = False

    def accepts(self, char: str) -> bool:
        code = ord(char)
        return any(low <= code <= high for low, high in self.ranges) != self.is_negated


@dataclass(frozen=True, slots=True)
class Chain:
    parts: tuple["Part", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple["Part", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    part: "Part"
    low: int
    high: int | None


Part: TypeAlias = Chars | Chain | Choice | Repeat
_ANY = Chars(ranges=(), is_negated=True)


@dataclass(frozen=True, slots=True)
class Pattern:
    body: Part
    is_start_bound: bool
    is_end_bound: bool

    def to_postgres(self) -> str:
        """The same pattern as an advanced regular expression that starts with no directive."""
        start = r"\A" if self.is_start_bound else ""
        return f"{start}(?:{_written(self.body)})" + (r"\Z" if self.is_end_bound else "")


def parse_pattern(text: str) -> Pattern:
    if not text or len(text) > MAX_LENGTH:
        raise PatternError(f"a pattern has 1 to {MAX_LENGTH} characters; this one has {len(text)}")
    is_start_bound = text.startswith("^")
    is_end_bound = text.endswith("$") and not _is_escaped(text)
    inner = text[is_start_bound : len(text) - is_end_bound]
    if not inner:
        raise PatternError("a pattern needs more than ^ and $; use is_set for any text")
    parser = _Parser(inner)
    body = parser.whole()
    if parser.is_choice and (is_start_bound or is_end_bound):
        raise PatternError("put the alternatives in parentheses: ^(?:a|b)$")
    if size(body) > MAX_SIZE:
        raise PatternError(f"the pattern unfolds to more than {MAX_SIZE} steps; repeat less often")
    return Pattern(body=body, is_start_bound=is_start_bound, is_end_bound=is_end_bound)


def size(part: Part) -> int:
    match part:
        case Chars():
            return 1
        case Chain(parts=parts) | Choice(options=parts):
            return sum(size(each) for each in parts)
        case Repeat(part=inner, low=low, high=high):
            return size(inner) * max(low + 1, high or 0)


def _is_escaped(text: str) -> bool:
    before = text[:-1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _holds_repeat(part: Part) -> bool:
    match part:
        case Chars():
            return False
        case Chain(parts=parts) | Choice(options=parts):
            return any(_holds_repeat(each) for each in parts)
        case Repeat():
            return True


class _Parser:
    """Recursive descent over one pattern; groups nest at most ten deep."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        # Alternatives outside of any group: ^ and $ would bind to one of them only.
        self.is_choice = False

    def whole(self) -> Part:
        body = self.choice()
        if self.at < len(self.text):
            raise PatternError("there is a ) without its (")
        return body

    def choice(self) -> Part:
        options = [self.chain()]
        while self.peek() == "|":
            self.at += 1
            self.is_choice = self.is_choice or self.depth == 0
            options.append(self.chain())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def chain(self) -> Part:
        parts: list[Part] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.repeated())
        if not parts:
            raise PatternError("an alternative or group is empty; write something between | and )")
        return parts[0] if len(parts) == 1 else Chain(tuple(parts))

    def repeated(self) -> Part:
        part = self.atom()
        bounds = self.quantifier()
        if bounds is None:
            return part
        if _holds_repeat(part):
            raise PatternError("a repeated group must not hold a repeat itself; unfold it")
        if self.peek() and self.peek() in "*+?{":
            raise PatternError("two quantifiers in a row (also *? and *+) are not available")
        return Repeat(part, *bounds)

    def quantifier(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        char = self.peek()
        if char in simple:
            self.at += 1
            return simple[char]
        return self.counted() if char == "{" else None

    def counted(self) -> tuple[int, int | None]:
        end = self.text.find("}", self.at)
        low, comma, high = self.text[self.at + 1 : max(end, self.at + 1)].partition(",")
        if end < 0 or not _is_count(low) or (high and not _is_count(high)):
            raise PatternError("{ starts a count such as {2,5}; write \\{ for the character")
        self.at = end + 1
        bounds = (int(low), int(high) if high else None if comma else int(low))
        if max(bounds[0], bounds[1] or 0) > MAX_REPEAT or (bounds[1] or 100) < bounds[0]:
            raise PatternError(f"a count goes from a smaller to a larger number ≤ {MAX_REPEAT}")
        if bounds[1] == 0:
            raise PatternError("a count of {0} matches nothing; leave the part out")
        return bounds

    def atom(self) -> Part:
        char = self.take()
        if char == ".":
            return _ANY
        if char == "[":
            return self.bracket()
        if char == "(":
            return self.group()
        if char == "\\":
            return Chars(self.escape())
        if char in _SPECIAL:
            raise PatternError(f"{char} cannot stand here; write \\{char} for the character")
        return Chars(((ord(char), ord(char)),))

    def group(self) -> Part:
        self.depth += 1
        if self.depth > 10:
            raise PatternError("groups nest more than ten deep; write it flatter")
        if self.text.startswith("?:", self.at):
            self.at += 2
        elif self.peek() == "?":
            raise PatternError("look-around, names and flags are not available: only ( and (?:")
        body = self.choice()
        if self.take() != ")":
            raise PatternError("a ( has no )")
        self.depth -= 1
        return body

    def bracket(self) -> Chars:
        is_negated = self.peek() == "^"
        self.at += is_negated
        ranges: list[tuple[int, int]] = []
        while (char := self.take()) != "]":
            if char == "[":
                raise PatternError("write \\[ for the character [ inside brackets")
            found = self.escape() if char == "\\" else ((ord(char), ord(char)),)
            ranges.extend(self.ranged(found))
        if not ranges:
            raise PatternError("brackets are empty; name the characters, such as [a-z]")
        return Chars(tuple(ranges), is_negated)

    def ranged(self, found: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        is_range = self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", "")
        if not is_range:
            return found
        self.at += 1
        char = self.take()
        last = self.escape() if char == "\\" else ((ord(char), ord(char)),)
        first = found[0][0]
        if len(found) > 1 or len(last) > 1 or last[0][0] < first or last[0][0] != last[0][1]:
            raise PatternError("a range goes from one character to a later one, such as a-z")
        return ((first, last[0][0]),)

    def escape(self) -> tuple[tuple[int, int], ...]:
        char = self.take()
        if char in _CLASSES:
            return _CLASSES[char]
        if not char or char.isalnum():
            raise PatternError(f"\\{char} is not available; there are \\d, \\w, \\s and \\.")
        return ((ord(char), ord(char)),)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        if self.at >= len(self.text):
            raise PatternError("the pattern ends too early: a ), ] or character is missing")
        self.at += 1
        return self.text[self.at - 1]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3


def _written(part: Part) -> str:
    match part:
        case Chars():
            return _written_chars(part)
        case Chain(parts=parts):
            return "".join(_grouped(each) for each in parts)
        case Choice(options=options):
            return "|".join(_written(each) for each in options)
        case Repeat(part=inner, low=low, high=high):
            return f"{_grouped(inner)}{{{low},{'' if high is None else high}}}"


def _grouped(part: Part) -> str:
    return _written(part) if isinstance(part, Chars | Repeat) else f"(?:{_written(part)})"


def _written_chars(chars: Chars) -> str:
    if not chars.ranges:
        return "."
    inner = "".join(
        _written_char(low) if low == high else f"{_written_char(low)}-{_written_char(high)}"
        for low, high in chars.ranges
    )
    is_single = len(chars.ranges) == 1 and chars.ranges[0][0] == chars.ranges[0][1]
    if is_single and not chars.is_negated:
        return inner
    return f"[{'^' if chars.is_negated else ''}{inner}]"


def _written_char(code: int) -> str:
    """ASCII signs as code points: PostgreSQL reads a bare or escaped sign by its own rules."""
    char = chr(code)
    return char if char.isalnum() or code > 127 else f"\\u{code:04X}"
