"""Fixtures that drive pages in headless Chromium, logged in as a role of the house."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, Page, Request, Response, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.requirements import chromium

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = 1280, 390
# How long a loaded machine may take; nobody waits that long where all is well.
TIMEOUT_MS = 30_000
expect.set_options(timeout=TIMEOUT_MS)

Open = Callable[..., Page]


class Faults:
    """What went wrong behind a page: script errors, failed requests, requests to elsewhere."""

    def __init__(self, page: Page, *, home: str) -> None:
        self.found: list[str] = []
        self._ours = (home, "data:", "about:", "blob:")
        page.on("pageerror", lambda error: self.found.append(f"script: {error}"))
        page.on("requestfailed", self._check_failure)
        page.on("response", self._check_status)
        page.on("request", self._check_host)

    def _check_failure(self, request: Request) -> None:
        # Whoever leaves a page at once does not wait for its icon.
        if not (request.url.endswith("/icon.svg") and request.failure == "net::ERR_ABORTED"):
            self.found.append(f"failed: {request.url}")

    def _check_status(self, response: Response) -> None:
        if response.status >= 400:
            self.found.append(f"{response.status}: {response.url}")

    def _check_host(self, request: Request) -> None:
        if not request.url.startswith(self._ours):
            self.found.append(f"elsewhere: {request.url}")


@pytest.fixture(scope="session")
def chromium_of_worker() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """Start Chromium once for all tests: each has a window of its own, with nothing kept in it.

    Its event loop stays in this thread. Only a test with a browser may see it: Django keeps other
    connections than usual while a loop runs.
    """
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield started, loop
        asyncio._set_running_loop(loop)
        started.close()


@pytest.fixture
def browser(
    transactional_db: None,
    chromium_of_worker: tuple[Browser, asyncio.AbstractEventLoop],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Browser]:
    """Lend the browser to one test; nothing of its event loop reaches the test's set-up or end."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    started, loop = chromium_of_worker
    asyncio._set_running_loop(loop)
    yield started
    for context in started.contexts:
        context.close()
    connections.close_all()
    asyncio._set_running_loop(None)


@pytest.fixture
def open_as(live_server: LiveServer, browser: Browser) -> Iterator[Open]:
    """Return `open_as(role, address, width=…)`: a page of the live server, seen by a role."""
    contexts = []

    def open_page(role: str, address: str, *, width: int = DESKTOP) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, base_url=live_server.url
        )
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        context.add_cookies(
            [
                {
                    "name": settings.SESSION_COOKIE_NAME,
                    "value": _session(role),
                    "url": live_server.url,
                }
            ]
        )
        page = context.new_page()
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()


def overflow(page: Page) -> int:
    """Return by how many pixels a page is wider than its window, once it is there."""
    # In between two pages there is no document at all.
    page.wait_for_function("document.body !== null && document.readyState === 'complete'")
    wide: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wide


def _session(role: str) -> str:
    user, _ = User.objects.get_or_create(username=role, defaults={"is_staff": True})
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value
