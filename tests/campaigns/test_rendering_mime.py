"""The bytes of a mail, read back with Python's own parser."""

import time
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rendering import mime
from campaigns.rendering.headers import HeaderError
from personalization.content.liquid import single_line

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"
HTML = "<html>\n<body>\n<p>Grüße, Zoë &amp; 🍎</p>\n.dot\n</body></html>\n"
TEXT = "Grüße, Zoë & 🍎\n\nFrom the shop\n"

SKELETON = mime.skeleton(
    from_name="Attune Märket, Inc.",
    from_email="news@market.example.com",
    reply_to="help@market.example.com",
    message_domain="market.example.com",
    date=NOON,
    list_id="fruit.market.example.com",
    feedback_id="fruit:42:broadcast:attune",
)


def build(**changes: str) -> bytes:
    values = {
        "to_name": "Ana Lee",
        "to_email": "ana@example.com",
        "subject": "Your picks",
        "html": HTML,
        "text": TEXT,
        "message_key": KEY,
        "unsubscribe_url": "https://mail.example.com/u/abc",
        **changes,
    }
    return SKELETON.build(**values)


def parsed(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def body_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return cast(str, part.get_content()).replace("\r\n", "\n")


def encoding_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part["Content-Transfer-Encoding"])


def recipient(data: bytes) -> tuple[str, str]:
    """Name, decoded by RFC 2047 (Python's newer parser adds blanks to it), and address."""
    header = parsed(data)["To"]
    assert isinstance(header, AddressHeader)
    assert len(header.addresses) == 1
    name, address = parseaddr(message_from_bytes(data)["To"].replace("\r\n", ""))
    assert address == header.addresses[0].addr_spec
    return str(make_header(decode_header(name))), address


def test_the_parser_reads_back_what_was_given() -> None:
    data = build()

    message = parsed(data)
    assert message["From"] == '"Attune Märket, Inc." <news@market.example.com>'
    assert recipient(data) == ("Ana Lee", "ana@example.com")
    assert message["Reply-To"] == "help@market.example.com"
    assert message["Subject"] == "Your picks"
    assert message["Date"].datetime == NOON
    assert message["Message-ID"] == f"<{KEY}@market.example.com>"
    assert message["X-Attune-Message-Key"] == KEY
    assert message["List-Unsubscribe"] == "<https://mail.example.com/u/abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-ID"] == "<fruit.market.example.com>"
    assert message["Feedback-ID"] == "fruit:42:broadcast:attune"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert body_of(message, "plain") == TEXT
    assert body_of(message, "html") == HTML


def test_each_header_stands_once() -> None:
    names = [name.lower() for name, _ in parsed(build()).items()]

    assert sorted(names) == sorted(set(names))


def test_every_line_ends_with_crlf_and_is_short_enough() -> None:
    for data in (build(), build(html="x" * 5000, subject="ü" * 500, to_name="Ann " * 100)):
        assert b"\n" not in data.replace(b"\r\n", b"")
        assert b"\r" not in data.replace(b"\r\n", b"")
        assert max(len(line) for line in data.split(b"\r\n")) <= 998


def test_short_lines_go_as_8bit_and_long_ones_as_quoted_printable() -> None:
    long_line = "<p>" + "ü= " * 600 + "</p>\n"

    short, long = parsed(build()), parsed(build(html=long_line))

    assert encoding_of(short, "html") == "8bit"
    assert encoding_of(long, "html") == "quoted-printable"
    assert body_of(long, "html") == long_line


@given(name=st.text(max_size=300))
def test_any_name_arrives_as_one_recipient_with_the_same_name(name: str) -> None:
    shown, address = recipient(build(to_name=name))

    assert address == "ana@example.com"
    assert shown == single_line(name)


@given(subject=st.text(max_size=400))
def test_any_subject_arrives_as_it_was(subject: str) -> None:
    assert parsed(build(subject=subject))["Subject"] == single_line(subject)


@given(html=st.text(), text=st.text())
def test_any_content_arrives_as_it_was(html: str, text: str) -> None:
    message = parsed(build(html=html, text=text))

    def arrived(content: str) -> str:
        return content.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")

    assert body_of(message, "html") == arrived(html)
    assert body_of(message, "plain") == arrived(text)


