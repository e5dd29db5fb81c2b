import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from campaigns.delivery.base import Outcome, get_backend
from tests.campaigns.delivery_support import envelopes


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def free_port() -> int:
    """aiosmtpd's controller has to know its port in advance."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def knows_password(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    is_known = data == LoginPassword(b"shop", b"p@ss word")
    return AuthResult(success=mechanism == "PLAIN" and is_known, handled=False)


@contextmanager
def server_behind_tls(certificate: Path) -> Iterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    port = free_port()
    controller = Controller(
        Sink(),
        hostname="127.0.0.1",
        port=port,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=knows_password,
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def test_emails_leave_encrypted_and_logged_in(certificate: Path) -> None:
    with server_behind_tls(certificate) as port:
        backend = get_backend(f"smtp+tls://shop:p%40ss%20word@127.0.0.1:{port}?ca={certificate}")

        deliveries = backend.deliver(envelopes("a", "b"))
        backend.close()

    assert [delivery.outcome for delivery in deliveries] == [Outcome.SENT, Outcome.SENT]


def test_wrong_password_leaves_everything_to_be_tried_again(certificate: Path) -> None:
    with server_behind_tls(certificate) as port:
        backend = get_backend(f"smtp+tls://shop:hunter2@127.0.0.1:{port}?ca={certificate}")

        (delivery,) = backend.deliver(envelopes("a"))

    assert delivery.outcome is Outcome.RETRY
    assert (
        delivery.detail == "not handed over: the server refused user name or password (535 5.7.8)"
    )


def test_unknown_certificate_is_not_trusted(certificate: Path) -> None:
    with server_behind_tls(certificate) as port:
        backend = get_backend(f"smtp+tls://shop:p%40ss%20word@127.0.0.1:{port}")

        fault = backend.is_up()

    assert "certificate verify failed" in fault


def test_server_without_starttls_gets_nothing_when_encryption_is_asked_for() -> None:
    port = free_port()
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        fault = get_backend(f"smtp+tls://127.0.0.1:{port}").is_up()
    finally:
        controller.stop()

    assert "does not offer STARTTLS" in fault
