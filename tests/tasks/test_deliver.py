"""The outbox's one sender against a real mail server and a real CRM: what it does with each answer."""

import socket
import subprocess
import sys
import threading
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from connectors.errors import FixConfig, RetryLater
from connectors.hubspot_write import About, HubSpotWrites
from connectors.smtp import SmtpSender
from connectors.transport import Transport
from tasks import outgoing_mail, switches
from tasks.consent import LiveConsent, nobody_to_ask
from tasks.deliver import ATTEMPTS, SenderBusy, deliver, resolve
from tasks.follow_up import follow_up
from tasks.routes import MailRoute, NoticeRoute
from tasks.routes_hubspot import Task
from tasks.verbs import VerbRoute, routes_of
from tests.tasks.conftest import Outside
from tests.tasks.follow_up_cases import PLAYBOOK, START, after, client, clients, live_ledger, person
from warehouse.ledger import Ledger, LedgerError, NewEffect, Outbox


def mail_route(outside: Outside) -> MailRoute:
    return MailRoute(SmtpSender(outside.smtp, timeout=5), PLAYBOOK.company)


def someone(address: str, **changes: object):
    return client(client_id=address.partition("@")[0], person=person(email=address), **changes)


def only(ledger: Ledger) -> Outbox:
    [row] = ledger.outbox_rows()
    return row


@pytest.fixture
def ledger(tmp_path: Path):
    with live_ledger(tmp_path) as opened:
        yield opened


def test_a_mail_arrives_once_with_its_step_and_a_message_id_of_its_own(ledger, tmp_path, outside) -> None:
    follow_up(ledger, [someone("first@one.test")], PLAYBOOK, START)
    assert deliver(ledger, tmp_path, {"mail": mail_route(outside)}, START).total("sent") == 1
    [fact] = [f for f in outside.facts("mail") if f["to"] == "first@one.test"]
    row = only(ledger)
    assert (fact["id"], fact["step"]) == (row.marker, "onboarding/welcome")
    assert (row.state, row.provider_ref, row.attempts) == ("sent", "250 2.0.0 queued", 1)


def test_twice_in_a_row_sends_nothing_the_second_time(ledger, tmp_path, outside) -> None:
    who = clients(3)
    for _ in range(2):
        follow_up(ledger, who, PLAYBOOK, START)
        last = deliver(ledger, tmp_path, {"mail": mail_route(outside)}, START)
    assert last.counts == {}
    assert [row.state for row in ledger.outbox_rows()] == ["sent"] * 3


def test_a_refusal_for_now_is_tried_again_after_a_growing_pause_and_then_given_up(
    ledger, tmp_path, outside
) -> None:
    follow_up(ledger, [someone("later@one.test")], PLAYBOOK, START)
    now, pauses = START, []
    for _ in range(ATTEMPTS - 1):
        assert deliver(ledger, tmp_path, {"mail": mail_route(outside)}, now).total("requeued") == 1
        assert (
            deliver(ledger, tmp_path, {"mail": mail_route(outside)}, now).counts == {}
        )  # not before its time
        pauses.append(only(ledger).next_try_at - now)
        now = only(ledger).next_try_at
    assert [pause / timedelta(minutes=1) for pause in pauses] == [5, 15, 45, 135]
    assert deliver(ledger, tmp_path, {"mail": mail_route(outside)}, now).total("failed") == 1
    assert "451" in only(ledger).error
    assert "later@" not in only(ledger).error


def test_a_refusal_for_good_fails_at_once(ledger, tmp_path, outside) -> None:
    follow_up(ledger, [someone("never@one.test")], PLAYBOOK, START)
    assert deliver(ledger, tmp_path, {"mail": mail_route(outside)}, START).total("failed") == 1
    assert "550" in only(ledger).error


def test_an_answer_lost_after_the_message_is_unknown_and_not_sent_again(ledger, tmp_path, outside) -> None:
    follow_up(ledger, [someone("cut@one.test")], PLAYBOOK, START)
    assert deliver(ledger, tmp_path, {"mail": mail_route(outside)}, START).total("unknown") == 1
    assert deliver(ledger, tmp_path, {"mail": mail_route(outside)}, after(1)).counts == {}
    assert outside.mails_to("cut@one.test")["cut@one.test"] == 1


