"""Mail by SMTP, in two steps that the caller can write around: connect, then hand one message over.

No address stands in an error: servers like to repeat them, so of their words only the codes are kept.
"""

import copy
import re
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import getaddresses
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from connectors.errors import FixConfig, HandOverUnknown, PermanentRefusal, RetryLater

TIMEOUT = 120.0  # servers scan a message before they answer
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class _Server:
    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None


class SmtpConnection:
    """An open, greeted, logged-in connection. A context manager; one message at a time."""

    def __init__(self, smtp: smtplib.SMTP, host: str) -> None:
        self._smtp = smtp
        self._host = host

    def hand_over(self, message: EmailMessage) -> str:
        """Give one message to the server for everyone in To, Cc and Bcc; its reply ("250 2.0.0 queued").

        Nothing left this machine when it raises RetryLater (the server says "not now", or the connection
        ended early) or PermanentRefusal (it will never take it). HandOverUnknown: the connection ended
        between the message and the answer.
        """
        sender = _addresses(message, "From")
        receivers = _addresses(message, "To", "Cc", "Bcc")
        if not sender or not receivers:
            raise PermanentRefusal("The message has no sender or no receiver; correct it.")
        if not all(address.isascii() for address in (sender[0], *receivers)):
            raise PermanentRefusal(
                "An address holds letters outside ASCII, which few servers take; correct it."
            )
        content = _wire_form(message)
        try:
            self._expect(self._smtp.mail(sender[0]), "MAIL")
            for receiver in receivers:
                self._expect(self._smtp.rcpt(receiver), "RCPT")
            self._expect(self._smtp.docmd("DATA"), "DATA", go_on=354)
        except (smtplib.SMTPException, OSError):
            raise RetryLater(
                f"smtp {self._host}: the connection ended before the message; send it again later."
            ) from None
        try:
            self._smtp.send(content)
            code, words = self._smtp.getreply()
        except (smtplib.SMTPException, OSError):
            raise HandOverUnknown(
                f"smtp {self._host}: the connection ended after the message and before the answer; "
                "it may have been delivered. Look it up before sending it again."
            ) from None
        if not 200 <= code < 300:
            raise self._refusal(code, words, "the message")
        return f"{code} {_text(words)}"

    def _expect(self, reply: tuple[int, bytes], step: str, go_on: int | None = None) -> None:
        code, words = reply
        if code != go_on and (go_on is not None or not 200 <= code < 300):
            self._reset()
            raise self._refusal(code, words, step)

    def _reset(self) -> None:
        try:
            self._smtp.rset()
        except (smtplib.SMTPException, OSError):
            return  # the refusal is what matters; a dead connection is found by the next message

    def _refusal(self, code: int, words: bytes | str, step: str) -> RetryLater | PermanentRefusal:
        enhanced = _ENHANCED.match(_text(words))
        said = f"smtp {self._host}: {step} answered {code}" + (f" ({enhanced[1]})" if enhanced else "")
        if 500 <= code < 600:
            return PermanentRefusal(f"{said}: refused for good; check the address and the sender.", code)
        return RetryLater(f"{said}: not now; send it again later.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye if anyone still listens."""
        try:
            self._smtp.quit()
        except (smtplib.SMTPException, OSError):
            self._smtp.close()


class SmtpSender:
    """A mail server by its URL: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT, tls: ssl.SSLContext | None = None) -> None:
        """`tls` is for a server with a certificate of its own. Raises FixConfig for an unusable URL."""
        self._server = _parse(url)
        self._timeout = timeout
        self._tls = tls

    def connect(self) -> SmtpConnection:
        """A connection ready for messages.

        With credentials TLS is required, except on this machine; without, it is used when offered. Raises
        RetryLater when no server answers, FixConfig when the login or the certificate is refused.
        """
        server = self._server
        kind: Callable[..., smtplib.SMTP] = smtplib.SMTP_SSL if server.tls else smtplib.SMTP
        options = {"context": self._context()} if server.tls else {}
        smtp: smtplib.SMTP | None = None
        try:
            smtp = kind(server.host, server.port, timeout=self._timeout, **options)
            smtp.ehlo_or_helo_if_needed()
            self._secure(smtp)
            if server.user is not None:
                smtp.login(server.user, server.password or "")
        except ssl.SSLError:
            _drop(smtp)
            raise FixConfig(
                f"smtp {server.host}: its certificate or TLS version is not accepted; "
                "check host, port and scheme (smtp for 587, smtps for 465) of TENFOLD_SMTP__URL."
            ) from None
        except smtplib.SMTPAuthenticationError as error:
            _drop(smtp)
            if 400 <= error.smtp_code < 500:
                raise RetryLater(
                    f"smtp {server.host}: login answered {error.smtp_code}; try later."
                ) from None
            raise FixConfig(
                f"smtp {server.host}: the login is refused ({error.smtp_code}); "
                "correct user and password in TENFOLD_SMTP__URL."
            ) from None
        except smtplib.SMTPNotSupportedError:
            _drop(smtp)
            raise FixConfig(
                f"smtp {server.host}: it offers no login; remove the user from the URL."
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            _drop(smtp)
            raise RetryLater(
                f"smtp {server.host}: no usable answer ({type(error).__name__}); check the host, try later."
            ) from None
        except FixConfig:
            _drop(smtp)
            raise
        return SmtpConnection(smtp, server.host)

    def _secure(self, smtp: smtplib.SMTP) -> None:
        server = self._server
        if server.tls or server.host in LOOPBACK:
            return
        if smtp.has_extn("starttls"):
            smtp.starttls(context=self._context())
            smtp.ehlo()
        elif server.user is not None:
            raise FixConfig(
                f"smtp {server.host}: it offers no STARTTLS, and the password would travel in clear; use smtps://."
            )

    def _context(self) -> ssl.SSLContext:
        return self._tls or ssl.create_default_context()


def _parse(url: str) -> _Server:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise FixConfig("TENFOLD_SMTP__URL is no address; write smtp://user:password@host:587.") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise FixConfig("TENFOLD_SMTP__URL is no mail server; write smtp://user:password@host:587.")
    if not unquote(f"{parts.username}{parts.password}").isascii():
        raise FixConfig("TENFOLD_SMTP__URL: user and password must be ASCII; choose another password.")
    tls = parts.scheme == "smtps"
    return _Server(
        host=parts.hostname,
        port=port or (465 if tls else 587),
        tls=tls,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def _addresses(message: EmailMessage, *headers: str) -> list[str]:
    values = [str(value) for name in headers for value in message.get_all(name, [])]
    return list(dict.fromkeys(address for _, address in getaddresses(values) if address))


def _wire_form(message: EmailMessage) -> bytes:
    """The message as it travels: without Bcc, CRLF line ends, leading dots doubled, closed by a lone dot."""
    shown = copy.copy(message)
    del shown["Bcc"]
    lines = shown.as_bytes(policy=SMTP_POLICY).rstrip(b"\r\n").replace(b"\r\n.", b"\r\n..")
    return (b"." + lines if lines.startswith(b".") else lines) + b"\r\n.\r\n"


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words


def _drop(smtp: smtplib.SMTP | None) -> None:
    if smtp is not None:
        smtp.close()
