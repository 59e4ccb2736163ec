"""How people react to mail."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.company import CHECKLIST
from sandbox.events import (
    Event,
    LeadArchived,
    LeadCreated,
    OnboardingItemDone,
    PeopleMerged,
    PersonAdded,
    SurveyAnswered,
)
from sandbox.reactions import Recipient, mail_kind, reactions, recipients
from sandbox.simulation import DEFAULT_CLOCK, simulate

NOW = datetime(2026, 11, 16, 9, 30, 15, 123_456, tzinfo=UTC)


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return simulate(seed=5, months=3, first=10, last=40)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("welcome", "welcome"),
        ("onboarding.tutorial", "tutorial"),
        ("day-7", "day7"),
        ("day_7_resources", "day7"),
        ("onboarding/day30-survey", "survey"),
        ("encuesta", "survey"),
        ("weekly-report", None),
        ("", None),
    ],
)
def test_a_step_id_tells_the_kind_of_mail(step: str, kind: str | None) -> None:
    assert mail_kind(step) == kind


def test_about_half_of_the_clients_answer_a_survey_and_always_in_the_same_way() -> None:
    people = [Recipient(f"p{number}", f"c{number}", ()) for number in range(400)]
    answers = [reactions(7, person, "survey", NOW) for person in people]
    assert answers == [reactions(7, person, "survey", NOW) for person in people]
    given = [answer for [answer] in filter(None, answers)]
    assert 160 < len(given) < 280
    for answer in given:
        assert isinstance(answer, SurveyAnswered)
        assert answer.at > NOW.replace(microsecond=0)
        assert answer.at.microsecond == 0
        assert 1 <= answer.csat <= 5
        assert 0 <= answer.nps <= 10
    assert {answer.company for answer in given} < {person.company for person in people}


def test_each_missing_item_is_moved_by_one_kind_of_mail_at_most() -> None:
    moved = 0
    for number in range(200):
        person = Recipient(f"p{number}", f"c{number}", ("integrations",))
        found = [
            event for kind in ("welcome", "tutorial", "day7") for event in reactions(7, person, kind, NOW)
        ]
        assert len(found) <= 1
        assert all(isinstance(event, OnboardingItemDone) and event.at > NOW for event in found)
        moved += len(found)
    assert 80 < moved < 160


def test_who_has_everything_done_and_who_gets_other_mail_does_nothing() -> None:
    assert reactions(7, Recipient("p1", "c1", ()), "welcome", NOW) == []
    assert reactions(7, Recipient("p1", "c1", CHECKLIST), "newsletter", NOW) == []


def test_recipients_are_all_people_but_those_archived_or_merged_away(events: list[Event]) -> None:
    found = recipients(events)
    everyone = {event.email.lower() for event in events if isinstance(event, LeadCreated | PersonAdded)}
    gone = {event.person for event in events if isinstance(event, LeadArchived)}
    gone |= {event.gone for event in events if isinstance(event, PeopleMerged)}
    assert found.keys() < everyone
    assert not gone & {recipient.person for recipient in found.values()}
    assert len(found) == len(everyone) - len(gone)


def test_a_clients_missing_items_are_those_that_the_log_never_does(events: list[Event]) -> None:
    done = {(event.company, event.item) for event in events if isinstance(event, OnboardingItemDone)}
    waiting = [recipient for recipient in recipients(events).values() if recipient.missing_items]
    assert waiting
    for recipient in waiting:
        assert all((recipient.company, item) not in done for item in recipient.missing_items)


def test_a_survey_mailed_twice_may_be_answered_twice() -> None:
    person = Recipient("p1", "c-often", ())
    times = [reactions(7, person, "survey", DEFAULT_CLOCK + timedelta(days=day)) for day in range(40)]
    assert 0 < sum(map(len, times)) < 40
