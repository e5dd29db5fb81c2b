import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from campaigns.delivery.base import Delivery
from campaigns.delivery.smtp import SmtpBackend
from campaigns.delivery.smtp_connection import Server
from tests.campaigns.delivery_support import email, envelope, envelopes
from tests.campaigns.smtp_server import RESET, SILENCE, Script, ScriptedServer

KEYS = ("a", "b", "c", "d")


@pytest.fixture
def servers() -> Iterator[list[ScriptedServer]]:
    started: list[ScriptedServer] = []
    yield started
    for server in started:
        server.close()


def start(servers: list[ScriptedServer], script: Script) -> tuple[ScriptedServer, SmtpBackend]:
    server = ScriptedServer(script)
    servers.append(server)
    return server, SmtpBackend(Server("127.0.0.1", server.port, timeout_seconds=0.6))


def outcomes(deliveries: list[Delivery]) -> str:
    """The first letters: s(ent), f(ailed), r(etry), u(nknown)."""
    return "".join(delivery.outcome[0] for delivery in deliveries)


def test_emails_arrive_in_order_and_answers_carry_the_providers_reference(
    servers: list[ScriptedServer],
) -> None:
    server, backend = start(servers, Script())

    deliveries = backend.deliver(envelopes(*KEYS))

    assert [delivery.message_key for delivery in deliveries] == list(KEYS)
    assert outcomes(deliveries) == "ssss"
    assert server.contents == [email(key) for key in KEYS]
    assert deliveries[1].provider_id == "2.0.0 queued as Q1"


def test_next_emails_commands_share_a_packet_with_the_content_before(
    servers: list[ScriptedServer],
) -> None:
    server, backend = start(servers, Script())

    backend.deliver(envelopes(*KEYS))

    content_lines = email("a").count(b"\r\n")
    assert server.largest_group == content_lines + 1 + 3


def test_server_without_pipelining_is_asked_one_thing_at_a_time(
    servers: list[ScriptedServer],
) -> None:
    script = Script(extensions=("8BITMIME",), rcpt={"b@example.com": "550 5.1.1 nobody"})
    server, backend = start(servers, script)

    deliveries = backend.deliver(envelopes(*KEYS))

    assert outcomes(deliveries) == "sfss"
    assert not server.spoke_too_early
    assert server.contents == [email(key) for key in "acd"]


@pytest.mark.parametrize("is_open", [False, True])
def test_refused_recipient_in_mid_pipeline_fails_only_its_email(
    servers: list[ScriptedServer], is_open: bool
) -> None:
    script = Script(
        rcpt={"b@example.com": "550 5.1.1 nobody"}, is_data_open_without_recipient=is_open
    )
    server, backend = start(servers, script)

    deliveries = backend.deliver(envelopes(*KEYS))

    assert outcomes(deliveries) == "sfss"
    assert deliveries[1].detail == "RCPT TO answered with 550 5.1.1"
    assert [content for content in server.contents if content] == [email(key) for key in "acd"]


@pytest.mark.parametrize("is_open", [False, True])
def test_refused_last_recipient_leaves_the_connection_fit_for_the_next_call(
    servers: list[ScriptedServer], is_open: bool
) -> None:
    script = Script(rcpt={"d@example.com": "550 no"}, is_data_open_without_recipient=is_open)
    server, backend = start(servers, script)

    first = backend.deliver(envelopes(*KEYS))
    second = backend.deliver(envelopes("e"))

    assert outcomes(first) == "sssf"
    assert outcomes(second) == "s"
    assert server.connections == 1


def test_temporary_refusal_of_a_recipient_is_to_be_tried_again(
    servers: list[ScriptedServer],
) -> None:
    _, backend = start(servers, Script(rcpt={"b@example.com": "452 4.2.2 mailbox full"}))

    deliveries = backend.deliver(envelopes(*KEYS))

    assert outcomes(deliveries) == "srss"


