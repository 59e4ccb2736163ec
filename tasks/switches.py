"""Which channels deliver. A new real home delivers nothing until somebody says so, channel by channel."""

from datetime import date, datetime, timedelta

from sqlmodel import select

from tasks.channels import CHANNELS as BY_NAME
from tasks.clock import local_day
from warehouse.ledger import Home, Ledger, LedgerError, Switch

CHANNELS = tuple(BY_NAME)
SANDBOX_LOOKBACK = timedelta(days=45)  # so that every step of the journeys has clients to go to


def prepare_home(ledger: Ledger, kind: str, as_of: datetime, zone: str) -> None:
    """Note what kind of home this is and set its switches, each once.

    A real home starts in dry run everywhere, also on a channel that came with a newer Tenfold; a sandbox is
    live for clients of the last 45 days. Raises LedgerError when the home was made for the other kind.
    """
    with ledger.write() as session:
        home = session.scalars(select(Home)).first()
        if home is not None and home.kind != kind:
            raise LedgerError(
                f"this home was made for {home.kind} data and is opened for {kind} data; "
                "set TENFOLD_HOME to another folder"
            )
        if home is None:
            session.add(Home(kind=kind, created_at=as_of))
        known = set(session.scalars(select(Switch.channel)))
        for channel in CHANNELS:
            if channel in known:
                continue
            live = kind == "sandbox"
            session.add(
                Switch(
                    channel=channel,
                    mode="live" if live else "dry_run",
                    go_live_date=local_day(as_of - SANDBOX_LOOKBACK, zone) if live else None,
                    set_at=as_of,
                )
            )


def go_live(ledger: Ledger, channel: str, first_day: date, as_of: datetime) -> Switch:
    """Let `channel` deliver, to clients who start on `first_day` (local) or later.

    Raises LedgerError for a channel that does not exist.
    """
    with ledger.write() as session:
        switch = _find(session.get(Switch, channel), channel)
        switch.mode = "live"
        switch.go_live_date = first_day
        switch.set_at = as_of
        return switch


def stop(ledger: Ledger, channel: str, as_of: datetime) -> Switch:
    """The kill switch: `channel` delivers nothing from the next row on; what is queued waits.

    Raises LedgerError for a channel that does not exist.
    """
    return _set(ledger, channel, "stopped", as_of)


def dry_run(ledger: Ledger, channel: str, as_of: datetime) -> Switch:
    """Back to showing what would be done. Raises LedgerError for a channel that does not exist."""
    return _set(ledger, channel, "dry_run", as_of)


def _set(ledger: Ledger, channel: str, mode: str, as_of: datetime) -> Switch:
    with ledger.write() as session:
        switch = _find(session.get(Switch, channel), channel)
        switch.mode = mode
        switch.set_at = as_of
        return switch


def _find(switch: Switch | None, channel: str) -> Switch:
    if switch is None:
        raise LedgerError(f"there is no channel '{channel}'; choose one of {', '.join(CHANNELS)}")
    return switch
