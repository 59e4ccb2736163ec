"""How people react to a mail that they receive: survey answers and checklist items, some time later.

Pure and repeatable: what follows depends on the seed, the recipient, the kind of mail and the instant alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sandbox.company import CHECKLIST
from sandbox.events import (
    DealCreated,
    DealWon,
    Event,
    LeadArchived,
    LeadCreated,
    OnboardingItemDone,
    PeopleMerged,
    PersonAdded,
    SurveyAnswered,
)

SURVEY_ANSWER_SHARE = 0.55
# A nudge finishes an item that the client would have left undone; each item listens to one kind of mail only.
NUDGE_SHARE = 0.6
NUDGES = ("welcome", "tutorial", "day7")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who reads mail sent to an address; `missing_items` are those that no event of the log ever does."""

    person: str
    company: str
    missing_items: tuple[str, ...]


def recipients(events: Iterable[Event]) -> dict[str, Recipient]:
    """Every person of the log by lower-case e-mail address; built once, then given to `reactions`."""
    people: dict[str, tuple[str, str]] = {}
    gone: set[str] = set()
    clients: set[str] = set()
    company_of_deal: dict[str, str] = {}
    done: dict[str, set[str]] = {}
    for event in events:
        match event:
            case LeadCreated() | PersonAdded():
                people[event.person] = (event.email.lower(), event.company)
            case LeadArchived():
                gone.add(event.person)
            case PeopleMerged():
                gone.add(event.gone)
            case OnboardingItemDone():
                done.setdefault(event.company, set()).add(event.item)
            case DealCreated():
                company_of_deal[event.deal] = event.company
            case DealWon():
                clients.add(company_of_deal[event.deal])
            case _:
                pass
    return {
        email: Recipient(
            person,
            company,
            tuple(item for item in CHECKLIST if item not in done.get(company, set()))
            if company in clients
            else (),
        )
        for person, (email, company) in people.items()
        if person not in gone
    }


def mail_kind(step: str) -> str | None:
    """The kind of mail (welcome, tutorial, day7, survey) that a step id like `onboarding.day-7` stands for.

    None when the step is none of these: such mail is read and changes nothing.
    """
    letters = "".join(character for character in step.lower() if character.isalnum())
    for kind, marks in {
        "survey": ("survey", "day30", "encuesta"),
        "day7": ("day7", "dia7", "resources", "recursos"),
        "tutorial": ("tutorial",),
        "welcome": ("welcome", "bienvenida", "day0"),
    }.items():
        if any(mark in letters for mark in marks):
            return kind
    return None


def reactions(seed: int, recipient: Recipient, kind: str, at: datetime) -> list[Event]:
    """What happens later, in time order, because `recipient` got a mail of `kind` at `at` (aware UTC).

    SurveyAnswered for part of the survey mails; OnboardingItemDone for part of the items never done else.
    """
    moment = at.replace(microsecond=0)
    if kind == "survey":
        dice = Random(f"{seed}/reaction/{recipient.company}/survey/{moment.isoformat()}")
        if dice.random() >= SURVEY_ANSWER_SHARE:
            return []
        csat, nps = survey_answer(dice, satisfaction(seed, recipient.company))
        delay = timedelta(seconds=int(dice.lognormvariate(10.6, 1.0)))
        return [SurveyAnswered(at=moment + delay, company=recipient.company, csat=csat, nps=nps)]
    found: list[Event] = []
    for item in recipient.missing_items:
        dice = Random(f"{seed}/reaction/{recipient.company}/{item}")
        listens_to, moved = dice.choice(NUDGES), dice.random() < NUDGE_SHARE
        if listens_to == kind and moved:
            delay = timedelta(seconds=int(dice.uniform(2 * 3600, 60 * 3600)))
            found.append(OnboardingItemDone(at=moment + delay, company=recipient.company, item=item))
    return sorted(found, key=lambda event: event.at)


def satisfaction(seed: int, company: str) -> float:
    """How content a client is by nature, 0 to 1; ratings, surveys and churn lean on it."""
    return Random(f"{seed}/satisfaction/{company}").betavariate(6.0, 1.6)


def survey_answer(dice: Random, content: float) -> tuple[int, int]:
    """A CSAT (1-5) and an NPS (0-10) answer of a client with that satisfaction."""
    felt = content + dice.gauss(0.06, 0.12)
    nps = max(0, min(10, round(3.2 + 7.4 * felt)))
    csat = max(1, min(5, round(1.4 + 3.9 * felt)))
    return csat, nps
