"""Make compiled HTML smaller without changing what is shown, in lines that a mail may hold."""

import re
from typing import Final

from personalization.content.mjml_liquid import STAND_IN, Shielded

# Conditional comments are code for Outlook; what holds braces may be a style sheet in disguise.
_COMMENT: Final = re.compile(r"<!--(?!\[if\b|<!|-?>)(?:(?!-->)[^{}])*-->")
_BETWEEN_CONDITIONS: Final = re.compile(r"<!\[endif\]-->\s*<!--\[if mso \| IE\]>")
# Between these and the next tag a line break shows nowhere.
_SEAM: Final = re.compile(r"(?:</(?:td|tr|table|tbody|div|p)>|<!\[endif\]-->|<tbody>)(?=<)")
# Mail lines may hold 998 bytes. A value takes at most so many of them, nearly always.
_LINE: Final = 500
_VALUE: Final = 100


def minify(html: str, shielded: Shielded) -> str:
    """Take out what nobody sees: comments, the seams between conditions, most line breaks."""
    html = _COMMENT.sub(_unless_with_liquid, html)
    html = _BETWEEN_CONDITIONS.sub("", html)
    return _lines(html, shielded)


def _unless_with_liquid(comment: re.Match[str]) -> str:
    # A block may begin in a comment and end behind it.
    return comment.group() if STAND_IN.search(comment.group()) else ""


def _lines(html: str, shielded: Shielded) -> str:
    """Break at a seam before the line grows long, and once in every loop or condition."""
    is_block = {tag.stand_in: tag.is_block for tag in shielded.tags}
    pieces = _SEAM.split(html)
    seams = [*_SEAM.findall(html), ""]
    lines, length = [], 0
    for index, (piece, seam) in enumerate(zip(pieces, seams, strict=True)):
        text = piece + seam
        length = _length(text, is_block=is_block, before=length)
        following = pieces[index + 1] if index + 1 < len(pieces) else ""
        lines.append(text)
        if seam and _length(following, is_block=is_block, before=length) > _LINE:
            lines.append("\n")
            length = 0
    return "".join(lines)


def _length(text: str, *, is_block: dict[str, bool], before: int) -> int:
    """Return how long the line is after a text; behind a block nobody knows."""
    found = STAND_IN.findall(text)
    if any(is_block[stand_in] for stand_in in found):
        return _LINE + 1
    last = text.rfind("\n")
    length = len(text) - last - 1 if last >= 0 else before + len(text)
    return length + _VALUE * len(found)
