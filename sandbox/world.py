"""The simulated world at one instant of its clock: the vendors' records, mail received, and what was written.

State is the seed, which gives the events, and `writes.jsonl`, which gives everything that came from outside:
API writes, mails, advances of the clock. Reading that log over the regenerated events restores the world.
"""

import bisect
import fcntl
import heapq
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import orjson

from sandbox.events import Event
from sandbox.faults import Faults, parse_faults
from sandbox.hubspot_records import HubSpotRecords
from sandbox.hubspot_story import HubSpotStory
from sandbox.hubspot_writes import replay as replay_hubspot
from sandbox.intercom_records import IntercomRecords, unix
from sandbox.intercom_story import IntercomStory
from sandbox.intercom_writes import replay as replay_intercom
from sandbox.mailchimp_records import MailchimpRecords
from sandbox.mailchimp_writes import replay as replay_mailchimp
from sandbox.mandrill_records import MandrillRecords
from sandbox.mandrill_records import replay as replay_mandrill
from sandbox.reactions import Recipient, mail_kind, reactions, recipients
from sandbox.seeds import sow
from sandbox.simulation import simulate

Op = tuple[str, dict[str, Any]]
HORIZON = timedelta(days=120)


class WorldError(Exception):
    """The home cannot be used; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the simulation starts from; a home keeps the plan that it began with."""

    seed: int
    months: int
    first: int
    last: int
    clock: datetime

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON, its clock in ISO 8601."""
        return {**asdict(self), "clock": iso(self.clock)}


@dataclass(frozen=True, slots=True)
class Mail:
    """A message that the SMTP sink accepted, at the company's time."""

    at: datetime
    file: str
    message_id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    step: str


@dataclass(slots=True)
class _Time:
    """Events not yet shown, in order: the simulation's own and those that mails set off."""

    simulated: list[Event]
    place: int = 0
    reactions: list[tuple[datetime, int, Event]] = field(default_factory=list)


