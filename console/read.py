"""Answers from what is already there: the published build and the ledger. Starts no outside call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from console.output import out, print_table
from settings import Settings
from warehouse.errors import WarehouseError
from warehouse.ledger import Ledger, open_ledger
from warehouse.published import Published

WIDE = 130  # characters from which the table has room for intervals, targets and reasons
MARKS = {"ok": "● ok", "watch": "▲ watch", "off": "■ off", "not_evaluated": "○ not evaluated"}


class NoSuchClient(WarehouseError):
    """The name or id fits no client, or more than one."""


def ledger_of(settings: Settings, home: Path) -> Ledger:
    """The ledger of a home."""
    url = settings.ledger.url
    return open_ledger(home, url.get_secret_value() if url else None)


def kpi_rows(settings: Settings, home: Path, month: str | None) -> list[dict[str, Any]]:
    """The published KPI rows of a month, or of every period. Raises NothingPublished."""
    with Published.open(home, settings.warehouse.key) as published:
        return published.kpi_rows(month)


def show_kpis(rows: Sequence[Mapping[str, Any]]) -> None:
    """KPI rows as a table for people: figure, the counts behind it, status; more where the screen is wide."""
    columns: dict[str, Callable[[Mapping[str, Any]], Any]] = {
        "period": lambda row: row["period"],
        "kpi": lambda row: row["kpi"],
        "name": lambda row: row["name"],
        "segment": lambda row: row["segment"],
        "value": lambda row: _amount(row["value"], row.get("currency")),
        "of": _fraction,
    }
    if out.width >= WIDE:
        columns["interval"] = lambda row: _span(row.get("low"), row.get("high"))
        columns["target"] = lambda row: _span(row.get("target_low"), row.get("target_high"))
    columns["status"] = lambda row: MARKS.get(row["status"], row["status"])
    if out.width >= WIDE:
        columns["reason"] = lambda row: row["reason"]
    print_table(
        f"{len(rows)} figures", list(columns), [[cell(row) for cell in columns.values()] for row in rows]
    )


def why_client(settings: Settings, home: Path, client: str) -> dict[str, Any]:
    """Who the client is and every decision about it, oldest first. Raises NoSuchClient."""
    from playbook.loader import load_playbook
    from tasks import follow_up as following
    from tasks.why import why

    with Published.open(home, settings.warehouse.key) as published:
        found = published.con.execute(
            """
            select client_id, company_id, name, started_at, ended_at, is_active
            from core.client
            where client_id = $client or company_id = $client or contains(lower(name), lower($client))
            order by name
            """,
            {"client": client},
        ).fetchall()
        as_of = published.as_of
        recent = following.read_clients(published.con, as_of) if found else []
    exact = [row for row in found if client in (row[0], row[1]) or row[2].lower() == client.lower()]
    chosen = exact or found
    if not chosen:
        raise NoSuchClient(
            f"No client is called {client!r}; try a part of its name, or its HubSpot company id."
        )
    if len(chosen) > 1:
        names = ", ".join(f"{row[2]} ({row[1]})" for row in chosen[:5])
        raise NoSuchClient(f"{len(chosen)} clients fit {client!r}: {names}; use the id in brackets.")
    client_id, company_id, name, started_at, ended_at, is_active = chosen[0]
    facts = next((each for each in recent if each.client_id == str(client_id)), None)
    with ledger_of(settings, home) as ledger:
        answer = why(ledger, str(client_id), load_playbook(settings.playbook), as_of, facts)
    return {
        "client_id": client_id,
        "company_id": company_id,
        "name": name,
        "started_at": started_at,
        "ended_at": ended_at,
        "is_active": is_active,
        "as_of": as_of,
        "decisions": [asdict(row) for row in answer.happened],
        "steps": [asdict(row) for row in answer.steps],
    }


def show_why(answer: Mapping[str, Any]) -> None:
    """The story of a client, a line for each decision."""
    state = "active" if answer["is_active"] else "not active"
    out.print(
        f"[bold]{answer['name']}[/] (HubSpot {answer['company_id']}), {state}, "
        f"client since {answer['started_at']:%Y-%m-%d}; data as of {answer['as_of']:%Y-%m-%d %H:%M} UTC"
    )
    print_table(
        f"{len(answer['decisions'])} decisions",
        ["when", "rule", "outcome", "reason", "effect"],
        [
            [
                f"{row['at']:%Y-%m-%d %H:%M}",
                row["rule"],
                row["outcome"],
                row["reason"],
                row["channel"] and f"{row['channel']} {row['state']} (outbox {row['outbox_id']})",
            ]
            for row in answer["decisions"]
        ],
    )
    if answer["steps"]:
        print_table(
            "Where each step stands",
            ["step", "state", "due", "reason"],
            [[r["rule"], r["state"], f"{r['due']:%Y-%m-%d %H:%M}", r["reason"]] for r in answer["steps"]],
        )


def run_query(settings: Settings, home: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of a statement on the published build, which is open read only."""
    with Published.open(home, settings.warehouse.key) as published:
        try:
            cursor = published.con.execute(sql)
            rows = cursor.fetchall()
        except Exception as error:  # noqa: BLE001 - whatever the statement did, the person gets its text
            raise WarehouseError(f"{error}") from None
        return [column[0] for column in cursor.description or []], rows


