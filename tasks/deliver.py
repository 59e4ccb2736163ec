"""The outbox's one sender: does each queued effect once, or says that it cannot know.

A row goes queued -> sending -> (handover_at is committed) -> sent. Whatever a killed sender leaves behind is
read from that: without handover_at nothing left the house and the row is queued again; with it, the provider
is asked whether it was done, or, where that cannot be asked, the row is `unknown` and a person settles it.
What was not found is queued again and keeps its handover_at: a lost request may still arrive late, so the
provider is asked once more before it is done again.
"""

import fcntl
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from connectors.errors import (
    ConnectorError,
    FixConfig,
    HandOverUnknown,
    NotCertain,
    NotPermitted,
    NotWanted,
    PermanentRefusal,
    Refused,
    RetryLater,
)
from tasks.channels import CHANNELS
from tasks.consent import Consent
from tasks.routes import Handed, Route
from warehouse.errors import WarehouseError
from warehouse.ledger import Decision, Ledger, LedgerError, Outbox, Switch

log = logging.getLogger(__name__)

ATTEMPTS = 5
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=6)
REFUSALS_IN_A_ROW = 3  # then the server, not the message, is the trouble
ASKED_FOR = timedelta(days=1)  # how long a provider's silence is not taken for an answer
POLL_SECONDS = 0.05


