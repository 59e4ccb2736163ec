"""What a person sees when something outside, or the home itself, is not as it should be."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house import SMALL, SOURCES_OF_A_SANDBOX, House, running_world


def test_a_source_that_fails_marks_its_figures_and_stops_nothing_else(tmp_path: Path) -> None:
    house = House(tmp_path)
    with running_world(tmp_path, *SMALL) as world:
        house.json("run")
        before = house.json("query", "select count(*) as n from core.client")[0]["n"]

        world.advance("7d")
        world.faults({"kind": "status", "vendor": "intercom", "status": 401})
        broken = house.json("run", code=3)

        states = {row["source"]: row["state"] for row in broken["sources"]}
        assert states == SOURCES_OF_A_SANDBOX | {"intercom": "failed"}
        assert any("intercom" in warning and "401" in warning for warning in broken["warnings"])
        assert house.json("query", "select count(*) as n from core.client")[0]["n"] > before
        stale = house.json(
            "query",
            "select distinct kpi, stale_since is not null as stale from kpi.value where status <> 'not_evaluated'",
        )
        marked = {row["kpi"] for row in stale if row["stale"]}
        assert {"K3", "K19", "K24"} <= marked
        assert marked.isdisjoint({"K5", "K14", "K16", "MRR"})
        assert [alert for alert in house.json("alerts") if "intercom" in alert["key"]]
        rung = [note for note in world.notifications() if "intercom" in str(note)]
        assert len(rung) == 1

        again = house.json("run", code=3)
        assert again["alerts"]["opened"] == 0
        assert len([note for note in world.notifications() if "intercom" in str(note)]) == 1

        world.faults()
        house.json("run")
        assert not [alert for alert in house.json("alerts") if "source_failed" in alert["rule"]]
        assert len([note for note in world.notifications() if "intercom" in str(note)]) == 2
        assert not house.json("query", "select 1 as x from kpi.value where stale_since is not null limit 1")


def test_time_passes_and_nobody_gets_a_mail_twice(tmp_path: Path) -> None:
    house = House(tmp_path)
    with running_world(tmp_path, *SMALL) as world:
        for _ in range(3):
            house.json("run")
            world.advance("3d")
        sent = Counter((mail["recipients"][0], mail["step"]) for mail in world.mails() if mail["step"])
        assert len(sent) > 10
        assert {step.split("/")[-1].split("_")[0] for _, step in sent}
        assert [key for key, count in sent.items() if count > 1] == []
        broken = {name: count for name, count in limits(world.violations()).items() if count}
        assert broken == {}


def test_two_runs_at_once_both_end_well_and_send_once(tmp_path: Path) -> None:
    house = House(tmp_path)
    with running_world(tmp_path, *SMALL) as world:
        one, other = house.start("run", "--json"), house.start("run", "--json")
        for process in (one, other):
            _, err = process.communicate(timeout=280)
            assert process.returncode == 0, err[-2000:]
        sent = Counter((mail["recipients"][0], mail["step"]) for mail in world.mails() if mail["step"])
        assert sent
        assert max(sent.values()) == 1


def test_a_new_real_home_is_in_dry_run_until_it_goes_live(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    with running_world(tmp_path / "away", *SMALL, "--clock", now.isoformat()) as world:
        house = House(tmp_path / "home", world.credentials())
        shown = house.json("run")
        assert shown["messages_sent"] == 0
        assert sum(shown["previewed"].values()) > 0
        assert world.mails() == []

        # Wide enough that in any week some client has started and a step of theirs is still of use.
        first_day = (now - timedelta(days=14)).date()
        answer = house.json("go-live", "mail", "--from", first_day.isoformat())
        modes = {row["channel"]: row["mode"] for row in answer["switches"]}
        assert modes.pop("mail") == "live"
        assert set(modes.values()) == {"dry_run"}
        house.json("follow-up")
        clients = house.json(
            "query",
            "select p.email, c.started_at from core.client c join core.person p on p.person_id = c.main_person_id",
        )
        started = {row["email"]: row["started_at"] for row in clients}
        mailed = [mail["recipients"][0] for mail in world.mails() if mail["step"].startswith("onboarding")]
        assert mailed
        assert all(started[address] >= f"{first_day - timedelta(days=1)}T22" for address in mailed)


def test_a_home_filled_from_another_account_refuses_and_loses_nothing(tmp_path: Path) -> None:
    with (
        running_world(tmp_path / "one", *SMALL) as one,
        running_world(tmp_path / "two", "--months", "1", "--first", "3", "--last", "3", "--seed", "5") as two,
    ):
        home = tmp_path / "home"
        filled = House(home, one.credentials()).json("sync", "mailchimp")
        assert filled[0]["rows_added"] > 0
        refused = House(home, two.credentials()).json("sync", "mailchimp", code=3)
        assert refused[0]["state"] == "failed"
        assert "another TENFOLD_HOME" in refused[0]["reason"]
        back = House(home, one.credentials()).json("sync", "mailchimp")
        assert back[0]["state"] == "complete"
        assert back[0]["rows_added"] == 0


def limits(said: dict[str, dict[str, int]]) -> dict[str, int]:
    """Limit -> how often it was broken."""
    return {
        f"{vendor} {name}": count
        for vendor, counts in said.items()
        for name, count in counts.items()
        if name != "requests"
    }


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "html_instead_of_json"}, "JSON"),
        ({"kind": "status", "status": 403}, "permi"),
        ({"kind": "truncate_page"}, ""),
    ],
    ids=["html", "403", "truncated"],
)
def test_doctor_says_what_is_wrong_and_what_to_do(
    tmp_path: Path, fault: dict[str, object], said: str
) -> None:
    with running_world(tmp_path, "--months", "1", "--first", "3", "--last", "3") as world:
        house = House(tmp_path)
        healthy = house.json("doctor")
        assert healthy["sandbox"] is True
        assert all(row["healthy"] for row in healthy["systems"])
        world.faults({**fault, "vendor": "hubspot"})
        rows = {row["system"]: row for row in house.json("doctor", code=3)["systems"]}
        assert not rows["hubspot"]["healthy"]
        assert rows["intercom"]["healthy"]
        assert said in rows["hubspot"]["detail"] + rows["hubspot"]["remedy"]
        assert rows["hubspot"]["remedy"]
