"""What is configured, reachable and permitted, and what to do about what is not."""

import importlib.metadata
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from connectors import mandrill, registry
from connectors.errors import ConnectorError, FixConfig, RetryLater
from connectors.pages import Connector
from connectors.smtp import SmtpSender
from connectors.transport import Policy
from playbook.loader import PlaybookError, load_playbook
from settings import Settings, SettingsError
from warehouse.errors import WarehouseError
from warehouse.status import ResourceStatus, SourceStatus, resource_statuses, source_statuses
from warehouse.store import Store

PATIENCE = timedelta(seconds=5)  # a doctor does not wait for a sync to end


@dataclass(frozen=True, slots=True)
class Health:
    """One system as doctor sees it. None = could not be asked, or makes no sense for this system.

    `last_read` is how the last read of a source ended, `notes` what there is to say of it.
    """

    system: str
    configured: bool
    reachable: bool | None
    permitted: bool | None
    version: str
    detail: str
    remedy: str
    last_read: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """False only for something that is configured and does not work; not configured is no fault."""
        works = self.reachable is not False and self.permitted is not False
        return not self.configured or (works and self.last_read not in {"failed", "partial"})

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {**asdict(self), "healthy": self.healthy}


NOT_CONFIGURED = {
    "accounting": "set TENFOLD_ACCOUNTING__INBOX to the folder of exports",
    "smtp": "set TENFOLD_SMTP__URL; until then no mail leaves",
    "mandrill": "set TENFOLD_MANDRILL__KEY; until then no transactional mail leaves",
    "alerts": "set TENFOLD_ALERTS__URLS to one or more Apprise addresses",
}


@dataclass(frozen=True, slots=True)
class _Reads:
    """How the last reads ended, as the warehouse knows it; `trouble` says why it could not be asked."""

    sources: Mapping[str, SourceStatus] = field(default_factory=dict)
    resources: Sequence[ResourceStatus] = ()
    trouble: str | None = None


def examine(
    settings: Settings,
    home: Path,
    sources: Sequence[str],
    connectors: Mapping[str, Connector],
    *,
    refused: Mapping[str, Mapping[str, int]] | None = None,
) -> list[Health]:
    """One row for each system: the `sources` read through connectors, of which these are configured.

    `refused` counts the webhooks that were turned away, by source and reason.
    """
    reads = _last_reads(home, settings)
    rows = [
        _with_reads(
            _source(name, connectors.get(name)), reads, connectors.get(name), (refused or {}).get(name)
        )
        for name in sources
    ]
    rows.append(_with_reads(_accounting(settings), reads))
    rows.append(_smtp(settings))
    rows.append(_mandrill(settings))
    rows.append(_alerts(settings))
    rows.append(_playbook(settings))
    rows.append(_warehouse(home, reads.trouble))
    rows.append(_ledger(settings, home))
    rows.append(_prefect())
    return rows


def _missing(system: str) -> Health:
    remedy = NOT_CONFIGURED.get(system) or registry.source(system).remedy
    return Health(system, False, None, None, "", "not configured", remedy)


def _source(name: str, connector: Connector | None) -> Health:
    if connector is None:
        return _missing(name)
    probes = connector.probe()
    bad = [probe for probe in probes if probe.status != "ok"]
    reachable = not any(probe.status == "unreachable" for probe in probes)
    refused = any(probe.status == "not_permitted" for probe in probes)
    broken = any(probe.status == "error" for probe in probes)
    return Health(
        system=name,
        configured=True,
        reachable=reachable,
        permitted=None if not reachable else not (refused or broken),
        version=connector.api_version,
        detail="; ".join(f"{probe.what}: {probe.detail or probe.status}" for probe in bad)
        or f"{len(probes)} checks ok",
        remedy="; ".join(dict.fromkeys(probe.remedy for probe in bad if probe.remedy)),
    )


def _last_reads(home: Path, settings: Settings) -> _Reads:
    store = Store(home, settings.warehouse.key, patience=PATIENCE)
    if not store.path.exists():
        return _Reads()
    try:
        return _Reads(source_statuses(store), resource_statuses(store))
    except (WarehouseError, SettingsError) as error:
        return _Reads(trouble=str(error))