def test_refused_sender_fails_only_its_email(servers: list[ScriptedServer]) -> None:
    _, backend = start(servers, Script(mail={"stranger@example.com": "550 5.7.1 not yours"}))

    deliveries = backend.deliver([*envelopes("a"), envelope("b", sender="stranger@example.com")])

    assert outcomes(deliveries) == "sf"
    assert deliveries[1].detail == "MAIL FROM answered with 550 5.7.1"


def test_missing_log_in_is_no_fault_of_the_recipient(servers: list[ScriptedServer]) -> None:
    _, backend = start(servers, Script(mail={"shop@example.com": "530 5.7.0 log in first"}))

    assert outcomes(backend.deliver(envelopes(*KEYS))) == "rrrr"


@pytest.mark.parametrize(("reply", "expected"), [("451 later", "srss"), ("554 never", "sfss")])
def test_refused_data_or_content_concerns_only_its_email(
    servers: list[ScriptedServer], reply: str, expected: str
) -> None:
    _, refusing_data = start(servers, Script(data={"b@example.com": reply}))
    _, refusing_content = start(servers, Script(content={1: reply}))

    assert outcomes(refusing_data.deliver(envelopes(*KEYS))) == expected
    assert outcomes(refusing_content.deliver(envelopes(*KEYS))) == expected


def test_server_that_says_421_gets_the_rest_later_over_a_new_connection(
    servers: list[ScriptedServer],
) -> None:
    server, backend = start(servers, Script(rcpt={"c@example.com": "421 4.3.2 closing"}))

    first = backend.deliver(envelopes(*KEYS))
    second = backend.deliver(envelopes("d"))

    assert outcomes(first) == "ssrr"
    assert outcomes(second) == "s"
    assert server.connections == 2


@pytest.mark.parametrize(
    "failure", [RESET, SILENCE, "gibberish"], ids=["reset", "time-out", "not SMTP"]
)
def test_email_without_answer_to_its_content_is_unknown_and_later_ones_wait(
    servers: list[ScriptedServer], failure: str
) -> None:
    _, backend = start(servers, Script(content={1: failure}))

    deliveries = backend.deliver(envelopes(*KEYS))

    assert outcomes(deliveries) == "surr"
    assert deliveries[1].detail.startswith("handed over, but the answer never came: ")


def test_email_whose_content_was_cut_off_may_be_sent_again(servers: list[ScriptedServer]) -> None:
    # More than the kernel buffers for both sides, so that the closing dot cannot have left.
    large = email("b", body="0123456789\r\n" * 2_000_000)
    _, backend = start(servers, Script(reset_inside_content=1))

    deliveries = backend.deliver([envelope("a"), envelope("b", content=large), envelope("c")])

    assert outcomes(deliveries) == "srr"


def test_silent_server_ends_in_time_and_everything_waits(servers: list[ScriptedServer]) -> None:
    _, backend = start(servers, Script(mail={"shop@example.com": SILENCE}))

    deliveries = backend.deliver(envelopes("a", "b"))

    assert outcomes(deliveries) == "rr"
    assert deliveries[0].detail == "not handed over: no answer in time"


def test_connection_that_the_server_closed_between_two_calls_is_opened_again(
    servers: list[ScriptedServer],
) -> None:
    server, backend = start(servers, Script(close_after_contents=1))

    assert outcomes(backend.deliver(envelopes("a"))) == "s"
    assert outcomes(backend.deliver(envelopes("b"))) == "s"
    assert server.connections == 2


def test_kept_connection_on_which_the_server_says_421_is_opened_again(
    servers: list[ScriptedServer],
) -> None:
    server, backend = start(servers, Script(reset=["250 OK", "421 4.4.2 idle too long"]))

    assert outcomes(backend.deliver(envelopes("a"))) == "s"
    assert outcomes(backend.deliver(envelopes("b"))) == "s"
    assert server.connections == 2


