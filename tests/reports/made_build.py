"""A published build made by hand: exactly the contract's tables, a year of a growing company, no randomness."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import sin, sqrt
from zoneinfo import ZoneInfo

import duckdb

MADRID = ZoneInfo("Europe/Madrid")
AS_OF = datetime(2026, 11, 16, 7, 0, tzinfo=UTC)
FIRST_WEEK = date(2025, 11, 17)
NAMES = (
    "Clínica Nogal", "Bufete Arriaga & Hijos", "Hotel Miramar", "Academia Lumen", "Transportes Ebro",
    "Inmobiliaria Sol", "Boutique Pérgola", "Consultoría Vértice", "Dental Alameda", "Northgate Legal LLP",
    "Casa Rural El Tejo", "Escuela Delta", "Fisio Centro", "Óptica Retiro", "Logística Duero",
    "Harbour Retail Ltd", "Notaría Campos", "Gimnasio Pulso", "Colegio San Telmo", "Bright Homes",
)  # fmt: skip

TABLES = """
create schema core; create schema kpi; create schema meta; create schema quality; create schema build;
create table build.run (build_id varchar, as_of timestamptz, known_at timestamptz, zone varchar, currency varchar);
create table kpi.value (
    kpi varchar, name_es varchar, name_en varchar, grain varchar, period varchar, starts_at timestamptz,
    ends_at timestamptz, segment varchar, unit varchar, currency varchar, value double, numerator double,
    denominator double, money_value decimal(18,4), money_numerator decimal(18,4),
    money_denominator decimal(18,4), n bigint, low double, high double, target_low double, target_high double,
    status varchar, reason varchar, stale_since timestamptz, as_of timestamptz, known_at timestamptz);
create table kpi.mrr_movement (period varchar, client_id varchar, kind varchar, amount decimal(18,4));
create table kpi.sla_clock (
    conversation_id varchar, client_id varchar, level varchar, clock varchar, started_at timestamptz,
    target_minutes integer, due_at timestamptz, stopped_at timestamptz, decided_at timestamptz, hit boolean);
create table kpi.client_attention (
    client_id varchar, name varchar, severity varchar, reason_code varchar, detail json, since timestamptz);
create table core.client (
    client_id varchar, company_id varchar, name varchar, industry varchar, language varchar, source varchar,
    owner_id varchar, owner_name varchar, started_at timestamptz, ended_at timestamptz, is_active boolean,
    mrr decimal(18,4), plan varchar, main_person_id varchar, onboarding_completed_at timestamptz,
    missing_items varchar[]);
create table core.subscription (
    subscription_id varchar, client_id varchar, company_id varchar, plan varchar, interval varchar,
    amount decimal(18,4), list_amount decimal(18,4), currency varchar, starts_at timestamptz,
    ends_at timestamptz, monthly_amount decimal(18,4));
create table core.conversation (
    conversation_id varchar, person_id varchar, client_id varchar, level varchar, created_at timestamptz,
    resolved_at timestamptz, state varchar, excluded boolean, rating integer, rated_at timestamptz);
create table core.journal_line (
    entry_key varchar, position integer, booked_on date, booked_at timestamptz, account varchar, kind varchar,
    acquisition boolean, debit decimal(18,4), credit decimal(18,4), currency varchar);
create table meta.source_status (
    source varchar, state varchar, reason varchar, finished_at timestamptz, good_until timestamptz);
create table meta.resource_status (
    source varchar, resource varchar, state varchar, reason varchar, total bigint, given bigint,
    finished_at timestamptz, good_until timestamptz);
create table quality.check_result (
    model varchar, expectation varchar, severity varchar, status varchar, violations bigint, rows bigint,
    why varchar, do_next varchar, error varchar);
create table quality.rejected (
    source varchar, resource varchar, model varchar, field varchar, reason varchar, records bigint);
create table core.invoice (
    invoice_id varchar, customer varchar, status varchar, total decimal(18,4), issued_on date, paid_on date,
    currency varchar);
create table kpi.cash_account (
    account varchar, currency varchar, source varchar, as_of date, balance decimal(18,4));
