"""A Singer tap of contacts on Meltano's SDK, set for speed.

Written by msgspec, types not conformed (they arrive right), properties lifted to the top here: the tap has
time to spare, the target has none.
"""

from typing import Any, ClassVar

from fields import OWN_TIMES, PATH, TEXTS, TIMES
from singer_sdk import RESTStream, Stream, Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers._typing import TypeConformanceLevel
from singer_sdk.pagination import JSONPathPaginator


class Contacts(RESTStream[str]):
    name = "contacts"
    path = PATH
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)
    records_jsonpath = "$.results[*]"
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    schema = th.PropertiesList(
        th.Property("id", th.StringType, required=True),
        *(th.Property(name, th.StringType) for name in TEXTS),
        *(th.Property(name, th.DateTimeType) for name in (*TIMES, *OWN_TIMES)),
        th.Property("archived", th.BooleanType),
    ).to_dict()

    @property
    def url_base(self) -> str:
        return self.config["base_url"]

    def get_new_paginator(self) -> JSONPathPaginator:
        return JSONPathPaginator("$.paging.next.after")

    def get_url_params(self, context: Any, next_page_token: str | None) -> dict[str, str]:  # noqa: ARG002
        return {"after": next_page_token} if next_page_token else {}

    def post_process(self, row: dict[str, Any], context: Any = None) -> dict[str, Any]:  # noqa: ARG002
        return row.pop("properties") | row


class TapContacts(Tap):
    name = "tap-contacts"
    message_writer_class = MsgSpecWriter
    config_jsonschema = th.PropertiesList(th.Property("base_url", th.StringType, required=True)).to_dict()

    def discover_streams(self) -> list[Stream]:
        return [Contacts(tap=self)]
