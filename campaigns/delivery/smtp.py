"""Hand emails to an SMTP server, pipelined where it allows that, and judge every answer."""

import io
import re
import threading
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from email.generator import BytesGenerator
from email.policy import compat32
from itertools import chain

from campaigns.delivery.envelope import Delivery, DeliveryError, Envelope, Outcome
from campaigns.delivery.smtp_connection import Connection, ConnectionLostError, Reply, Server

STEPS = ("MAIL FROM", "RCPT TO", "DATA")
END_OF_DATA = b".\r\n"
GOES_AWAY = 421
START_INPUT = 354
# The server wants a log-in: our configuration is at fault, not this recipient.
NOT_ALLOWED = frozenset({530, 534, 535, 538})
ANY_LINE_END = re.compile(rb"\r\n|\r|\n")
# A path ends at ">" and a command at a line end; nothing of the two may come from an address.
SAFE_ADDRESS = re.compile(r"[^\s<>\x00-\x20\x7f]{1,254}\Z")


class UnsendableAddressError(DeliveryError, ValueError):
    """An address that this server cannot be asked about at all."""


class SmtpBackend:
    """Keeps one connection; calls from several threads wait for each other."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def deliver(self, envelopes: Sequence[Envelope]) -> list[Delivery]:
        with self._lock:
            was_kept = self._connection is not None
            try:
                conversation = self._converse(envelopes)
                if was_kept and conversation.was_refused_outright:
                    # The server had given up the kept connection; nothing was handed over yet.
                    conversation = self._converse(envelopes)
            except ConnectionLostError as lost:
                return [_not_handed_over(envelope, reason=lost.reason) for envelope in envelopes]
            return conversation.deliveries()

    def lookup(self, message_keys: Sequence[str]) -> Mapping[str, bool] | None:
        """Return None: SMTP has no question for that."""
        return None

    def is_up(self) -> str:
        with self._lock:
            try:
                answer = self._connected().ask("NOOP")
            except ConnectionLostError as lost:
                self._drop()
                return f"no mail can be handed over to {self._server}: {lost.reason}"
        return "" if answer.code == 250 else f"{self._server} answers NOOP with {answer.status}"

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.quit()
                self._connection = None

    def _converse(self, envelopes: Sequence[Envelope]) -> "_Conversation":
        conversation = _Conversation(self._connected(), envelopes)
        try:
            conversation.run()
        except ConnectionLostError as lost:
            self._drop()
            conversation.lost_reason = lost.reason
        except BaseException:
            # Stopped in mid-conversation (a time limit): the next answers would be read as if
            # they belonged to the next emails.
            self._drop()
            raise
        return conversation

    def _connected(self) -> Connection:
        if self._connection is not None and self._connection.is_stale():
            self._drop()
        if self._connection is None:
            self._connection = Connection(self._server)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Conversation:
    """One call's emails over one connection.

    RFC 2920 lets the content of an email share a packet with the MAIL, RCPT and DATA of the next:
    one round trip an email, and never more than one email whose fate could be in doubt.
    """

    def __init__(self, connection: Connection, envelopes: Sequence[Envelope]) -> None:
        self._connection = connection
        self._envelopes = envelopes
        self._is_pipelining = "PIPELINING" in connection.extensions
        self._settled: dict[int, Delivery] = {}
        self._in_doubt: int | None = None
        # Accepted by DATA and not yet sent; without an owner it is the lone dot that ends a
        # transaction whose recipient was refused.
        self._content = b""
        self._owner: int | None = None
        # An earlier call may have left a transaction open.
        self._needs_reset = True
        self._was_answered = False
        self.lost_reason = ""

    def run(self) -> None:
        for index, envelope in enumerate(self._envelopes):
            try:
                commands = self._commands(envelope)
            except UnsendableAddressError as error:
                self._settle(index, Outcome.FAILED, detail=str(error))
                continue
            self._judge_opening(index, replies=self._open(commands))
        self._hand_over(b"")

    @property
    def was_refused_outright(self) -> bool:
        return bool(self.lost_reason) and not self._was_answered

    def deliveries(self) -> list[Delivery]:
        return [
            self._settled.get(index) or self._unsettled(index)
            for index in range(len(self._envelopes))
        ]

    def _unsettled(self, index: int) -> Delivery:
        envelope = self._envelopes[index]
        if index != self._in_doubt:
            return _not_handed_over(envelope, reason=self.lost_reason)
        detail = f"handed over, but the answer never came: {self.lost_reason}"
        return Delivery(envelope.message_key, Outcome.UNKNOWN, detail=detail)

    def _commands(self, envelope: Envelope) -> list[bytes]:
        extensions = self._connection.extensions
        addresses = (envelope.sender, envelope.recipient)
        sender, recipient = (_path(address, extensions=extensions) for address in addresses)
        options = b" BODY=8BITMIME" if "8BITMIME" in extensions else b""
        if not (sender.isascii() and recipient.isascii()):
            options += b" SMTPUTF8"
        mail = b"MAIL FROM:<" + sender + b">" + options + b"\r\n"
        return [mail, b"RCPT TO:<" + recipient + b">\r\n", b"DATA\r\n"]

    def _open(self, commands: list[bytes]) -> list[Reply]:
        """Ask for the next email's transaction; without pipelining stop at the first refusal."""
        if self._needs_reset:
            commands = [b"RSET\r\n", *commands]
        if self._is_pipelining:
            self._hand_over(b"".join(commands))
            replies = [self._reply() for _ in commands]
        else:
            self._hand_over(b"")
            replies = self._ask_one_by_one(commands)
        if self._needs_reset and replies.pop(0).code != 250:
            raise ConnectionLostError("the server refused RSET")
        self._needs_reset = False
        return replies

    def _ask_one_by_one(self, commands: list[bytes]) -> list[Reply]:
        replies: list[Reply] = []
        for command in commands:
            self._connection.send(command)
            replies.append(self._reply())
            if replies[-1].code >= 400:
                break
        return replies

    def _judge_opening(self, index: int, *, replies: list[Reply]) -> None:
        is_open = len(replies) == len(STEPS) and replies[-1].code == START_INPUT
        refused = _first_refusal(replies)
        if refused is None:
            self._owner = index
            envelope = self._envelopes[index]
            self._content = _content(
                envelope.content,
                is_8bit="8BITMIME" in self._connection.extensions,
                has_whole_lines=envelope.has_whole_lines,
            )
            return
        step, reply = refused
        self._settle(index, _judge(reply), detail=f"{step} answered with {reply.status}")
        # A server may accept DATA although it refused the only recipient (RFC 2920, 3.1): then
        # nothing but an empty content ends the transaction.
        self._owner = None
        self._content = END_OF_DATA if is_open else b""
        self._needs_reset = not is_open

    def _hand_over(self, following: bytes) -> None:
        """Send the content that waits, with the commands that may share its packet."""
        content, owner = self._content, self._owner
        try:
            self._connection.send(content + following)
        except ConnectionLostError as lost:
            if lost.sent_bytes >= len(content):
                self._in_doubt = owner
            raise
        if not content:
            return
        self._in_doubt = owner
        reply = self._connection.reply()
        self._content, self._owner = b"", None
        if owner is not None:
            self._judge_content(owner, reply=reply)
        self._in_doubt = None
        _stop_if_going_away(reply)

    def _judge_content(self, index: int, *, reply: Reply) -> None:
        if 200 <= reply.code < 300:
            self._settle(index, Outcome.SENT, provider_id=_provider_id(reply))
        else:
            self._settle(index, _judge(reply), detail=f"content answered with {reply.status}")

    def _reply(self) -> Reply:
        reply = self._connection.reply()
        _stop_if_going_away(reply)
        self._was_answered = True
        return reply

    def _settle(
        self, index: int, outcome: Outcome, *, detail: str = "", provider_id: str = ""
    ) -> None:
        key = self._envelopes[index].message_key
        self._settled[index] = Delivery(key, outcome, detail=detail, provider_id=provider_id)


