"""Send every link of a mail through us: once, fast, and nothing else than web links."""

import re
from collections.abc import Callable, Collection
from html import unescape
from typing import Final
from urllib.parse import quote_plus

from markupsafe import escape

LinkFor = Callable[[str], str]

_HREF: Final = re.compile(
    r"(?P<before><(?:a|area|v:\w+)\s(?:[^>]*?\s)?href\s*=\s*)"
    r"(?P<quote>[\"'])\s*(?P<url>https?://(?:(?!(?P=quote)).)*?)\s*(?P=quote)",
    re.IGNORECASE | re.DOTALL,
)
_TEXT_URL: Final = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_AFTER_TEXT_URL: Final = ".,;:!?'*"
_BODY_END: Final = re.compile(r"</body\s*>", re.IGNORECASE)
_PIXEL: Final = (
    '<img src="{}" alt="" width="1" height="1" border="0" '
    'style="display:block;width:1px;height:1px;border:0;">\n'
)


def rewrite(
    html: str, link_for: LinkFor, *, pixel_url: str | None = None, keep: Collection[str] = ()
) -> str:
    """Replace the target of each web link by `link_for(target)`, and add the pixel.

    Links to mailto:, tel:, anchors and the addresses in `keep` (unsubscribe) stay; the same
    target asks `link_for` once.
    """
    targets: dict[str, str] = {}

    def replaced(match: re.Match[str]) -> str:
        before, quote, written = match.group("before", "quote", "url")
        target = targets.get(written)
        if target is None:
            url = unescape(written) if "&" in written else written
            target = written if url in keep else escape(link_for(url))
            targets[written] = target
        return f"{before}{quote}{target}{quote}"

    rewritten = _HREF.sub(replaced, html)
    return rewritten if pixel_url is None else _with_pixel(rewritten, pixel_url)


def rewrite_text(text: str, link_for: LinkFor, *, keep: Collection[str] = ()) -> str:
    """The same for the plain text part; full stops and brackets after a link are not its part."""

    def replaced(match: re.Match[str]) -> str:
        url = _without_punctuation(match.group())
        rest = match.group()[len(url) :]
        return (url if url in keep else link_for(url)) + rest

    return _TEXT_URL.sub(replaced, text)


def with_utm(url: str, *, source: str, medium: str, campaign: str, content: str = "") -> str:
    """Add campaign parameters that the link does not set itself; query and fragment stay."""
    base, hash_sign, fragment = url.partition("#")
    path, _, query = base.partition("?")
    present = {pair.partition("=")[0] for pair in query.split("&")}
    wanted = {
        "utm_source": source,
        "utm_medium": medium,
        "utm_campaign": campaign,
        "utm_content": content,
    }
    added = [
        f"{name}={quote_plus(value)}"
        for name, value in wanted.items()
        if value and name not in present
    ]
    full_query = "&".join([query, *added] if query else added)
    return f"{path}?{full_query}{hash_sign}{fragment}" if full_query else url


def _with_pixel(html: str, url: str) -> str:
    pixel = _PIXEL.format(escape(url))
    place = html.rfind("</body>")
    if place < 0:
        found = _BODY_END.search(html)
        place = found.start() if found else len(html)
    return html[:place] + pixel + html[place:]


def _without_punctuation(url: str) -> str:
    while url:
        if url[-1] in _AFTER_TEXT_URL or (url[-1] == ")" and url.count("(") < url.count(")")):
            url = url[:-1]
        else:
            break
    return url
