"""From the published tables to a client's story: what is read, and what `why` then says."""

from pathlib import Path

import duckdb

from connectors.smtp import SmtpSender
from tasks.deliver import deliver
from tasks.follow_up import follow_up, plan, read_clients
from tasks.routes import MailRoute
from tasks.why import why
from tests.tasks.conftest import Outside
from tests.tasks.follow_up_cases import ALWAYS, PLAYBOOK, START, after, client, live_ledger, person

TABLES = """
create schema core;
create table core.client (client_id varchar, name varchar, industry varchar, language varchar, owner_id varchar,
    started_at timestamptz, ended_at timestamptz, archived boolean, missing_items varchar[], main_person_id varchar,
    former_ids varchar[]);
create table core.person (person_id varchar, email varchar, first_name varchar, language varchar, opted_out boolean);
create table core.conversation (client_id varchar, rating integer, state varchar, excluded boolean);
insert into core.client values
    ('1', 'Sol', 'clinics', 'es', '77', '2026-03-02 10:30:00+00', null, false, ['integrations'], 'p1', ['90', '91']),
    ('2', null, null, null, null, '2026-03-01 00:00:00+00', '2026-03-05 00:00:00+00', true, [], null, []),
    ('3', 'Old', 'legal', 'es', null, '2025-06-01 00:00:00+00', null, false, [], null, []),
    ('4', 'Tomorrow', 'legal', 'es', null, '2026-03-03 10:30:00+00', null, false, [], null, []);
insert into core.person values ('p1', 'ana@sol.test', 'Ana', 'en', false), ('p2', 'b@sol.test', 'B', 'es', true);
insert into core.conversation values
    ('1', 4, 'closed', false), ('1', 2, 'closed', false), ('1', 1, 'open', true), ('1', null, 'snoozed', false),
    (null, 1, 'open', false);
"""


def test_published_rows_become_clients_of_the_last_months() -> None:
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    con.execute(TABLES)
    first, second = read_clients(con, START)
    assert first == client(
        client_id="1",
        name="Sol",
        missing_items=("integrations",),
        former_ids=("90", "91"),
        person=person(person_id="p1", email="ana@sol.test", language="en"),
        lowest_rating=2,  # the 1 is of a conversation that was left out as spam
        open_conversations=1,
    )
    assert (second.client_id, second.name, second.person, second.archived) == ("2", "2", None, True)
    con.close()


def test_why_tells_what_happened_and_what_is_to_come(tmp_path: Path, outside: Outside) -> None:
    route = MailRoute(SmtpSender(outside.smtp, timeout=5), PLAYBOOK.company)
    with live_ledger(tmp_path, channels=("mail",)) as ledger:
        follow_up(ledger, [client()], PLAYBOOK, START)
        deliver(ledger, tmp_path, {"mail": route}, START)
        story = why(ledger, "c1", PLAYBOOK, after(1), client())
    [welcome] = story.happened
    assert (welcome.rule, welcome.outcome, welcome.state, welcome.delivered_at) == (
        "onboarding/welcome",
        "queued",
        "sent",
        START,
    )
    assert {step.rule.partition("/")[2]: (step.state, step.reason) for step in story.steps} == {
        "welcome": ("queued", None),
        "tutorial": ("not_due", None),
        "day7": ("not_due", None),
        "call": ("not_enrolled", "hubspot_task is not live"),
        "survey": ("not_due", None),
    }


def test_a_client_whose_company_was_merged_gets_nothing_twice_and_keeps_its_story(tmp_path: Path) -> None:
    with live_ledger(tmp_path, channels=("mail",)) as ledger:
        follow_up(ledger, [client()], PLAYBOOK, START)
        merged = client(client_id="n1", former_ids=("c0", "c1"))
        assert follow_up(ledger, [merged], PLAYBOOK, after(0.1)).decided == {}
        planned = plan([merged], PLAYBOOK, after(0.1), ledger.decided(), {"mail": ALWAYS}, days=5)
        assert "onboarding/welcome" not in {row.rule for row in planned}
        story = why(ledger, "n1", PLAYBOOK, after(0.1), merged)
        assert [step.rule for step in story.happened] == ["onboarding/welcome"]
        assert {step.rule: step.state for step in story.steps}["onboarding/welcome"] == "queued"
        # And what is decided from now on is the new id's.
        follow_up(ledger, [merged], PLAYBOOK, after(3))
        assert ("n1", "onboarding/tutorial") in ledger.decided()


def test_why_names_the_day_that_kept_a_client_out(tmp_path: Path) -> None:
    long_ago = client(started_at=after(-600))
    with live_ledger(tmp_path) as ledger:
        reasons = {step.reason for step in why(ledger, "c1", PLAYBOOK, START, long_ago).steps}
    assert reasons == {
        f"started before {ALWAYS.isoformat()}, the day from which {channel} is live"
        for channel in ("mail", "hubspot_task")
    }
