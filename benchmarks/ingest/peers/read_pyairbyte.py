"""PyAirbyte: a declarative source of ours, run by Airbyte's own runner, into its DuckDB cache.

`read_pyairbyte.py BASE_URL HOME`
"""

import sys
import time
from pathlib import Path
from typing import Any

import airbyte
from airbyte.caches import DuckDBCache
from fields import OWN_TIMES, PATH, TEXTS, TIMES
from stopwatch import tell

DRAFT = "http://json-schema.org/draft-07/schema#"


def schema() -> dict[str, Any]:
    text = {"type": ["null", "string"]}
    instant = {**text, "format": "date-time", "airbyte_type": "timestamp_with_timezone"}
    return {
        "$schema": DRAFT,
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            **dict.fromkeys(TEXTS, text),
            **dict.fromkeys((*TIMES, *OWN_TIMES), instant),
            "archived": {"type": ["null", "boolean"]},
        },
    }


def manifest(base_url: str) -> dict[str, Any]:
    after = "response.get('paging', {}).get('next', {}).get('after')"
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["contacts"]},
        "spec": {
            "type": "Spec",
            "connection_specification": {"$schema": DRAFT, "type": "object", "properties": {}},
        },
        "streams": [
            {
                "type": "DeclarativeStream",
                "name": "contacts",
                "primary_key": ["id"],
                "schema_loader": {"type": "InlineSchemaLoader", "schema": schema()},
                "transformations": [
                    {
                        "type": "DpathFlattenFields",
                        "field_path": ["properties"],
                        "delete_origin_value": True,
                    }
                ],
                "retriever": {
                    "type": "SimpleRetriever",
                    "requester": {"type": "HttpRequester", "url_base": base_url, "path": PATH},
                    "record_selector": {
                        "type": "RecordSelector",
                        "extractor": {"type": "DpathExtractor", "field_path": ["results"]},
                    },
                    "paginator": {
                        "type": "DefaultPaginator",
                        "page_token_option": {
                            "type": "RequestOption",
                            "inject_into": "request_parameter",
                            "field_name": "after",
                        },
                        "pagination_strategy": {
                            "type": "CursorPagination",
                            "cursor_value": f"{{{{ {after} }}}}",
                            "stop_condition": f"{{{{ not {after} }}}}",
                        },
                    },
                },
            }
        ],
    }


def main(base_url: str, home: Path) -> None:
    # The runner in a process of its own: inside ours, its threads and the cache's writer share one core.
    source = airbyte.get_source(
        "source-declarative-manifest",
        config={"__injected_declarative_manifest": manifest(base_url)},
        local_executable=Path(sys.executable).with_name("source-declarative-manifest"),
        streams=["contacts"],
    )
    cache = DuckDBCache(db_path=home / "contacts.duckdb", schema_name="hubspot")
    _ = source.discovered_catalog  # starts the runner once; not measured, as no import is
    started = time.perf_counter()
    source.read(cache, write_strategy="merge", force_full_refresh=True, skip_validation=True)
    tell(time.perf_counter() - started, with_child=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
