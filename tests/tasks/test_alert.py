"""When it rings, when it stays quiet and when it is over: each notice once."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.alert import Facts, Gate, SourceState, ack, alert, evaluate, silence, unknown_rows
from tasks.alert_rules import JobState, grain_of
from tasks.channels import CHANNELS
from tasks.deliver import deliver
from tasks.routes import NoticeRoute
from tests.tasks.follow_up_cases import PLAYBOOK, live_ledger
from warehouse.ledger import Ledger, LedgerError, NewEffect, Outbox

NOW = datetime(2026, 11, 16, 7, 0, tzinfo=UTC)


def hours(count: float) -> datetime:
    return NOW + timedelta(hours=count)


def kpi_row(**changes: object) -> dict:
    row = {
        "kpi": "K19",
        "segment": "all",
        "period": "2026-W46",
        "ends_at": datetime(2026, 11, 15, 23, tzinfo=UTC),
        "value": 0.90,
        "n": 200,
        "low": 0.85,
        "high": 0.94,
        "stale_since": None,
    }
    return row | changes


def source(state: str = "complete", until: datetime | None = NOW, name: str = "hubspot") -> SourceState:
    return SourceState(name, state, "401" if state == "failed" else None, until)


def verdicts(facts: Facts, as_of: datetime = NOW) -> dict[str, str]:
    return {finding.dedup_key: finding.verdict for finding in evaluate(PLAYBOOK.alerts, facts, as_of)}


def of_kpi(**changes: object) -> str | None:
    return next(iter(verdicts(Facts(kpi_rows=[kpi_row(**changes)])).values()), None)


def test_a_figure_rings_only_when_its_whole_interval_is_beyond_the_limit() -> None:
    assert of_kpi() == "firing"
    assert of_kpi(high=0.96) is None


def test_too_few_cases_say_nothing() -> None:
    assert of_kpi(n=19) is None
    assert of_kpi(n=20) == "firing"


def test_between_the_two_limits_everything_stays_as_it_was() -> None:
    assert of_kpi(value=0.96, low=0.94, high=0.97) is None
    assert of_kpi(value=0.98, low=0.96, high=0.99) == "clear"


def test_a_figure_on_old_data_or_without_a_value_neither_rings_nor_clears() -> None:
    assert of_kpi(stale_since=NOW) is None
    assert of_kpi(value=None, low=None, high=None) is None


def test_only_the_latest_finished_period_of_the_right_grain_counts() -> None:
    good = kpi_row(value=0.99, low=0.97, high=1.0)
    older = kpi_row(period="2026-W45", ends_at=datetime(2026, 11, 8, 23, tzinfo=UTC))
    running = kpi_row(period="2026-W47", ends_at=datetime(2026, 11, 22, 23, tzinfo=UTC))
    month = kpi_row(period="2026-10", ends_at=datetime(2026, 11, 15, 23, 30, tzinfo=UTC))
    level = kpi_row(segment="L1")
    assert verdicts(Facts(kpi_rows=[older, good, running, month, level])) == {
        "sla_compliance:K19/all": "clear"
    }
    assert [grain_of(period) for period in ("2026-W46", "2026-10", "2026-Q3")] == ["week", "month", "quarter"]


def test_churn_rings_above_its_limit_and_margin_below() -> None:
    churn = kpi_row(kpi="K14", period="2026-10", value=0.09, low=0.05, high=0.15, n=100)
    margin = kpi_row(kpi="K8", period="2026-10", value=0.41, low=None, high=None, n=None)
    assert verdicts(Facts(kpi_rows=[churn, margin])) == {"churn:K14/all": "firing", "margin:K8/all": "firing"}
    churn |= {"low": 0.029}
    margin |= {"value": 0.55}
    assert verdicts(Facts(kpi_rows=[churn, margin])) == {}


def test_a_source_is_late_after_its_grace_and_a_failed_one_rings_only_once() -> None:
    assert verdicts(Facts(sources=[source(until=hours(-6))])) == {
        "source_late:hubspot": "clear",
        "source_partial:hubspot": "clear",
        "source_failed:hubspot": "clear",
    }
    assert verdicts(Facts(sources=[source(until=hours(-6.1))]))["source_late:hubspot"] == "firing"
    assert verdicts(Facts(sources=[source("failed", hours(-99))])) == {"source_failed:hubspot": "firing"}
    assert verdicts(Facts(sources=[source("not_configured", None)])) == {}


def partial(until: datetime | None, finished: datetime, reason: str = "tickets: no right") -> SourceState:
    return SourceState("hubspot", "partial", reason, until, finished)


def test_a_source_that_came_incomplete_rings_as_such_and_neither_as_failed_nor_as_late() -> None:
    assert verdicts(Facts(sources=[partial(None, NOW)])) == {
        "source_late:hubspot": "clear",
        "source_partial:hubspot": "firing",
        "source_failed:hubspot": "clear",
    }
    unread = verdicts(Facts(sources=[partial(NOW, hours(-7))]))
    assert unread["source_late:hubspot"] == "firing", "nobody has read it for hours"


def test_what_failed_before_it_was_whole_again_stays_incomplete() -> None:
    assert "source_partial:hubspot" not in verdicts(Facts(sources=[source("failed")]))


def test_a_gate_nobody_looked_at_is_neither_shut_nor_open() -> None:
    assert verdicts(Facts(gate=None)) == {}
    assert verdicts(Facts(gate=Gate(passed=True))) == {"gate_failed:build": "clear"}
    assert verdicts(Facts(gate=Gate(passed=False, failed=("unique",)))) == {"gate_failed:build": "firing"}


def test_a_job_rings_for_as_long_as_its_last_run_did_not_complete() -> None:
    assert verdicts(Facts(jobs=[JobState("refresh", "a-run", completed=False)])) == {
        "job_failed:refresh": "firing"
    }
    assert verdicts(Facts(jobs=[JobState("refresh", "next-run", completed=True)])) == {
        "job_failed:refresh": "clear"
    }


# Opening and resolving


@pytest.fixture
def ledger(tmp_path: Path):
    with live_ledger(tmp_path, NOW) as opened:
        yield opened


def test_what_is_missing_is_told_once_by_source_and_its_end_too(ledger: Ledger) -> None:
    first, second = "tickets: no right. Give it.", "tickets: no right. Give it.; deals: 3 of 5 came."
    for number, facts in enumerate(
        (
            Facts(sources=[partial(None, NOW, first)]),
            Facts(sources=[partial(None, hours(1), second)]),
            Facts(sources=[source("failed", hours(200))]),
            Facts(sources=[partial(None, hours(3), first)]),
            Facts(sources=[source(until=hours(200))]),
        )
    ):
        alert(ledger, PLAYBOOK, facts, hours(number))
        if number == 1:
            (row,) = ledger.open_alerts()
            assert (row.dedup_key, row.severity, row.detail) == ("source_partial:hubspot", "warning", second)
    told = [title for title in notices(ledger) if "incompleta" in title]
    assert len(told) == 2
    assert ledger.open_alerts() == []


BROKEN = Facts(sources=[source("failed")])
WELL = Facts(sources=[source(until=hours(200))])
UNSEEN = Facts()


def notices(ledger: Ledger) -> list[str]:
    return [row.payload["title"] for row in ledger.outbox_rows(channel="notify")]


def test_an_open_alert_is_not_notified_again_and_its_end_is_told_once(ledger: Ledger) -> None:
    counts = [
        alert(ledger, PLAYBOOK, facts, hours(number))
        for number, facts in enumerate([BROKEN, BROKEN, BROKEN, WELL, WELL])
    ]
    assert [(c.opened, c.still_open, c.resolved) for c in counts] == [
        (1, 0, 0),
        (0, 1, 0),
        (0, 1, 0),
        (0, 0, 1),
        (0, 0, 0),
    ]
    assert notices(ledger) == [
        "ALERTA: La fuente hubspot ha fallado",
        "RESUELTA: La fuente hubspot ha fallado",
    ]
    assert ledger.open_alerts() == []


def test_an_evaluation_that_did_not_look_resolves_nothing(ledger: Ledger) -> None:
    alert(ledger, PLAYBOOK, BROKEN, NOW)
    alert(ledger, PLAYBOOK, UNSEEN, hours(1))
    assert [row.dedup_key for row in ledger.open_alerts()] == ["source_failed:hubspot"]


def test_what_happens_again_rings_again(ledger: Ledger) -> None:
    for number, facts in enumerate([BROKEN, WELL, BROKEN]):
        alert(ledger, PLAYBOOK, facts, hours(number))
    assert len(notices(ledger)) == 3


def test_two_sources_are_two_alerts(ledger: Ledger) -> None:
    both = Facts(sources=[source("failed"), source("failed", name="intercom")])
    assert alert(ledger, PLAYBOOK, both, NOW).opened == 2


def test_a_notice_says_what_is_wrong_and_what_to_do(ledger: Ledger) -> None:
    alert(ledger, PLAYBOOK, Facts(kpi_rows=[kpi_row()]), NOW)
    [row] = ledger.outbox_rows()
    assert row.payload["title"] == "ALERTA: Cumplimiento de plazos de soporte bajo"
    assert "90,0\N{NO-BREAK SPACE}%".replace("\N{NO-BREAK SPACE}", " ") in row.payload["body"].replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert "2026-W46" in row.payload["body"]
    assert "Qué hacer" in row.payload["body"]
    assert row.business_key == "alert/sla_compliance:K19/all/2026-11-16T07:00:00+00:00/opened"
    [(decision, effect)] = ledger.decisions_between(NOW, hours(1))
    assert (decision.rule, decision.outcome, effect.id) == ("alert/sla_compliance", "opened", row.id)


def test_an_english_company_is_told_in_english(ledger: Ledger) -> None:
    company = PLAYBOOK.company.model_copy(update={"languages": ("en",)})
    english = PLAYBOOK.model_copy(update={"company": company})
    alert(ledger, english, Facts(kpi_rows=[kpi_row()]), NOW)
    assert "What to do" in ledger.outbox_rows()[0].payload["body"]
    assert "90.0" in ledger.outbox_rows()[0].payload["body"]


def test_an_acknowledged_alert_stays_and_its_end_is_still_told(ledger: Ledger) -> None:
    alert(ledger, PLAYBOOK, BROKEN, NOW)
    assert ack(ledger, "source_failed:hubspot", "marta").acked_by == "marta"
    alert(ledger, PLAYBOOK, BROKEN, hours(1))
    assert [row.state for row in ledger.open_alerts()] == ["acked"]
    alert(ledger, PLAYBOOK, WELL, hours(2))
    assert len(notices(ledger)) == 2


def test_a_silenced_alert_is_quiet_until_its_time_is_up_and_then_rings_once(ledger: Ledger) -> None:
    alert(ledger, PLAYBOOK, BROKEN, NOW)
    silence(ledger, "source_failed:hubspot", "supplier works on it", hours(5), hours(1))
    alert(ledger, PLAYBOOK, BROKEN, hours(4))
    assert len(notices(ledger)) == 1
    assert alert(ledger, PLAYBOOK, BROKEN, hours(5)).again == 1
    alert(ledger, PLAYBOOK, BROKEN, hours(6))
    assert notices(ledger)[1:] == ["SIGUE ABIERTA: La fuente hubspot ha fallado"]


def test_an_alert_that_clears_while_silenced_ends_without_a_word(ledger: Ledger) -> None:
    alert(ledger, PLAYBOOK, BROKEN, NOW)
    silence(ledger, "source_failed:hubspot", "known", hours(5), NOW)
    assert alert(ledger, PLAYBOOK, WELL, hours(1)).resolved == 1
    assert len(notices(ledger)) == 1


def test_a_silence_needs_a_reason_an_end_and_an_alert(ledger: Ledger) -> None:
    alert(ledger, PLAYBOOK, BROKEN, NOW)
    with pytest.raises(LedgerError, match="needs a reason"):
        silence(ledger, "source_failed:hubspot", " ", hours(5), NOW)
    with pytest.raises(LedgerError, match="end in the future"):
        silence(ledger, "source_failed:hubspot", "known", NOW, NOW)
    with pytest.raises(LedgerError, match="no open alert"):
        silence(ledger, "margin:K8/all", "known", hours(5), NOW)
    with pytest.raises(LedgerError, match="no open alert"):
        ack(ledger, "margin:K8/all", "marta")


def test_a_delivery_without_confirmation_rings_until_it_is_settled(ledger: Ledger) -> None:
    ledger.enqueue([NewEffect("m1", "mail", {}, "x")], NOW)
    assert unknown_rows(ledger) == dict.fromkeys(CHANNELS, 0)
    with ledger.write() as session:
        session.get_one(Outbox, 1).state = "unknown"
    alert(ledger, PLAYBOOK, Facts(unknown=unknown_rows(ledger)), NOW)
    assert [row.dedup_key for row in ledger.open_alerts()] == ["outbox_unknown:mail"]
    with ledger.write() as session:
        session.get_one(Outbox, 1).state = "sent"
    assert alert(ledger, PLAYBOOK, Facts(unknown=unknown_rows(ledger)), hours(1)).resolved == 1


def test_a_notice_reaches_a_real_receiver_once(ledger: Ledger, tmp_path: Path) -> None:
    heard: list[dict] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        route = NoticeRoute([f"json://127.0.0.1:{server.server_port}/"])
        for number in range(2):
            alert(ledger, PLAYBOOK, BROKEN, hours(number))
            deliver(ledger, tmp_path, {"notify": route}, hours(number))
        server.shutdown()
        thread.join()
    assert [notice["title"] for notice in heard] == ["ALERTA: La fuente hubspot ha fallado"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([BROKEN, WELL, UNSEEN]), max_size=12))
def test_notices_alternate_and_follow_what_was_seen(
    tmp_path_factory: pytest.TempPathFactory, seen: list[Facts]
) -> None:
    with live_ledger(tmp_path_factory.mktemp("alerts"), NOW) as ledger:
        for number, facts in enumerate(seen):
            alert(ledger, PLAYBOOK, facts, hours(number))
        told = [title.partition(":")[0] for title in notices(ledger)]
    looked = [facts is BROKEN for facts in seen if facts is not UNSEEN]
    changes = [now for before, now in zip([False, *looked], looked, strict=False) if now != before]
    assert told == ["ALERTA" if rings else "RESUELTA" for rings in changes]
