"""Write mail headers that say exactly what was meant: folded, encoded, never a line more."""

import base64
import re
from typing import Final

from personalization.content.liquid import single_line

_MAX_PLAIN: Final = 60
_ENCODED_BYTES: Final = 42  # "=?utf-8?b?" + 56 letters + "?=": below 75, as RFC 2047 wants
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_LOCAL_PART: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_URL: Final = re.compile(r"(?:https?://|mailto:)[!#$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~-]+")


class HeaderError(ValueError):
    """A value that cannot stand in a header. It is not quoted: it may be personal."""


def subject(value: str) -> str:
    """A folded subject: plain where that is exact, encoded words otherwise."""
    line = single_line(value)
    if len(line) <= _MAX_PLAIN and _is_plain(line):
        return line
    words = line.split(" ")
    if _is_plain(line) and max(map(len, words)) <= _MAX_PLAIN:
        return _folded(words)
    return encoded_words(line)


def mailbox(name: str, address: str) -> str:
    """`Ann Lee <ann@example.com>` with the name quoted or encoded as it needs."""
    checked = addr_spec(address)
    line = single_line(name)
    if not line:
        return checked
    if len(line) > _MAX_PLAIN or not _is_plain(line):
        return f"{encoded_words(line)}\r\n <{checked}>"
    if not _ATOMS.fullmatch(line):
        escaped = line.replace("\\", "\\\\").replace('"', '\\"')
        line = f'"{escaped}"'
    return f"{line} <{checked}>"


def addr_spec(address: str) -> str:
    """An address that a header and an SMTP command can carry; a domain may be international."""
    local, _, domain = address.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise HeaderError("the domain of the email address is not valid") from error
    if not (_LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise HeaderError(
            "the email address cannot be written into a mail header; correct it in the profile"
        )
    return f"{local}@{domain}"


def token(value: str, *, name: str) -> str:
    """A key of our own making: letters, digits, dot, colon, dash."""
    if not _TOKEN.fullmatch(value):
        raise HeaderError(f"{name} may hold letters, digits and . _ : - only")
    return value


def url(value: str, *, name: str) -> str:
    if not _URL.fullmatch(value):
        raise HeaderError(f"{name} needs a web address without blanks, brackets or line breaks")
    return value


def encoded_words(text: str) -> str:
    """RFC 2047 words, each whole in its characters, one a line."""
    words: list[str] = []
    chunk = b""
    for character in text:
        data = character.encode("utf-8", "replace")
        if len(chunk) + len(data) > _ENCODED_BYTES:
            words.append(_encoded_word(chunk))
            chunk = b""
        chunk += data
    return "\r\n ".join([*words, _encoded_word(chunk)])


def _encoded_word(data: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(data).decode('ascii')}?="


def _is_plain(line: str) -> bool:
    # "=?" would be decoded by the reader's program: a customer may be called so.
    return line.isascii() and "=?" not in line


def _folded(words: list[str]) -> str:
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= _MAX_PLAIN:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\r\n ".join(lines)
