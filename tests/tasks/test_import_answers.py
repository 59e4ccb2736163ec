"""What a file leaves open is asked, answered once and kept; mails bring their attachments."""

import io
import zipfile
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from connectors.accounting import ReadOptions
from connectors.accounting.mails import attachments, is_mail
from connectors.accounting.shapes import Refused
from tasks.import_files import import_files, import_inbox, inspect, undo_import
from tasks.import_profiles import NoProfile, load_profiles, store_profile
from warehouse.landing import Landing
from warehouse.store import Store

AS_OF = datetime(2026, 11, 16, 7, tzinfo=UTC)
OPEN = "Date,Text,Amount\n02/03/2026,a,-1.50\n"
LATER = "Statement of May\n\nDate,Text,Amount\n03/04/2026,b,-2.50\n"
DECIDED = "Date,Text,Amount\n13/04/2026,b,-2.50\n03/28/2026,c,-2.50\n"
OTHER = "Day,Concept,Amount\n03/04/2026,b,-2.50\n"


def test_a_question_is_asked_and_its_answer_is_kept_for_files_of_the_same_shape(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "march.csv").write_text(OPEN)
    (asked,) = inspect([inbox / "march.csv"], home=tmp_path)
    assert (asked["questions"], asked["records"]) == (["--date-order"], 0)
    options = ReadOptions(date_order="dmy", currency="GBP", account="12 34")
    store_profile(tmp_path, "main", [OPEN.encode()], options)
    (inbox / "april.csv").write_text(LATER)
    (inbox / "other.csv").write_text(OTHER)
    found = {each["file"]: each for each in inspect([inbox], home=tmp_path)}
    assert (found["april.csv"]["profile"], found["other.csv"]["profile"]) == ("main", None)
    assert found["april.csv"]["totals"] == {"GBP": "-2.50"}
    assert found["other.csv"]["questions"] == ["--date-order"]
    store = Store(tmp_path)
    import_files([inbox / "march.csv", inbox / "april.csv"], Landing(tmp_path), store, AS_OF)
    with store.read() as con:
        assert con.execute(
            "select body ->> '$.date', body ->> '$.account' from raw.accounting_movements order by 1"
        ).fetchall() == [("2026-03-02", "12 34"), ("2026-04-03", "12 34")]


def test_where_two_profiles_disagree_nothing_is_guessed(tmp_path: Path) -> None:
    for name, account in (("one", "1"), ("two", "2")):
        store_profile(tmp_path, name, [OPEN.encode()], ReadOptions(date_order="dmy", account=account))
    path = tmp_path / "x.csv"
    path.write_text(OPEN)
    (found,) = inspect([path], home=tmp_path)
    assert (found["profile"], found["records"]) == ("one and two", 1)
    landing, store = Landing(tmp_path), Store(tmp_path)
    import_files([path], landing, store, AS_OF)
    with store.read() as con:
        row = con.execute("select body ->> '$.account' from raw.accounting_movements").fetchone()
    assert row == (None,)


def test_a_profile_needs_an_answer_and_files_that_look_alike(tmp_path: Path) -> None:
    with pytest.raises(NoProfile, match="No answer"):
        store_profile(tmp_path, "x", [OPEN.encode()], ReadOptions())
    with pytest.raises(NoProfile, match="same header"):
        store_profile(tmp_path, "x", [OPEN.encode(), OTHER.encode()], ReadOptions(account="1"))
    (tmp_path / "import_profiles.yaml").write_text("- {name: x")
    with pytest.raises(NoProfile, match="damaged"):
        load_profiles(tmp_path)


def mail(*files: tuple[str, str, str, bytes]) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "bank@x.es", "us@y.es", "Extracto"
    message.set_content("See the attachment.")
    for name, main, sub, data in files:
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return message


BANK = b"Fecha;Concepto;Importe;Divisa\n13/03/2026;RENTA;-10,00;EUR\n"


def test_the_attachments_of_a_dropped_mail_are_files_and_its_pictures_are_not(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    inner = mail(("logo.png", "image", "png", b"\x89PNG"), ("marzo.csv", "text", "csv", BANK))
    outer = mail(("../evil.csv", "text", "csv", BANK.replace(b"13/", b"14/")))
    outer.add_attachment(inner)
    (inbox / "fw.eml").write_bytes(outer.as_bytes())
    store = Store(tmp_path)
    report = import_inbox(inbox, Landing(tmp_path), store, AS_OF, clock=lambda: 9e9)
    assert [each["file"] for each in report.files] == ["fw.eml/.._evil.csv", "fw.eml/marzo.csv"]
    assert (report.state, report.rows_added) == ("complete", 2)


def test_a_mail_without_a_file_or_with_too_much_is_refused() -> None:
    with pytest.raises(Refused, match="no attachment"):
        attachments(mail().as_bytes(), ReadOptions())
    big = mail(*((f"{n}.csv", "text", "csv", b"x" * 100) for n in range(3))).as_bytes()
    with pytest.raises(Refused, match="larger"):
        attachments(big, ReadOptions(max_expanded_bytes=250))
    many = mail(*((f"{n}.csv", "text", "csv", b"x") for n in range(201))).as_bytes()
    with pytest.raises(Refused, match="more than 200"):
        attachments(many, ReadOptions())


@pytest.mark.parametrize(
    "content", [BANK, b"Date: 1\nx", b"From: a\nTo: b\nx", b"", b"a,b\nMIME-Version: 1.0\n"]
)
def test_other_files_are_no_mails(content: bytes) -> None:
    assert not is_mail(content)
    assert is_mail(mail().as_bytes())


def packed(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_an_archive_in_a_mail_brings_its_files_and_is_undone_as_one(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    inside = packed(a=BANK, b=BANK.replace(b"13/", b"14/"))
    (inbox / "fw.eml").write_bytes(mail(("x.zip", "application", "zip", inside)).as_bytes())
    (inbox / "bad.zip").write_bytes(packed(**{"../c": BANK.replace(b"13/", b"15/")}))
    landing, store = Landing(tmp_path), Store(tmp_path)
    report = import_inbox(inbox, landing, store, AS_OF, clock=lambda: 9e9)
    names = {each["file"]: each["records"] for each in report.files}
    assert names == {"fw.eml/x.zip/a": 1, "fw.eml/x.zip/b": 1, "bad.zip": 0}
    assert (report.state, report.rows_added) == ("partial", 2)
    assert undo_import(landing, store, AS_OF, "fw.eml")["records"] == 2
    assert import_inbox(inbox, landing, store, AS_OF, clock=lambda: 9e9).rows_seen == 0
