"""The ways to read that are compared; each runs in a process of its own and prints seconds, rows and memory.

The clock starts after the imports and stops when the rows are typed, in a table, on disk.
"""

import argparse
import json
import resource
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

PATH = "/crm/v3/objects/contacts"


def ours(base_url: str, home: Path, *, increment: bool = False) -> int:
    """The product's own way: HubSpot's connector with its limits, landing, raw, audited staging.

    With `increment` the clock starts again after the full load, for what changed of it.
    """

    from connectors.hubspot import SOURCE
    from connectors.pages import Access
    from settings import HubSpotSettings, LimitsSettings, Settings
    from tasks.reading import Reading
    from warehouse.engine import discover
    from warehouse.landing import Landing
    from warehouse.staging import refresh
    from warehouse.store import Store

    models = [model for model in discover() if model.table == "staging.hubspot_contact"]
    raised = {"requests_per_10s": 1_000_000, "searches_per_second": 1_000_000, "calls_per_day": 10**9}
    settings = Settings(
        _env_file=None,
        home=home,
        hubspot=HubSpotSettings(token="made-up", base_url=base_url, **raised),
        limits=LimitsSettings(folder=home / "limits"),
    )
    store, landing = Store(home), Landing(home)

    def read(as_of: datetime) -> int:
        connector = SOURCE.connect(Access(settings, settings.limits_folder))
        reading = Reading(connector, landing, store, as_of)
        landed = reading.land(connector.resources["contacts"])
        if landed.error is not None:
            raise landed.error
        reading.merge([landed])
        with store.write() as con:
            refresh(con, models)
            row = con.execute(
                "select count(*) from staging.hubspot_contact where created_at is not null"
            ).fetchone()
        connector.close()
        return row[0] if row else 0

    start_clock()
    rows = read(datetime(2026, 11, 16, 7, tzinfo=UTC))
    if increment:
        start_clock()
        rows = read(datetime(2026, 11, 16, 9, tzinfo=UTC))
    return rows


def floor(base_url: str, home: Path) -> int:
    """The least that works: a cursor chain into one file, `read_json`, an upsert; nothing kept or audited."""
    import duckdb
    import httpx

    start_clock()
    pages = home / "pages.jsonl"
    with httpx.Client(base_url=base_url) as http, pages.open("wb") as file:
        after = None
        while True:
            body = http.get(PATH, params={"after": after} if after else None)
            file.write(body.content + b"\n")
            after = body.json().get("paging", {}).get("next", {}).get("after")
            if after is None:
                break
    with duckdb.connect(str(home / "floor.duckdb")) as con:
        con.execute(
            "create table contact (id varchar primary key, email varchar, firstname varchar, "
            "lastname varchar, stage varchar, created_at timestamptz, updated_at timestamptz)"
        )
        con.execute(
            f"""
            insert or replace into contact
            select r.id, r.properties.email, r.properties.firstname, r.properties.lastname,
                r.properties.lifecyclestage, r.properties.createdate, r.updatedAt
            from (
                select unnest(results) as r
                from read_json('{pages}', format = 'newline_delimited', columns = {{
                    'results': 'STRUCT(id VARCHAR, properties STRUCT(email VARCHAR, firstname VARCHAR,
                        lastname VARCHAR, lifecyclestage VARCHAR, createdate TIMESTAMPTZ),
                        updatedAt TIMESTAMPTZ)[]'
                }})
            )
            """
        )
        row = con.execute("select count(*) from contact").fetchone()
    return row[0] if row else 0


STARTED = [0.0]


def start_clock() -> None:
    STARTED[0] = time.perf_counter()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("reader", choices=["ours", "increment", "floor"])
    parser.add_argument("base_url")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        readers = {"ours": ours, "increment": partial(ours, increment=True), "floor": floor}
        rows = readers[arguments.reader](arguments.base_url, Path(folder))
        seconds = time.perf_counter() - STARTED[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mib": peak}))
