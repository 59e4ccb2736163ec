"""The histories as Hypothesis draws them: edits, time, trouble, syncs that live and syncs that are killed."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.histories.hubspot_history import KINDS, LINKS, HubSpotHistory
from tests.histories.intercom_history import IntercomHistory
from tests.histories.judge import Judge
from tests.histories.mailchimp_history import MailchimpHistory

MEMORY = Path("/dev/shm")  # noqa: S108 - thousands of small homes would otherwise wait for the disk
which = st.integers(0, 5)
values = st.sampled_from(["a", "b", "c"])
gaps = st.sampled_from([1, 60, 600, 1800, 3600, 7300, 30_000, 90_000])
TROUBLE: list[list[dict[str, Any]]] = [
    [],
    [{"kind": "search_lag_seconds", "seconds": 30}],
    [{"kind": "search_lag_seconds", "seconds": 3000}, {"kind": "disorder"}],
    [{"kind": "disorder"}, {"kind": "duplicates", "share": 0.5}],
    [{"kind": "rate_429", "share": 0.1}, {"kind": "error_rate_5xx", "share": 0.1}],
    [{"kind": "error_rate_5xx", "times": 5}],
    [{"kind": "cut_connection", "share": 0.2}, {"kind": "truncate_page", "share": 0.1}],
    [{"kind": "merge_makes_new_id"}, {"kind": "search_lag_seconds", "seconds": 600}],
    [{"kind": "status", "status": 403, "times": 2}],
]
KNOWN_TO: dict[str, set[str]] = {
    "search_lag_seconds": {"hubspot", "intercom"},
    "disorder": {"hubspot"},
    "merge_makes_new_id": {"hubspot"},
}
tally = {"histories": 0, "syncs": 0, "deaths": 0}


class Machine(RuleBasedStateMachine):
    """What all vendors have in common."""

    make: Callable[[Path], Judge]

    def __init__(self) -> None:
        super().__init__()
        folder = MEMORY if MEMORY.is_dir() else None
        self.judge = type(self).make(Path(tempfile.mkdtemp(prefix="history-", dir=folder)))
        self.number = 0
        self.finished = False

    def next(self) -> int:
        self.number += 1
        return self.number

    def pick(self, found: list[str], at: int) -> str:
        return found[at % len(found)]

    @rule(seconds=gaps)
    def time_passes(self, seconds: int) -> None:
        self.judge.advance(seconds)

    @rule(at=st.integers(0, len(TROUBLE) - 1))
    def things_go_wrong(self, at: int) -> None:
        self.judge.trouble(
            *(
                each
                for each in TROUBLE[at]
                if self.judge.vendor in KNOWN_TO.get(each["kind"], {self.judge.vendor})
            )
        )

    @rule()
    def we_sync(self) -> None:
        self.judge.sync()

    @rule(line=st.integers(1, 9000))
    def we_sync_and_are_killed(self, line: int) -> None:
        self.judge.sync_and_die(line)

    def teardown(self) -> None:
        try:
            wrong = self.judge.settle()
            assert not wrong, "\n".join(wrong[:12])
            tally["histories"] += 1
            tally["syncs"] += self.judge.syncs
            tally["deaths"] += self.judge.deaths
        finally:
            self.judge.close()


class HubSpotMachine(Machine):
    """A portal."""

    make = HubSpotHistory
    judge: HubSpotHistory

    def living(self, kind: str) -> list[str]:
        return self.judge.ids(kind)

    @rule(kind=st.sampled_from(KINDS), value=values, count=st.sampled_from([1, 1, 3]))
    def something_is_made(self, kind: str, value: str, count: int) -> None:
        for _ in range(count):
            self.judge.create(kind, value, self.next())

    @rule(kind=st.sampled_from(KINDS), at=which, value=values)
    def something_is_edited(self, kind: str, at: int, value: str) -> None:
        if living := self.living(kind):
            self.judge.edit(kind, self.pick(living, at), value)

    @rule(kind=st.sampled_from(KINDS), at=which)
    def something_is_archived(self, kind: str, at: int) -> None:
        if living := self.living(kind):
            self.judge.archive(kind, self.pick(living, at))

    @rule(kind=st.sampled_from(("companies", "contacts")), at=which)
    def two_are_merged(self, kind: str, at: int) -> None:
        living = self.living(kind)
        if len(living) > 1:
            self.judge.merge(kind, self.pick(living, at), self.pick(living, at + 1))

    @rule(at=which)
    def a_person_is_forgotten(self, at: int) -> None:
        if living := self.living("contacts"):
            self.judge.forget(self.pick(living, at))

    @rule(pair=st.sampled_from(sorted(LINKS.values())), one=which, other=which, on=st.booleans())
    def two_are_associated_or_not(self, pair: tuple[str, str], one: int, other: int, on: bool) -> None:
        here, there = self.living(pair[0]), self.living(pair[1])
        if here and there:
            self.judge.link((pair[0], self.pick(here, one)), (pair[1], self.pick(there, other)), on=on)

    @rule(kind=st.sampled_from(KINDS), at=which)
    def a_webhook_points_at_something(self, kind: str, at: int) -> None:
        if living := self.living(kind):
            self.judge.reread({kind: [self.pick(living, at)]})


class IntercomMachine(Machine):
    """A workspace."""

    make = IntercomHistory
    judge: IntercomHistory

    @rule()
    def a_contact_comes(self) -> None:
        self.judge.add_contact(self.next())

    @rule(at=which, value=values)
    def a_contact_is_edited(self, at: int, value: str) -> None:
        if living := self.judge.ids("contacts"):
            self.judge.edit_contact(self.pick(living, at), value)

    @rule(at=which)
    def a_contact_is_archived(self, at: int) -> None:
        if living := self.judge.ids("contacts"):
            self.judge.archive_contact(self.pick(living, at))

    @rule(at=which)
    def two_contacts_are_merged(self, at: int) -> None:
        living = self.judge.ids("contacts")
        if len(living) > 1:
            self.judge.merge_contacts(self.pick(living, at), self.pick(living, at + 1))

    @rule(at=which, value=values)
    def a_company_changes(self, at: int, value: str) -> None:
        self.judge.add_company(at, value)
        if contacts := self.judge.ids("contacts"):
            self.judge.attach(self.pick(contacts, at), self.pick(self.judge.ids("companies"), at))

    @rule(at=which, value=values)
    def a_conversation_begins(self, at: int, value: str) -> None:
        if contacts := self.judge.ids("contacts"):
            self.judge.open_conversation(self.pick(contacts, at), value)

    @rule(at=which, value=values, times=st.sampled_from([1, 2, 7]))
    def a_conversation_goes_on(self, at: int, value: str, times: int) -> None:
        if found := self.judge.ids("conversations"):
            for _ in range(times):
                self.judge.reply(self.pick(found, at), value)

    @rule(at=which)
    def a_conversation_is_closed(self, at: int) -> None:
        if found := self.judge.ids("conversations"):
            self.judge.close_conversation(self.pick(found, at))

    @rule(at=which)
    def a_conversation_is_deleted(self, at: int) -> None:
        if found := self.judge.ids("conversations"):
            self.judge.delete_conversation(self.pick(found, at))

    @rule(at=which, value=values)
    def a_ticket_comes_or_changes(self, at: int, value: str) -> None:
        if at % 2 and (found := self.judge.ids("tickets")):
            self.judge.edit_ticket(self.pick(found, at), value)
        elif contacts := self.judge.ids("contacts"):
            self.judge.add_ticket(self.pick(contacts, at), value)

    @rule(at=which)
    def a_webhook_points_at_a_conversation(self, at: int) -> None:
        if found := self.judge.ids("conversations"):
            self.judge.reread({"conversations": [self.pick(found, at)]})


class MailchimpMachine(Machine):
    """An account."""

    make = MailchimpHistory
    judge: MailchimpHistory

    @rule(count=st.sampled_from([1, 1, 4]))
    def members_come(self, count: int) -> None:
        for _ in range(count):
            self.judge.add(self.next())

    @rule(at=which, value=values)
    def a_member_is_edited(self, at: int, value: str) -> None:
        if found := self.judge.members():
            self.judge.edit(self.pick(found, at), value)

    @rule(at=which)
    def a_member_leaves(self, at: int) -> None:
        if found := self.judge.members("subscribed", "pending", "transactional"):
            self.judge.leave(self.pick(found, at))

    @rule(at=which)
    def a_member_gets_another_address(self, at: int) -> None:
        if found := self.judge.members("subscribed"):
            self.judge.rename(self.pick(found, at), self.next())

    @rule(at=which)
    def a_member_is_archived(self, at: int) -> None:
        if found := self.judge.members("subscribed", "unsubscribed"):
            self.judge.archive(self.pick(found, at))

    @rule(at=which)
    def a_member_is_forgotten(self, at: int) -> None:
        if found := self.judge.members():
            self.judge.forget(self.pick(found, at))

    @rule(at=which, on=st.booleans())
    def a_member_is_tagged_or_not(self, at: int, on: bool) -> None:
        if found := self.judge.members("subscribed"):
            self.judge.tag(self.pick(found, at), on=on)


MACHINES = {"hubspot": HubSpotMachine, "intercom": IntercomMachine, "mailchimp": MailchimpMachine}