def _with_reads(
    row: Health,
    reads: _Reads,
    connector: Connector | None = None,
    refused: Mapping[str, int] | None = None,
) -> Health:
    """The row with how the source's last read ended, what of it did not come, and what was refused."""
    status = reads.sources.get(row.system)
    if not row.configured:
        return row
    notes = []
    if status is not None and status.state != "not_configured":
        moment = f" at {status.finished_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if status.finished_at else ""
        notes.append(f"last read{moment}: {status.state}")
        parts = [
            part.text
            for part in reads.resources
            if part.source == row.system
            and part.state != "complete"
            # What is not read any more is not missing either.
            and (connector is None or part.resource in connector.resources)
        ]
        if status.reason and (status.state == "failed" or not parts):
            notes.append(status.reason)
        notes += parts
    if refused and (total := sum(refused.values())):
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(refused.items()) if count)
        notes.append(f"{total} webhooks refused: {kinds}")
    return replace(row, last_read=status.state if status else None, notes=tuple(notes))


def _accounting(settings: Settings) -> Health:
    if settings.accounting.inbox is None and not settings.inbox.is_dir():
        return _missing("accounting")
    inbox = settings.inbox
    if not inbox.is_dir():
        return Health("accounting", True, False, None, "", "the folder does not exist", f"create {inbox}")
    try:
        files = [path for path in inbox.iterdir() if path.is_file()]
    except PermissionError:
        return Health(
            "accounting", True, True, False, "", "the folder cannot be read", f"allow reading {inbox}"
        )
    return Health("accounting", True, True, True, "", f"{len(files)} files in the inbox", "")


def _smtp(settings: Settings) -> Health:
    url = settings.smtp.url
    if url is None:
        return _missing("smtp")
    try:
        SmtpSender(str(url), timeout=10).connect().close()
    except FixConfig as error:
        return Health("smtp", True, True, False, "", str(error), "correct TENFOLD_SMTP__URL")
    except RetryLater as error:
        return Health("smtp", True, False, None, "", str(error), "check host and port in TENFOLD_SMTP__URL")
    return Health("smtp", True, True, True, "", f"{url.host} accepts our greeting", "")


def _mandrill(settings: Settings) -> Health:
    account = mandrill.connect(settings, Policy(timeout=10))
    if account is None:
        return _missing("mandrill")
    try:
        account.ping()
    except FixConfig as error:
        return Health("mandrill", True, True, False, "", str(error), "correct TENFOLD_MANDRILL__KEY")
    except ConnectorError as error:
        return Health("mandrill", True, False, None, "", str(error), "check TENFOLD_MANDRILL__BASE_URL")
    finally:
        account.close()
    return Health("mandrill", True, True, True, "1.3", "the key is accepted", "")


def _alerts(settings: Settings) -> Health:
    if not settings.alerts.urls:
        return _missing("alerts")
    version = importlib.metadata.version("apprise")
    return Health("alerts", True, None, None, version, f"{len(settings.alerts.urls)} addresses", "")


def _playbook(settings: Settings) -> Health:
    try:
        playbook = load_playbook(settings.playbook)
    except PlaybookError as error:
        return Health("playbook", True, True, False, "", str(error), "correct the file named")
    return Health(
        "playbook",
        True,
        True,
        True,
        playbook.digest[:12],
        f"{len(playbook.kpis)} KPIs, {len(playbook.journeys)} journeys",
        "",
    )


def _warehouse(home: Path, trouble: str | None) -> Health:
    path = home / "warehouse.duckdb"
    version = importlib.metadata.version("duckdb")
    if trouble is not None:
        return Health("warehouse", True, False, None, version, "cannot be asked", trouble)
    detail = f"{path.stat().st_size / 2**20:.0f} MiB" if path.exists() else "not built yet"
    return Health(
        "warehouse", True, True, True, version, detail, "" if path.exists() else "run `tenfold run`"
    )


def _ledger(settings: Settings, home: Path) -> Health:
    if settings.ledger.url is not None:
        return Health("ledger", True, None, None, "", "by TENFOLD_LEDGER__URL", "")
    detail = "SQLite in the home" if (home / "ledger.sqlite").exists() else "SQLite, not created yet"
    return Health("ledger", True, True, True, sqlite3.sqlite_version, detail, "")


def _prefect() -> Health:
    return Health(
        "prefect",
        True,
        None,
        None,
        importlib.metadata.version("prefect"),
        "schedules run under `tenfold up`",
        "",
    )