def outbox_rows(settings: Settings, home: Path, state: str | None) -> list[dict[str, Any]]:
    """Effects, oldest first; payloads stay inside, because they name people."""
    with ledger_of(settings, home) as ledger:
        return [
            {
                "id": row.id,
                "business_key": row.business_key,
                "channel": row.channel,
                "state": row.state,
                "attempts": row.attempts,
                "queued_at": row.queued_at,
                "handover_at": row.handover_at,
                "settled_at": row.settled_at,
                "next_try_at": row.next_try_at,
                "provider_ref": row.provider_ref,
                "error": row.error,
            }
            for row in ledger.outbox_rows(state)
        ]


def show_outbox(rows: Sequence[Mapping[str, Any]], *, everything: bool) -> None:
    """Counts first; then, unless all were asked for, only the rows that want a person."""
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        counts[row["channel"], row["state"]] = counts.get((row["channel"], row["state"]), 0) + 1
    print_table("Outbox", ["channel", "state", "count"], [[*key, n] for key, n in sorted(counts.items())])
    shown = rows if everything else [row for row in rows if row["state"] in {"unknown", "failed", "sending"}]
    if shown:
        print_table(
            "Rows"
            if everything
            else "These want a person: `tenfold outbox resolve ID sent|not-sent --by NAME` "
            "(what is still `sending` is asked about at each run first)",
            ["id", "what", "channel", "state", "handed over", "error"],
            [
                [r["id"], r["business_key"], r["channel"], r["state"], r["handover_at"], r["error"]]
                for r in shown
            ],
        )


def alert_rows(settings: Settings, home: Path) -> list[dict[str, Any]]:
    """Alerts not resolved, newest first."""
    with ledger_of(settings, home) as ledger:
        return [
            {
                "key": row.dedup_key,
                "rule": row.rule,
                "entity": row.entity,
                "severity": row.severity,
                "state": row.state,
                "title": row.title,
                "detail": row.detail,
                "opened_at": row.opened_at,
                "acked_by": row.acked_by,
                "silenced_until": row.silenced_until,
                "silence_reason": row.silence_reason,
            }
            for row in ledger.open_alerts()
        ]


def show_alerts(rows: Sequence[Mapping[str, Any]]) -> None:
    """Open alerts: what is wrong, since when, and the key to answer with."""
    print_table(
        f"{len(rows)} open alerts",
        ["severity", "state", "what", "since", "key"],
        [[r["severity"], r["state"], r["title"], f"{r['opened_at']:%Y-%m-%d %H:%M}", r["key"]] for r in rows],
    )


def _amount(value: Any, currency: str | None) -> str | None:
    if value is None:
        return None
    if currency and isinstance(value, str):  # a share of money is a number, and has no currency
        return f"{float(value):,.2f} {currency}"
    return f"{value:,.4g}" if isinstance(value, float) else f"{value}"


def _fraction(row: Mapping[str, Any]) -> str | None:
    if row["numerator"] is None or row["denominator"] is None:
        return None
    return f"{float(row['numerator']):,.6g} / {float(row['denominator']):,.6g}"


def _span(low: Any, high: Any) -> str | None:
    if low is None and high is None:
        return None
    if low is None:
        return f"≤ {float(high):,.4g}"
    if high is None:
        return f"≥ {float(low):,.4g}"
    return f"{float(low):,.4g} … {float(high):,.4g}"
