"""Attachments of a mail that was saved as a file (.eml): each as a file of its own, in memory only."""

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage

from connectors.accounting.shapes import ReadOptions, Refused

MAX_ATTACHMENTS = 200
_MAX_PARTS = 1_000
_HEADER = re.compile(rb"(?:From [^\r\n]*\r?\n)?(?:[!-9;-~]{1,76}:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*){2,}")
_OF_MAIL = re.compile(rb"^(?:MIME-Version|Content-Type|Message-ID):", re.MULTILINE | re.IGNORECASE)
_SENT = re.compile(rb"^(?:From|Received|Return-Path|Date):", re.MULTILINE | re.IGNORECASE)
_NO_BOOKS = frozenset({"image", "audio", "video"})
_NOISE = frozenset(
    {
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "text/calendar",
    }
)


def is_mail(data: bytes) -> bool:
    """Whether these bytes begin with the header of a mail."""
    found = _HEADER.match(data[:65536].lstrip(b"\r\n"))
    return found is not None and bool(_OF_MAIL.search(found[0]) and _SENT.search(found[0]))


def attachments(data: bytes, options: ReadOptions) -> list[tuple[str, bytes]]:
    """Name and bytes of each attachment, also of mails within the mail; pictures and signatures are left out.

    Raises Refused when there is none, when there are too many, and when they are larger than the limits.
    """
    try:
        message = email.message_from_bytes(data, policy=email.policy.default)
        found: list[tuple[str, bytes]] = []
        room = options.max_expanded_bytes
        for name, content in _attached(message):
            room -= len(content)
            if room < 0:
                raise Refused("The attachments of the mail are larger than the limit: it is not opened.")
            if len(found) == MAX_ATTACHMENTS:
                raise Refused(f"The mail has more than {MAX_ATTACHMENTS} attachments: it is not opened.")
            found.append((name, content))
    except (RecursionError, LookupError, ValueError, AttributeError, TypeError) as error:
        # The standard library's parser raises many things on mails that no program wrote.
        raise Refused("The mail is damaged. Save its attachments and import them.") from error
    if not found:
        raise Refused("The mail has no attachment that could be an export. Attach the file itself.")
    return found


def _attached(message: EmailMessage) -> Iterator[tuple[str, bytes]]:
    for number, part in enumerate(message.walk()):
        if number > _MAX_PARTS:
            raise Refused("The mail is of too many parts: it is not opened.")
        name = part.get_filename()
        kind = part.get_content_type()
        if part.is_multipart() or part.get_content_maintype() in _NO_BOOKS or kind in _NOISE:
            continue
        if name is None and part.get_content_disposition() != "attachment":
            continue
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and content:
            yield re.sub(r"[\x00-\x1f/\\]+", "_", name or f"attachment {number}")[:120], content
