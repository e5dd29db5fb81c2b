"""Send every link of a mail through us: once, fast, and nothing else than web links."""

import re
from collections.abc import Callable, Collection
from functools import lru_cache
from html import unescape
from typing import Final
from urllib.parse import quote_plus

from markupsafe import escape

LinkFor = Callable[[str], str]

# Where a tag with a link may begin, and a few that have none.
_START: Final = re.compile(r"<[aAvV](?:[rR][eE][aA]|:\w+)?\s")
_TAG: Final = r"<(?:a|area|v:\w+)\s"
_TARGET: Final = (
    r"href\s*=\s*(?:\"\s*(?P<double>https?://[^\"]*)\"|'\s*(?P<single>https?://[^']*)')"
)
# Of several targets in a tag the second counts.
_HREF: Final = re.compile(rf"{_TAG}(?:[^>]*?\s)?{_TARGET}", re.IGNORECASE)
_TEXT_URL: Final = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_AFTER_TEXT_URL: Final = ".,;:!?'*"
_BODY_END: Final = re.compile(r"</body\s*>", re.IGNORECASE)
_PIXEL: Final = (
    '<img src="{}" alt="" width="1" height="1" border="0" '
    'style="display:block;width:1px;height:1px;border:0;">\n'
)


def rewrite(
    html: str,
    link_for: LinkFor,
    *,
    pixel_url: str | None = None,
    keep: Collection[str] = (),
) -> str:
    """Replace the target of each web link by `link_for(target)`, and add the pixel.

    Links to mailto:, tel:, anchors and the addresses in `keep` (unsubscribe) stay; the same
    target asks `link_for` once.
    """
    targets: dict[str, str] = {}
    pieces: list[str] = []
    done = 0
    for tag in _START.finditer(html):
        start = tag.start()
        if start < done:
            continue
        link = _only_link(html[start : html.find(">", start) + 1]) or _link(html, start)
        if link is None:
            continue
        first, written, after = link
        target = targets.get(written)
        if target is None:
            url = unescape(written) if "&" in written else written
            target = written if url in keep else escape(link_for(url))
            targets[written] = target
        pieces += (html[done : start + first].rstrip(), target)
        done = start + after
    rewritten = "".join([*pieces, html[done:]])
    return rewritten if pixel_url is None else _with_pixel(rewritten, pixel_url)


def rewrite_text(text: str, link_for: LinkFor, *, keep: Collection[str] = ()) -> str:
    """The same for the plain text part; full stops and brackets after a link are not its part."""

    pieces: list[str] = []
    done = end = 0
    # Colons are rarer than letters: looking for them first saves most of the work.
    colon = text.find("://")
    while colon >= 0:
        match = _url_around(text, colon, after=end)
        if match is not None:
            url = _without_punctuation(match.group())
            pieces += (text[done : match.start()], url if url in keep else link_for(url))
            done, end = match.start() + len(url), match.end()
        colon = text.find("://", max(end, colon + 1))
    return "".join([*pieces, text[done:]])


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


# Where a target begins, itself, and where to go on; counted from the beginning of its tag.
_Link = tuple[int, str, int]


@lru_cache(maxsize=4096)
def _only_link(tag: str) -> _Link | None:
    """The link of a tag with one `href`, kept: the tags of a template come again in each mail.

    `tag` ends with its first ">". Two `href`, or a ">" inside the target, are for `_link`.
    """
    return _link(tag, 0) if tag.lower().count("href") == 1 else None


def _link(html: str, start: int) -> _Link | None:
    """Find the target of the tag that begins here, if it has one that is a web link."""
    match = _HREF.match(html, start)
    if match is None:
        return None
    quotes = "double" if match["double"] else "single"
    return match.start(quotes) - start, match[quotes].rstrip(), match.end() - 1 - start


def _url_around(text: str, colon: int, *, after: int) -> re.Match[str] | None:
    for scheme in ("https", "http"):
        start = colon - len(scheme)
        if start >= after and (match := _TEXT_URL.match(text, start)):
            return match
    return None


def _without_punctuation(url: str) -> str:
    while url:
        if url[-1] in _AFTER_TEXT_URL or (url[-1] == ")" and url.count("(") < url.count(")")):
            url = url[:-1]
        else:
            break
    return url
