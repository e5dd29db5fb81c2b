import os
from dataclasses import replace

import pytest

from campaigns.delivery.base import BackendUrlError, Envelope, WrongPermissionError, get_backend
from campaigns.delivery.catcher_backend import CatcherBackend
from campaigns.delivery.smtp import SmtpBackend
from campaigns.delivery.smtp_connection import Server
from tests.campaigns.delivery_support import envelope, permission


def test_envelope_under_another_persons_permission_is_refused_without_naming_anybody() -> None:
    with pytest.raises(
        WrongPermissionError, match="for subject 1, its permission for subject 2"
    ) as e:
        replace(envelope("a"), permission=permission(subject_id=2))

    assert "@" not in str(e.value)


def test_envelope_under_a_permission_that_forbids_sending_is_refused_with_its_reason() -> None:
    with pytest.raises(WrongPermissionError, match=r"may not be mailed \(suppressed\)"):
        Envelope(
            message_key="a",
            subject_id=1,
            permission=permission(may_send=False, reason="suppressed"),
            sender="shop@example.com",
            recipient="a@example.com",
            content=b"",
        )


def test_printed_envelope_and_server_hold_no_personal_data_and_no_password() -> None:
    server = Server("mail.example.com", 25, username="shop", password="hunter2")

    assert "@" not in repr(envelope("a"))
    assert "hunter2" not in f"{server!r} {server}"


def test_same_url_gives_the_same_backend_in_one_process() -> None:
    url = "smtp://127.0.0.1:2600"

    assert get_backend(url) is get_backend(url)
    assert isinstance(get_backend(url), SmtpBackend)


def test_forked_process_never_speaks_on_its_parents_connection() -> None:
    url = "smtp://127.0.0.1:2601"
    of_parent = get_backend(url)

    child = os.fork()
    if child == 0:
        os._exit(0 if get_backend(url) is not of_parent else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_catcher_url_gives_a_backend_that_reads_the_mailbox() -> None:
    backend = get_backend("catcher://127.0.0.1:2525?mailbox=/nowhere/mail%2Bbox")

    assert isinstance(backend, CatcherBackend)
    assert backend.lookup(["a"]) == {"a": False}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://mail.example.com", "begins with http://; use one of smtp://, smtp"),
        ("smtp://", "names no host"),
        ("smtp://mail.example.com:99999", "port of the mail URL"),
        ("smtp://mail.example.com:hunter2", "port of the mail URL"),
        ("smtp://mail.example.com?timout=3", "unknown option timout"),
        ("smtp://mail.example.com?timeout=never", "timeout in the mail URL"),
        ("smtp://me:hunter2@mail.example.com", "password in the clear"),
        ("catcher://127.0.0.1:2525", "needs .mailbox=PATH"),
    ],
)
def test_unusable_url_says_how_to_mend_it_and_never_quotes_a_password(
    url: str, message: str
) -> None:
    with pytest.raises(BackendUrlError, match=message) as error:
        get_backend(url)

    assert "hunter2" not in str(error.value)
