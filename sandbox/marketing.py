"""The audience and its monthly campaign: who reads, who clicks, whose address is dead, who has had enough."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from random import Random

from sandbox.company import add_months, instant
from sandbox.events import (
    AudienceJoined,
    CampaignBounced,
    CampaignClicked,
    CampaignOpened,
    CampaignSent,
    DealCreated,
    DealWon,
    Event,
    LeadArchived,
    LeadCreated,
    OptedOut,
    PeopleMerged,
    PersonAdded,
)

CAMPAIGNS = (
    ("Casos de éxito", "Tres negocios que ahorran diez horas a la semana"),
    ("Novedades del producto", "Lo nuevo de este mes en tu asistente"),
    ("Guía práctica", "Automatiza tus reservas en cuatro pasos"),
    ("Encuentro en línea", "Te esperamos el jueves: preguntas y respuestas"),
    ("Oferta anual", "Dos meses de regalo con el plan anual"),
)
SITE = "https://www.tenfold.example"


def audience(seed: int, events: Sequence[Event]) -> list[Event]:
    """Who joins the audience, and who refuses mail without any campaign's doing."""
    found: list[Event] = []
    for event in events:
        if not isinstance(event, LeadCreated | PersonAdded):
            continue
        dice = Random(f"{seed}/audience/{event.person}")
        if dice.random() < 0.82:
            joined = event.at + timedelta(seconds=dice.randrange(60, 3 * 86_400))
            found.append(AudienceJoined(at=joined, person=event.person))
            if dice.random() < 0.012:
                out = joined + timedelta(seconds=dice.randrange(3600, 60 * 86_400))
                found.append(OptedOut(at=out, person=event.person))
    return found


def campaign_day(month: date) -> date:
    """The second Tuesday of the month."""
    return month + timedelta(days=(1 - month.weekday()) % 7 + 7)


def campaigns(seed: int, begin: date, until: date, events: Sequence[Event]) -> list[Event]:
    """One campaign a month to everyone then subscribed; `events` sorted, with the audience's in it."""
    found: list[Event] = []
    members: dict[str, None] = {}
    never: set[str] = set()  # opted out, bounced, archived or merged away
    customers: set[str] = set()
    person_of_deal: dict[str, str] = {}
    leaving: list[tuple[datetime, str]] = []
    position, index, month = 0, 0, begin
    while month <= until:
        sent = instant(campaign_day(month), time(10))
        while position < len(events) and events[position].at <= sent:
            event = events[position]
            position += 1
            match event:
                case AudienceJoined():
                    members[event.person] = None
                case OptedOut() | LeadArchived():
                    never.add(event.person)
                case PeopleMerged():
                    never.add(event.gone)
                case DealWon():
                    customers.add(person_of_deal.get(event.deal, ""))
                case DealCreated():
                    person_of_deal[event.deal] = event.person
                case _:
                    pass
        never.update(person for at, person in leaving if at <= sent)
        dice = Random(f"{seed}/campaign/{index}")
        to = tuple(person for person in members if person not in never)
        if to:
            leaving += _send(dice, f"m{index + 1:03d}", sent, to, customers=customers, found=found)
        month = add_months(month, 1)
        index += 1
    return found


def _send(
    dice: Random,
    key: str,
    sent: datetime,
    to: tuple[str, ...],
    *,
    customers: set[str],
    found: list[Event],
) -> list[tuple[datetime, str]]:
    """Append what one campaign causes to `found`; return whom it loses, and when."""
    title, subject = CAMPAIGNS[sent.month % len(CAMPAIGNS)]
    found.append(
        CampaignSent(at=sent, campaign=key, title=f"{title} {sent:%Y-%m}", subject=subject, recipients=to)
    )
    lost: list[tuple[datetime, str]] = []
    appeal = dice.uniform(0.85, 1.15)
    for person in to:
        if dice.random() < 0.006:
            at = sent + timedelta(seconds=dice.randrange(20, 900))
            found.append(CampaignBounced(at=at, campaign=key, person=person))
            lost.append((at, person))
            continue
        if dice.random() >= (0.46 if person in customers else 0.29) * appeal:
            continue
        at = sent + timedelta(seconds=int(dice.lognormvariate(9.4, 1.5)))
        found.append(CampaignOpened(at=at, campaign=key, person=person))
        if dice.random() < 0.18:
            again = at + timedelta(seconds=dice.randrange(600, 4 * 86_400))
            found.append(CampaignOpened(at=again, campaign=key, person=person))
        if dice.random() < 0.14:
            clicked = at + timedelta(seconds=dice.randrange(4, 240))
            url = f"{SITE}/{dice.choice(('casos', 'precios', 'blog', 'demo'))}"
            found.append(CampaignClicked(at=clicked, campaign=key, person=person, url=url))
        if dice.random() < 0.011:
            at += timedelta(seconds=dice.randrange(10, 300))
            found.append(OptedOut(at=at, person=person))
            lost.append((at, person))
    return lost