class World:
    """Everything that the servers show."""

    def __init__(
        self,
        home: Path,
        plan: Plan,
        simulation: Callable[..., list[Event]] = simulate,
        *,
        durable: bool = True,
    ) -> None:
        """Restore or begin the world of `home`. Raises WorldError when another plan or process holds it.

        Without `durable` a write does not wait for the disk: the log survives this process, no more.
        """
        self.home = home
        self._durable = durable
        home.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(home)
        try:
            self.plan = _settled(home, plan)
            self._simulation = simulation
            self.faults = Faults(plan.seed)
            self.hubspot = HubSpotRecords()
            self._hubspot_story = HubSpotStory(self.hubspot, plan.seed)
            self.intercom = IntercomRecords()
            self._intercom_story = IntercomStory(self.intercom, self._hubspot_story, plan.seed)
            self.mailchimp = MailchimpRecords()
            self.mandrill = MandrillRecords()
            self.mails: list[Mail] = []
            self.notifications: list[dict[str, Any]] = []
            self.log: list[Event] = []  # every event shown so far, in order
            self.showing = False  # True while something is told that happened in the company, not by API
            self._clock = self.plan.clock
            self._horizon = self._clock + HORIZON
            self._time = _Time(self._simulate(self._horizon))
            self._recipients: dict[str, Recipient] | None = None
            self._show_until(self._clock)
            # A search lags behind what happens from now on; the past was indexed long ago.
            self.intercom.remembers = True
            self._writes: IO[bytes] = self._read_log()
        except BaseException:
            self._lock.close()
            raise

    @property
    def clock(self) -> datetime:
        """The company's time, aware UTC; only `advance` moves it."""
        return self._clock

    @property
    def events(self) -> list[Event]:
        """What has happened and what is already certain to happen, in order."""
        ahead = self._time.simulated[self._time.place :] + [event for _, _, event in self._time.reactions]
        return self.log + sorted(ahead, key=lambda event: event.at)

    def commit(self, *ops: Op) -> list[Any]:
        """Keep writes in the log and do them; returns their results. They were checked before."""
        self._keep({"at": iso(self._clock), "ops": ops})
        return [self._do(name, args) for name, args in ops]

    def advance(self, to: datetime) -> None:
        """Move the clock forward and show what happens until then. Raises ValueError for a step back."""
        if to < self._clock:
            raise ValueError(f"The clock stands at {iso(self._clock)} and never goes back.")
        args: dict[str, Any] = {"to": iso(to)}
        if self.faults.has("merge_makes_new_id", "hubspot"):
            # Kept with the step: the log must tell the same story whatever faults stand when it is read.
            args["merge_makes_new_id"] = True
        self.commit(("world.advance", args))

    def receive(self, mail: Mail) -> None:
        """Keep a mail and let its recipients react in their own time."""
        row = {**asdict(mail), "at": iso(mail.at)}
        self.commit(("world.mail", row))

    def notify(self, body: dict[str, Any]) -> None:
        """Keep a notification."""
        self.commit(("world.notification", {"at": iso(self._clock), "body": body}))

    def set_faults(self, *, lasting_only: bool = True) -> None:
        """Keep the faults in force for the next start; those that end by themselves are not kept."""
        self.commit(("world.faults", {"faults": self.faults.as_json(lasting=lasting_only)}))

    def close(self) -> None:
        """Give the home free."""
        self._writes.close()
        self._lock.close()

    def _do(self, name: str, args: dict[str, Any]) -> Any:
        vendor, _, op = name.partition(".")
        if vendor == "world":
            return self._do_own(op, args)
        if vendor == "hubspot":
            return replay_hubspot(self.hubspot, op, args, self._clock)
        if vendor == "intercom":
            done = replay_intercom(self.intercom, op, args, self._clock)
            self.intercom.settle(unix(self._clock))
            return done
        if vendor == "mailchimp":
            return replay_mailchimp(self.mailchimp, op, args, self._clock)
        if vendor == "seed":
            return self._sow(op, args)
        if vendor == "mandrill":
            return replay_mandrill(self.mandrill, op, args, self._clock)
        raise ValueError(name)

    def _sow(self, vendor: str, args: dict[str, Any]) -> int:
        tells = self.hubspot.tell, self.intercom.tell, self.mailchimp.tell
        # A crowd made for a test is announced to nobody.
        self.hubspot.tell = self.intercom.tell = self.mailchimp.tell = None
        try:
            return sow(self, vendor, args)
        finally:
            self.hubspot.tell, self.intercom.tell, self.mailchimp.tell = tells

    def _do_own(self, op: str, args: dict[str, Any]) -> None:
        if op == "advance":
            self._hubspot_story.merge_makes_new_id = args.get("merge_makes_new_id", False)
            self.showing = True
            self._show_until(datetime.fromisoformat(args["to"]))
            self.showing = False
        elif op == "mail":
            mail = Mail(
                **{**args, "at": datetime.fromisoformat(args["at"]), "recipients": tuple(args["recipients"])}
            )
            self.mails.append(mail)
            self._react(mail)
        elif op == "notification":
            self.notifications.append(args)
        elif op == "faults":
            pass  # `serve` reads the last ones; in a running process they are already in force
        else:
            raise ValueError(op)

    def _react(self, mail: Mail) -> None:
        kind = mail_kind(mail.step)
        if kind is None:
            return
        if self._recipients is None:
            self._recipients = recipients(self._time.simulated)
        for address in mail.recipients:
            recipient = self._recipients.get(address.lower())
            if recipient is None:
                continue
            for event in reactions(self.plan.seed, recipient, kind, mail.at):
                heapq.heappush(
                    self._time.reactions,
                    (max(event.at, self._clock + timedelta(seconds=1)), len(self.mails), event),
                )

    def _show_until(self, moment: datetime) -> None:
        if moment > self._horizon:
            self._extend(moment + HORIZON)
        time = self._time
        while True:
            simulated = time.simulated[time.place] if time.place < len(time.simulated) else None
            reacted = time.reactions[0][2] if time.reactions else None
            if simulated is not None and (reacted is None or simulated.at <= reacted.at):
                event = simulated
            elif reacted is not None:
                event = reacted
            else:
                break
            if event.at > moment:
                break
            if event is simulated:
                time.place += 1
            else:
                heapq.heappop(time.reactions)
            self.log.append(event)
            self._show(event)
        self._clock = moment
        # What was archived before the beginning counts from it: a first reader finds the whole story.
        self.hubspot.purge(moment, self.plan.clock)

    def _show(self, event: Event) -> None:
        # HubSpot first: Intercom takes its ids.
        self._hubspot_story.apply(event)
        self._intercom_story.apply(event)
        self.intercom.settle(unix(event.at))
        self.mailchimp.apply(event)

    def _extend(self, horizon: datetime) -> None:
        seen = self._horizon
        events = self._simulate(horizon)
        self._time.simulated += events[bisect.bisect_right(events, seen, key=lambda event: event.at) :]
        self._horizon = horizon
        self._recipients = None

    def _simulate(self, until: datetime) -> list[Event]:
        plan = self.plan
        return self._simulation(
            seed=plan.seed,
            months=plan.months,
            first=plan.first,
            last=plan.last,
            clock=plan.clock,
            until=until,
        )

    def _read_log(self) -> IO[bytes]:
        path = self.home / "writes.jsonl"
        kept = 0
        if path.exists():
            for line in path.read_bytes().splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    break  # killed while writing: this write was never answered
                row = orjson.loads(line)
                for name, args in row["ops"]:
                    if name == "world.faults":
                        self.faults.replace(parse_faults(args["faults"]))
                    self._do(name, args)
                kept += len(line)
        writes = path.open("ab")
        writes.truncate(kept)
        return writes

    def _keep(self, row: dict[str, Any]) -> None:
        self._writes.write(orjson.dumps(row) + b"\n")
        self._writes.flush()
        if self._durable:
            os.fsync(self._writes.fileno())


