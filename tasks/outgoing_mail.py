"""A queued mail as the message that travels."""

from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from playbook.loader import Company


def build(payload: Mapping[str, Any], marker: str, company: Company, as_of: datetime) -> EmailMessage:
    """The message of an outbox row: text and HTML, its marker as Message-ID, so that it can be found again.

    `payload`: to, subject, text, html; optional step, kind (promotional adds the unsubscribe headers of
    RFC 8058), language, `images` [{cid, path, mime}] shown inside the HTML and `attachments`
    [{path, name, mime}]. Raises ValueError for an address that is none, OSError for a file that is gone.
    """
    message = EmailMessage()
    message["From"] = Address(display_name=company.sender_name, addr_spec=company.sender_email)
    message["To"] = Address(addr_spec=payload["to"])
    if company.reply_to != company.sender_email:
        message["Reply-To"] = Address(addr_spec=company.reply_to)
    message["Subject"] = payload["subject"]
    message["Date"] = format_datetime(as_of)
    message["Message-ID"] = marker
    message["X-Tenfold-Step"] = payload.get("step", "other")
    message["Auto-Submitted"] = "auto-generated"
    if payload.get("kind") == "promotional":
        links = [f"<mailto:{company.reply_to}?subject=unsubscribe>"]
        if company.unsubscribe_url:
            links.insert(0, f"<{company.unsubscribe_url}>")
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["List-Unsubscribe"] = ", ".join(links)
    message.set_content(payload["text"])
    if payload.get("html"):
        message.add_alternative(payload["html"], subtype="html")
    _add_images(message, payload.get("images", ()))
    for file in payload.get("attachments", ()):
        kind, _, subtype = file["mime"].partition("/")
        content = Path(file["path"]).read_bytes()
        # Our own pages are UTF-8, and some readers would guess otherwise.
        params = {"charset": "utf-8"} if kind == "text" else {}
        message.add_attachment(content, maintype=kind, subtype=subtype, filename=file["name"], params=params)
    if "language" in payload:
        message["Content-Language"] = payload["language"]  # last, because setting content clears it
    return message


def _add_images(message: EmailMessage, images: Any) -> None:
    page = message.get_body(("html",))
    if not isinstance(page, EmailMessage):
        return
    for image in images:
        kind, _, subtype = image["mime"].partition("/")
        content = Path(image["path"]).read_bytes()
        page.add_related(
            content, maintype=kind, subtype=subtype, cid=f"<{image['cid']}>", disposition="inline"
        )
