"""Is there anything to see in rendered content? Tags, spaces and empty lists show nothing."""

import re

_SPACE = r"(?:\s|&nbsp;|&#160;|&#xa0;|&zwnj;|&#8203;)"
# A picture, or a letter behind a tag that is not part of the next one. Every alternative begins
# with a mark of its own, so that the search leaps from tag to tag.
_SEEN = re.compile(rf"<(?i:img|svg|video)\b|>{_SPACE}*(?!{_SPACE})[^<\s]")


def shows_something(html: str, text: str) -> bool:
    """Say whether both readers see anything: the one of the HTML and the one of the text."""
    if not text.strip():
        return False
    return _SEEN.search(html if html.startswith("<") else f">{html}") is not None
