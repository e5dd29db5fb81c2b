"""Clean the plain text part: what mail programs and servers choke on is taken out."""

import re
from typing import Final

MAX_LINE_BYTES: Final = 998

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MANY_EMPTY_LINES: Final = re.compile(r"\n{3,}")


def clean(text: str) -> str:
    """No trailing blanks, no rows of empty lines, no control character, no overlong line."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Asking whether there is anything to do costs a tenth of doing it.
    if not text.replace("\n", "").isprintable():
        text = _CONTROL.sub("", text)
    text = "\n".join(map(str.rstrip, text.split("\n")))
    if "\n\n\n" in text:
        text = _MANY_EMPTY_LINES.sub("\n\n", text)
    text = text.strip("\n") + "\n"
    # 4 bytes a character at most: shorter texts need no look at their lines.
    if len(text) * 4 > MAX_LINE_BYTES and has_long_line(text.encode("utf-8", "replace")):
        text = "\n".join(_wrapped(line) for line in text.split("\n"))
    return text


def has_long_line(data: bytes) -> bool:
    """Leap from line end to line end in steps of the limit: most lines are never looked at."""
    start, end = 0, len(data)
    while end - start > MAX_LINE_BYTES:
        newline = data.rfind(b"\n", start, start + MAX_LINE_BYTES + 1)
        if newline < 0:
            return True
        start = newline + 1
    return False


def _wrapped(line: str) -> str:
    pieces = []
    rest = line
    while len(rest.encode("utf-8", "replace")) > MAX_LINE_BYTES:
        # Cut by bytes, back to a whole character, then back to a blank where there is one.
        head = rest.encode("utf-8", "replace")[:MAX_LINE_BYTES].decode("utf-8", "ignore")
        cut = head.rfind(" ")
        cut = cut if cut > 0 else len(head)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return "\n".join([*pieces, rest])
