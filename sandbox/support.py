"""Support conversations: who writes, what answers, how it climbs the levels, how it ends and is rated."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache, partial
from math import exp
from random import Random

from sandbox.calendars import after_office_minutes, is_open
from sandbox.company import STAFF, add_months, instant, local
from sandbox.contracts import Subscription
from sandbox.events import (
    ConversationOpened,
    ConversationPart,
    ConversationRated,
    ConversationTagged,
    Event,
)
from sandbox.reactions import satisfaction
from sandbox.sales import Client, random_moment
from sandbox.texts import ANSWERS, REMARKS, SPAM, TOPICS

PER_CLIENT_AND_MONTH = 2.0


def poisson(dice: Random, mean: float) -> int:
    """A Poisson number, by counting uniform draws."""
    limit, product, count = exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count


@cache
def agents(level: str, day: date) -> tuple[str, ...]:
    """The staff who serve that level's inbox on a day."""
    return tuple(person.id for person in STAFF if level in person.levels and person.employed_on(day))


def load(day: date) -> float:
    """How stretched support is: July 2026 runs one technician short, and new hires take weeks to learn."""
    if date(2026, 7, 1) <= day < date(2026, 8, 10):
        return 1.75
    if date(2026, 4, 1) <= day < date(2026, 5, 10):
        return 1.3
    return 1.0


def maturity(day: date, begin: date) -> float:
    """0 in the first days of the company, 1 a year later and after: bots and people learn."""
    return min(1.0, (day - begin).days / 365)


