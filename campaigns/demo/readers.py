"""Generated readers: a share of the caught mails is opened and clicked, over real HTTP."""

import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

SEED = 20170101
OPENS, CLICKS, UNSUBSCRIBES = 0.45, 0.12, 0.004
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
# Sooner, and our own page would take the reader for a mail scanner.
PAUSE_SECONDS = 2.5

_PIXEL = re.compile(r'src="([^"]*/o/[^"]+\.gif)"')
_CLICK = re.compile(r'href="([^"]*/c/[^"]+)"')
_UNSUBSCRIBE = re.compile(r"<([^>]*/u/[^>]+)>")


@dataclass(slots=True)
class Read:
    opened: int = 0
    clicked: int = 0
    unsubscribed: int = 0


def read_some(mails: Sequence[Path], *, server: str) -> Read:
    """Open, click and unsubscribe as a share of readers would; the choice is the same each run."""
    time.sleep(PAUSE_SECONDS)
    chance, done = random.Random(SEED), Read()
    for path in mails:
        opens, clicks, leaves = (chance.random() for _ in range(3))
        if opens < OPENS:
            _read(
                path, server=server, clicks=clicks < CLICKS, leaves=leaves < UNSUBSCRIBES, done=done
            )
    return done


def _read(path: Path, *, server: str, clicks: bool, leaves: bool, done: Read) -> None:
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = mail.get_body(("html",))
    html = body.get_content() if body else ""
    if pixel := _PIXEL.search(html):
        _ask(pixel.group(1), server=server)
        done.opened += 1
    links = _CLICK.findall(html)
    if clicks and links:
        _ask(links[len(html) % len(links)], server=server)
        done.clicked += 1
    unsubscribe = _UNSUBSCRIBE.search(str(mail["List-Unsubscribe"] or ""))
    if leaves and unsubscribe:
        _ask(unsubscribe.group(1), server=server, body=b"List-Unsubscribe=One-Click")
        done.unsubscribed += 1


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A click leads to the shop, which does not exist: take the redirect as the answer."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


_opener = urllib.request.build_opener(_StayHere)


def _ask(url: str, *, server: str, body: bytes | None = None) -> None:
    """Call the address of a mail at the demo's own server, wherever PUBLIC_URL points."""
    target = server + urlsplit(unescape(url)).path
    request = urllib.request.Request(target, data=body, headers={"User-Agent": BROWSER})
    try:
        with _opener.open(request, timeout=10):
            pass
    except urllib.error.HTTPError as answer:
        if answer.code not in (301, 302):
            raise
