"""Generated readers: a share of the caught mails is opened and clicked, over real HTTP."""

import re
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from email import message_from_bytes, policy
from html import unescape
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

SEED = 20170101
OPENS, CLICKS, UNSUBSCRIBES = 0.45, 0.12, 0.004
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
# Sooner, and our own page would take the reader for a mail scanner.
PAUSE_SECONDS = 2.5

_PIXEL = re.compile(r'src="([^"]*/o/[^"]+\.gif)"')
_CLICK = re.compile(r'href="([^"]*/c/[^"]+)"')
_UNSUBSCRIBE = re.compile(r"<([^>]*/u/[^>]+)>")
# A click leads to the shop, which does not exist: the redirect is the answer.
_GOOD = (HTTPStatus.OK, HTTPStatus.FOUND)


class Unanswered(Exception):
    """The web process did not take a link of a mail; says which kind and what it answered."""


@dataclass(slots=True)
class Read:
    opened: int = 0
    clicked: int = 0
    unsubscribed: int = 0


def read_some(mails: Sequence[Path], *, server: str, pause_seconds: float = PAUSE_SECONDS) -> Read:
    """Open, click and unsubscribe as a share of readers would; the choice is the same each run."""
    time.sleep(pause_seconds)
    chances, done = np.random.default_rng(SEED).random((len(mails), 3)).tolist(), Read()
    where = urlsplit(server)
    with closing(HTTPConnection(where.hostname or "", where.port, timeout=10)) as web:
        for path, (opens, clicks, leaves) in zip(mails, chances, strict=True):
            if opens < OPENS:
                is_leaving = leaves < UNSUBSCRIBES
                _read(path, web=web, clicks=clicks < CLICKS, leaves=is_leaving, done=done)
    return done


def _read(path: Path, *, web: HTTPConnection, clicks: bool, leaves: bool, done: Read) -> None:
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = mail.get_body(("html",))
    html = body.get_content() if body else ""
    if pixel := _PIXEL.search(html):
        _ask(pixel.group(1), web=web)
        done.opened += 1
    links = _CLICK.findall(html)
    if clicks and links:
        _ask(links[len(html) % len(links)], web=web)
        done.clicked += 1
    unsubscribe = _UNSUBSCRIBE.search(str(mail["List-Unsubscribe"] or ""))
    if leaves and unsubscribe:
        _ask(unsubscribe.group(1), web=web, body=b"List-Unsubscribe=One-Click")
        done.unsubscribed += 1


def _ask(url: str, *, web: HTTPConnection, body: bytes | None = None) -> None:
    """Call the address of a mail at the demo's own server, wherever PUBLIC_URL points."""
    path = urlsplit(unescape(url)).path
    web.request("POST" if body else "GET", path, body=body, headers={"User-Agent": BROWSER})
    with web.getresponse() as answer:
        answer.read()
        if answer.status not in _GOOD:
            raise Unanswered(f"a link of the kind {path[:3]} was answered with {answer.status}")