def test_one_bad_address_does_not_hold_up_the_others(ledger, tmp_path, outside) -> None:
    who = [someone("never-b@one.test"), someone("no address"), someone("good-b@one.test")]
    follow_up(ledger, who, PLAYBOOK, START)
    done = deliver(ledger, tmp_path, {"mail": mail_route(outside)}, START)
    assert done.counts == {("mail", "failed"): 2, ("mail", "sent"): 1}


def test_a_server_that_is_away_keeps_every_row_and_costs_no_attempt(ledger, tmp_path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        route = MailRoute(SmtpSender(f"smtp://127.0.0.1:{closed.getsockname()[1]}"), PLAYBOOK.company)
        follow_up(ledger, clients(3), PLAYBOOK, START)
        done = deliver(ledger, tmp_path, {"mail": route}, START)
    assert "mail" in done.paused
    assert [(row.state, row.attempts) for row in ledger.outbox_rows()] == [("queued", 0)] * 3


def test_a_channel_that_is_stopped_or_in_dry_run_delivers_nothing(ledger, tmp_path, outside) -> None:
    follow_up(ledger, [someone("quiet@one.test")], PLAYBOOK, START)
    for hush in (switches.stop, switches.dry_run):
        hush(ledger, "mail", START)
        assert deliver(ledger, tmp_path, {"mail": mail_route(outside)}, START).counts == {}
    switches.go_live(ledger, "mail", START.date(), START)
    assert deliver(ledger, tmp_path, {"mail": mail_route(outside)}, START).total("sent") == 1


def test_the_kill_switch_works_in_the_middle_of_a_run(ledger, tmp_path, outside) -> None:
    follow_up(ledger, clients(4), PLAYBOOK, START)

    class Thrown(MailRoute):
        def hand_over(self, prepared: EmailMessage) -> str:
            switches.stop(ledger, "mail", START)
            return super().hand_over(prepared)

    route = Thrown(SmtpSender(outside.smtp, timeout=5), PLAYBOOK.company)
    assert deliver(ledger, tmp_path, {"mail": route}, START).counts == {("mail", "sent"): 1}
    assert [row.state for row in ledger.outbox_rows()] == ["sent", "queued", "queued", "queued"]


def test_a_new_real_home_only_shows_what_it_would_send(tmp_path, outside) -> None:
    with live_ledger(tmp_path, channels=()) as ledger:
        done = follow_up(ledger, clients(2), PLAYBOOK, START)
        assert (done.decided, done.previewed) == ({}, {"queued": 2})
        assert ledger.outbox_rows() == []
        assert ledger.decided() == {}
        # Going live later starts afresh: nothing was marked as done.
        switches.go_live(ledger, "mail", START.date(), after(1))
        assert follow_up(ledger, clients(2), PLAYBOOK, after(1)).decided == {"queued": 2}


def test_a_sandbox_is_live_for_the_last_45_days(tmp_path) -> None:
    from warehouse.ledger import open_ledger

    with open_ledger(tmp_path) as ledger:
        switches.prepare_home(ledger, "sandbox", START, "Europe/Madrid")
        assert {(s.mode, s.go_live_date.isoformat()) for s in ledger.switches().values()} == {
            ("live", "2026-01-16")
        }
        with pytest.raises(LedgerError, match="TENFOLD_HOME"):
            switches.prepare_home(ledger, "real", START, "Europe/Madrid")


def test_what_waited_too_long_is_not_sent_any_more(ledger, tmp_path, outside) -> None:
    follow_up(ledger, [someone("old@one.test")], PLAYBOOK, START)
    assert deliver(ledger, tmp_path, {"mail": mail_route(outside)}, after(2.1)).total("skipped_stale") == 1
    assert (only(ledger).error, outside.mails_to("old@one.test")) == ("too_late", {})


@pytest.mark.parametrize("answer", ["opted_out", "ended"])
def test_consent_is_asked_at_the_moment_of_sending(ledger, tmp_path, outside, answer: str) -> None:
    follow_up(ledger, [someone(f"{answer}@one.test")], PLAYBOOK, START)
    asked = []

    def consent(payload, as_of):
        asked.append((payload["person_id"], as_of))
        return answer

    done = deliver(ledger, tmp_path, {"mail": mail_route(outside)}, after(1), consent=consent)
    assert done.total("suppressed") == 1
    assert (only(ledger).error, asked) == (answer, [("501", after(1))])
    assert outside.mails_to(f"{answer}@one.test") == {}


def test_without_an_answer_about_consent_nothing_is_sent(ledger, tmp_path, outside) -> None:
    follow_up(ledger, clients(2), PLAYBOOK, START)

    def consent(payload, as_of):
        raise RetryLater("hubspot: no answer")

    done = deliver(ledger, tmp_path, {"mail": mail_route(outside)}, START, consent=consent)
    assert done.paused == {"mail": "hubspot: no answer"}
    assert {row.state for row in ledger.outbox_rows()} == {"queued"}


class Portal:
    """A CRM's records as the live check reads them."""

    def __init__(self, contact: dict | None, *deals: dict) -> None:
        self.contact, self.deals = contact, deals

    def properties(self, kind, record_id, names):
        found = self.contact if kind == "contacts" else self.deals[int(record_id)]
        return None if found is None else {name: found.get(name) for name in names}

    def associated(self, *_):
        return [str(number) for number in range(len(self.deals))]


WON = {"hs_is_closed_won": "true", "tenfold_start_at": "2026-03-02T10:30:00Z", "tenfold_end_at": ""}


@pytest.mark.parametrize(
    ("portal", "answer"),
    [
        (Portal({"hs_email_optout": "false"}, WON), None),
        (Portal({"hs_email_optout": None}, WON), None),
        (Portal({"hs_email_optout": "true"}, WON), "opted_out"),
        (Portal(None, WON), "no_contact"),
        (Portal({}, WON | {"tenfold_end_at": "2026-03-02T10:30:00Z"}), "ended"),
        (Portal({}, WON | {"tenfold_end_at": "2026-03-02T10:30:01Z"}), None),
        (Portal({}, WON | {"hs_is_closed_won": "false"}), "ended"),
        (Portal({}, WON | {"tenfold_end_at": "2026-03-01T00:00:00Z"}, WON), None),
    ],
)
def test_the_crm_has_the_last_word_on_whom_to_write_to(portal: Portal, answer: str | None) -> None:
    assert LiveConsent(portal)({"person_id": "501", "company_id": "c1"}, START) == answer


def test_a_company_without_a_person_is_asked_about_too() -> None:
    ended = WON | {"tenfold_end_at": "2026-03-01T00:00:00Z"}
    assert LiveConsent(Portal(None, ended))({"company_id": "c1"}, START) == "ended"
    assert LiveConsent(Portal(None, WON))({"company_id": "c1"}, START) is None


@pytest.mark.parametrize("consent", [LiveConsent(Portal(None)), nobody_to_ask])
def test_a_report_to_a_colleague_needs_no_consent(consent) -> None:
    assert consent({"to": "boss@tenfold.test"}, START) is None


def test_without_a_crm_to_ask_nothing_goes_to_a_client(ledger, tmp_path, outside) -> None:
    follow_up(ledger, [someone("unasked@one.test")], PLAYBOOK, START)
    done = deliver(ledger, tmp_path, {"mail": mail_route(outside)}, START, consent=nobody_to_ask)
    assert "TENFOLD_HUBSPOT__TOKEN" in done.paused["mail"]
    assert outside.mails_to("unasked@one.test") == {}


# Tasks in HubSpot


def task_route(hubspot: HubSpotWrites, settle_seconds: float = 0.0) -> VerbRoute:
    return routes_of(hubspot, [Task], settle_seconds=settle_seconds)["hubspot_task"]


def test_a_call_task_is_created_once_with_its_marker(ledger, tmp_path, outside) -> None:
    needy = client(person=person(person_id="7001"), missing_items=("integrations",))
    crm = Transport("hubspot", outside.crm, headers={})
    for _ in range(2):
        follow_up(ledger, [needy], PLAYBOOK, after(7))
        deliver(ledger, tmp_path, {"hubspot_task": task_route(HubSpotWrites(crm))}, after(7))
    [row] = ledger.outbox_rows(channel="hubspot_task")
    assert (row.state, outside.tasks_of("7001")) == ("sent", 1)
    contact = About("contacts", "7001")
    assert HubSpotWrites(crm).find_marked("tasks", contact, row.marker) == row.provider_ref
    crm.close()


def test_a_task_request_still_under_way_when_its_sender_died_is_waited_for(ledger, tmp_path, outside) -> None:
    """The CRM creates it after the first look; looking once would have created a second one."""
    needy = client(name="slow", person=person(person_id="7002"), missing_items=("integrations",))
    follow_up(ledger, [needy], PLAYBOOK, after(7))
    [row] = ledger.outbox_rows(channel="hubspot_task")
    with ledger.write() as session:
        dead = session.get_one(Outbox, row.id)
        dead.state, dead.handover_at = "sending", after(7)
    crm = Transport("hubspot", outside.crm, headers={})
    route = task_route(HubSpotWrites(crm), settle_seconds=0.8)
    prepared = route.prepare(row.payload, row.marker, after(7))
    late = threading.Thread(target=route.hand_over, args=(prepared,))
    late.start()
    done = deliver(ledger, tmp_path, {"hubspot_task": route}, after(7))
    late.join()
    assert done.counts == {("hubspot_task", "recovered"): 1}
    assert outside.tasks_of("7002") == 1
    crm.close()


def test_a_crm_that_cannot_be_asked_leaves_the_row_until_it_can(ledger, tmp_path) -> None:
    follow_up(ledger, [client(missing_items=("integrations",))], PLAYBOOK, after(7))
    [row] = ledger.outbox_rows(channel="hubspot_task")
    with ledger.write() as session:
        dead = session.get_one(Outbox, row.id)
        dead.state, dead.handover_at = "sending", after(7)

    class Away:
        def create_task(self, *_, **__):
            raise AssertionError("a row that may have been done must not be done again")

        def find_marked(self, *_):
            raise FixConfig("hubspot: 401; check the token")

    done = deliver(ledger, tmp_path, {"hubspot_task": task_route(Away())}, after(7))
    assert done.paused == {"hubspot_task": "hubspot: 401; check the token"}
    assert ledger.outbox_rows(channel="hubspot_task")[0].state == "sending"


# Notices


def test_alerts_without_an_address_wait_and_say_what_to_set(ledger, tmp_path) -> None:
    ledger.enqueue([NewEffect("n1", "notify", {"title": "t", "body": "b", "severity": "info"}, "m")], START)
    done = deliver(ledger, tmp_path, {"notify": NoticeRoute(())}, START)
    assert done.paused == {"notify": "no address for alerts; set TENFOLD_ALERTS__URLS"}
    assert only(ledger).state == "queued"


# Settling


def unknown_row(ledger: Ledger, tmp_path: Path, outside: Outside, name: str) -> Outbox:
    follow_up(ledger, [someone(f"cut-{name}@one.test")], PLAYBOOK, START)
    deliver(ledger, tmp_path, {"mail": mail_route(outside)}, START)
    return only(ledger)


def test_resolve_as_sent_ends_it_and_names_who_said_so(ledger, tmp_path, outside) -> None:
    row = unknown_row(ledger, tmp_path, outside, "sent")
    assert resolve(ledger, row.id, "sent", "marta", after(0.5)).state == "sent"
    story = [(decision.rule, decision.outcome, decision.reason) for decision, _ in ledger.why("cut-sent")]
    assert story[-1] == ("outbox/resolve", "sent", "settled by marta")


def test_resolve_as_not_sent_queues_it_again_as_often_as_needed(ledger, tmp_path, outside) -> None:
    row = unknown_row(ledger, tmp_path, outside, "again")
    for _ in range(2):
        resolve(ledger, row.id, "not_sent", "marta", after(0.5))
        assert only(ledger).state == "queued"
        assert deliver(ledger, tmp_path, {"mail": mail_route(outside)}, after(0.6)).total("unknown") == 1


def test_resolve_refuses_what_needs_no_settling(ledger, tmp_path, outside) -> None:
    follow_up(ledger, [someone("fine@one.test")], PLAYBOOK, START)
    with pytest.raises(LedgerError, match="'queued' and needs no settling"):
        resolve(ledger, only(ledger).id, "sent", "marta", START)
    with pytest.raises(LedgerError, match="no outbox row 99"):
        resolve(ledger, 99, "sent", "marta", START)
    with pytest.raises(LedgerError, match="say sent or not_sent"):
        resolve(ledger, 1, "perhaps", "marta", START)


# One at a time


def test_a_second_sender_is_refused_while_the_first_holds_the_home(ledger, tmp_path) -> None:
    hold = "import fcntl,sys; f=open(sys.argv[1],'a'); fcntl.flock(f,fcntl.LOCK_EX); print('held',flush=True); sys.stdin.read()"
    lock = str(tmp_path / "outbox.lock")
    with subprocess.Popen(
        [sys.executable, "-c", hold, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(SenderBusy, match="another process"):
            deliver(ledger, tmp_path, {}, START, wait_seconds=0.1)
        holder.stdin.close()
        holder.wait(timeout=5)
    assert deliver(ledger, tmp_path, {}, START, wait_seconds=0.1).counts == {}


# The message itself


def built(**changes: object) -> EmailMessage:
    payload = {
        "to": "ana@client.test",
        "subject": "Hola",
        "text": "texto",
        "html": "<p>texto</p>",
        "kind": "promotional",
    }
    return outgoing_mail.build(payload | changes, "<m@tenfold.example>", PLAYBOOK.company, START)


def test_a_promotional_mail_can_be_unsubscribed_from() -> None:
    message = built()
    assert message["List-Unsubscribe"] == "<mailto:hello@tenfold.example?subject=unsubscribe>"
    assert "List-Unsubscribe-Post" not in message  # one click needs an https address that takes it


def test_one_click_is_offered_when_there_is_an_address_for_it() -> None:
    company = PLAYBOOK.company.model_copy(update={"unsubscribe_url": "https://tenfold.example/u"})
    payload = {"to": "a@b.test", "subject": "s", "text": "t", "kind": "promotional"}
    message = outgoing_mail.build(payload, "<m@x>", company, START)
    assert message["List-Unsubscribe"].startswith("<https://tenfold.example/u>, <mailto:")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_transactional_mail_has_no_unsubscribe_link() -> None:
    assert "List-Unsubscribe" not in built(kind="transactional")


def test_text_comes_first_and_html_is_its_alternative() -> None:
    message = built()
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_a_report_shows_its_pictures_and_carries_its_file(tmp_path: Path) -> None:
    (tmp_path / "chart.png").write_bytes(b"\x89PNG")
    (tmp_path / "report.html").write_text("<html></html>")
    message = built(
        html='<img src="cid:chart">',
        images=[{"cid": "chart", "path": str(tmp_path / "chart.png"), "mime": "image/png"}],
        attachments=[{"path": str(tmp_path / "report.html"), "name": "report.html", "mime": "text/html"}],
    )
    kinds = {part.get_content_type(): part for part in message.walk()}
    assert kinds["image/png"]["Content-ID"] == "<chart>"
    assert [part.get_filename() for part in message.iter_attachments()] == ["report.html"]


def test_a_name_cannot_smuggle_a_header_or_markup_into_a_mail(ledger, tmp_path, outside) -> None:
    nasty = client(
        name="<b>Sol</b>\r\nBcc: all@evil.test", person=person(email="nasty@one.test", first_name="<i>")
    )
    follow_up(ledger, [nasty], PLAYBOOK, START)
    payload = only(ledger).payload
    assert "<b>" not in payload["html"]
    assert "<i>" not in payload["html"]
    assert "\n" not in payload["subject"]
    assert deliver(ledger, tmp_path, {"mail": mail_route(outside)}, START).total("sent") == 1
    assert outside.mails_to("evil.test") == {}
