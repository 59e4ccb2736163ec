"""The weekly report as files in the home and mail in the outbox; what is unchanged is not made again."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from playbook.loader import Playbook
from reports.mail import letter
from reports.weekly import Facts, Html, code_digest, compose, gather, last_week, render
from tasks.follow_up import marker
from tasks.rooms import Rooms
from warehouse.ledger import Ledger, NewEffect
from warehouse.published import Published

FOLDER = "reports"
CHANNEL = "mail"
STEP = "report/weekly"
USEFUL = timedelta(days=7)  # after that the next report is there


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who reads the report, in their language."""

    email: str
    language: str


def weekly_report(rooms: Rooms, ledger: Ledger, week: str | None, as_of: datetime) -> list[Path]:
    """Write the report of `week` (None: the last one over in the published data) and queue its mail.

    The files, one per language of the company. Raises NothingPublished before the first publish, ReportError
    for a week that the published data does not cover.
    """
    with Published.open(rooms.home.path, rooms.home.settings.warehouse.key) as published:
        chosen = week or last_week(published.as_of, rooms.playbook.company.zone)
        facts = gather(published, ledger, rooms.playbook, chosen)
    return write(rooms.home.path, facts, rooms.playbook, ledger, as_of, recipients(rooms.playbook))


def recipients(playbook: Playbook) -> tuple[Recipient, ...]:
    """Who gets the report by mail: the playbook's readers, else whoever answers the company's mail."""
    company = playbook.company
    if company.report_readers:
        return tuple(Recipient(reader.email, reader.language) for reader in company.report_readers)
    return (Recipient(company.reply_to, company.languages[0]),)


def write(
    home: Path,
    facts: Facts,
    playbook: Playbook,
    ledger: Ledger,
    as_of: datetime,
    readers: Sequence[Recipient],
) -> list[Path]:
    """Write each language's page, whole or not at all, and queue each reader's mail once for the week.

    A page made from the same facts, texts and code is left as it is, and costs no drawing.
    """
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    inputs = inputs_digest(facts, playbook)
    paths = []
    for language in playbook.company.languages:
        path = folder / Html.name_of(facts.week, language)
        keys = {r: business_key(facts.week, r) for r in readers if r.language == language}
        queued = _queued(ledger, set(keys.values()))
        paths.append(path)
        missing = {r: key for r, key in keys.items() if key not in queued}
        if not missing and _made_from(path, inputs):
            continue
        report = render(compose(facts, playbook, language), inputs)
        _replace(path, report.text.encode())
        if missing:
            _queue(ledger, report, path, missing, playbook, as_of)
    return paths


def business_key(week: str, reader: Recipient) -> str:
    """What makes a week's mail go to a reader once: report/weekly/2026-W46/es/name@example.com."""
    return f"{STEP}/{week}/{reader.language}/{reader.email}"


def inputs_digest(facts: Facts, playbook: Playbook) -> str:
    """Changes when anything does that a page is made from: build, ledger, playbook, code."""
    ledger_facts = repr((facts.activity, facts.alerts))
    parts = (facts.build_id, facts.week, str(facts.sandbox), playbook.digest, code_digest(), ledger_facts)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _made_from(path: Path, inputs: str) -> bool:
    """True when the page at `path` is whole and its last line says that it was made from these inputs."""
    try:
        return path.read_bytes().rstrip().endswith(f"<!-- inputs {inputs} -->".encode())
    except OSError:
        return False


def _queued(ledger: Ledger, keys: set[str]) -> set[str]:
    if not keys:
        return set()
    return {row.business_key for row in ledger.outbox_rows(channel=CHANNEL)} & keys


def _queue(
    ledger: Ledger,
    report: Html,
    page: Path,
    missing: dict[Recipient, str],
    playbook: Playbook,
    as_of: datetime,
) -> None:
    """The mail refers to files: an outbox row stays small, and the page travels as it lies in the home."""
    summary = letter(report)
    images = []
    pictures = page.with_name("mail")  # apart from the pages, which are for people to open
    pictures.mkdir(exist_ok=True)
    for cid, png in summary.images.items():
        path = pictures / f"weekly-{cid.partition('@')[0]}.png"
        _replace(path, png)
        images.append({"cid": cid, "path": str(path), "mime": "image/png"})
    domain = playbook.company.sender_email.partition("@")[2]
    payload: dict[str, Any] = {
        "step": STEP,
        "language": report.edition.language,
        "subject": summary.subject,
        "text": summary.text,
        "html": summary.html,
        "images": images,
        "attachments": [{"path": str(page), "name": page.name, "mime": "text/html"}],
    }
    ledger.enqueue(
        [
            NewEffect(
                business_key=key,
                channel=CHANNEL,
                payload={**payload, "to": reader.email},
                marker=f"<{marker(key)}@{domain}>",
                useful_until=as_of + USEFUL,
            )
            for reader, key in missing.items()
        ],
        as_of,
    )


def _replace(path: Path, content: bytes) -> None:
    """Nobody ever sees half a file: written beside its place, then moved there."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as draft:
            draft.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