create table kpi.open_invoice (
    invoice_id varchar, number varchar, customer varchar, currency varchar, due_on date, open decimal(18,4),
    days_late bigint, bucket varchar, basis varchar, expected_on date, late_on date);
create table kpi.coming_bill (subscription_id varchar, bill_on date, amount decimal(18,4));
create table kpi.account_month (
    period varchar, starts_at timestamptz, account varchar, kind varchar, acquisition boolean, lines bigint,
    debit decimal(18,4), credit decimal(18,4));
create table kpi.receivable_month (
    period varchar, currency varchar, owed decimal(18,4), billed decimal(18,4), days double);
create table kpi.channel_month (period varchar, starts_at timestamptz, source varchar, new_clients bigint);
create table build.t975 (df integer, t double);
create table quality.drift (source varchar, resource varchar, field varchar, records bigint);
"""


def local(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=MADRID).astimezone(UTC)


def wilson(k: float, n: float) -> tuple[float, float]:
    z, p = 1.959963984540054, k / n
    middle, spread = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + z * z / n)), min(1.0, (middle + spread) / (1 + z * z / n))


@dataclass(frozen=True)
class Period:
    grain: str
    name: str
    starts_at: datetime
    ends_at: datetime
    at: float  # 0 in the first period, 1 in the last


def weeks() -> list[Period]:
    found = []
    for i in range(52):
        monday = FIRST_WEEK + timedelta(weeks=i)
        year, week, _ = monday.isocalendar()
        found.append(
            Period("week", f"{year}-W{week:02d}", local(monday), local(monday + timedelta(days=7)), i / 51)
        )
    return found


def months() -> list[Period]:
    found = []
    for i in range(12):
        year, month = divmod(2025 * 12 + 10 + i, 12)
        after_year, after = divmod(2025 * 12 + 11 + i, 12)
        found.append(
            Period(
                "month", f"{year}-{month + 1:02d}", local(date(year, month + 1, 1)),
                local(date(after_year, after + 1, 1)), i / 11,
            )
        )  # fmt: skip
    return found


@dataclass
class Made:
    """A build as `Published` shows it: `con`, `as_of`, `build_id`."""

    con: duckdb.DuckDBPyConnection
    as_of: datetime = AS_OF
    build_id: str = "20261116T070000Z-0a1b2c3d4e5f"
    rows: dict[tuple[str, str, str], dict[str, object]] = field(default_factory=dict)

    def value(self, kpi: str, period: Period, value: float | None, **changes: object) -> None:
        """One row of kpi.value; money goes to its own columns."""
        row: dict[str, object] = {
            "kpi": kpi, "name_es": kpi, "name_en": kpi, "grain": period.grain, "period": period.name,
            "starts_at": period.starts_at, "ends_at": period.ends_at, "segment": "all", "unit": "share",
            "currency": None, "value": value, "numerator": None, "denominator": None, "money_value": None,
            "money_numerator": None, "money_denominator": None, "n": None, "low": None, "high": None,
            "target_low": None, "target_high": None, "status": None, "reason": None, "stale_since": None,
            "as_of": AS_OF, "known_at": AS_OF,
        }  # fmt: skip
        row |= changes
        if row["unit"] == "money":
            row["currency"] = "EUR"
            row["money_value"] = None if value is None else Decimal(str(round(value, 4)))
        if row["unit"] == "share" and isinstance(row["n"], int) and row["n"] and row["low"] is None:
            row["low"], row["high"] = wilson(float(str(row["numerator"])), row["n"])
        if row["status"] is None:
            row["status"] = _status(row)
        self.con.execute(f"insert into kpi.value values ({', '.join('?' * len(row))})", list(row.values()))
        self.rows[kpi, str(row["segment"]), period.name] = row

    def share(self, kpi: str, period: Period, k: int, n: int, **changes: object) -> None:
        """A share of counts; n = 0 is not evaluated."""
        population = changes.pop("population", "cases")
        if n == 0:
            changes |= {"status": "not_evaluated", "reason": f"no {population} in period"}
        self.value(kpi, period, k / n if n else None, numerator=k, denominator=n, n=n, **changes)


def _status(row: dict[str, object]) -> str:
    value = row["value"]
    if value is None:
        return "not_evaluated"
    low, high = row["target_low"], row["target_high"]
    number = float(str(value))
    if low is not None and number < float(str(low)):
        return "watch" if number > 0.93 * float(str(low)) else "off"
    if high is not None and number > float(str(high)):
        return "watch" if number < 1.07 * float(str(high)) else "off"
    return "ok"


def make_build() -> Made:
    """The whole build, in memory."""
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    con.execute(TABLES)
    made = Made(con)
    con.execute(
        "insert into build.run values (?, ?, ?, 'Europe/Madrid', 'EUR')", [made.build_id, AS_OF, AS_OF]
    )
    for period in weeks():
        _week(made, period)
    for period in months():
        _month(made, period)
    _clients(made)
    _clocks(made)
    _journal(made)
    _quality(made)
    _money(made)
    return made


def _week(made: Made, p: Period) -> None:
    wave, g = sin(p.at * 40), p.at
    made.value("MRR", p, 2100 + 151_000 * g**1.6, unit="money", n=int(8 + 540 * g))
    made.value("ACTIVE_CLIENTS", p, float(int(8 + 540 * g)), unit="count", n=int(8 + 540 * g))
    made.value("NEW_CLIENTS", p, float(int(2 + 22 * g + wave)), unit="count")
    made.value("LEADS", p, float(int(20 + 90 * g + 6 * wave)), unit="count")
    made.share("K14", p, int(1 + 2 * g), int(8 + 540 * g), target_high=0.03)
    made.share("K20", p, int(1 + 19 * g), int(8 + 540 * g))
    made.value("K1", p, (8 + 540 * g) / (4 + 40 * g), unit="ratio", target_low=10, target_high=15)
    levels = {"L1": int(22 + 205 * g + 8 * wave), "L2": int(5 + 42 * g), "L3": int(1 + 13 * g)}
    kept = {
        level: max(0, n - int(n * r))
        for (level, n), r in zip(levels.items(), (0.02, 0.11, 0.07), strict=True)
    }
    made.share("K19", p, sum(kept.values()), sum(levels.values()), target_low=0.98)
    hours = {"L1": 1.1 + 0.2 * wave, "L2": 5.2 + g, "L3": 20.5 - 2 * g}
    for level, n in levels.items():
        made.share("K19", p, kept[level], n, segment=level, target_low=0.98)
        made.value("K3", p, hours[level], unit="hours", segment=level, numerator=hours[level] * n,
                   denominator=float(n), n=n, target_high=4.0)  # fmt: skip
    total = sum(levels.values())
    mean = sum(hours[level] * n for level, n in levels.items()) / total
    made.value("K3", p, mean, unit="hours", numerator=mean * total, denominator=float(total), n=total,
               low=mean * 0.88, high=mean * 1.12, target_high=4.0)  # fmt: skip
    for level, value, target in (("L1", 3.4 + wave, 5.0), ("L2", 118 + 30 * g, 120.0), ("L3", 900.0, 1440.0)):
        n = levels[level]
        made.value("K24", p, value, unit="minutes", segment=level, numerator=float(int(n * 0.9)),
                   denominator=float(n), n=n, target_high=target)  # fmt: skip
    ratings = int(4 + 60 * g)
    if p.name == "2026-W09":
        ratings = 0  # a gap: a week in which nobody answered
    made.share(
        "K13",
        p,
        ratings - int(ratings * (0.08 + 0.03 * wave)),
        ratings,
        target_low=0.95,
        population="ratings",
    )
    n = int(1 + 20 * g)
    made.value("K2", p, 61 - 20 * g + 4 * wave, unit="hours", n=n, low=50 - 20 * g if n >= 8 else None,
               high=72 - 20 * g if n >= 8 else None, target_high=48.0)  # fmt: skip
    made.value("K18", p, 21 + 2 * wave, unit="hours", n=90, low=19.0, high=23.5, target_high=24.0)
    made.share("K16", p, int(1 + 2 * g), int(20 + 80 * g), target_high=0.02)
    made.share("K17", p, int(1 + 5 * g), int(20 + 80 * g), target_high=0.05)
    made.value("K4", p, None, reason="no monitors configured", target_low=0.995)


def _month(made: Made, p: Period) -> None:
    wave, g = sin(p.at * 9), p.at
    made.value("MRR", p, 4200 + 133_900 * g**1.6, unit="money", n=int(20 + 480 * g))
    made.value("NEW_CLIENTS", p, float(int(10 + 90 * g)), unit="count")
    made.share("K14", p, int(1 + 20 * g), int(20 + 400 * g), target_high=0.03)
    made.share("K15", p, int(2 + 25 * g), int(10 + 90 * g), target_low=0.25)
    made.value("K8", p, 0.31 + 0.27 * g + 0.02 * wave, target_low=0.6)
    made.value("K9", p, 0.52 + 0.16 * g, target_low=0.6)
    made.value("K10", p, 0.2 + 0.24 * g, target_low=0.4)
    made.value("K5", p, 610 - 390 * g, unit="money", target_high=200)
    if p.at == 0:
        made.value("K6", p, None, unit="money", reason="not estimable", low=3100.0, target_low=2000)
        made.value("K7", p, None, unit="ratio", reason="not estimable", target_low=10)
        made.value(
            "K20", p, None, reason="no active clients at start in period", target_low=0.2, target_high=0.3
        )
    else:
        made.value("K6", p, 3400 + 900 * g, unit="money", target_low=2000)
        made.value("K7", p, 5.1 + 6 * g, unit="ratio", target_low=10)
        made.value("K20", p, 0.62 - 0.42 * g, target_low=0.2, target_high=0.3)
    made.value("K21", p, 0.7 - 0.4 * g, target_low=0.25, target_high=0.4)
    made.value("K11", p, -0.5 * g, target_high=-0.4)
    made.value(
        "K12",
        p,
        62 + 11 * g,
        unit="points",
        n=int(5 + 60 * g),
        numerator=40.0,
        denominator=60.0,
        target_low=70,
    )
    made.value("K22", p, None, reason="no outside series in the playbook", target_low=0.05, target_high=0.1)


def _clients(made: Made) -> None:
    con = made.con
    plans = (("basic", 149), ("growth", 349), ("pro", 899))
    for i in range(200):
        plan, price = plans[i % 3]
        name = NAMES[i % len(NAMES)] + ("" if i < len(NAMES) else f" {i // len(NAMES) + 1}")
        start = local(date(2025, 11, 20)) + timedelta(days=1.7 * i)
        left = i in {4, 31, 58}
        end = local(date(2026, 11, 10)) + timedelta(days=i % 4) if left else None
        con.execute(
            "insert into core.client values (?,?,?,?,'es','referral','o1',?,?,?,?,?,?,?,null,[])",
            [f"c{i}", f"c{i}", name, "legal", "Marta Ruiz" if i % 5 else None, start, end, not left,
             0 if left else price, plan, f"p{i}"],
        )  # fmt: skip
        con.execute(
            "insert into core.subscription values (?,?,?,?,'month',?,?,'EUR',?,?,?)",
            [f"s{i}", f"c{i}", f"c{i}", plan, price, price, start, end, price],
        )
    # October's movements add up to the difference of the two MRR rows, to the cent.
    start = Decimal(str(made.rows["MRR", "all", "2026-09"]["money_value"]))
    end = Decimal(str(made.rows["MRR", "all", "2026-10"]["money_value"]))
    moves = [(f"c{100 + i}", "new", Decimal(149 + 100 * (i % 8))) for i in range(41)]
    moves += [(f"c{i}", "expansion", Decimal(200)) for i in range(60, 66)]
    moves += [(f"c{i}", "contraction", Decimal(-200)) for i in range(70, 73)]
    moves += [(f"c{i}", "churn", Decimal(-349)) for i in range(80, 87)]
    moves.append(("c150", "reactivation", end - start - sum(m[2] for m in moves)))
    con.executemany("insert into kpi.mrr_movement values ('2026-10', ?, ?, ?)", moves)
    attention = [
        ("c2", "high", "low_rating", {"ratings": 1, "lowest": 1, "conversation_id": "v1"}, timedelta(days=3)),
        ("c2", "medium", "sla_miss", {"misses": 4, "conversations": 2, "first_answer": 3, "resolution": 1}, timedelta(days=5)),
        ("c5", "high", "churn_notice", {"ends_at": "2026-12-01T00:00:00Z", "days": 14, "mrr": "899.0000"}, timedelta()),
        ("c7", "high", "onboarding_stuck", {"hours": 240, "missing_items": ["integrations"]}, timedelta(days=8)),
        ("c8", "medium", "deliverable_overdue", {"deliverables": 2, "hours": 57, "subject": "Informe de citas"}, timedelta(hours=33)),
        ("c11", "medium", "unhappy_survey", {"nps": 5, "csat": 3}, timedelta(days=12)),
        ("c9", "medium", "something_new", {}, timedelta(days=1)),
        *((f"c{i}", "medium", "sla_miss", {"misses": 1, "conversations": 1, "first_answer": 1, "resolution": 0}, timedelta(days=2))
          for i in range(40, 52)),
    ]  # fmt: skip
    for client, severity, code, detail, ago in attention:
        con.execute(
            "insert into kpi.client_attention select ?, name, ?, ?, ?, ? from core.client where client_id = ?",
            [client, severity, code, json.dumps(detail), AS_OF - ago, client],
        )


def _clocks(made: Made) -> None:
    """The misses of week 46, as many as K19 says, and one bad month of a client that left."""
    start = local(date(2026, 11, 9))
    number = 0
    for level in ("L1", "L2", "L3"):
        row = made.rows["K19", level, "2026-W46"]
        for i in range(int(str(row["denominator"])) - int(float(str(row["numerator"])))):
            number += 1
            clock = "resolution" if i % 3 == 0 else "first_answer"
            at = start + timedelta(hours=number * 3)
            made.con.execute(
                "insert into kpi.sla_clock values (?,?,?,?,?,60,?,null,?,false)",
                [f"v{number}", f"c{number % 7}", level, clock, at, at, at],
            )
    for i in range(3):
        at = local(date(2026, 10, 20 + i))
        made.con.execute(
            "insert into kpi.sla_clock values (?, 'c31', 'L2', 'resolution', ?, 60, ?, null, ?, false)",
            [f"w{i}", at, at, at],
        )
    at = local(date(2026, 10, 28))
    made.con.execute(
        "insert into core.conversation values ('w9', 'p31', 'c31', 'L1', ?, ?, 'closed', false, 2, ?)",
        [at, at, at],
    )


def _journal(made: Made) -> None:
    accounts = {
        "700 Service revenue": ("revenue", -118_000, -138_000),
        "600 Delivery subcontractors": ("direct", 8_200, 11_900),
        "626 Payment fees": ("direct", 1_700, 2_000),
        "629 AI and cloud usage": ("direct", 1_450, 1_600),
        "640 Salaries delivery": ("direct", 31_000, 31_000),
        "640 Salaries operations": ("operating", 9_000, 9_000),
        "640 Salaries sales and marketing": ("operating", 6_500, 6_500),
        "627 Advertising": ("operating", 4_800, 3_900),
        "621 Office rent": ("operating", 2_200, 2_200),
        "623 Professional fees": ("operating", 640, 900),
        "628 Software subscriptions": ("operating", 1_900, 1_950),
        "662 Bank interest": ("financial", 210, 205),
    }
    for i, (account, (kind, *amounts)) in enumerate(accounts.items()):
        for month, amount in zip((9, 10), amounts, strict=True):
            made.con.execute(
                "insert into core.journal_line values (?, 1, ?, ?, ?, ?, false, ?, ?, 'EUR')",
                [f"e{i}-{month}", date(2026, month, 15), local(date(2026, month, 15)), account, kind,
                 max(amount, 0), max(-amount, 0)],
            )  # fmt: skip


def _quality(made: Made) -> None:
    con = made.con
    con.executemany(
        "insert into meta.source_status values (?, 'complete', null, ?, ?)",
        [[s, AS_OF, AS_OF] for s in ("accounting", "hubspot", "intercom", "mailchimp")],
    )
    checks = [
        (f"core.{m}", f"expect_{c}", "fail", "passed", 0)
        for m in ("client", "person", "invoice")
        for c in "abc"
    ]
    checks += [
        ("kpi.value", "expect_a", "fail", "passed", 0),
        ("kpi.value", "expect_b", "fail", "not_evaluated", None),
    ]
    checks += [("core.conversation", "expect_column_values_to_not_be_null(client_id)", "warn", "failed", 7)]
    con.executemany(
        "insert into quality.check_result values (?,?,?,?,?,100,'Without it the client is unknown.','Link the contact in HubSpot.',null)",
        checks,
    )
    con.execute(
        "insert into quality.rejected values ('hubspot','deals','hubspot_deal','amount','no number', 3)"
    )
    con.execute("insert into quality.drift values ('intercom','conversations','new_field', 12)")


def _money(made: Made) -> None:
    """Two bank accounts, late and open invoices, a quarter of bills to come, a year of months of the books."""
    con = made.con
    con.executemany(
        "insert into build.t975 values (?, ?)", [(df, 2.3 if df > 6 else 3.0) for df in range(1, 60)]
    )
    con.execute(
        "insert into kpi.cash_account values ('572 Bank main', 'EUR', 'books', '2026-11-15', 228000.55), "
        "('ES1720852066623456789011', 'EUR', 'stated', '2026-11-15', 229500.10), "
        "('PAYPAL', 'USD', 'running', '2026-11-10', 410.20)"
    )
    for i, (name, late) in enumerate(zip(NAMES, (120, 75, 40, 12, 3, 0, 0, 0), strict=False)):
        con.execute(
            "insert into kpi.open_invoice values (?, ?, ?, 'EUR', ?, ?, ?, ?, ?, ?, ?)",
            [
                f"i{i}", f"F2026-{i:05d}", name, AS_OF.date() - timedelta(days=late), Decimal(400 + 37 * i), late,
                ("over_90", "61-90", "31-60", "1-30", "1-30", "not_due", "not_due", "not_due")[i],
                ("none", "none", "all", "all", "own", "own", "all", "all")[i],
                None if i < 2 else AS_OF.date() + timedelta(days=2 * i),
                None if i < 2 else AS_OF.date() + timedelta(days=6 * i),
            ],
        )  # fmt: skip
    for day in range(1, 90, 3):
        con.execute(
            "insert into kpi.coming_bill values (?, ?, 5100)", [f"s{day}", AS_OF.date() + timedelta(days=day)]
        )
    for n, p in enumerate(months()):
        g = p.at
        for account, kind, acquisition, debit, credit in (
            ("700 Service revenue", "revenue", False, 0, 9000 + 140_000 * g),
            ("640 Salaries delivery", "direct", False, 9750 + 40_000 * g, 0),
            ("627 Advertising", "operating", True, 1000 + 900 * g + 300 * (n % 3), 0),
            ("621 Office rent", "operating", False, 3400, 0),
            ("628 Software subscriptions", "operating", False, 0 if n == 11 else 2800, 0),
            ("Sundry", "unclassified", False, 850 if n == 11 else 0, 120 if n == 11 else 0),
        ):
            if debit or credit:
                con.execute(
                    "insert into kpi.account_month values (?, ?, ?, ?, ?, 1, ?, ?)",
                    [p.name, p.starts_at, account, kind, acquisition, Decimal(str(round(debit, 2))), Decimal(str(round(credit, 2)))],
                )  # fmt: skip
        con.execute(
            "insert into kpi.channel_month values (?, ?, 'ads', ?)",
            [p.name, p.starts_at, 4 + 3 * (n % 3) + n],
        )
        con.execute("insert into kpi.receivable_month values (?, 'EUR', 40000, 400000, 9.2)", [p.name])