def iso(moment: datetime) -> str:
    """The instant in UTC, whole seconds, with Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def read_plan(home: Path) -> Plan | None:
    """The plan that the home began with, or None for a new one."""
    try:
        found = orjson.loads((home / "plan.json").read_bytes())
    except FileNotFoundError:
        return None
    except orjson.JSONDecodeError:
        raise WorldError(f"{home / 'plan.json'} is damaged; take another home.") from None
    return Plan(**{**found, "clock": datetime.fromisoformat(found["clock"])})


def _settled(home: Path, plan: Plan) -> Plan:
    before = read_plan(home)
    if before is None:
        path = home / "plan.json"
        path.with_suffix(".new").write_bytes(orjson.dumps(plan.as_json()))
        path.with_suffix(".new").replace(path)
        return plan
    if before != plan:
        wrong = ", ".join(
            f"{name} {value}" for name, value in before.as_json().items() if plan.as_json()[name] != value
        )
        raise WorldError(f"This home began with {wrong}; start it with that, or take another home.")
    return before


def _lock(home: Path) -> IO[bytes]:
    lock = (home / "sandbox.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise WorldError("A sandbox is already running on this home; stop it or take another home.") from None
    return lock


def step(text: str) -> timedelta:
    """A span such as 7d, 12h, 30m or 90s. Raises ValueError."""
    units: Sequence[tuple[str, str]] = (("d", "days"), ("h", "hours"), ("m", "minutes"), ("s", "seconds"))
    for unit, name in units:
        if text.endswith(unit) and text[:-1].isdigit():
            return timedelta(**{name: int(text[:-1])})
    raise ValueError(f"'{text}' is no span of time; write 7d, 12h, 30m or 90s.")
