"""The door to mail providers: which one an address like smtp://mail.example.com:587 means."""

import os
import threading
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from campaigns.delivery.catcher_backend import CatcherBackend
from campaigns.delivery.envelope import (
    Backend,
    Delivery,
    DeliveryError,
    Envelope,
    Outcome,
    WrongPermissionError,
)
from campaigns.delivery.smtp import SmtpBackend
from campaigns.delivery.smtp_connection import Security, Server

__all__ = [
    "Backend",
    "BackendUrlError",
    "Delivery",
    "DeliveryError",
    "Envelope",
    "Outcome",
    "WrongPermissionError",
    "get_backend",
]

SECURITY = {
    "smtp": Security.NONE,
    "smtp+tls": Security.STARTTLS,
    "smtps": Security.TLS,
    "smtp+ssl": Security.TLS,
    "catcher": Security.NONE,
}
PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}
# A lease covers 21 waits of this (campaigns.checks).
DEFAULT_TIMEOUT = "10"
SERVER_OPTIONS = frozenset({"timeout", "hello", "ca"})
_backends: dict[tuple[int, str], Backend] = {}
_lock = threading.Lock()


class BackendUrlError(DeliveryError, ValueError):
    """The configured address of the mail provider cannot be used; never quotes a password."""


def get_backend(url: str) -> Backend:
    """Return this process's backend for `url`, with the connection it keeps.

    `smtp://`, `smtp+tls://` (STARTTLS), `smtps://` (TLS from the start), each with optional
    `user:password@` and `?timeout=SECONDS&hello=NAME&ca=FILE`; `catcher://host:port?mailbox=PATH`.
    """
    # By process: a connection inherited over a fork would be spoken on by two.
    slot = (os.getpid(), url)
    with _lock:
        if slot not in _backends:
            _backends[slot] = _open(url)
        return _backends[slot]


def _open(url: str) -> Backend:
    parts = urlsplit(url)
    if parts.scheme not in SECURITY:
        known = ", ".join(f"{scheme}://" for scheme in SECURITY)
        raise BackendUrlError(f"the mail URL begins with {parts.scheme}://; use one of {known}")
    options = dict(parse_qsl(parts.query))
    if parts.scheme != "catcher":
        return SmtpBackend(_server(parts, options=options))
    mailbox = options.pop("mailbox", "")
    if not mailbox:
        raise BackendUrlError("a catcher:// URL needs ?mailbox=PATH, the folder the catcher fills")
    return CatcherBackend(_server(parts, options=options), mailbox=Path(mailbox))


def _server(parts: SplitResult, *, options: dict[str, str]) -> Server:
    if unknown := sorted(options.keys() - SERVER_OPTIONS):
        raise BackendUrlError(f"the mail URL has the unknown option {unknown[0]}")
    security = SECURITY[parts.scheme]
    host = parts.hostname or ""
    if not host:
        raise BackendUrlError("the mail URL names no host; write smtp://HOST:PORT")
    username = unquote(parts.username or "")
    if username and security is Security.NONE and not _is_this_machine(host):
        raise BackendUrlError(
            "the mail URL would send its password in the clear; use smtp+tls:// or smtps://"
        )
    return Server(
        host=host,
        port=_port(parts) or PORTS[security],
        security=security,
        username=username,
        password=unquote(parts.password or ""),
        timeout_seconds=_timeout(options.get("timeout", DEFAULT_TIMEOUT)),
        hello_name=options.get("hello", ""),
        ca_file=options.get("ca", ""),
    )


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        # The error's own words would quote part of the URL, which may hold a password.
        raise BackendUrlError("the port of the mail URL is no number up to 65535") from None


def timeout_seconds(url: str) -> float:
    """Return how long one answer of the provider is waited for."""
    return _timeout(dict(parse_qsl(urlsplit(url).query)).get("timeout", DEFAULT_TIMEOUT))


def _timeout(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 600:
        raise BackendUrlError("timeout in the mail URL is not a number of seconds up to 600")
    return seconds


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
