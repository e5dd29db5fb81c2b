from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.delivery import mailbox
from campaigns.delivery.mailbox_reading import read_mail, read_page

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def mail(*, subject: str = "News", recipient: str = "a@example.com", rest: str = "") -> bytes:
    return (
        f"X-Attune-Message-Key: key-1\r\nFrom: Shop <shop@example.com>\r\nTo: {recipient}\r\n"
        f"Subject: {subject}\r\n{rest}"
    ).encode()


def keep(folder: Path, *contents: bytes) -> list[str]:
    mailbox.create(folder)
    return [
        mailbox.store(content, mailbox=folder, at=NOON + timedelta(seconds=n), serial=n)
        for n, content in enumerate(contents)
    ]


def multipart() -> bytes:
    return mail(
        subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_an_alle?=",
        rest=(
            'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="x"\r\n\r\n'
            "--x\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\nGrüße als Text\r\n"
            "--x\r\nContent-Type: text/html; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>Gr=C3=BC=C3=9Fe</p>\r\n--x--\r\n"
        ),
    )


def test_file_name_tells_time_and_key(tmp_path: Path) -> None:
    (name,) = keep(tmp_path, mail(rest="\r\nHello\r\n"))

    entry = mailbox.entry_of(name)
    assert entry == mailbox.Entry(name=name, tag="key-1", received_at=NOON)


@pytest.mark.parametrize(
    "name", ["../secret.eml", "notes.txt", "20260302T120000.000000Z_000001_../a.eml", ".a.eml", ""]
)
def test_only_names_of_caught_mails_are_opened(tmp_path: Path, name: str) -> None:
    (tmp_path.parent / "secret.eml").write_bytes(b"Subject: secret\r\n\r\n")

    assert mailbox.entry_of(name) is None
    assert read_mail(tmp_path, name) is None


def test_key_in_the_body_is_not_taken_for_the_header() -> None:
    content = b"Subject: a\r\n\r\nX-Attune-Message-Key: forged\r\n"

    assert mailbox.message_key(content) == ""


def test_mail_is_taken_apart_into_decoded_parts(tmp_path: Path) -> None:
    (name,) = keep(tmp_path, multipart())

    read = read_mail(tmp_path, name)

    assert read is not None
    assert read.subject == "Grüße an alle"
    assert read.html == "<p>Grüße</p>"
    assert read.text == "Grüße als Text"
    assert read.key == "key-1"
    assert ("To", "a@example.com") in read.headers
    assert read.source == multipart().decode()


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?no-such-charset?q?a?=\r\n\r\nHello",
        b"Subject: =?utf-8?b?####?=\r\n\r\n",
        b"Subject: raw \xfc\r\nContent-Type: text/html; charset=klingon\r\n\r\n<p>\xfc</p>",
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x',
    ],
)
def test_broken_mail_is_shown_as_far_as_it_goes(tmp_path: Path, broken: bytes) -> None:
    (name,) = keep(tmp_path, broken)

    read = read_mail(tmp_path, name)

    assert read is not None
    assert read.size_bytes == len(broken)
    assert len(read_page(tmp_path, number=1, size=10).mails) == 1


def test_pages_go_from_the_newest_to_the_oldest(tmp_path: Path) -> None:
    keep(tmp_path, *(mail(subject=f"Number {n}", rest="\r\n") for n in range(5)))

    first = read_page(tmp_path, number=1, size=2)
    last = read_page(tmp_path, number=3, size=2)

    assert [summary.subject for summary in first.mails] == ["Number 4", "Number 3"]
    assert (first.has_newer, first.has_older, first.total_count) == (False, True, 5)
    assert [summary.subject for summary in last.mails] == ["Number 0"]
    assert (last.has_newer, last.has_older) == (True, False)


def test_search_looks_at_decoded_subjects_and_recipients(tmp_path: Path) -> None:
    keep(tmp_path, multipart(), mail(recipient="bea@example.com", rest="\r\n"), mail(rest="\r\n"))

    by_subject = read_page(tmp_path, number=1, size=10, search="GRÜSSE an")
    by_recipient = read_page(tmp_path, number=1, size=10, search=" Bea@ ")
    by_nothing = read_page(tmp_path, number=1, size=10, search="nobody")

    assert [summary.subject for summary in by_subject.mails] == ["Grüße an alle"]
    assert [summary.recipient for summary in by_recipient.mails] == ["bea@example.com"]
    assert by_nothing.mails == ()


def test_mailbox_that_was_never_filled_is_empty(tmp_path: Path) -> None:
    folder = tmp_path / "none"

    assert read_page(folder, number=1, size=10).total_count == 0
    assert mailbox.find(folder, ["a"]) == {"a": False}
