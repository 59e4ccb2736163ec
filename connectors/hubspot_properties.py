"""Which properties of an object are asked for: ours by name, and every one that the portal added itself.

"All properties" would be hundreds that HubSpot fills in, in addresses that it refuses as too long (414).
HubSpot ignores names that it does not know, so only names that the portal defines are asked for: the field
is then absent from the record, which the contract of its staging model tells.
"""

from dataclasses import dataclass

from connectors.errors import NotPermitted, Refused, UnexpectedData
from connectors.hubspot_paths import DEFINITIONS, modified_property
from connectors.transport import Transport, records_in

LONGEST_IN_ADDRESS = 2_000  # characters of names; HubSpot refuses addresses of about 8,000

_CHANGED = ("createdate", "hs_lastmodifieddate")
_LOGGED = ("hs_timestamp", "hubspot_owner_id", "hs_createdate", "hs_lastmodifieddate")
# A record that was merged away vanishes from list, archived list and search: only the one that stays tells.
_MERGED = ("hs_merged_object_ids",)

PROPERTIES: dict[str, tuple[str, ...]] = {
    "companies": (
        "name",
        "domain",
        "industry",
        "country",
        "hubspot_owner_id",
        "lifecyclestage",
        *_CHANGED,
        *_MERGED,
        "tenfold_language",
        "tenfold_acquisition_source",
        "tenfold_onb_platform_access_at",
        "tenfold_onb_first_settings_at",
        "tenfold_onb_integrations_at",
        "tenfold_survey_csat",
        "tenfold_survey_nps",
        "tenfold_survey_answered_at",
    ),
    "contacts": (
        "email",
        "firstname",
        "lastname",
        "hs_language",
        "lifecyclestage",
        "hs_lead_status",
        "createdate",
        "lastmodifieddate",
        "hs_email_optout",
        "hubspot_owner_id",
        "associatedcompanyid",
        *_MERGED,
        "hs_additional_emails",
    ),
    "products": (
        "name",
        "description",
        "hs_sku",
        "price",
        "hs_cost_of_goods_sold",
        "recurringbillingfrequency",
        "hs_recurring_billing_period",
        *_CHANGED,
    ),
    "deals": (
        "dealname",
        "amount",
        "deal_currency_code",
        "dealstage",
        "pipeline",
        "dealtype",
        "closedate",
        *_CHANGED,
        "hs_is_closed",
        "hs_is_closed_won",
        "hubspot_owner_id",
        *_MERGED,
        "tenfold_plan",
        "tenfold_billing_interval",
        "tenfold_list_amount",
        "tenfold_start_at",
        "tenfold_end_at",
    ),
    "line_items": (
        "name",
        "hs_sku",
        "hs_product_id",
        "price",
        "quantity",
        "discount",
        "hs_discount_percentage",
        "amount",
        "hs_line_item_currency_code",
        "recurringbillingfrequency",
        "hs_recurring_billing_period",
        "hs_recurring_billing_start_date",
        *_CHANGED,
    ),
    "tickets": (
        "subject",
        "hs_pipeline",
        "hs_pipeline_stage",
        "hs_ticket_priority",
        "hs_ticket_category",
        *_CHANGED,
        "closed_date",
        "hubspot_owner_id",
        *_MERGED,
        "tenfold_deliverable_type",
        "tenfold_requested_at",
        "tenfold_first_delivered_at",
        "tenfold_errors_reported",
        "tenfold_reopened_count",
    ),
    "tasks": (
        "hs_task_subject",
        "hs_task_body",
        "hs_task_status",
        "hs_task_priority",
        "hs_task_type",
        "hs_task_completion_date",
        *_LOGGED,
    ),
    "notes": ("hs_note_body", *_LOGGED),
    "emails": (
        "hs_email_subject",
        "hs_email_text",
        "hs_email_direction",
        "hs_email_status",
        *_LOGGED,
    ),
    "meetings": (
        "hs_meeting_title",
        "hs_meeting_body",
        "hs_meeting_outcome",
        "hs_meeting_start_time",
        "hs_meeting_end_time",
        *_LOGGED,
    ),
    "calls": (
        "hs_call_title",
        "hs_call_body",
        "hs_call_direction",
        "hs_call_disposition",
        "hs_call_duration",
        "hs_call_status",
        *_LOGGED,
    ),
    "feedback_submissions": (
        "hs_submission_name",
        "hs_submission_timestamp",
        "hs_response_group",
        "hs_value",
        "hs_content",
        "hs_survey_id",
        "hs_survey_name",
        "hs_survey_type",
        "hs_survey_channel",
        "hs_createdate",
        "hs_lastmodifieddate",
    ),
}
# What a KPI needs to know of the past: conversion by stage counts who entered it when, and a price that
# changed belongs to the days on which it held.
HISTORY: dict[str, tuple[str, ...]] = {
    "contacts": ("lifecyclestage", "hs_lead_status"),
    "deals": (
        "dealstage",
        "pipeline",
        "amount",
        "closedate",
        "tenfold_plan",
        "tenfold_billing_interval",
        "tenfold_start_at",
        "tenfold_end_at",
    ),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The properties that one read asks for. `warning` says which ones it cannot know of."""

    names: tuple[str, ...]
    warning: str | None = None

    @property
    def fit_an_address(self) -> bool:
        """False when a list has to ask for ids, and a batch for their values."""
        return len(",".join(self.names)) <= LONGEST_IN_ADDRESS


def asked_of(http: Transport, kind: str) -> Asked:
    """What to ask of objects of this kind in this portal, in an order that stays.

    Without the right to read definitions these are our own names alone, and the warning says so. Raises
    NotPermitted when the portal has no objects of this kind, ConnectorError otherwise.
    """
    path = f"{DEFINITIONS}/{kind}"
    try:
        reply = http.get(path)
    except NotPermitted as error:
        return Asked(PROPERTIES[kind], f"properties of your own are not read. {error}")
    except Refused as error:
        raise NotPermitted(
            f"{error} This portal does not offer {kind}; check the token's rights and the account's plan."
        ) from error
    defined = {}
    for row in records_in(reply, "results", f"hubspot: GET {path}"):
        if not isinstance(row, dict) or not row.get("name"):
            raise UnexpectedData(
                f"hubspot: GET {path}: a property has no 'name'; the vendor's format changed."
            )
        if not row.get("archived"):
            defined[str(row["name"])] = bool(row.get("hubspotDefined"))
    known = [name for name in PROPERTIES[kind] if name in defined]
    own = sorted(name for name, is_hubspots in defined.items() if not is_hubspots and name not in known)
    return Asked((*known, *own))


def ids_only(kind: str) -> tuple[str, ...]:
    """What a page is asked for when its records' values come in batches: who, and since when."""
    return ("hs_object_id", modified_property(kind))
