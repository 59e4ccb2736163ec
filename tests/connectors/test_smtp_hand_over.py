"""Handing a message over: what the server says decides what happens next, and silence is not success."""

import email
import email.policy
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.errors import ConnectorError, FixConfig, HandOverUnknown, PermanentRefusal, RetryLater
from connectors.smtp import SmtpSender
from tests.connectors.connector_doubles import raw_server


def message(to: str = "Ana <ana@client.test>", body: str = "Hola, ¿qué tal?\n") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Tenfold <team@tenfold.test>"
    mail["To"] = to
    mail["Subject"] = "Bienvenida, señora"
    mail["Message-ID"] = "<marker-1@tenfold.test>"
    mail.set_content(body)
    return mail


class FreePort(Controller):
    """aiosmtpd's controller on any free port, which it cannot do by itself."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Sink:
    """Keeps what it accepted."""

    def __init__(self) -> None:
        self.kept: list = []

    async def handle_DATA(self, *given: object) -> str:  # noqa: N802 - aiosmtpd's name
        self.kept.append(given[2])
        return "250 2.0.0 Ok: queued as ABC123"


@contextmanager
def sink(**options: object) -> Iterator[tuple[Sink, int]]:
    keeper = Sink()
    controller = FreePort(keeper, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        yield keeper, controller.port
    finally:
        controller.stop()


def test_a_message_arrives_whole_and_the_servers_words_come_back() -> None:
    body = "First\n.a line with a dot\n..and two\nlast: ñ €\n"
    with sink() as (keeper, port), SmtpSender(f"smtp://127.0.0.1:{port}").connect() as connection:
        said = connection.hand_over(message("Ana <ana@client.test>, b@client.test", body))
        connection.hand_over(message())
    assert said == "250 2.0.0 Ok: queued as ABC123"
    first, second = keeper.kept
    assert first.mail_from == "team@tenfold.test"
    assert first.rcpt_tos == ["ana@client.test", "b@client.test"]
    assert second.rcpt_tos == ["ana@client.test"]
    got = email.message_from_bytes(first.content, policy=email.policy.default)
    assert got.get_content().replace("\r\n", "\n") == body
    assert got["Subject"] == "Bienvenida, señora"
    assert got["Message-ID"] == "<marker-1@tenfold.test>"


def test_a_blind_copy_stays_blind() -> None:
    mail = message()
    mail["Bcc"] = "boss@tenfold.test"
    with sink() as (keeper, port), SmtpSender(f"smtp://127.0.0.1:{port}").connect() as connection:
        connection.hand_over(mail)
    assert keeper.kept[0].rcpt_tos == ["ana@client.test", "boss@tenfold.test"]
    assert b"boss" not in keeper.kept[0].content
    assert mail["Bcc"] == "boss@tenfold.test"


def scripted(*answers: tuple[bytes, bytes | None]) -> Callable[[socket.socket], None]:
    """A server that greets, then answers the first command starting with each word; None closes instead."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 mx ready\r\n")
        lines = connection.makefile("rb")
        table = {b"EHLO": b"250 mx\r\n", b"MAIL": b"250 ok\r\n", b"RCPT": b"250 ok\r\n"}
        table |= {
            b"DATA": b"354 go\r\n",
            b"RSET": b"250 ok\r\n",
            b"QUIT": b"221 bye\r\n",
            b".": b"250 ok\r\n",
        }
        table |= dict(answers)
        in_message = False
        for line in lines:
            word = line.strip() if in_message else line[:4].upper().strip()
            if in_message and word != b".":
                continue
            reply = table.get(word, b"500 what\r\n")
            if reply is None:
                return
            connection.sendall(reply)
            in_message = word == b"DATA" and reply.startswith(b"354")

    return talk


def outcome(*answers: tuple[bytes, bytes | None]) -> ConnectorError:
    with (
        raw_server(scripted(*answers)) as port,
        pytest.raises(ConnectorError) as caught,
        SmtpSender(f"smtp://127.0.0.1:{port}", timeout=5).connect() as connection,
    ):
        connection.hand_over(message())
    return caught.value


@pytest.mark.parametrize(
    ("step", "reply", "expected"),
    [
        (b"MAIL", b"451 4.3.0 busy\r\n", RetryLater),
        (b"RCPT", b"450 4.2.1 <ana@client.test> greylisted\r\n", RetryLater),
        (b"DATA", b"421 4.3.2 closing\r\n", RetryLater),
        (b".", b"452 4.3.1 full\r\n", RetryLater),
        (b"MAIL", b"550 5.7.1 <team@tenfold.test> not yours\r\n", PermanentRefusal),
        (b"RCPT", b"550 5.1.1 <ana@client.test> unknown\r\n", PermanentRefusal),
        (b"DATA", b"554 5.5.1 no\r\n", PermanentRefusal),
        (b".", b"554 5.6.0 spam from ana@client.test\r\n", PermanentRefusal),
        (b"MAIL", None, RetryLater),
        (b"RCPT", None, RetryLater),
        (b"DATA", None, RetryLater),
        (b".", None, HandOverUnknown),
    ],
)
def test_each_refusal_or_silence_becomes_what_to_do(step: bytes, reply: bytes | None, expected: type) -> None:
    error = outcome((step, reply))
    assert type(error) is expected
    assert "@" not in str(error)
    if reply is not None:
        assert reply[:3].decode() in str(error)
        assert reply[4:9].decode() in str(error)
    if isinstance(error, PermanentRefusal):
        assert error.code == int(reply[:3])


