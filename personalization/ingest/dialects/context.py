"""Keep of an event's context only what helps and names nobody: an allow-list."""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from personalization.ingest import networks

LONGEST = 200
BOT = "bot"
_URL_LENGTH = 500
_CAMPAIGN = ("id", "name", "source", "medium", "term", "content")
_PAGE_URLS = ("url", "tab_url", "path", "referrer", "initial_referrer")
_QUERIES = frozenset(("search", "query", "hash"))
# Begun only where a word begins: tried at each letter, a long word without an end takes minutes.
_ADDRESS = re.compile(r"(?<![^\s@/?&=])[^\s@/?&=]+(@|%40)[^\s@/?&=]+", re.IGNORECASE)
# The first that fits: a browser names those it wants to pass for, too.
_BROWSERS = (
    (BOT, re.compile(r"bot|crawl|spider|slurp|headless", re.IGNORECASE)),
    ("Edge", re.compile(r"Edg(e|A|iOS)?/")),
    ("Opera", re.compile(r"OPR/|Opera")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/")),
    ("Firefox", re.compile(r"Firefox/|FxiOS/")),
    ("Chrome", re.compile(r"Chrome/|CriOS/")),
    ("Safari", re.compile(r"Safari/")),
)
_PHONE, _TABLET = re.compile(r"Mobi|iPhone|Android"), re.compile(r"iPad|Tablet")


def reduced(
    context: Mapping[str, object], *, network: str = "", agent: str = ""
) -> dict[str, object]:
    """Return what stays; what the context says outranks the network and browser that asked."""
    found: dict[str, object] = {
        "page": _page(_mapping(context.get("page"))),
        "campaign": _picked(_mapping(context.get("campaign")), keys=_CAMPAIGN),
        "library": _picked(_mapping(context.get("library")), keys=("name", "version")),
        "locale": _text(context.get("locale")),
        "timezone": _text(context.get("timezone")),
        "browser": browser(context.get("userAgent") or agent),
        "network": networks.cut(context.get("ip")) or network,
    }
    return {key: value for key, value in found.items() if value}


def browser(agent: object) -> str:
    """Return the family of a user agent and the kind of device, as "Chrome, phone"."""
    return _family(agent) if isinstance(agent, str) and agent else ""


@lru_cache(maxsize=512)
def _family(agent: str) -> str:
    family = next((name for name, sign in _BROWSERS if sign.search(agent[:LONGEST])), "")
    if not family or family == BOT:
        return family
    if _TABLET.search(agent):
        return f"{family}, tablet"
    return f"{family}, {'phone' if _PHONE.search(agent) else 'computer'}"


def bare_url(url: object) -> str:
    """Return an address without query, fragment and account, where people's data often stands."""
    if not isinstance(url, str) or not url:
        return ""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    start = f"{parts.scheme}://{host}" if host else ""
    return _anonymous(f"{start}{parts.path}")[:_URL_LENGTH]


def of_a_page(properties: Mapping[str, object]) -> dict[str, object]:
    """Return what a page says of itself, its addresses cut as those of the context are."""
    cut = {name: bare_url(properties[name]) for name in _PAGE_URLS if name in properties}
    return {name: value for name, value in {**properties, **cut}.items() if name not in _QUERIES}


def _page(page: Mapping[str, object]) -> dict[str, object]:
    found = {
        "path": bare_url(page.get("path")),
        "url": bare_url(page.get("url")),
        "title": _text(page.get("title")),
        "referrer": _host(page.get("referrer")),
    }
    return {key: value for key, value in found.items() if value}


def _host(url: object) -> str:
    """Return where a visitor came from, and no page of it."""
    return bare_url(url).partition("://")[2].partition("/")[0]


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _picked(given: Mapping[str, object], *, keys: tuple[str, ...]) -> dict[str, object]:
    return {key: text for key in keys if (text := _text(given.get(key)))}


def _text(value: object) -> str:
    return _anonymous(value)[:LONGEST] if isinstance(value, str) else ""


def _anonymous(text: str) -> str:
    if "@" not in text and "%40" not in text:
        return text
    return _ADDRESS.sub("[removed]", text)
