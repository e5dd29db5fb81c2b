"""A real caching proxy in front: feeds are kept by it, what is about somebody never is."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from personalization.models import Feed
from personalization.recommendations import shelf
from tests.campaigns import factories as make
from tests.personalization.decision_support import key, people, slot

pytestmark = [
    pytest.mark.nginx,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("served_afresh"),
]
CONFIG = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    proxy_cache_path {folder}/cache keys_zone=api:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {backend};
            proxy_cache api;
            proxy_cache_key $request_uri;
            proxy_cache_revalidate on;
            add_header X-Cache $upstream_cache_status always;
        }}
        location /plain/ {{ proxy_pass {backend}/; }}
    }}
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=20).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def proxy(live_server: LiveServer, folder: Path, settings: Settings) -> Iterator[str]:
    """The address of an nginx that keeps whatever it is allowed to keep."""
    settings.ATTUNE_VAR = folder
    shelf.forget()
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, backend=live_server.url))
    command = [shutil.which("nginx") or "nginx", "-c", str(config), "-e", str(folder / "error.log")]
    server = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 120
    while not is_up(url):
        assert server.poll() is None, (folder / "error.log").read_text()
        assert time.monotonic() < end
        time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(timeout=60)
    shelf.forget()


def kept(folder: Path) -> bytes:
    """Everything the proxy keeps."""
    return b"".join(file.read_bytes() for file in (folder / "cache").rglob("*") if file.is_file())


def asked_until_not_kept(url: str) -> requests.Response:
    """The first answer after the time of what is kept; the proxy counts whole seconds."""
    end = time.monotonic() + 120
    while (answer := requests.get(url, timeout=60)).headers["X-Cache"] == "HIT":
        assert time.monotonic() < end
        time.sleep(0.2)
    return answer


def test_a_feed_is_kept_answered_by_304_and_asked_for_anew_in_time(
    proxy: str, folder: Path
) -> None:
    make.product(1)
    Feed.objects.create(slug="ours", name="Ours", max_age=3)
    url = f"{proxy}/api/v1/feeds/ours.json"

    first = requests.get(url, timeout=60)
    second = requests.get(url, timeout=60)
    known = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=60)
    revalidated = asked_until_not_kept(url)

    assert [each.headers["X-Cache"] for each in (first, second, known)] == ["MISS", "HIT", "HIT"]
    assert first.json()["items"][0]["product_id"] == "P1"
    assert second.content == first.content
    assert (known.status_code, known.content) == (304, b"")
    # The proxy asked with the tag it had, and heard 304.
    assert revalidated.headers["X-Cache"] == "REVALIDATED"
    assert revalidated.content == first.content
    assert b"P1" in kept(folder)


@pytest.mark.parametrize("path", ["personalize/hero", "recommendations/"])
def test_what_is_about_somebody_is_never_kept_nor_mixed(
    proxy: str, folder: Path, path: str
) -> None:
    people()
    slot()
    url = f"{proxy}/api/v1/{path}?external_id=C1"
    # For the second program there is another numbering, in which nobody is C1.
    ours, others = key(), key(source="other")

    answers = [
        requests.get(url, headers={"Authorization": f"Bearer {secret}"}, timeout=60)
        for secret in (ours, others, ours, others)
    ]
    stranger = requests.get(url, timeout=60)

    assert [each.status_code for each in answers] == [200] * 4
    assert [each.json()["permission"]["may_send"] for each in answers] == [True, False] * 2
    assert {each.headers["X-Cache"] for each in answers} == {"MISS"}
    assert all(each.headers["Cache-Control"].startswith("private") for each in answers)
    assert {each.headers["Vary"] for each in answers} == {"Authorization, X-API-Key"}
    assert stranger.status_code == 401
    assert kept(folder) == b""


def test_a_known_tag_of_ones_own_is_answered_by_304_through_the_proxy(proxy: str) -> None:
    """Where nothing is to be kept: with `proxy_cache` nginx does not pass `If-None-Match` on."""
    people()
    slot()
    url = f"{proxy}/plain/api/v1/personalize/hero?external_id=C1"
    headers = {"Authorization": f"Bearer {key()}"}
    first = requests.get(url, headers=headers, timeout=60)

    again = requests.get(
        url, headers={**headers, "If-None-Match": first.headers["ETag"]}, timeout=60
    )

    assert (again.status_code, again.content) == (304, b"")
