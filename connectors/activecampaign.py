"""ActiveCampaign: contacts, lists and deals, read only, as declared here (docs/add-a-source.md)."""

from connectors import declared
from connectors.declared import Account, ById, Since
from connectors.paging import Keyset, Offset

PAGE = ("limit", 100)  # ActiveCampaign's maximum

SOURCE = declared.source(
    "activecampaign",
    api_version="3",
    under="/api/3",
    auth=declared.header("Api-Token"),
    limit=(5, 1.0),  # of the account, all keys together
    account=Account("/users/me"),
    forbidden_tries=3,
    resources=[
        declared.resource(
            "contacts",
            "/contacts",
            records="$.contacts",
            key="$.id",
            # `udate` has the account's own offset from UTC, and would not sort when the clocks change.
            mark="$.updated_utc_timestamp",
            paging=Keyset(param="id_greater", by="$.id", order={"orders[id]": "ASC"}, size=PAGE),
            since=Since("filters[updated_after]"),
            total="$.meta.total",
            by_id=ById("/contacts/{id}", record="$.contact"),
        ),
        declared.resource(
            "lists",
            "/lists",
            records="$.lists",
            key="$.id",
            paging=Offset(param="offset", size=PAGE),
            total="$.meta.total",
            by_id=ById("/lists/{id}", record="$.list"),
        ),
        declared.resource(
            "deals",
            "/deals",
            records="$.deals",
            key="$.id",
            paging=Offset(param="offset", size=PAGE),
            total="$.meta.total",
            by_id=ById("/deals/{id}", record="$.deal"),
        ),
    ],
)