def test_interruption_in_mid_conversation_never_shifts_answers_to_the_next_call(
    servers: list[ScriptedServer],
) -> None:
    class TimeLimitError(Exception):
        pass

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise TimeLimitError

    server, backend = start(servers, Script(content={0: SILENCE}))
    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TimeLimitError):
            backend.deliver(envelopes("a"))
    finally:
        signal.signal(signal.SIGALRM, previous)
    server.script.content = {}

    assert outcomes(backend.deliver(envelopes("b", "c"))) == "ss"
    assert server.contents == [email("a"), email("b"), email("c")]


def test_server_that_is_down_leaves_everything_to_be_tried_again() -> None:
    backend = SmtpBackend(Server("127.0.0.1", 1))

    deliveries = backend.deliver(envelopes("a", "b"))

    assert outcomes(deliveries) == "rr"
    assert backend.is_up() == "no mail can be handed over to 127.0.0.1:1: Connection refused"


def test_server_that_answers_is_up(servers: list[ScriptedServer]) -> None:
    _, backend = start(servers, Script())

    assert backend.is_up() == ""
    assert backend.lookup(["a"]) is None


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com>\r\nRCPT TO:<b@example.com",
        "a@example.com\nDATA",
        "a\x00@example.com",
        "a b@example.com",
        "a@example.com> SIZE=1",
        "jürgen@example.com",
        f"a@{'x' * 70}.com",
        "",
    ],
)
def test_address_that_is_no_single_safe_word_never_reaches_the_wire(
    servers: list[ScriptedServer], address: str
) -> None:
    server, backend = start(servers, Script())

    deliveries = backend.deliver(
        [envelope("a", sender=address) if not address else envelope("a", recipient=address)]
    )

    assert outcomes(deliveries) == "f"
    assert not address or address not in deliveries[0].detail
    assert not [line for line in server.commands if line.startswith(("MAIL", "RCPT", "DATA"))]


def test_international_addresses_are_written_as_the_server_understands_them(
    servers: list[ScriptedServer],
) -> None:
    script = Script(extensions=("PIPELINING", "8BITMIME", "SMTPUTF8"))
    server, backend = start(servers, script)

    backend.deliver([envelope("a", recipient="anna@müller.example")])
    backend.deliver([envelope("b", recipient="jürgen@example.com")])

    assert "RCPT TO:<anna@xn--mller-kva.example>" in server.commands
    assert "MAIL FROM:<shop@example.com> BODY=8BITMIME SMTPUTF8" in server.commands
    assert "RCPT TO:<jürgen@example.com>" in server.commands


@pytest.mark.parametrize("end", ["\n.\r\n", "\r.\r\n", "\n.\n", "\r\n.\r\n", "\r\n.\n"])
def test_end_of_data_inside_a_content_cannot_smuggle_a_second_email(
    servers: list[ScriptedServer], end: str
) -> None:
    server, backend = start(servers, Script())
    smuggled = f"Hello{end}MAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.com>\r\n"

    deliveries = backend.deliver([envelope("a", content=email("a", body=smuggled))])

    assert outcomes(deliveries) == "s"
    assert server.contents == [
        email("a", body="Hello\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.com>\r\n")
    ]


def test_server_without_8bitmime_gets_seven_bits(servers: list[ScriptedServer]) -> None:
    server, backend = start(servers, Script(extensions=("PIPELINING",)))

    backend.deliver([envelope("a", content=email("a", body="Grüße\r\n"))])

    assert server.contents[0].isascii()
    assert b"X-Attune-Message-Key: a\r\n" in server.contents[0]
    assert not any("BODY=" in command for command in server.commands)


def test_detail_never_repeats_an_address_that_the_server_quotes(
    servers: list[ScriptedServer],
) -> None:
    script = Script(
        rcpt={"a@example.com": "550 5.1.1 <a@example.com> is unknown"},
        content={0: "250 queued for b@example.com as Q1"},
    )
    _, backend = start(servers, script)

    refused, sent = backend.deliver(envelopes("a", "b"))

    assert "@" not in refused.detail
    assert sent.provider_id == "queued for as Q1"