@pytest.mark.parametrize(
    "name",
    [
        "Ann\r\nBcc: evil@example.com",
        "Ann\nBcc: evil@example.com\n\n<script>",
        "Ann\x00\r",
        'Ann" <evil@example.com>, "B',
        "evil@example.com, ",
        "=?utf-8?q?Ann_=3Cevil=40example.com=3E?=",
        "\\",
        "(comment) ; group:",
        "Maximiliane " * 25,
        "x" * 300,
        "ü" * 300,
    ],
)
def test_a_name_cannot_add_a_header_or_a_recipient(name: str) -> None:
    data = build(to_name=name, subject=name)

    message = parsed(data)
    assert message["Bcc"] is None
    assert recipient(data) == (single_line(name), "ana@example.com")
    assert message["Subject"] == single_line(name)
    assert len(message.items()) == len(parsed(build()).items())


def test_long_headers_are_folded_within_78_characters() -> None:
    for name in ("Maximiliane " * 25, "ü" * 300, "x" * 300):
        head = build(to_name=name, subject=name).split(b"\r\n\r\n")[0]
        assert max(len(line) for line in head.split(b"\r\n")) <= 78


@pytest.mark.parametrize(
    "address",
    [
        "ana@example.com\r\nBcc: evil@example.com",
        "ana@example.com, evil@example.com",
        "ana@example.com>",
        "ana lee@example.com",
        "ana",
        "@example.com",
        "ana@",
        "ana@exa\x00mple.com",
        "ana\n@example.com",
        "añá@example.com",
        "",
    ],
)
def test_an_address_that_could_mean_something_else_is_refused_unquoted(address: str) -> None:
    with pytest.raises(HeaderError) as caught:
        build(to_email=address)

    assert not address or address not in str(caught.value)


def test_an_international_domain_is_written_in_letters() -> None:
    assert recipient(build(to_email="ana@bücher.example"))[1] == "ana@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("unsubscribe_url", "https://m.example/u\r\nX: y"),
        ("unsubscribe_url", "https://m.example/u>, <https://evil.example"),
        ("unsubscribe_url", "javascript:alert(1)"),
        ("message_key", "a\r\nb"),
        ("message_key", "a>b"),
        ("message_key", ""),
    ],
)
def test_our_own_values_are_refused_when_they_could_break_a_header(field: str, value: str) -> None:
    with pytest.raises(HeaderError):
        build(**{field: value})


def test_a_skeleton_refuses_what_could_break_its_headers() -> None:
    with pytest.raises(HeaderError):
        mime.skeleton(from_name="A", from_email="a@b.c", message_domain="b.c\r\nX: y", date=NOON)
    with pytest.raises(HeaderError):
        mime.skeleton(
            from_name="A", from_email="a@b.c", message_domain="b.c", date=NOON, feedback_id="a\nb"
        )


def test_the_same_key_gives_the_same_bytes_and_another_key_another_message_id() -> None:
    assert build() == build()
    assert parsed(build(message_key="other"))["Message-ID"] == "<other@market.example.com>"


def test_content_that_holds_the_boundary_cannot_end_a_part() -> None:
    boundary = parsed(build()).get_boundary()
    hostile = f"before\n--{boundary}--\nafter\n--{boundary}\nContent-Type: text/html\n\nevil\n"

    message = parsed(build(text=hostile))

    assert message.get_boundary() != boundary
    assert body_of(message, "plain") == hostile
    assert body_of(message, "html") == HTML


def test_a_mail_of_15_kilobytes_takes_microseconds() -> None:
    html = ("<p>" + "x" * 60 + "</p>\n") * 220
    times = []

    for _ in range(50):
        start = time.thread_time()
        build(html=html)
        times.append(time.thread_time() - start)

    assert min(times) < 200e-6  # about 15 on the machine the benchmarks ran on


LINES = st.text(st.sampled_from("a.é \r\n\x00\x85\u2028=") | st.characters(), max_size=60)


@given(html=LINES, text=LINES, subject=LINES, name=LINES, long=st.booleans())
def test_no_cr_and_no_lf_stands_alone_in_a_mail(
    html: str, text: str, subject: str, name: str, long: bool
) -> None:
    data = build(html=html * (40 if long else 1), text=text, subject=subject, to_name=name)

    assert data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n")
    assert data.endswith(b"\r\n")
