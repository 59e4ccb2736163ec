"""A small warehouse in memory: raw records in, models run in order, rows out."""

import functools
import graphlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import orjson
import sqlglot
import yaml
from scipy.special import stdtrit

from connectors import registry
from playbook.loader import Revenue, load_playbook

MODELS = Path(__file__).parents[3] / "warehouse" / "models"
MADRID = ZoneInfo("Europe/Madrid")
RESOURCES = {
    "hubspot": [
        "companies",
        "contacts",
        "deals",
        "tickets",
        "tasks",
        "owners",
        "deal_pipelines",
        "ticket_pipelines",
        "deal_companies",
        "contact_companies",
        "ticket_companies",
        "line_items",
        "products",
        "notes",
        "emails",
        "meetings",
        "calls",
        "feedback_submissions",
        "deal_contacts",
        "ticket_contacts",
        "deal_line_items",
        "task_contacts",
        "note_contacts",
        "email_contacts",
        "meeting_contacts",
        "call_contacts",
        "feedback_contacts",
        "deal_history",
        "contact_history",
        "company_properties",
        "contact_properties",
        "deal_properties",
        "ticket_properties",
    ],
    "intercom": [
        "contacts",
        "companies",
        "conversations",
        "admins",
        "teams",
        "tags",
        "articles",
        "tickets",
        "ticket_types",
        "segments",
        "deleted_conversations",
    ],
    "mailchimp": [
        "lists",
        "members",
        "campaigns",
        "reports",
        "email_activity",
        "tags",
        "automations",
        "automation_emails",
        "audience_contacts",
    ],
    "accounting": ["entries", "movements", "documents", "subscriptions", "time_entries", "rates"],
}
RESOURCES |= {
    name: list(registry.source(name).resources)
    for name in load_playbook().api_sources
    if name not in RESOURCES
}
TEAMS = {"L1": "11", "L2": "12", "L3": "13"}
TEAM_NAMES = {"L1": "L1 Frontline", "L2": "L2 Specialists", "L3": "L3 Experts"}
ACCOUNTS = {
    "700 Service revenue": ("revenue", False),
    "600 Delivery subcontractors": ("direct", False),
    "640 Salaries operations": ("operating", False),
    "640 Salaries delivery": ("direct", False),
    "627 Advertising": ("operating", True),
    "662 Bank interest": ("financial", False),
    "630 Corporate tax": ("tax_on_profit", False),
    "572 Bank main": ("balance", False),
    "477 VAT output": ("balance", False),
    "430 Accounts receivable": ("balance", False),
}
SLA = {"L1": ("always", 5, 240), "L2": ("office", 120, 480), "L3": ("office", 1440, 1440)}
HOLIDAYS = {date(2026, 1, 1), date(2026, 1, 6), date(2026, 4, 3), date(2026, 5, 1)}
# id: (unit, direction, target_low, target_high, sources)
KPIS: dict[str, tuple[str, str, float | None, float | None, list[str]]] = {
    "K1": ("ratio", "range", 10, 15, ["hubspot"]),
    "K2": ("hours", "lower", None, 48, ["hubspot"]),
    "K3": ("hours", "lower", None, 4, ["intercom"]),
    "K5": ("money", "lower", None, 200, ["hubspot", "accounting"]),
    "K6": ("money", "higher", 2000, None, ["hubspot", "accounting"]),
    "K7": ("ratio", "higher", 10, None, ["hubspot", "accounting"]),
    "K8": ("share", "higher", 0.6, None, ["accounting"]),
    "K9": ("share", "higher", 0.6, None, ["accounting"]),
    "K10": ("share", "higher", 0.4, None, ["accounting"]),
    "K11": ("share", "lower", None, -0.4, ["hubspot", "accounting"]),
    "K12": ("points", "higher", 70, None, ["hubspot"]),
    "K13": ("share", "higher", 0.95, None, ["intercom", "hubspot"]),
    "K14": ("share", "lower", None, 0.03, ["hubspot"]),
    "K15": ("share", "higher", 0.25, None, ["hubspot"]),
    "K16": ("share", "lower", None, 0.02, ["hubspot"]),
    "K18": ("hours", "lower", None, 24, ["hubspot"]),
    "K19": ("share", "higher", 0.98, None, ["intercom"]),
    "K20": ("share", "higher", 0.2, 0.3, ["hubspot"]),
    "K21": ("share", "higher", 0.25, 0.4, ["hubspot"]),
    "K24": ("minutes", "lower", None, None, ["intercom"]),
    "GRR": ("share", "higher", None, None, ["hubspot"]),
    "NRR": ("share", "higher", None, None, ["hubspot"]),
    "QUICK_RATIO": ("ratio", "higher", None, None, ["hubspot"]),
    "CAC_PAYBACK": ("ratio", "lower", None, None, ["hubspot", "accounting"]),
    "MRR": ("money", "higher", None, None, ["hubspot"]),
}


