"""The work for clients: the onboarding checklist, deliverables with errors and rework, surveys."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random

from sandbox.calendars import after_office_minutes
from sandbox.company import DELIVERABLE_KINDS, STAFF, add_months, local
from sandbox.contracts import Subscription
from sandbox.events import (
    DeliverableDelivered,
    DeliverableErrorReported,
    DeliverableReopened,
    DeliverableRequested,
    Event,
    OnboardingItemDone,
    SurveyAnswered,
)
from sandbox.reactions import satisfaction, survey_answer
from sandbox.sales import Client, random_moment
from sandbox.support import load, maturity, poisson

PER_MONTH = {"basic": 0.9, "growth": 1.5, "pro": 2.4}
MAKERS = ("ae1", "ae2", "fs1", "ai1", "de1", "cc1")
SURVEY_DAYS = (30, 120, 210, 300)
TITLES = {
    "automation": ("Automatización de reservas", "Booking automation"),
    "chatbot_flow": ("Flujo nuevo del asistente", "New assistant flow"),
    "monthly_report": ("Informe mensual", "Monthly report"),
    "content_pack": ("Paquete de contenidos", "Content pack"),
    "integration": ("Integración con su programa", "Integration with their software"),
    "dashboard": ("Cuadro de mando", "Dashboard"),
}


def onboarding(seed: int, client: Client, begin: date) -> list[Event]:
    """When the client finishes each checklist item; about one client in eleven leaves something undone."""
    dice = Random(f"{seed}/onboarding/{client.company}")
    practice = 1.25 - 0.5 * maturity(local(client.start).date(), begin)
    access = client.start + timedelta(hours=dice.lognormvariate(0.6, 0.9))
    settings = access + timedelta(hours=dice.lognormvariate(2.2, 0.8) * practice)
    integrations = access + timedelta(hours=dice.lognormvariate(3.35, 0.75) * practice)
    if local(integrations).weekday() >= 5 and dice.random() < 0.6:
        integrations += timedelta(days=2)
    done = {"platform_access": access, "first_settings": settings, "integrations": integrations}
    stuck = dice.random()
    if stuck < 0.09:
        del done["integrations"]
    if stuck < 0.025:
        del done["first_settings"]
    return [
        OnboardingItemDone(at=at.replace(microsecond=0), company=client.company, item=item)
        for item, at in done.items()
    ]


def deliverables(
    seed: int, client: Client, subscriptions: Sequence[Subscription], begin: date, until: date
) -> list[Event]:
    """Everything that the client asks for in the months from its start up to the month of `until`."""
    dice = Random(f"{seed}/delivery/{client.company}")
    month = local(client.start).date().replace(day=1)
    events: list[Event] = []
    count = 0
    while month <= until:
        days = (add_months(month, 1) - month).days
        for _ in range(poisson(dice, PER_MONTH["pro"])):
            requested = random_moment(dice, month + timedelta(days=dice.randrange(days)))
            own = Random(dice.getrandbits(64))
            plan = next((each.offer.plan for each in subscriptions if each.active_at(requested)), None)
            # Thinned from the busiest plan's rate, so that a change of plan does not shift the other dice.
            if plan is None or own.random() >= PER_MONTH[plan] / PER_MONTH["pro"]:
                continue
            count += 1
            events += _deliverable(own, f"w{client.company[1:]}-{count:03d}", client, requested, begin)
        month = add_months(month, 1)
    return events


def _deliverable(dice: Random, key: str, client: Client, requested: datetime, begin: date) -> list[Event]:
    day = local(requested).date()
    skill = maturity(day, begin)
    makers = [who.id for who in STAFF if who.id in MAKERS and who.employed_on(day)]
    kind = dice.choice(DELIVERABLE_KINDS)
    title = TITLES[kind][client.language == "en"]
    events: list[Event] = [
        DeliverableRequested(
            at=requested,
            deliverable=key,
            company=client.company,
            kind=kind,
            subject=f"{title} - {client.name}",
            owner=dice.choice(makers),
        )
    ]
    if dice.random() < 0.008:
        return events
    busy = 1 + (load(day) - 1) / 2
    at = after_office_minutes(requested, dice.lognormvariate(5.75 - 0.35 * skill, 0.6) * busy)
    events.append(DeliverableDelivered(at=at, deliverable=key))
    wrong = dice.random() < 0.034 - 0.015 * skill
    if wrong:
        for _ in range(1 + (dice.random() < 0.2)):
            at += timedelta(seconds=int(dice.uniform(1800, 4 * 86_400)))
            events.append(DeliverableErrorReported(at=at, deliverable=key))
    again = dice.random() < (0.7 if wrong else 0.035)
    while again:
        at += timedelta(seconds=int(dice.uniform(900, 2 * 86_400)))
        events.append(DeliverableReopened(at=at, deliverable=key))
        at = after_office_minutes(at, dice.lognormvariate(5.2, 0.6))
        events.append(DeliverableDelivered(at=at, deliverable=key))
        again = dice.random() < 0.1
    return events


def surveys(seed: int, client: Client, subscriptions: Sequence[Subscription], clock: datetime) -> list[Event]:
    """Answers to the surveys sent by hand before `clock`; later ones are Tenfold's: see `reactions`."""
    content = satisfaction(seed, client.company)
    events: list[Event] = []
    for days in SURVEY_DAYS:
        sent = client.start + timedelta(days=days)
        dice = Random(f"{seed}/survey/{client.company}/{days}")
        if sent >= clock or not any(each.active_at(sent) for each in subscriptions):
            continue
        if dice.random() < 0.42:
            csat, nps = survey_answer(dice, content)
            at = sent + timedelta(seconds=int(dice.lognormvariate(10.8, 1.1)))
            events.append(SurveyAnswered(at=at, company=client.company, csat=csat, nps=nps))
    return events