class SenderBusy(WarehouseError):
    """Another process delivers for this home; wait for it, or end it."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """(channel, outcome) -> rows, where outcome is a state that a row ended in, and why a channel paused.

    `requeued` and `recovered` count rows that go again later and rows of a dead sender found delivered.
    `paused` by channel; of a channel in which only one verb is not permitted, by channel/verb.
    """

    counts: Mapping[tuple[str, str], int]
    paused: Mapping[str, str] = field(default_factory=dict)

    def total(self, outcome: str) -> int:
        """Rows of every channel with that outcome."""
        return sum(count for (_, name), count in self.counts.items() if name == outcome)


def deliver(
    ledger: Ledger,
    home: Path,
    routes: Mapping[str, Route],
    as_of: datetime,
    *,
    consent: Consent | None = None,
    wait_seconds: float = 60.0,
) -> Delivered:
    """Deliver what is queued and due at `as_of` on the channels that are live and have a route.

    Of two processes one waits for the other, at most `wait_seconds`; then it raises SenderBusy. A channel
    whose server does not answer pauses and keeps its rows. `consent` is asked before each thing that a client
    sees.
    """
    with _sender(home, wait_seconds):
        run = _Run(ledger, routes, as_of, consent)
        run.recover()
        for channel in routes:
            run.channel(channel)
        return Delivered(dict(run.counts), dict(run.paused))


@contextmanager
def _sender(home: Path, wait_seconds: float) -> Iterator[None]:
    patience = time.monotonic() + wait_seconds
    with (home / "outbox.lock").open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > patience:
                    raise SenderBusy(
                        f"another process has been delivering for {wait_seconds:.0f} s; "
                        "wait until it ends, then run this again"
                    ) from None
                time.sleep(POLL_SECONDS)
        yield


class _Run:
    """One turn of the sender, with the lock held."""

    def __init__(
        self, ledger: Ledger, routes: Mapping[str, Route], as_of: datetime, consent: Consent | None
    ) -> None:
        self._ledger = ledger
        self._routes = routes
        self._as_of = as_of
        self._consent = consent
        self.counts: Counter[tuple[str, str]] = Counter()
        self.paused: dict[str, str] = {}
        self._in_doubt: datetime | None = None  # since when the row at hand may be out there

    def recover(self) -> None:
        """Settle rows that a dead sender left in `sending`: with the lock held, nobody else can own them."""
        for row in self._ledger.outbox_rows("sending"):
            self._in_doubt = row.handover_at
            if row.handover_at is None:
                self._settle(row, "queued", error="the sender ended before handing over", count="requeued")
            else:
                self._after_lost_answer(row, "the sender ended around the hand-over")

    def channel(self, channel: str) -> None:
        """Deliver the rows of one channel, oldest first, until they are done or the channel pauses."""
        route = self._routes[channel]
        refusals = 0
        try:
            for row_id, verb in self._waiting(channel):
                if channel in self.paused:
                    return
                row = None if f"{channel}/{verb}" in self.paused else self._claim(row_id)
                if row is None:
                    continue
                outcome = self._one(route, row)
                refusals = refusals + 1 if outcome == "requeued" else 0
                if refusals >= REFUSALS_IN_A_ROW:
                    self.paused.setdefault(channel, "several in a row were refused for now")
        finally:
            route.disconnect()

    def _waiting(self, channel: str) -> list[tuple[int, str | None]]:
        due = col(Outbox.next_try_at).is_(None) | (col(Outbox.next_try_at) <= self._as_of)
        with self._ledger.read() as session:
            switch = session.get(Switch, channel)
            if switch is None or switch.mode != "live":
                return []
            verb = col(Outbox.payload)["do"].as_string()
            query = select(col(Outbox.id), verb).where(
                col(Outbox.channel) == channel, col(Outbox.state) == "queued", due
            )
            rows = session.execute(query.order_by(col(Outbox.id)))
            return [(row_id, name) for row_id, name in rows if row_id is not None]

    def _claim(self, row_id: int) -> Outbox | None:
        with self._ledger.write() as session:
            row = session.get_one(Outbox, row_id)
            switch = session.get(Switch, row.channel)
            # The kill switch may have been thrown since the list was made.
            if row.state != "queued" or switch is None or switch.mode != "live":
                return None
            # What may be out there is asked about first, however late it is.
            if self._is_stale(row) and row.handover_at is None:
                row.state, row.error, row.settled_at = "skipped_stale", "too_late", self._as_of
                self.counts[row.channel, "skipped_stale"] += 1
                return None
            row.state = "sending"
            return row

    def _is_stale(self, row: Outbox) -> bool:
        return row.useful_until is not None and self._as_of > row.useful_until

    def _one(self, route: Route, row: Outbox) -> str:
        self._in_doubt = row.handover_at
        if self._in_doubt is not None:
            outcome = self._ask(row, row.error or "", waited=True)
            if outcome is not None:
                return outcome
            if self._is_stale(row):
                return self._settle(row, "skipped_stale", error="too_late")
        try:
            prepared = route.prepare(row.payload, row.marker, self._as_of)
        except PermanentRefusal as error:
            return self._settle(row, "failed", error=str(error))
        try:
            if self._consent is not None and route.asks_consent(prepared):
                refusal = self._consent(row.payload, self._as_of)
                if refusal is not None:
                    return self._settle(row, "suppressed", error=refusal)
            route.connect()
        except ConnectorError as error:
            # Not this row's fault: it keeps its attempts, and the others of the channel need not try.
            return self._hold(row, error)
        self._mark_hand_over(row)
        try:
            reference = route.hand_over(prepared)
        except HandOverUnknown as error:
            route.disconnect()
            return self._after_lost_answer(row, str(error))
        except RetryLater as error:
            route.disconnect()
            return self._try_later(row, str(error), error.retry_after)
        except FixConfig as error:
            return self._hold(row, error)
        except NotWanted as error:
            return self._settle(row, "suppressed", error=error.code)
        except (PermanentRefusal, Refused) as error:
            return self._settle(row, "failed", error=str(error))
        except ConnectorError as error:
            # It answered, and not as its documents say: whether it was done is not known.
            return self._after_lost_answer(row, str(error))
        return self._settle(row, "sent", reference=reference)

    def _hold(self, row: Outbox, error: ConnectorError) -> str:
        """Keep a row as it was, and pause its channel, or the one verb that is not permitted."""
        verb = row.payload.get("do")
        alone = isinstance(error, NotPermitted) and verb is not None
        self.paused[f"{row.channel}/{verb}" if alone else row.channel] = str(error)
        return self._settle(row, "queued", error=str(error), count="requeued")

    def _mark_hand_over(self, row: Outbox) -> None:
        with self._ledger.write() as session:
            stored = session.get_one(Outbox, row.id)
            stored.handover_at = self._in_doubt or self._as_of
            stored.attempts += 1
            row.handover_at, row.attempts = stored.handover_at, stored.attempts

    def _after_lost_answer(self, row: Outbox, error: str) -> str:
        self._in_doubt = row.handover_at
        outcome = self._ask(row, error)
        if outcome is not None:
            return outcome
        if row.attempts >= ATTEMPTS:
            return self._settle(row, "failed", error=f"{error} Given up after {row.attempts} attempts.")
        return self._settle(row, "queued", error=error, count="requeued")

    def _ask(self, row: Outbox, error: str, *, waited: bool = False) -> str | None:
        """The outcome of a row that may be out there; None when it certainly is not."""
        if row.channel not in CHANNELS or not CHANNELS[row.channel].askable:
            return self._settle(row, "unknown", error=error)
        route, since = self._routes.get(row.channel), row.handover_at
        if route is None or since is None:
            return "sending"  # it can be asked, once the vendor is configured again
        taken = partial(self._taken, row)
        try:
            reference = route.look_up(Handed(row.payload, row.marker, since, taken, waited))
        except NotCertain as silence:
            if self._as_of - since < ASKED_FOR:
                return "sending"  # asked again at the next turn, and never done again meanwhile
            return self._settle(row, "unknown", error=str(silence))
        except PermanentRefusal as refusal:
            return self._settle(row, "failed", error=str(refusal))
        except (HandOverUnknown, Refused) as nobody_knows:
            return self._settle(row, "unknown", error=str(nobody_knows))
        except ConnectorError as trouble:
            self.paused[row.channel] = str(trouble)
            log.warning("outbox row %s cannot be looked up yet", row.id)
            return "sending"  # asked again at the next turn
        if reference is None:
            return None
        return self._settle(row, "sent", reference=reference, count="recovered")

    def _taken(self, row: Outbox, reference: str) -> bool:
        """Whether another row of the channel has this reference of the provider's."""
        with self._ledger.read() as session:
            query = select(col(Outbox.id)).where(
                col(Outbox.channel) == row.channel,
                col(Outbox.provider_ref) == reference,
                col(Outbox.id) != row.id,
            )
            return session.scalars(query).first() is not None

    def _try_later(self, row: Outbox, error: str, retry_after: float | None) -> str:
        if row.attempts >= ATTEMPTS:
            return self._settle(row, "failed", error=f"{error} Given up after {row.attempts} attempts.")
        pause = min(FIRST_PAUSE * 3 ** (row.attempts - 1), LONGEST_PAUSE)
        if retry_after is not None:
            pause = max(pause, timedelta(seconds=retry_after))
        return self._settle(row, "queued", error=error, count="requeued", next_try_at=self._as_of + pause)

    def _settle(
        self,
        row: Outbox,
        state: str,
        *,
        error: str | None = None,
        reference: str | None = None,
        count: str | None = None,
        next_try_at: datetime | None = None,
    ) -> str:
        with self._ledger.write() as session:
            stored = session.get_one(Outbox, row.id)
            stored.state = state
            stored.error = error
            stored.next_try_at = next_try_at
            if reference is not None:
                stored.provider_ref = reference
            if state == "queued":
                stored.handover_at = self._in_doubt
            else:
                stored.settled_at = self._as_of
        outcome = count or state
        self.counts[row.channel, outcome] += 1
        return outcome