def utc(text: str) -> datetime:
    """An instant from local Madrid time, such as "2026-05-01 09:00"; with a Z, from UTC."""
    if text.endswith("Z"):
        return datetime.fromisoformat(text)
    return datetime.fromisoformat(text).replace(tzinfo=MADRID).astimezone(UTC)


def iso(text: str | None) -> str:
    """The same instant as HubSpot writes it; empty for none."""
    return "" if text is None else utc(text).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> int:
    """The same instant as Intercom writes it."""
    return int(utc(text).timestamp())


class World:
    """Records of the vendors and a playbook; `rows` builds what a table needs and answers from it."""

    def __init__(self) -> None:
        self.raw: dict[tuple[str, str], list[tuple[str, str]]] = {
            (source, resource): [] for source, resources in RESOURCES.items() for resource in resources
        }
        self.as_of = utc("2026-07-01 06:00")
        self.first = date(2026, 1, 1)
        self.currency = "EUR"
        self.fte: list[tuple[str, str, float, str, str | None]] = [
            ("om1", "operations manager", 1.0, "2025-11-01", None)
        ]
        # source -> (state, good until); a complete one is good until as_of unless it says otherwise
        self.status: dict[str, tuple[str, str | None]] = dict.fromkeys(RESOURCES, ("complete", None))
        # (source, resource) -> (state, good until); none: the source speaks for all its resources
        self.resources: dict[tuple[str, str], tuple[str, str | None]] = {}
        self.kpis = dict(KPIS)
        self.activities: list[tuple[str, str, str | None, int, str]] = []
        self.direct: set[str] = set()
        # (movement, kind, other key, amount) and (movement, account), as the step before the build decides
        self.matches: list[tuple[str, str, str | None, str]] = []
        self.categories: list[tuple[str, str | None]] = []
        self.recurring = Revenue()
        self._con: duckdb.DuckDBPyConnection | None = None
        self._built: set[str] = set()
        self.add(
            "hubspot",
            "ticket_pipelines",
            {
                "id": "9",
                "label": "Deliverables",
                "stages": [
                    {"id": "91", "label": "Open", "metadata": {"ticketState": "OPEN"}},
                    {"id": "92", "label": "Done", "metadata": {"ticketState": "CLOSED"}},
                ],
            },
        )
        for level, team in TEAMS.items():
            self.add("intercom", "teams", {"type": "team", "id": team, "name": TEAM_NAMES[level]})

    # Records as the vendors send them.

    def add(self, source: str, resource: str, body: Mapping[str, Any], key: str | None = None) -> None:
        found = key or str(body.get("id") or body.get("key") or len(self.raw[source, resource]))
        self.raw[source, resource].append((found, orjson.dumps(body).decode()))

    def company(self, company: str, **properties: Any) -> None:
        self.add(
            "hubspot",
            "companies",
            {
                "id": company,
                "archived": False,
                "createdAt": "2026-01-01T08:00:00Z",
                "properties": {"name": f"Company {company}", **properties},
            },
        )

    def deal(
        self,
        deal: str,
        company: str | None,
        start: str | None,
        end: str | None = None,
        amount: Any = "100",
        interval: str = "month",
        *,
        won: bool = True,
        archived: bool = False,
        **properties: Any,
    ) -> None:
        self.add(
            "hubspot",
            "deals",
            {
                "id": deal,
                "archived": archived,
                "properties": {
                    "amount": amount,
                    "tenfold_billing_interval": interval,
                    "tenfold_start_at": iso(start),
                    "tenfold_end_at": iso(end),
                    "hs_is_closed_won": str(won).lower(),
                    "hs_is_closed": "true",
                    "tenfold_plan": "growth",
                    "deal_currency_code": "EUR",
                    **properties,
                },
            },
        )
        if company:
            self.add(
                "hubspot",
                "deal_companies",
                {
                    "from": {"id": deal},
                    "to": [
                        {
                            "toObjectId": int(company),
                            "associationTypes": [
                                {"category": "HUBSPOT_DEFINED", "typeId": 5, "label": "Primary"}
                            ],
                        }
                    ],
                },
                deal,
            )

    def client(
        self, company: str, start: str, end: str | None = None, amount: Any = "100", **properties: Any
    ) -> None:
        self.company(company, **properties)
        self.deal(f"9{company}", company, start, end, amount)

    def contact(
        self, contact: str, company: str | None = None, *, archived: bool = False, **properties: Any
    ) -> None:
        self.add(
            "hubspot",
            "contacts",
            {
                "id": contact,
                "archived": archived,
                "properties": {"createdate": "2026-01-01T08:00:00Z", **properties},
            },
        )
        if company:
            self.add(
                "hubspot",
                "contact_companies",
                {
                    "from": {"id": contact},
                    "to": [{"toObjectId": company, "associationTypes": [{"typeId": 279, "label": None}]}],
                },
                contact,
            )

    def ticket(self, ticket: str, company: str, **properties: Any) -> None:
        self.add(
            "hubspot",
            "tickets",
            {"id": ticket, "properties": {"hs_pipeline": "9", "hs_pipeline_stage": "91", **properties}},
        )
        self.add(
            "hubspot", "ticket_companies", {"from": {"id": ticket}, "to": [{"toObjectId": company}]}, ticket
        )

    def conversation(
        self,
        conversation: str,
        opened: str,
        parts: Sequence[tuple[Any, ...]] = (),
        state: str = "open",
        tags: Sequence[str] = (),
        rating: tuple[int, str] | None = None,
        contact: str = "c1",
    ) -> None:
        """`parts` are (when, type, author kind[, level assigned to])."""
        listed = []
        for number, (when, kind, author, *level) in enumerate(parts, 1):
            listed.append(
                {
                    "type": "conversation_part",
                    "id": f"{conversation}{number}",
                    "part_type": kind,
                    "created_at": seconds(when),
                    "author": {"type": author, "id": "1"},
                    "assigned_to": {"type": "team", "id": TEAMS[level[0]]} if level else None,
                }
            )
        self.add(
            "intercom",
            "conversations",
            {
                "id": conversation,
                "state": state,
                "created_at": seconds(opened),
                "updated_at": seconds(opened),
                "contacts": {"contacts": [{"type": "contact", "id": contact}]},
                "tags": {"tags": [{"id": "1", "name": tag} for tag in tags]},
                "conversation_rating": {"rating": rating[0], "created_at": seconds(rating[1])}
                if rating
                else None,
                "conversation_parts": {"conversation_parts": listed, "total_count": len(listed)},
            },
        )

    def entry(
        self,
        day: str,
        *lines: tuple[str, str, str],
        kind: str = "Invoice",
        name: str = "Somebody",
        currency: str | None = None,
    ) -> None:
        """`lines` are (account, debit, credit)."""
        number = str(len(self.raw["accounting", "entries"]) + 1)
        self.add(
            "accounting",
            "entries",
            {
                "key": f"e{number}",
                "date": day,
                "kind": kind,
                "document": number,
                "name": name,
                "memo": "",
                "currency": currency,
                "lines": [
                    {"account": a, "name": "", "memo": "", "debit": d, "credit": c} for a, d, c in lines
                ],
                "total_debit": str(sum(Decimal(d or 0) for _, d, _ in lines)),
                "row": 1,
            },
        )

    def revenue(self, day: str, amount: str) -> None:
        self.entry(day, ("430 Accounts receivable", amount, ""), ("700 Service revenue", "", amount))

    def cost(self, day: str, account: str, amount: str) -> None:
        self.entry(day, (account, amount, ""), ("572 Bank main", "", amount), kind="Expense")

    # Answers.

    def rows(self, table: str, where: str = "true", columns: str = "*", order: str = "all") -> list[Any]:
        """Rows of a table, as dicts, or bare values when `columns` names one column."""
        self.build(table)
        result = self.con.execute(f"select {columns} from {table} where {where} order by {order}")
        names = [column[0] for column in result.description]
        if columns != "*" and len(names) == 1:
            return [row[0] for row in result.fetchall()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def figure(self, kpi: str, period: str, segment: str = "all") -> dict[str, Any]:
        """The one row of `kpi.value`."""
        (row,) = self.rows("kpi.value", f"kpi = '{kpi}' and period = '{period}' and segment = '{segment}'")
        found: dict[str, Any] = row
        return found

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        if self._con is None:
            self._con = self._prepare()
        return self._con

    def build(self, table: str) -> None:
        """Make `table` and everything it reads."""
        needed = {table} | ancestors(table)
        for name in order_of_models():
            if name in needed and name not in self._built:
                self._built.add(name)
                self.con.execute(f"create table {name} as {sql_of(name)}")

    def _good_until(self, state: str, until: str | None) -> datetime | None:
        return utc(until) if until else self.as_of if state == "complete" else None

    def _prepare(self) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(":memory:", config={"threads": 1})
        con.execute("set timezone = 'UTC'")
        for schema in ("raw", "staging", "core", "kpi", "playbook", "build", "meta"):
            con.execute(f"create schema {schema}")
        for (source, resource), records in self.raw.items():
            con.execute(
                f"create table raw.{source}_{resource}_current as select unnest(?::varchar[]) as key, 1 as received_seq, "
                "timestamptz '2026-07-01 04:00:00Z' as received_at, 'run' as run_id, 'hash' as hash, "
                "cast(unnest(?::varchar[]) as json) as body",
                [[key for key, _ in records], [body for _, body in records]],
            )
        _fill(
            con,
            "build.run",
            "build_id varchar, as_of timestamptz, known_at timestamptz, zone varchar, currency varchar",
            [("b1", self.as_of, self.as_of, "Europe/Madrid", self.currency)],
        )
        _fill(
            con,
            "build.period",
            "grain varchar, period varchar, starts_at timestamptz, ends_at timestamptz, month_start_at timestamptz",
            _periods(self.first, self.as_of),
        )
        con.execute(
            "create table build.t975 as select unnest(?::integer[]) as df, unnest(?::double[]) as t",
            [list(range(1, 200)), [float(stdtrit(df, 0.975)) for df in range(1, 200)]],
        )
        _fill(
            con,
            "playbook.team",
            "id varchar, role varchar, fte double, starts_at timestamptz, ends_at timestamptz, monthly_cost decimal(18, 4), direct boolean, acquisition boolean",
            [
                (i, r, f, utc(f"{s} 00:00"), utc(f"{e} 00:00") if e else None, 3000, i in self.direct, False)
                for i, r, f, s, e in self.fte
            ],
        )
        _fill(
            con,
            "playbook.account",
            "name varchar, kind varchar, acquisition boolean, pgc varchar, view varchar",
            [(n, k, a, n[:3], "view") for n, (k, a) in ACCOUNTS.items()],
        )
        _fill(
            con,
            "playbook.finance",
            "payment_terms_days integer, hours_per_month decimal(18, 4), practical_share decimal(18, 4), "
            "minutes_spread decimal(18, 4)",
            [(15, 160, Decimal("0.8"), Decimal("0.25"))],
        )
        _fill(con, "playbook.cash_account", "account varchar", [("572 Bank main",)])
        _fill(
            con,
            "playbook.payroll_account",
            "account varchar",
            [("640 Salaries operations",), ("640 Salaries delivery",)],
        )
        _fill(
            con,
            "playbook.activity",
            "activity varchar, counted varchar, level varchar, minutes decimal(18, 4), role varchar",
            self.activities,
        )
        _fill(
            con,
            "playbook.revenue",
            "policy varchar, churn_date varchar, discounts varchar, reactivation_in_nrr boolean, overdue_days integer, renewal_days integer, one_off varchar[]",
            [tuple(list(value) if field == "one_off" else value for field, value in self.recurring)],
        )
        _fill(
            con,
            "playbook.checklist",
            "item varchar, property varchar, required boolean",
            [
                ("platform_access", "tenfold_onb_platform_access_at", True),
                ("first_settings", "tenfold_onb_first_settings_at", True),
                ("integrations", "tenfold_onb_integrations_at", True),
                ("photo", "tenfold_onb_photo_at", False),
            ],
        )
        _fill(
            con,
            "playbook.sla",
            "level varchar, team varchar, calendar varchar, first_answer_minutes integer, resolution_minutes integer",
            [(level, TEAM_NAMES[level], *terms) for level, terms in SLA.items()],
        )
        _fill(
            con,
            "playbook.calendar_period",
            "calendar varchar, starts_at timestamptz, ends_at timestamptz, minutes_before double",
            _calendar(),
        )
        _fill(
            con,
            "playbook.kpi",
            "id varchar, name_es varchar, name_en varchar, unit varchar, target_low double, target_high double, direction varchar, needs varchar[]",
            [
                (i, f"{i} es", f"{i} en", unit, low, high, direction, needs)
                for i, (unit, direction, low, high, needs) in self.kpis.items()
            ],
        )
        _fill(
            con,
            "playbook.kpi_segment",
            "id varchar, segment varchar, target_low double, target_high double",
            [("K24", "L1", None, 5.0), ("K24", "L2", None, 120.0), ("K24", "L3", None, 1440.0)],
        )
        _fill(
            con,
            "meta.source_status",
            "source varchar, state varchar, reason varchar, finished_at timestamptz, good_until timestamptz",
            [
                (s, state, None, self.as_of, self._good_until(state, until))
                for s, (state, until) in self.status.items()
            ],
        )
        _fill(
            con,
            "meta.resource_status",
            "source varchar, resource varchar, state varchar, reason varchar, total bigint, given bigint, finished_at timestamptz, good_until timestamptz",
            [
                (s, r, state, None, None, None, None, self._good_until(state, until))
                for (s, r), (state, until) in self.resources.items()
            ],
        )
        _fill(
            con,
            "meta.match",
            "movement_key varchar, kind varchar, other_key varchar, amount decimal(18, 4), "
            "explanation varchar, matched_at timestamptz",
            [(*row, "matched", self.as_of) for row in self.matches],
        )
        _fill(
            con,
            "meta.match_ambiguous",
            "movement_key varchar, kind varchar, candidates bigint, explanation varchar, matched_at timestamptz",
            [],
        )
        _fill(
            con,
            "meta.category",
            "movement_key varchar, account varchar, step tinyint, source varchar, rule varchar, "
            "confidence double, explanation varchar, version varchar, decided_at timestamptz",
            [(key, account, 3, "rule", "r", 1.0, "why", "1", self.as_of) for key, account in self.categories],
        )
        return con


@functools.cache
def sql_of(name: str) -> str:
    if name == "kpi.figure":
        return " union all by name ".join(f"select * from {figure}" for figure in figures())
    return (MODELS / f"{name.replace('.', '/')}.sql").read_text(encoding="utf-8")


@functools.cache
def figures() -> list[str]:
    return [name for name in models() if spec(name).get("yields") == "figure"]


@functools.cache
def models() -> list[str]:
    return [f"{path.parent.name}.{path.stem}" for path in sorted(MODELS.glob("*/*.sql"))]


@functools.cache
def spec(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(
        (MODELS / f"{name.replace('.', '/')}.yaml").read_text(encoding="utf-8")
    )
    return loaded


@functools.cache
def _reads(name: str) -> frozenset[str]:
    tree = sqlglot.parse_one(sql_of(name), dialect="duckdb")
    found = {f"{table.db}.{table.name}" for table in tree.find_all(sqlglot.exp.Table) if table.db}
    return frozenset(table for table in found if table.split(".")[0] in ("staging", "core", "kpi"))


@functools.cache
def ancestors(name: str) -> frozenset[str]:
    return _reads(name).union(*(ancestors(read) for read in _reads(name)))


@functools.cache
def order_of_models() -> list[str]:
    return list(
        graphlib.TopologicalSorter({name: _reads(name) for name in [*models(), "kpi.figure"]}).static_order()
    )


def _fill(con: duckdb.DuckDBPyConnection, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    con.execute(f"create table {table} ({columns})")
    if rows:
        types = [row[1] for row in con.execute(f"describe {table}").fetchall()]
        listed = ", ".join(f"unnest(?::{kind}[])" for kind in types)
        con.execute(
            f"insert into {table} select {listed}", [[row[at] for row in rows] for at in range(len(types))]
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), MADRID).astimezone(UTC)


def _periods(first: date, as_of: datetime) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    day = first.replace(day=1)
    while _midnight(following := (day + timedelta(days=31)).replace(day=1)) <= as_of:
        found.append(("month", f"{day:%Y-%m}", _midnight(day), _midnight(following), _midnight(day)))
        if following.month % 3 == 1 and (start := day.replace(month=day.month - 2)) >= first.replace(day=1):
            found.append(
                (
                    "quarter",
                    f"{day.year}-Q{day.month // 3}",
                    _midnight(start),
                    _midnight(following),
                    _midnight(start),
                )
            )
        day = following
    day = first - timedelta(days=first.weekday())
    while _midnight(following := day + timedelta(days=7)) <= as_of:
        year, week, _ = day.isocalendar()
        found.append(
            (
                "week",
                f"{year}-W{week:02d}",
                _midnight(day),
                _midnight(following),
                _midnight(day.replace(day=1)),
            )
        )
        day = following
    return found


@functools.cache
def _calendar() -> list[tuple[Any, ...]]:
    begin, end = date(2025, 6, 1), date(2027, 6, 1)
    found: list[tuple[Any, ...]] = [("always", _midnight(begin), _midnight(end), 0.0)]
    day, before = begin, 0.0
    while day < end:
        if day.weekday() < 5 and day not in HOLIDAYS:
            opens, closes = (datetime.combine(day, time(hour), MADRID).astimezone(UTC) for hour in (9, 18))
            found.append(("office", opens, closes, before))
            before += 540.0
        day += timedelta(days=1)
    return found
