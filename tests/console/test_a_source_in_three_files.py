"""A source is a declaration, its models and a line of the playbook; nothing else of the project knows of it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb
import httpx
import pytest

from tests.connectors.connector_doubles import serving

ROOT = Path(__file__).parents[2]
ROOMS = ("playbook", "connectors", "warehouse", "tasks", "reports", "console", "flows")

DECLARATION = """
from connectors import declared
from connectors.paging import Cursor

SOURCE = declared.source(
    "widgetshop",
    api_version="2",
    auth=declared.bearer(),
    limit=(50, 1.0),
    account=declared.Account("/account", id="$.id"),
    resources=[
        declared.resource(
            "orders",
            "/orders",
            records="$.data.orders",
            key="$.number",
            paging=Cursor(path="$.next", param="after"),
            since=declared.Since("changed_since", "unix"),
            total="$.count",
            by_id=declared.ById("/orders/{id}", record="$.order"),
        )
    ],
)
"""
MODEL = """
select key as order_id, try_cast(body ->> '$.amount' as decimal(18, 4)) as amount,
    try_cast(body ->> '$.gone_at' as timestamptz) as gone_at
from raw.widgetshop_orders_current
"""
MODEL_YAML = """
what: Orders of the widget shop.
grain: [order_id]
owner: sales
source: widgetshop
resource: orders
by: order_id
required: ["$.number"]
known: ["$.number", "$.amount", "$.gone_at"]
casts: [{column: amount, path: "$.amount", type: "decimal(18, 4)"}]
columns: {order_id: The order's number., amount: What it costs., gone_at: When it was found to be gone.}
expectations:
- {expectation: expect_column_values_to_be_unique, column: order_id, severity: fail, why: Once., do: Look.}
"""
PLAYBOOK = """
- id: widgetshop
  name: {es: Tienda, en: Widget shop}
  reads: api
  sweep_hours: 0.0001
"""


class WidgetShop:
    """Orders, two on a page."""

    def __init__(self) -> None:
        self.orders = {f"W{number}": f"{number}.50" for number in range(1, 6)}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization") != "Bearer shop-SECRET":
            return httpx.Response(401, json={"error": "no"})
        path, asked = request.url.path, dict(request.url.params)
        if path == "/account":
            return httpx.Response(200, json={"id": 9})
        rows = [{"number": number, "amount": amount} for number, amount in self.orders.items()]
        if path != "/orders":
            found = [row for row in rows if path == f"/orders/{row['number']}"]
            return httpx.Response(200 if found else 404, json={"order": found[0]} if found else {})
        start = int(asked.get("after", 0))
        more = {"next": start + 2} if start + 2 < len(rows) else {}
        said = {"data": {"orders": rows[start : start + 2]}, "count": len(rows), **more}
        return httpx.Response(200, json=said)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with a source that it did not know, by the three files of docs/add-a-source.md."""
    copy = tmp_path_factory.mktemp("project")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "settings.py", copy)
    staging = copy / "warehouse" / "models" / "staging"
    (copy / "connectors" / "widgetshop.py").write_text(dedent(DECLARATION))
    (staging / "widgetshop_order.sql").write_text(MODEL)
    (staging / "widgetshop_order.yaml").write_text(MODEL_YAML)
    with (copy / "playbook" / "sources.yaml").open("a") as file:
        file.write(PLAYBOOK)
    return copy


def tenfold(project: Path, home: Path, url: str, *arguments: str) -> Any:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TENFOLD_", "PREFECT_"))}
    done = subprocess.run(
        [sys.executable, "-m", "console.cli", *arguments, "--json"],
        cwd=project,
        env={
            **clean,
            "TENFOLD_HOME": str(home),
            "TENFOLD_SOURCES__WIDGETSHOP__TOKEN": "shop-SECRET",
            "TENFOLD_SOURCES__WIDGETSHOP__BASE_URL": url,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "SECRET" not in done.stdout + done.stderr
    return json.loads(done.stdout)


def test_three_files_are_a_source_from_doctor_to_staging(project: Path, tmp_path: Path) -> None:
    shop = WidgetShop()
    with serving(shop) as url:
        systems = {row["system"]: row for row in tenfold(project, tmp_path, url, "doctor")["systems"]}
        assert systems["widgetshop"]["detail"] == "2 checks ok"
        assert systems["widgetshop"]["version"] == "2"
        (report,) = tenfold(project, tmp_path, url, "sync", "widgetshop")
        assert (report["source"], report["state"], report["rows_added"]) == ("widgetshop", "complete", 5)
        del shop.orders["W2"]
        shop.orders["W3"] = "30.00"
        (report,) = tenfold(project, tmp_path, url, "sync", "widgetshop")
        assert (report["state"], report["rows_added"]) == ("complete", 2)
        tenfold(project, tmp_path, url, "build")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as con:
        rows = con.execute(
            "select order_id, amount::varchar, gone_at is not null from staging.widgetshop_order order by 1"
        ).fetchall()
        versions = con.execute("select key, count(*) from raw.widgetshop_orders group by all order by 1")
        assert rows == [
            ("W1", "1.5000", False),
            ("W2", "2.5000", True),
            ("W3", "30.0000", False),
            ("W4", "4.5000", False),
            ("W5", "5.5000", False),
        ]
        assert versions.fetchall() == [("W1", 1), ("W2", 2), ("W3", 2), ("W4", 1), ("W5", 1)]


def test_reports_and_alerts_call_the_source_as_the_playbook_does(project: Path) -> None:
    probe = dedent(
        """
        from playbook.loader import load_playbook
        from reports.formatting import Format, Wording
        from reports.trust import source_name
        playbook = load_playbook()
        print([
            source_name("widgetshop", Format(Wording(each, playbook.wording[each]), "EUR", "Europe/Madrid"))
            for each in ("es", "en")
        ])
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=project, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "['Tienda', 'Widget shop']"
