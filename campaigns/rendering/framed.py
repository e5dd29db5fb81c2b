"""Show a mail's HTML inside a page: foreign matter, so in a sandboxed frame, under a policy."""

import re
from typing import Final

# Pictures and styles and links that open outside; nothing else, also when opened on its own.
POLICY: Final = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
HEADERS: Final = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
_HEAD: Final = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)


def opening_links_outside(html: str) -> str:
    """Inside the frame a link's target would be sandboxed as well and not work."""
    base = '<base target="_blank">'
    if match := _HEAD.search(html):
        return html[: match.end()] + base + html[match.end() :]
    return base + html
