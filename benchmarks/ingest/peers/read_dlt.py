"""dlt: a resource over its REST client, merged by id into DuckDB, handed over as Parquet.

`read_dlt.py BASE_URL HOME [--arrow]`; with `--arrow` the pages become Arrow tables by our own hand, and dlt
has nothing left to normalise.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import dlt.common.libs.pyarrow
import dlt.destinations.impl.duckdb.duck  # dlt would load it inside the measured time
import pyarrow as pa
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator
from fields import OWN_TIMES, PATH, TEXTS, TIMES
from stopwatch import tell

RECEIVED = pa.schema(
    [
        ("id", pa.string()),
        ("properties", pa.struct([(name, pa.string()) for name in (*TEXTS, *TIMES)])),
        *((name, pa.string()) for name in OWN_TIMES),
        ("archived", pa.bool_()),
    ]
)
INSTANT = pa.timestamp("us", tz="UTC")
TYPED = pa.schema(
    [
        ("id", pa.string()),
        *((name, pa.string()) for name in TEXTS),
        *((name, INSTANT) for name in (*TIMES, *OWN_TIMES)),
        ("archived", pa.bool_()),
    ]
)


def as_arrow(page: list[dict[str, Any]]) -> pa.Table:
    flat = pa.Table.from_pylist(page, schema=RECEIVED).flatten()
    return flat.rename_columns([name.removeprefix("properties.") for name in flat.column_names]).cast(TYPED)


def main(base_url: str, home: Path, *, arrow: bool) -> None:
    paginator = JSONResponseCursorPaginator(cursor_path="paging.next.after", cursor_param="after")
    client = RESTClient(base_url, paginator=paginator, data_selector="results")

    @dlt.resource(name="contacts", primary_key="id", write_disposition="merge")
    def contacts() -> Iterator[Any]:
        for page in client.paginate(PATH):
            yield as_arrow(page) if arrow else page

    pipeline = dlt.pipeline(
        "contacts",
        pipelines_dir=str(home / "pipelines"),
        destination=dlt.destinations.duckdb(str(home / "contacts.duckdb")),
        dataset_name="hubspot",
    )
    started = time.perf_counter()
    pipeline.run(contacts(), loader_file_format="parquet")
    tell(time.perf_counter() - started)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), arrow="--arrow" in sys.argv[3:])
