"""A Singer tap of contacts on Meltano's SDK: as the SDK comes, and set for speed by hand.

Both lift the properties to the top here: the tap has time to spare, the target has none. The fast one writes
its messages with msgspec and leaves out that types are conformed (they arrive right).
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


class FastContacts(Contacts):
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE


class TapContacts(Tap):
    name = "tap-contacts"
    config_jsonschema = th.PropertiesList(th.Property("base_url", th.StringType, required=True)).to_dict()

    def discover_streams(self) -> list[Stream]:
        return [Contacts(tap=self)]


class FastTapContacts(TapContacts):
    message_writer_class = MsgSpecWriter

    def discover_streams(self) -> list[Stream]:
        return [FastContacts(tap=self)]
