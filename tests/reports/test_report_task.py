import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from made_build import AS_OF
from page_reader import read

from playbook.loader import Playbook
from reports.figures import KpiTable
from reports.weekly import Facts, gather
from tasks import outgoing_mail, report
from tasks.report import Recipient, business_key, recipients, write
from warehouse.ledger import Ledger, Outbox

READERS = (Recipient("boss@tenfold.example", "es"), Recipient("coo@tenfold.example", "en"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "the home"
    folder.mkdir()
    yield folder
    assert list(folder.glob("reports/.*")) == []  # no draft is ever left behind


@pytest.fixture
def plain(facts: Facts) -> Facts:
    """Facts without series: what is tested here does not hang on charts, and they take nearly all the time."""
    return replace(facts, table=KpiTable({}))


def mails(ledger: Ledger) -> list[Outbox]:
    return [row for row in ledger.outbox_rows(channel="mail") if row.business_key.startswith("report/")]


def test_one_page_for_each_language_and_one_mail_for_each_reader(
    home: Path, plain: Facts, playbook: Playbook, ledger: Ledger
) -> None:
    paths = write(home, plain, playbook, ledger, AS_OF, READERS)
    assert [p.name for p in paths] == ["weekly-2026-W46.es.html", "weekly-2026-W46.en.html"]
    assert [read(p.read_text()).all("lang")[0].attributes["lang"] for p in paths] == ["es", "en"]
    assert [row.business_key for row in mails(ledger)] == [
        "report/weekly/2026-W46/es/boss@tenfold.example",
        "report/weekly/2026-W46/en/coo@tenfold.example",
    ]


def test_the_second_run_draws_and_queues_nothing(
    home: Path, plain: Facts, playbook: Playbook, ledger: Ledger
) -> None:
    first = write(home, plain, playbook, ledger, AS_OF, READERS)
    stamps = [(p.stat().st_mtime_ns, p.stat().st_ino) for p in first]
    second = write(home, plain, playbook, ledger, AS_OF + timedelta(hours=1), READERS)
    assert second == first
    assert [(p.stat().st_mtime_ns, p.stat().st_ino) for p in second] == stamps
    assert len(mails(ledger)) == 2


def test_a_change_in_the_ledger_or_the_build_makes_the_page_anew_but_mails_nobody_again(
    home: Path, plain: Facts, playbook: Playbook, ledger: Ledger
) -> None:
    (before, _) = write(home, plain, playbook, ledger, AS_OF, READERS)
    old = before.read_text()
    write(home, replace(plain, alerts=()), playbook, ledger, AS_OF, READERS)
    assert "No hay ninguna alerta abierta" in before.read_text()
    write(home, replace(plain, build_id="another"), playbook, ledger, AS_OF, READERS)
    assert before.read_text() != old
    assert len(mails(ledger)) == 2


def test_queueing_the_mail_does_not_itself_change_the_page(
    home: Path, build: object, playbook: Playbook, ledger: Ledger
) -> None:
    digests = []
    for _ in range(2):
        found = gather(build, ledger, playbook, "2026-W46")  # type: ignore[arg-type]
        digests.append(report.inputs_digest(found, playbook))
        write(home, replace(found, table=KpiTable({})), playbook, ledger, AS_OF, READERS)
    assert digests[0] == digests[1]


def test_a_page_that_was_lost_is_written_again(
    home: Path, plain: Facts, playbook: Playbook, ledger: Ledger
) -> None:
    (path, _) = write(home, plain, playbook, ledger, AS_OF, READERS)
    whole = path.read_bytes()
    path.write_bytes(whole[:500])
    write(home, plain, playbook, ledger, AS_OF, READERS)
    assert path.read_bytes() == whole


def test_the_queued_mail_is_small_and_becomes_the_whole_message(
    home: Path, facts: Facts, playbook: Playbook, ledger: Ledger
) -> None:
    (page, _) = write(home, facts, playbook, ledger, AS_OF, READERS)
    (row, _) = mails(ledger)
    assert len(json.dumps(row.payload)) < 20_000
    assert row.useful_until is not None
    message = outgoing_mail.build(row.payload, row.marker, playbook.company, AS_OF)
    kinds = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "image/png", "image/png", "image/png", "text/html"]
    assert message["To"] == "boss@tenfold.example"
    assert message["Message-ID"] == row.marker
    (attached,) = message.iter_attachments()
    assert attached.get_payload(decode=True) == page.read_bytes()


def test_each_reader_gets_the_report_in_their_language(playbook: Playbook) -> None:
    assert recipients(playbook) == (
        Recipient("manager@tenfold.example", "es"),
        Recipient("partner@tenfold.example", "en"),
    )


def test_without_readers_the_company_itself_reads_it_in_its_first_language(playbook: Playbook) -> None:
    nobody = playbook.model_copy(
        update={"company": playbook.company.model_copy(update={"report_readers": ()})}
    )
    (reader,) = recipients(nobody)
    assert reader == Recipient("hello@tenfold.example", "es")
    assert business_key("2026-W46", reader) == "report/weekly/2026-W46/es/hello@tenfold.example"
