"""The published tables as Prefect assets: which build made them, how many rows they have."""

from prefect.assets import Asset, add_asset_metadata, materialize
from prefect.cache_policies import NO_CACHE

from warehouse.published import Published

TABLES = (
    "core.client",
    "core.conversation",
    "core.deliverable",
    "core.journal_line",
    "core.subscription",
    "kpi.value",
)


def _key(table: str) -> str:
    return f"tenfold://published/{table.replace('.', '/')}"


def record_assets(published: Published) -> None:
    """Say that these tables are new; call it only when they are."""
    rows = {}
    for table in TABLES:
        found = published.con.execute(f"select count(*) from {table}").fetchone()
        rows[table] = found[0] if found else 0
    _record(published.build_id, published.as_of.isoformat(), rows)


@materialize(
    *(Asset(key=_key(table)) for table in TABLES),
    by="duckdb",
    name="record-assets",
    task_run_name="record assets",
    cache_policy=NO_CACHE,
)
def _record(build_id: str, as_of: str, rows: dict[str, int]) -> None:
    for table, count in rows.items():
        add_asset_metadata(_key(table), {"build": build_id, "as_of": as_of, "rows": count})
