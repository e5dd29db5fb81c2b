"""Which of several texts a person reads: that of their language, or the nearest one there is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from personalization.content.language_names import NAMES
from personalization.content.suggestions import nearest

# Fields of the catalogue that say a person's language; the first that can be read counts.
FIELDS: Final = ("attributes.language", "attributes.locale")
Why = Literal["own", "wider", "kin", "other", "unknown"]
# Why a text was chosen, after `in German, `.
WORDS: Final[Mapping[str, str]] = {
    "own": "the customer's language",
    "wider": "the customer's language, without its region",
    "kin": "the nearest to the customer's language",
    "other": "the default, as there is no text in the customer's language",
    "unknown": "the default, as the customer's language is not known or may not be used",
}
_TAG = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|\d{3}))?(-[a-z0-9-]+)?")
_FORMER = {"iw": "he", "in": "id", "ji": "yi"}
_BY_NAME = {name.lower(): code for code, name in NAMES.items()}
# Who reads one of these reads the others, too.
_FAMILY = {"nb": "no", "nn": "no", "tl": "fil"}


@dataclass(frozen=True, slots=True)
class Choice:
    language: str
    why: Why


def spoken(values: Mapping[str, object]) -> str:
    """Return the language a person's values name, as `de-AT`; empty where none can be read."""
    for path in FIELDS:
        value = values.get(path)
        if isinstance(value, str) and (found := _read(value)):
            return found
    return ""


def tag(written: str) -> str:
    """Return a language as it is written here, `de_at` as `de-AT`; empty if it is none."""
    found = _TAG.fullmatch(written.strip().lower().replace("_", "-"))
    return "" if found is None or found[4] else _joined(found)


def fault(written: str) -> str:
    """Say what is wrong with a language that content names; empty if nothing is."""
    if tag(written):
        return ""
    base = written.strip().lower().replace("_", "-").partition("-")[0]
    meant = _BY_NAME.get(written.strip().lower()) or _BY_NAME.get(
        nearest(written.strip().lower(), _BY_NAME)
    )
    hint = f"; did you mean “{meant}”, {NAMES[meant]}?" if meant else ""
    what = "has a region or script that cannot be read" if base in NAMES else "is no language"
    return f"“{written}” {what}{hint or ': write it as “de”, “de-AT” or “zh-Hant”'}"


def name(written: str) -> str:
    """Return a language in English, as `German` or `German (AT)`."""
    base, _, rest = written.partition("-")
    known = NAMES.get(base, base)
    return f"{known} ({rest})" if rest else known


def in_words(written: str, why: str) -> str:
    """Say which language was chosen and why, as `in German, the customer's language`."""
    return f"in {name(written)}, {WORDS[why]}"


@lru_cache(maxsize=4096)
def choose(wanted: str, *, default: str, others: tuple[str, ...]) -> Choice:
    """Choose for a person who reads `wanted` among a default and other languages.

    First the very language; then, from right to left, without region and script (RFC 4647,
    “lookup”); then the same language of another region; at last the default.
    """
    if not wanted:
        return Choice(default, "unknown")
    there = {default, *others}
    if wanted in there:
        return Choice(wanted, "own")
    for shorter in _shorter(wanted):
        if shorter in there:
            return Choice(shorter, "wider")
    for other in (default, *others):
        if _are_kin(wanted, other):
            return Choice(other, "kin")
    return Choice(default, "other")


@lru_cache(maxsize=4096)
def _read(value: str) -> str:
    """Read what systems write for a language: `de`, `DE_at`, `de_DE.UTF-8`, `German`."""
    written = value.strip().lower().partition(".")[0].replace("_", "-")
    found = _TAG.fullmatch(written)
    return (_joined(found) if found else "") or _BY_NAME.get(written, "")


def _joined(found: re.Match[str]) -> str:
    base = _FORMER.get(found[1], found[1])
    if base not in NAMES:
        return ""
    script, region = (found[2] or "").title(), (found[3] or "").upper()
    return "-".join(filter(None, (base, script, region)))


def _shorter(wanted: str) -> list[str]:
    parts = wanted.split("-")
    return ["-".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]


def _are_kin(one: str, other: str) -> bool:
    scripts = {part for each in (one, other) for part in each.split("-")[1:] if len(part) == 4}
    return _family(one) == _family(other) and len(scripts) < 2


def _family(written: str) -> str:
    base = written.partition("-")[0]
    return _FAMILY.get(base, base)
