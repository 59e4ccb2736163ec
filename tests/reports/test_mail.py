from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from page_reader import read

from reports.mail import letter, mail
from reports.weekly import Html


@pytest.fixture(params=["es", "en"])
def message(request: pytest.FixtureRequest, pages: dict[str, Html]) -> EmailMessage:
    made = mail(pages[request.param], "Tenfold <hello@tenfold.example>", "boss@tenfold.example")
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