def resolve(ledger: Ledger, outbox_id: int, outcome: str, by: str, as_of: datetime) -> Outbox:
    """Settle a row whose delivery is `unknown` (or `failed`) by what a person found out.

    `outcome` is "sent" (it arrived) or "not_sent" (it did not: it is queued again). Who said so is kept as a
    decision. Raises LedgerError for a row that does not exist or needs no settling.
    """
    if outcome not in ("sent", "not_sent"):
        raise LedgerError(f"'{outcome}' is no outcome; say sent or not_sent")
    with ledger.write() as session:
        row = session.get(Outbox, outbox_id)
        if row is None:
            raise LedgerError(f"there is no outbox row {outbox_id}; `tenfold outbox` lists them")
        if row.state not in ("unknown", "failed"):
            raise LedgerError(f"outbox row {outbox_id} is '{row.state}' and needs no settling")
        cause = session.get(Decision, row.decision_id) if row.decision_id is not None else None
        inputs: dict[str, Any] = {"outbox_id": outbox_id, "was": row.state, "by": by}
        prefix = f"outbox/resolve/{outbox_id}/"
        before = len(session.scalars(select(Decision.id).where(col(Decision.key).startswith(prefix))).all())
        session.add(
            Decision(
                key=f"{prefix}{before + 1}",
                as_of=as_of,
                rule="outbox/resolve",
                rule_version="1",
                client_id=cause.client_id if cause else None,
                outcome=outcome,
                reason=f"settled by {by}",
                inputs=inputs,
            )
        )
        if outcome == "sent":
            row.state, row.settled_at = "sent", as_of
            row.error = None
        else:
            row.state, row.handover_at, row.settled_at = "queued", None, None
            row.attempts, row.next_try_at = 0, None
        return row