class Conversation:
    """One conversation being written, its hand moving forward in time."""

    def __init__(
        self,
        dice: Random,
        key: str,
        person: str,
        opened: datetime,
        *,
        language: str,
        begin: date,
        content: float,
    ) -> None:
        self._dice, self._key, self._person, self._language = dice, key, person, language
        self._now = opened
        self._opened = opened
        day = local(opened).date()
        self._load, self._skill, self._content = load(day), maturity(day, begin), content
        self.events: list[Event] = []
        topic, texts = dice.choice(TOPICS)
        subject, body = texts[language]
        self.events.append(
            ConversationOpened(at=opened, conversation=key, person=person, subject=subject, body=body)
        )
        if dice.random() < 0.35:
            self.events.append(
                ConversationTagged(at=opened + timedelta(seconds=40), conversation=key, tag=topic)
            )

    def run(self) -> list[Event]:
        """The conversation's events from first to last, whatever the horizon."""
        roll = self._dice.random()
        if roll < 0.80:
            solved = self._frontline()
        elif roll < 0.95:
            solved = self._specialist()
        else:
            solved = self._expert()
        if not solved:
            return self.events
        if self._dice.random() < 0.05:
            self._reopen()
        self._rate()
        return self.events

    def duplicate(self) -> list[Event]:
        """The same question sent twice: answered by the bot, tagged merged and closed by a person."""
        self._wait(self._dice.uniform(5, 40))
        self._say("bot", "bot", "bot")
        self._wait(self._dice.uniform(120, 5000))
        agent = self._agent("L1")
        self.events.append(ConversationTagged(at=self._now, conversation=self._key, tag="merged"))
        self._wait(20)
        self._part("close", "admin", agent)
        return self.events

    def _wait(self, seconds: float) -> None:
        self._now += timedelta(seconds=max(1, int(seconds)))

    def _wait_office(self, minutes: float) -> None:
        self._now = after_office_minutes(self._now, max(0.1, minutes))

    def _agent(self, level: str) -> str:
        return self._dice.choice(agents(level, local(self._now).date()))

    def _part(self, kind: str, author_kind: str, author: str, body: str = "", to_level: str = "") -> None:
        self.events.append(
            ConversationPart(
                at=self._now,
                conversation=self._key,
                kind=kind,
                author_kind=author_kind,
                author=author,
                body=body,
                to_level=to_level,
            )
        )

    def _say(self, author_kind: str, author: str, text: str) -> None:
        self._part("comment", author_kind, author, ANSWERS[text][self._language])

    def _bot_first(self, share: float) -> bool:
        if self._dice.random() >= share:
            return False
        slow = self._dice.random() < 0.035 * self._load
        self._wait(self._dice.uniform(301, 900) if slow else 4 + self._dice.expovariate(1 / 35))
        self._say("bot", "bot", "bot")
        return True

    def _frontline(self) -> bool:
        dice = self._dice
        if self._bot_first(0.78 + 0.16 * self._skill):
            if dice.random() < 0.74 + 0.1 * self._skill:
                self._wait(dice.lognormvariate(6.9, 0.9))
                if dice.random() < 0.6:
                    self._say("user", self._person, "thanks")
                    self._wait(dice.uniform(5, 600))
                self._part("close", "bot", "bot")
                return True
            self._wait(dice.uniform(30, 600))
            self._say("user", self._person, "again")
        elif dice.random() < 0.004:
            return False  # lost in the inbox
        self._frontline_wait()
        agent = self._agent("L1")
        self._say("admin", agent, "admin")
        if is_open(self._now):
            self._wait_office(dice.lognormvariate(3.6, 0.8) * self._load)
        else:
            self._wait(dice.lognormvariate(8.0, 0.8))
        self._say("admin", agent, "solved")
        self._wait(dice.uniform(60, 2400))
        self._part("close", "admin", agent)
        return True

    def _frontline_wait(self) -> None:
        dice = self._dice
        if is_open(self._now) or dice.random() < 0.55 + 0.2 * self._skill:
            self._wait(60 * dice.lognormvariate(0.75, 0.6) * self._load)
        else:
            self._wait_office(dice.lognormvariate(1.8, 0.7) * self._load)

    def _escalate(self, level: str) -> None:
        self._part("assignment", "bot", "bot", to_level=level)

    def _specialist(self) -> bool:
        self._bot_first(0.9)
        self._wait(self._dice.uniform(40, 800))
        self._escalate("L2")
        self._wait_office(self._dice.lognormvariate(3.65, 0.55) * self._load)
        agent = self._agent("L2")
        self._say("admin", agent, "admin")
        return self._solve(agent, 5.0, 0.6)

    def _expert(self) -> bool:
        self._bot_first(0.85)
        self._wait(self._dice.uniform(40, 900))
        if self._dice.random() < 0.55:
            self._escalate("L2")
            self._wait_office(self._dice.lognormvariate(3.6, 0.55) * self._load)
            self._say("admin", self._agent("L2"), "admin")
            self._wait_office(self._dice.uniform(15, 150))
        self._escalate("L3")
        self._wait_office(self._dice.lognormvariate(5.3, 0.7))
        agent = self._agent("L3")
        self._say("admin", agent, "admin")
        return self._solve(agent, 6.0, 0.6)

    def _solve(self, agent: str, median_log: float, spread: float) -> bool:
        dice = self._dice
        work = dice.lognormvariate(median_log, spread) * self._load
        if dice.random() < 0.012:
            return False  # still waiting for somebody
        if dice.random() < 0.3:
            self._wait_office(work * 0.3)
            self._say("admin", agent, "asked")
            self._wait(30)
            self._part("snoozed", "admin", agent)
            if dice.random() < 0.75:
                self._wait(dice.lognormvariate(10.2, 1.0))
                self._part("open", "user", self._person)
                self._wait(1)
                self._say("user", self._person, "sent")
            else:
                self._wait(86_400 * dice.choice((1, 2, 3)))
                self._part("open", "bot", "bot")
            self._wait_office(work * 0.7)
        else:
            self._wait_office(work)
        self._say("admin", agent, "solved")
        if dice.random() < 0.2:
            self.events.append(
                ConversationPart(
                    at=self._now + timedelta(seconds=25),
                    conversation=self._key,
                    kind="note",
                    author_kind="admin",
                    author=agent,
                    body="Causa y arreglo anotados en la base de conocimiento.",
                )
            )
        self._wait(dice.uniform(60, 1500))
        self._part("close", "admin", agent)
        return True

    def _reopen(self) -> None:
        dice = self._dice
        self._wait(dice.uniform(1200, 3 * 86_400))
        self._part("open", "user", self._person)
        self._wait(1)
        self._say("user", self._person, "again")
        self._wait_office(dice.lognormvariate(3.2, 0.8) * self._load)
        agent = self._agent("L1")
        self._say("admin", agent, "solved")
        self._wait_office(dice.lognormvariate(3.4, 0.8))
        self._part("close", "admin", agent)

    def _rate(self) -> None:
        dice = self._dice
        if dice.random() >= 0.30:
            return
        hours = (self._now - self._opened).total_seconds() / 3600
        felt = (
            self._content + 0.14 - 0.05 * min(3.0, hours / 20) - 0.05 * (self._load - 1) + dice.gauss(0, 0.1)
        )
        rating = 5 if felt > 0.80 else 4 if felt > 0.60 else 3 if felt > 0.5 else 2 if felt > 0.42 else 1
        remark = dice.choice(REMARKS[rating]) if dice.random() < 0.3 else ""
        self._wait(dice.lognormvariate(7.5, 1.4))
        self.events.append(
            ConversationRated(at=self._now, conversation=self._key, rating=rating, remark=remark)
        )


