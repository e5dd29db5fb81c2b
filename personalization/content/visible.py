"""Is there anything to see in rendered content? Tags, spaces and empty lists show nothing."""

import re

_SPACE = r"(?:\s|&nbsp;|&#160;|&#xa0;|&zwnj;|&#8203;)"
# A picture, or a letter behind a tag that is not part of the next one.
_SEEN = re.compile(rf"<(?:img|svg|video)\b|(?:^|>){_SPACE}*(?!{_SPACE})[^<\s]", re.IGNORECASE)


def shows_something(html: str, text: str) -> bool:
    """Say whether both readers see anything: the one of the HTML and the one of the text."""
    return bool(text.strip()) and _SEEN.search(html) is not None
