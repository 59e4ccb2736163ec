"""HubSpot's addresses and the properties read, in one place: a new API version is one line here."""

from connectors.pages import Resource

VERSION = "2026-09"

OBJECTS = f"/crm/objects/{VERSION}"
ASSOCIATIONS = f"/crm/associations/{VERSION}"
OWNERS = f"/crm/owners/{VERSION}"
PIPELINES = f"/crm/pipelines/{VERSION}"
ACCOUNT = f"/account-info/{VERSION}/details"

# Explicit lists: "all properties" makes addresses that HubSpot refuses as too long (414), and floods raw.
PROPERTIES: dict[str, tuple[str, ...]] = {
    "companies": (
        "name",
        "domain",
        "industry",
        "country",
        "hubspot_owner_id",
        "lifecyclestage",
        "createdate",
        "hs_lastmodifieddate",
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
        # A contact merged away vanishes from list, archived list and search: only the one that stays tells.
        "hs_merged_object_ids",
        "hs_additional_emails",
    ),
    "deals": (
        "dealname",
        "amount",
        "deal_currency_code",
        "dealstage",
        "pipeline",
        "dealtype",
        "createdate",
        "closedate",
        "hs_lastmodifieddate",
        "hs_is_closed",
        "hs_is_closed_won",
        "hubspot_owner_id",
        "tenfold_plan",
        "tenfold_billing_interval",
        "tenfold_list_amount",
        "tenfold_start_at",
        "tenfold_end_at",
    ),
    "tickets": (
        "subject",
        "hs_pipeline",
        "hs_pipeline_stage",
        "createdate",
        "hs_lastmodifieddate",
        "closed_date",
        "hubspot_owner_id",
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
        "hs_timestamp",
        "hubspot_owner_id",
        "hs_createdate",
        "hs_lastmodifieddate",
    ),
}


def modified_property(kind: str) -> str:
    """The property that moves with every change of an object of this kind."""
    # Contacts alone have another name; the common one is accepted for them and matches nothing.
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


def _records(name: str) -> Resource:
    return Resource("hubspot", name, "$.results", "$.id")


def _association(name: str, parent: str) -> Resource:
    return Resource("hubspot", name, "$.results", "$.from.id", parent=parent)


# In reading order: what others refer to comes first.
RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        _records("companies"),
        _records("contacts"),
        _records("deals"),
        _records("tickets"),
        _records("tasks"),
        _records("owners"),
        _records("deal_pipelines"),
        _records("ticket_pipelines"),
        _association("deal_companies", "deals"),
        _association("contact_companies", "contacts"),
        _association("ticket_companies", "tickets"),
    )
}