def of_client(
    seed: int, client: Client, subscriptions: Sequence[Subscription], begin: date, until: date
) -> list[Event]:
    """All conversations that the client opens in the months from its start up to the month of `until`."""
    dice = Random(f"{seed}/support/{client.company}")
    content = satisfaction(seed, client.company)
    write = partial(Conversation, language=client.language, begin=begin, content=content)
    talkative = dice.gammavariate(4, 0.25)
    month = local(client.start).date().replace(day=1)
    events: list[Event] = []
    count = 0
    while month <= until:
        days = (add_months(month, 1) - month).days
        for _ in range(poisson(dice, PER_CLIENT_AND_MONTH * talkative)):
            day = month + timedelta(days=dice.randrange(days))
            if day.weekday() >= 5 and dice.random() < 0.5:
                day = month + timedelta(days=dice.randrange(days))
            opened = random_moment(dice, day)
            own = Random(dice.getrandbits(64))
            if not any(each.active_at(opened) for each in subscriptions):
                continue
            count += 1
            person = own.choice(client.people_at(opened))
            key = f"v{client.company[1:]}-{count:03d}"
            made = write(own, key, person, opened)
            events += made.run()
            if own.random() < 0.012:
                count += 1
                again = opened + timedelta(seconds=int(own.uniform(40, 400)))
                key = f"v{client.company[1:]}-{count:03d}"
                events += write(own, key, person, again).duplicate()
        month = add_months(month, 1)
    return events


def spam(seed: int, index: int, month: date, leads: Sequence[tuple[datetime, str, str]]) -> list[Event]:
    """The month's spam, sent in the name of leads known before the month; `leads` sorted by creation."""
    dice = Random(f"{seed}/spam/{index}")
    known = leads[: bisect_right(leads, instant(month), key=lambda lead: lead[0])]
    events: list[Event] = []
    if not known:
        return events
    days = (add_months(month, 1) - month).days
    for number in range(poisson(dice, 2 + 2.2 * min(index, 14))):
        at = random_moment(dice, month + timedelta(days=dice.randrange(days)))
        _, person, _ = known[dice.randrange(len(known))]
        key = f"s{index:02d}-{number:03d}"
        events.append(
            ConversationOpened(
                at=at,
                conversation=key,
                person=person,
                subject=dice.choice(SPAM),
                body="https://spam.example/offer",
            )
        )
        if dice.random() < 0.4:
            at += timedelta(seconds=dice.randrange(5, 50))
            events.append(
                ConversationPart(
                    at=at,
                    conversation=key,
                    kind="comment",
                    author_kind="bot",
                    author="bot",
                    body=ANSWERS["bot"]["en"],
                )
            )
        at += timedelta(seconds=dice.randrange(600, 90_000))
        events.append(ConversationTagged(at=at, conversation=key, tag="spam"))
        if dice.random() < 0.9:
            at += timedelta(seconds=15)
            agent = dice.choice(agents("L1", local(at).date()))
            events.append(
                ConversationPart(at=at, conversation=key, kind="close", author_kind="admin", author=agent)
            )
    return events
