"""Read the consent that travels in an event: by category, as an IAB TCF string, by GPC."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence

from personalization.commerce.names import canonical
from personalization.ingest.incoming import Said
from personalization.ingest.purposes import CONTRACT, collection_purpose

PROFILING, TRACKING = "profiling", "email_tracking"
CATEGORIES, TCF, GPC = "context.consent", "tcf", "gpc"
MOST_CATEGORIES = 50

# Create and use profiles to personalise content. Opens and clicks of mails are no purpose of a
# website's banner: only their own category grants them.
_TCF_PROFILING = (5, 6)
_TCF_VERSION = 2
_PURPOSES_AT, _PURPOSES = 152, 24
_TCF_KEYS = ("tcf", "tcString", "tc_string")
# Where a context says anything of it.
KEYS = frozenset((*_TCF_KEYS, "consent", "gpc"))
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

Categories = Mapping[str, Sequence[str]]


def said(
    context: Mapping[str, object], *, gpc: bool = False, categories: Categories | None = None
) -> tuple[Said, ...]:
    """Return what an event says, at most once a purpose: a refusal outranks a grant, GPC all.

    `categories` gives the purposes of a banner's category; one of a purpose's own code needs none.
    """
    consent = context.get("consent")
    found: dict[str, Said] = {}
    if isinstance(consent, dict):
        _add(found, _by_category(consent, categories=categories or {}))
    if tcf := _tcf_string(context, consent):
        _add(found, _by_tcf(tcf))
    if gpc or context.get("gpc") is True:
        refused = [Said(purpose, is_granted=False, source=GPC) for purpose in (PROFILING, TRACKING)]
        found |= {each.purpose: each for each in refused}
    return tuple(found.values())


def refuses(name: str, *, said: Iterable[Said]) -> bool:
    """Say whether what an event says itself forbids to keep what it tells."""
    purpose = collection_purpose(canonical(name))
    return purpose != CONTRACT and any(
        each.purpose == purpose and not each.is_granted for each in said
    )


def tcf_purposes(text: str) -> frozenset[int] | None:
    """Return the purposes a TCF 2 string consents to, or None where it is none."""
    core = text.split(".", 1)[0]
    if not 30 <= len(core) <= 2_000:
        return None
    try:
        raw = base64.b64decode(core + "=" * (-len(core) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) * 8 < _PURPOSES_AT + _PURPOSES or raw[0] >> 2 != _TCF_VERSION:
        return None
    bits = int.from_bytes(raw[: (_PURPOSES_AT + _PURPOSES) // 8], "big")
    return frozenset(n for n in range(1, _PURPOSES + 1) if bits >> (_PURPOSES - n) & 1)


def _add(found: dict[str, Said], more: Sequence[Said]) -> None:
    for each in more:
        if each.purpose not in found or not each.is_granted:
            found[each.purpose] = each


def _by_category(consent: Mapping[str, object], *, categories: Categories) -> list[Said]:
    chosen = consent.get("categoryPreferences", consent)
    if not isinstance(chosen, dict):
        return []
    return [
        Said(purpose, is_granted=answer, source=CATEGORIES)
        for category, answer in list(chosen.items())[:MOST_CATEGORIES]
        if isinstance(answer, bool)
        for purpose in categories.get(category, [category])
        if _CODE.fullmatch(purpose)
    ]


def _tcf_string(context: Mapping[str, object], consent: object) -> str:
    places: list[Mapping[str, object]] = [consent] if isinstance(consent, dict) else []
    for place in (*places, context):
        for key in _TCF_KEYS:
            if isinstance(text := place.get(key), str):
                return text
    return ""


def _by_tcf(text: str) -> list[Said]:
    purposes = tcf_purposes(text)
    if purposes is None:
        return []
    granted = all(number in purposes for number in _TCF_PROFILING)
    return [Said(PROFILING, is_granted=granted, source=TCF)]