def test_a_message_refused_for_good_leaves_the_connection_usable() -> None:
    class Picky(Sink):
        async def handle_RCPT(self, *given: object) -> str:  # noqa: N802 - aiosmtpd's name
            envelope, address = given[2], given[3]
            if "nobody" in address:
                return "550 5.1.1 unknown"
            envelope.rcpt_tos.append(address)
            return "250 OK"

    keeper = Picky()
    controller = FreePort(keeper, hostname="127.0.0.1", port=0)
    controller.start()
    port = controller.port
    try:
        with SmtpSender(f"smtp://127.0.0.1:{port}").connect() as connection:
            with pytest.raises(PermanentRefusal):
                connection.hand_over(message("nobody@client.test"))
            connection.hand_over(message())
    finally:
        controller.stop()
    assert [each.rcpt_tos for each in keeper.kept] == [["ana@client.test"]]


@pytest.mark.parametrize("to", ["", "jósé@client.test"])
def test_a_message_nobody_can_receive_never_leaves(to: str) -> None:
    with (
        sink() as (keeper, port),
        SmtpSender(f"smtp://127.0.0.1:{port}").connect() as connection,
        pytest.raises(PermanentRefusal),
    ):
        connection.hand_over(message(to))
    assert keeper.kept == []


def test_no_server_and_a_server_that_only_hangs_up_are_for_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(RetryLater):
        SmtpSender(f"smtp://127.0.0.1:{port}", timeout=5).connect()
    with raw_server(lambda _: None) as port, pytest.raises(RetryLater):
        SmtpSender(f"smtp://127.0.0.1:{port}", timeout=5).connect()


# 127.0.0.2 is this machine too, but not one that the sender trusts with a password in clear.
ELSEWHERE = "127.0.0.2"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ELSEWHERE))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_file, key_file


@contextmanager
def secure_sink(certificate: tuple[Path, Path]) -> Iterator[tuple[Sink, int]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def check(server: object, session: object, envelope: object, mechanism: str, given: object) -> AuthResult:
        return AuthResult(success=given.login == b"user" and given.password == b"p@ss word", handled=False)

    keeper = Sink()
    controller = FreePort(
        keeper, hostname=ELSEWHERE, port=0, tls_context=context, authenticator=check, auth_require_tls=True
    )
    controller.start()
    try:
        yield keeper, controller.port
    finally:
        controller.stop()


def test_a_login_travels_only_inside_tls(certificate: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with secure_sink(certificate) as (keeper, port):
        url = f"smtp://user:p%40ss%20word@{ELSEWHERE}:{port}"
        with SmtpSender(url, tls=trusting).connect() as connection:
            connection.hand_over(message())
        with pytest.raises(FixConfig, match="certificate"):
            SmtpSender(url).connect()
        with pytest.raises(FixConfig, match="login is refused") as caught:
            SmtpSender(f"smtp://user:wrong-PASS@{ELSEWHERE}:{port}", tls=trusting).connect()
    assert len(keeper.kept) == 1
    assert "wrong-PASS" not in str(caught.value)


def test_a_password_is_not_given_to_a_server_without_tls() -> None:
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 mx ready\r\n")
        for line in connection.makefile("rb"):
            heard.append(line)
            connection.sendall(
                b"250-mx\r\n250 AUTH PLAIN LOGIN\r\n" if line[:4] == b"EHLO" else b"221 bye\r\n"
            )

    with raw_server(talk, ELSEWHERE) as port, pytest.raises(FixConfig, match="STARTTLS"):
        SmtpSender(f"smtp://user:secret@{ELSEWHERE}:{port}", timeout=5).connect()
    assert heard
    assert not any(b"AUTH" in line for line in heard)


def test_a_password_that_smtp_cannot_carry_is_told_and_not_shown() -> None:
    with pytest.raises(FixConfig, match="ASCII") as caught:
        SmtpSender("smtp://user:w%C3%B6rd@mx.test")
    assert "rd@" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("url", ["http://mx.test", "smtp://", "smtp://mx.test:port", "mx.test:25"])
def test_an_unusable_address_is_told_in_one_sentence(url: str) -> None:
    with pytest.raises(FixConfig, match="TENFOLD_SMTP__URL"):
        SmtpSender(url)
