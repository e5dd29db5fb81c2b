"""Build the bytes of a mail from a skeleton made once for many readers."""

import binascii
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from hashlib import blake2s
from typing import Final

from campaigns.rendering import headers
from campaigns.rendering.text import has_long_line

_CRLF: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What all mails of a chunk share."""

    fixed_headers: bytes
    message_domain: str

    def build(
        self,
        *,
        to_name: str,
        to_email: str,
        subject: str,
        html: str,
        text: str,
        message_key: str,
        unsubscribe_url: str,
    ) -> bytes:
        """One mail, all lines ending with CRLF; raises HeaderError for an impossible address.

        The same key gives the same Message-ID, so that a retried hand-over is recognised.
        """
        key = headers.token(message_key, name="the message key")
        text_part, html_part = _part(text, "plain"), _part(html, "html")
        boundary = _boundary(key, text_part, html_part)
        own_headers = (
            f"To: {headers.mailbox(to_name, to_email)}\r\n"
            f"Subject: {headers.subject(subject)}\r\n"
            f"Message-ID: <{key}@{self.message_domain}>\r\n"
            f"X-Attune-Message-Key: {key}\r\n"
            f"List-Unsubscribe: <{headers.url(unsubscribe_url, name='List-Unsubscribe')}>\r\n"
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'
        )
        delimiter = b"--" + boundary.encode("ascii")
        return b"".join(
            (
                self.fixed_headers,
                own_headers.encode("ascii"),
                delimiter,
                _CRLF,
                text_part,
                _CRLF,
                delimiter,
                _CRLF,
                html_part,
                _CRLF,
                delimiter,
                b"--\r\n",
            )
        )


def skeleton(
    *,
    from_name: str,
    from_email: str,
    reply_to: str = "",
    message_domain: str,
    date: datetime,
    feedback_id: str = "",
    list_id: str = "",
) -> Skeleton:
    """Write once what does not depend on the reader."""
    lines = [
        f"From: {headers.mailbox(from_name, from_email)}",
        f"Date: {format_datetime(date)}",
        "MIME-Version: 1.0",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ]
    if reply_to:
        lines.append(f"Reply-To: {headers.addr_spec(reply_to)}")
    if list_id:
        lines.append(f"List-ID: <{headers.token(list_id, name='List-ID')}>")
    if feedback_id:
        lines.append(f"Feedback-ID: {headers.token(feedback_id, name='Feedback-ID')}")
    # Checked as an address would be: it stands behind an @ as well.
    domain = headers.addr_spec(f"x@{message_domain}").removeprefix("x@")
    return Skeleton(("\r\n".join(lines) + "\r\n").encode("ascii"), domain)


def _part(content: str, subtype: str) -> bytes:
    data = content.encode("utf-8", "replace")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\x00" in data:
        data = data.replace(b"\x00", b"")
    if has_long_line(data):
        encoding = b"quoted-printable"
        data = binascii.b2a_qp(data, istext=True)
    else:
        encoding = b"8bit"
    return b"".join(
        (
            b"Content-Type: text/",
            subtype.encode("ascii"),
            b"; charset=utf-8\r\nContent-Transfer-Encoding: ",
            encoding,
            b"\r\n\r\n",
            data.replace(b"\n", _CRLF),
        )
    )


def _boundary(key: str, *parts: bytes) -> str:
    """From the key, so that the same mail has the same bytes; never a line of the content.

    Hardly a mail holds a "+", and that is seen in a moment: then nothing more has to be looked for.
    """
    suspects = [part for part in parts if b"+" in part]
    number = 0
    while True:
        digest = blake2s(f"{key}:{number}".encode("ascii"), digest_size=12).hexdigest()
        boundary = f"attune+{digest}"
        if all(boundary.encode("ascii") not in part for part in suspects):
            return boundary
        number += 1
