import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pytest_django import Settings

from campaigns.delivery import mailbox
from campaigns.delivery.base import Outcome, get_backend
from campaigns.delivery.catcher_backend import CatcherBackend
from campaigns.delivery.smtp_connection import Connection, Server
from tests.campaigns.delivery_support import (
    RunningCatcher,
    email,
    envelope,
    envelopes,
    running_catcher,
)


@pytest.fixture(scope="module")
def shared_catcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCatcher]:
    with running_catcher(tmp_path_factory.mktemp("shared") / "mailbox") as catcher:
        yield catcher


@pytest.fixture
def catcher(tmp_path: Path) -> Iterator[RunningCatcher]:
    with running_catcher(tmp_path / "mailbox") as catcher:
        yield catcher


def test_caught_mails_are_kept_byte_for_byte_in_order(catcher: RunningCatcher) -> None:
    keys = [f"k-{number}" for number in range(50)]

    deliveries = get_backend(catcher.url).deliver(envelopes(*keys))

    assert {delivery.outcome for delivery in deliveries} == {Outcome.SENT}
    assert catcher.contents() == [email(key) for key in keys]


def test_catcher_announces_pipelining(catcher: RunningCatcher) -> None:
    connection = Connection(Server("127.0.0.1", catcher.port))

    assert {"PIPELINING", "8BITMIME"} <= connection.extensions.keys()
    connection.close()


@effort(max_examples=60, deadline=None)
@given(lines=st.lists(st.text(st.sampled_from(".a é"), max_size=4), max_size=8))
def test_dots_in_any_place_arrive_as_they_were(
    shared_catcher: RunningCatcher, lines: list[str]
) -> None:
    content = "".join(f"{line}\r\n" for line in lines).encode() or b"\r\n"
    before = set(shared_catcher.mailbox.iterdir())

    get_backend(shared_catcher.url).deliver([envelope("a", content=content), envelope("b")])

    first, second = sorted(set(shared_catcher.mailbox.iterdir()) - before)
    assert first.read_bytes() == content
    assert second.read_bytes() == email("b")


def test_key_that_arrives_twice_is_kept_twice(catcher: RunningCatcher) -> None:
    backend = get_backend(catcher.url)

    backend.deliver(envelopes("a"))
    backend.deliver(envelopes("a"))

    assert catcher.contents() == [email("a"), email("a")]


def test_lookup_tells_what_arrived_even_when_the_catcher_is_down(catcher: RunningCatcher) -> None:
    odd_key = "../etc/pass_wd"
    backend = get_backend(catcher.url)
    backend.deliver([envelope("a"), envelope("odd", content=email(odd_key))])
    catcher.process.kill()
    catcher.process.wait()

    assert backend.lookup(["a", "b", odd_key]) == {"a": True, "b": False, odd_key: True}
    assert "python manage.py catcher" in backend.is_up()


def test_folder_of_caught_mails_is_closed_to_others(catcher: RunningCatcher) -> None:
    get_backend(catcher.url).deliver(envelopes("a"))

    (mail,) = catcher.mailbox.iterdir()
    assert catcher.mailbox.stat().st_mode & 0o777 == 0o700
    assert mail.stat().st_mode & 0o777 == 0o600


def test_mail_that_cannot_be_kept_is_not_acknowledged(catcher: RunningCatcher) -> None:
    backend = get_backend(catcher.url)
    catcher.mailbox.rmdir()
    catcher.mailbox.touch()

    refused = backend.deliver(envelopes("a"))
    catcher.mailbox.unlink()
    kept = backend.deliver(envelopes("a"))

    assert [refused[0].outcome, kept[0].outcome] == [Outcome.RETRY, Outcome.SENT]
    assert refused[0].detail == "content answered with 452 4.3.1"
    assert catcher.contents() == [email("a")]


def test_mail_over_the_size_limit_is_refused_for_good(catcher: RunningCatcher) -> None:
    large = email("a", body="0123456789\r\n" * 3_000_000)

    (delivery,) = get_backend(catcher.url).deliver([envelope("a", content=large)])

    assert delivery.detail == "content answered with 552 5.3.4"
    assert delivery.outcome is Outcome.FAILED
    assert catcher.contents() == []


def kill_when_it_holds(catcher: RunningCatcher, *, mail_count: int) -> None:
    while len(list(catcher.mailbox.glob("*.eml"))) < mail_count:
        time.sleep(0.001)
    catcher.process.kill()


@pytest.mark.parametrize("mail_count", [1, 40, 400])
def test_killed_catcher_lost_no_acknowledged_mail_and_kept_none_in_part(
    catcher: RunningCatcher, mail_count: int
) -> None:
    backend = CatcherBackend(Server("127.0.0.1", catcher.port), mailbox=catcher.mailbox)
    body = "Some words, and a dot.\r\n" * 600
    contents = {f"k{number}": email(f"k{number}", body=body) for number in range(5_000)}
    killer = threading.Thread(
        target=kill_when_it_holds, args=(catcher,), kwargs={"mail_count": mail_count}
    )
    killer.start()

    deliveries = backend.deliver([envelope(key, content=contents[key]) for key in contents])

    killer.join()
    outcomes = Counter(delivery.outcome for delivery in deliveries)
    found = backend.lookup(list(contents))
    assert mail_count - 1 <= outcomes[Outcome.SENT] < len(contents)
    assert outcomes[Outcome.UNKNOWN] <= 1
    for delivery in deliveries:
        if delivery.outcome is not Outcome.UNKNOWN:
            assert found[delivery.message_key] == (delivery.outcome is Outcome.SENT)
    for content in catcher.contents():
        assert content == contents[mailbox.message_key(content)]


def test_catcher_refuses_to_run_where_real_customers_are_mailed(settings: Settings) -> None:
    settings.ATTUNE_MAILBOX_ENABLED = False

    with pytest.raises(CommandError, match="--allow-without-debug"):
        call_command("catcher")


def test_catcher_names_the_port_that_is_taken(catcher: RunningCatcher, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"127.0.0.1:{catcher.port}: .*--port"):
        call_command("catcher", port=catcher.port, mailbox=tmp_path, allow_without_debug=True)
