"""The SMTP sink: every mail is kept as it came, and its recipients react to it."""

import asyncio
import email.policy
import itertools
import os
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.world import Mail, World

FOLDER = "mail"
# What a mail is about: the outbox names the step; without it the subject has to do.
STEP_HEADER = "X-Tenfold-Step"


class Sink:
    """aiosmtpd's handler."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.folder = world.home / FOLDER
        self.folder.mkdir(exist_ok=True)
        self._numbers = itertools.count(len(world.mails) + 1)

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message, or do what a fault says; the reply line."""
        faults = self.world.faults
        if slow := faults.take("smtp", "", "slow"):
            await asyncio.sleep(slow.seconds)
        if refused := faults.take("smtp", "", "refuse"):
            permanent = refused.status >= 500
            return (
                f"{refused.status} 4.3.2 try again later" if not permanent else f"{refused.status} 5.7.1 no"
            )
        drop = faults.take("smtp", "", "drop")
        if drop is None or drop.done:
            self._keep(envelope)
        if drop is not None:
            transport: Any = server.transport
            transport.abort()
        return "250 2.0.0 kept"

    def _keep(self, envelope: Envelope) -> None:
        content = envelope.original_content or b""
        message = BytesParser(policy=email.policy.default).parsebytes(content)
        name = f"{next(self._numbers):06d}.eml"
        path = self.folder / name
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.world.receive(
            Mail(
                at=self.world.clock,
                file=name,
                message_id=str(message.get("Message-ID", "")).strip(),
                sender=envelope.mail_from or "",
                recipients=tuple(envelope.rcpt_tos),
                subject=str(message.get("Subject", "")),
                step=_step(message),
            )
        )


def _step(message: EmailMessage) -> str:
    return str(message.get(STEP_HEADER) or message.get("Subject", ""))


def listener(sink: Sink) -> asyncio.Protocol:
    """A protocol for one connection; give it to `loop.create_server`."""
    loop = asyncio.get_running_loop()
    protocol: asyncio.Protocol = SMTP(sink, hostname="sandbox.localhost", enable_SMTPUTF8=True, loop=loop)
    return protocol


def envelope(mail: Mail) -> dict[str, Any]:
    """What is known of a kept mail without opening it."""
    return {
        "at": mail.at.isoformat(),
        "file": mail.file,
        "message_id": mail.message_id,
        "sender": mail.sender,
        "recipients": list(mail.recipients),
        "subject": mail.subject,
    }


def as_json(world: World, mail: Mail) -> dict[str, Any]:
    """A kept mail with its headers, text, HTML and the names of its attachments."""
    message = BytesParser(policy=email.policy.default).parsebytes(path_of(world, mail).read_bytes())
    return {
        **envelope(mail),
        "headers": {name: str(value) for name, value in message.items()},
        "text": _part(message, "plain"),
        "html": _part(message, "html"),
        "attachments": [
            {"name": part.get_filename(), "type": part.get_content_type()}
            for part in message.iter_attachments()
        ],
    }


def path_of(world: World, mail: Mail) -> Path:
    """Where the message lies."""
    return world.home / FOLDER / mail.file


def _part(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    return None if part is None else str(part.get_content())
