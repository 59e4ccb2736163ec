from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from made_build import AS_OF
from page_reader import read

from playbook.loader import Playbook
from reports.mail import letter
from reports.weekly import Html
from tasks import outgoing_mail, report
from tasks.report import Recipient
from warehouse.ledger import Ledger


@pytest.fixture(params=["es", "en"])
def message(
    request: pytest.FixtureRequest, pages: dict[str, Html], playbook: Playbook, ledger: Ledger, tmp_path: Path
) -> EmailMessage:
    """What travels: queued as the report's task queues it, built as the outbox's sender builds it."""
    page = tmp_path / pages[request.param].file_name
    page.write_text(pages[request.param].text)
    reader = Recipient("boss@tenfold.example", request.param)
    report._queue(ledger, pages[request.param], page, {reader: "report/test"}, playbook, AS_OF)
    (row,) = [row for row in ledger.outbox_rows(channel="mail") if row.business_key == "report/test"]
    made = outgoing_mail.build(row.payload, row.marker, playbook.company, AS_OF)
    parsed = message_from_bytes(made.as_bytes(), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_the_mail_has_text_html_charts_and_the_whole_report(
    message: EmailMessage, pages: dict[str, Html]
) -> None:
    kinds = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "image/png", "image/png", "image/png", "text/html"]
    (attached,) = message.iter_attachments()
    language = str(message["Content-Language"])
    assert attached.get_filename() == f"weekly-2026-W46.{language}.html"
    assert attached.get_payload(decode=True) == pages[language].text.encode()


def test_every_image_of_the_mail_is_in_the_mail(message: EmailMessage) -> None:
    body = message.get_body(("html",))
    assert body is not None
    images = [e.attributes for e in read(body.get_content()).walk() if e.tag == "img"]
    ids = {part["Content-ID"] for part in message.walk() if part.get_content_type() == "image/png"}
    assert {f"<{image['src'].removeprefix('cid:')}>" for image in images} == ids
    assert all(image["alt"] for image in images)
    for part in message.walk():
        if part.get_content_type() == "image/png":
            assert part.get_payload(decode=True).startswith(b"\x89PNG")  # type: ignore[union-attr]
            assert part.get_content_disposition() == "inline"


def test_the_text_alone_tells_the_week(message: EmailMessage) -> None:
    body = message.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "Hotel Miramar" in text
    assert "153" in text
    assert "{" not in text
    assert "&" not in text.replace("Bufete Arriaga & Hijos", "")
    assert "\n\n\n" not in text


def test_the_subject_tells_whether_to_open_it(pages: dict[str, Html]) -> None:
    assert letter(pages["en"]).subject == "[sandbox] Tenfold, week 46: MRR €153,100, 5 figures off target"
    assert letter(pages["es"]).subject.endswith("5 cifras fuera de objetivo")


def test_the_mail_loads_nothing_from_outside(message: EmailMessage) -> None:
    body = message.get_body(("html",))
    assert body is not None
    assert "://" not in body.get_content()
    assert "<style" not in body.get_content()