def _not_handed_over(envelope: Envelope, *, reason: str) -> Delivery:
    return Delivery(envelope.message_key, Outcome.RETRY, detail=f"not handed over: {reason}")


def _stop_if_going_away(reply: Reply) -> None:
    if reply.code == GOES_AWAY:
        raise ConnectionLostError(f"the server closes the connection ({reply.status})")


def _first_refusal(replies: list[Reply]) -> tuple[str, Reply] | None:
    for step, reply in zip(STEPS, replies, strict=False):
        is_accepted = reply.code == START_INPUT if step == "DATA" else 200 <= reply.code < 300
        if not is_accepted:
            return step, reply
    return None


def _judge(reply: Reply) -> Outcome:
    if 400 <= reply.code < 500 or reply.code in NOT_ALLOWED:
        return Outcome.RETRY
    if 500 <= reply.code < 600:
        return Outcome.FAILED
    raise ConnectionLostError(f"the server's answer {reply.status} does not fit the question")


def _path(address: str, *, extensions: dict[str, str]) -> bytes:
    """Return the address as it may stand between "<" and ">"."""
    if not SAFE_ADDRESS.match(address):
        raise UnsendableAddressError("an address holds white space, control characters, < or >")
    local, at, domain = address.rpartition("@")
    try:
        path = local + at + domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise UnsendableAddressError("the domain of an address is not valid") from error
    if not path.isascii() and "SMTPUTF8" not in extensions:
        raise UnsendableAddressError("an address needs SMTPUTF8, which the server does not offer")
    return path.encode()


def _content(message: bytes, *, is_8bit: bool, has_whole_lines: bool) -> bytes:
    """Return the message as DATA wants it: whole lines, leading dots doubled, the closing dot."""
    if not is_8bit and not message.isascii():
        message, has_whole_lines = _as_7bit(message), False
    if not has_whole_lines:
        message = _in_whole_lines(message)
    # Dots at the beginning of a line are rare: looking for them is cheaper than replacing them.
    stuffed = message.replace(b"\r\n.", b"\r\n..") if b"\n." in message else message
    return b"".join((b"." if stuffed.startswith(b".") else b"", stuffed, END_OF_DATA))


def _in_whole_lines(message: bytes) -> bytes:
    line_count = message.count(b"\n")
    # A lone CR or LF in front of a dot ends the content for lenient servers, and what follows
    # would be read as commands ("SMTP smuggling").
    if not line_count == message.count(b"\r\n") == message.count(b"\r"):
        message = ANY_LINE_END.sub(b"\r\n", message)
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def _as_7bit(message: bytes) -> bytes:
    policy = compat32.clone(cte_type="7bit", linesep="\r\n", max_line_length=None)
    written = io.BytesIO()
    BytesGenerator(written, mangle_from_=False, policy=policy).flatten(message_from_bytes(message))
    return written.getvalue()


def _provider_id(reply: Reply) -> str:
    """Keep the provider's own reference ("queued as 4F2A"), without anything like an address."""
    words = chain.from_iterable(line.split() for line in reply.text.split("\n"))
    return " ".join(word for word in words if "@" not in word)[:200]
