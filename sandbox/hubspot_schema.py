"""HubSpot's object types and their properties, as this portal has them."""

from dataclasses import dataclass
from typing import Any

PORTAL_ID = 48210077
TIME_ZONE = "Europe/Madrid"

TYPE_IDS = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "tickets": "0-5",
    "products": "0-7",
    "line_items": "0-8",
    "feedback_submissions": "0-19",
    "notes": "0-46",
    "meetings": "0-47",
    "calls": "0-48",
    "emails": "0-49",
    "tasks": "0-27",
}
SINGULAR = {kind: "company" if kind == "companies" else kind.removesuffix("s") for kind in TYPE_IDS}
ALIASES = {
    **{kind: kind for kind in TYPE_IDS},
    **{one: kind for kind, one in SINGULAR.items()},
    **{number: kind for kind, number in TYPE_IDS.items()},
}
ACTIVITIES = ("tasks", "notes", "meetings", "calls", "emails")


def created_property(kind: str) -> str:
    """The property that holds the creation time."""
    return "hs_createdate" if kind in (*ACTIVITIES, "feedback_submissions") else "createdate"


def modified_property(kind: str) -> str:
    """The property that moves with every change; contacts alone have another name."""
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


@dataclass(frozen=True, slots=True)
class Definition:
    """One property: its type as HubSpot names it, and the allowed values of an enumeration (empty = any).

    `own` marks one that the portal made, not HubSpot; `unique` one that may identify a record.
    """

    name: str
    type: str = "string"
    options: tuple[str, ...] = ()
    read_only: bool = False
    label: str = ""
    own: bool = False
    unique: bool = False

    def as_json(self) -> dict[str, Any]:
        """The property as the properties endpoint shows it."""
        field = {"string": "text", "enumeration": "select", "datetime": "date", "number": "number"}
        return {
            "name": self.name,
            "label": self.label or self.name.removeprefix("hs_").replace("_", " ").capitalize(),
            "type": self.type,
            "fieldType": field.get(self.type, "booleancheckbox"),
            "description": "",
            "groupName": "tenfold" if self.name.startswith("tenfold_") else "information",
            "options": [
                {"label": option, "value": option, "displayOrder": place, "hidden": False}
                for place, option in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": False,
            "hasUniqueValue": self.unique or self.name == "hs_object_id",
            "hidden": False,
            "hubspotDefined": not (self.own or self.name.startswith("tenfold_")),
            "modificationMetadata": {
                "archivable": True,
                "readOnlyDefinition": False,
                "readOnlyValue": self.read_only,
            },
            "formField": False,
            "archived": False,
        }


def _texts(*names: str) -> list[Definition]:
    return [Definition(name) for name in names]


def _dates(*names: str) -> list[Definition]:
    return [Definition(name, "datetime") for name in names]


def _numbers(*names: str) -> list[Definition]:
    return [Definition(name, "number") for name in names]


LIFECYCLE = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
_LIFECYCLE = Definition("lifecyclestage", "enumeration", LIFECYCLE, label="Lifecycle Stage")
_BOOL = ("true", "false")
FREQUENCIES = ("weekly", "monthly", "quarterly", "annually")


def _definitions(kind: str) -> dict[str, Definition]:
    own: dict[str, list[Definition]] = {
        "contacts": [
            *_texts("email", "firstname", "lastname", "phone", "jobtitle", "company", "website", "city"),
            *_texts("country", "hs_language", "hs_additional_emails"),
            _LIFECYCLE,
            Definition(
                "hs_lead_status",
                "enumeration",
                ("NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "CONNECTED"),
            ),
            Definition("hs_email_optout", "bool", _BOOL),
            *_numbers("associatedcompanyid"),
        ],
        "companies": [
            *_texts("name", "domain", "industry", "country", "city", "phone", "description"),
            _LIFECYCLE,
            Definition("tenfold_language", "enumeration", ("es", "en")),
            Definition("tenfold_acquisition_source"),
            *_dates(
                "tenfold_onb_platform_access_at",
                "tenfold_onb_first_settings_at",
                "tenfold_onb_integrations_at",
                "tenfold_survey_answered_at",
            ),
            *_numbers("tenfold_survey_csat", "tenfold_survey_nps", "annualrevenue", "numberofemployees"),
        ],
        "deals": [
            *_texts("dealname", "deal_currency_code", "description", "dealstage", "pipeline"),
            Definition("dealtype", "enumeration", ("newbusiness", "existingbusiness")),
            *_numbers("amount", "tenfold_list_amount"),
            Definition("hs_is_closed", "bool", _BOOL, read_only=True),
            Definition("hs_is_closed_won", "bool", _BOOL, read_only=True),
            Definition("tenfold_plan", "enumeration", ("basic", "growth", "pro")),
            Definition("tenfold_billing_interval", "enumeration", ("week", "month", "quarter", "year")),
            *_dates("closedate", "tenfold_start_at", "tenfold_end_at"),
        ],
        "tickets": [
            *_texts("subject", "content", "hs_pipeline", "hs_pipeline_stage", "tenfold_deliverable_type"),
            Definition("hs_ticket_priority", "enumeration", ("LOW", "MEDIUM", "HIGH", "URGENT")),
            *_texts("hs_ticket_category"),
            *_numbers("tenfold_errors_reported", "tenfold_reopened_count"),
            *_dates("closed_date", "tenfold_requested_at", "tenfold_first_delivered_at"),
        ],
        "tasks": [
            *_texts("hs_task_subject", "hs_task_body"),
            Definition(
                "hs_task_status",
                "enumeration",
                ("NOT_STARTED", "IN_PROGRESS", "WAITING", "COMPLETED", "DEFERRED"),
            ),
            Definition("hs_task_priority", "enumeration", ("NONE", "LOW", "MEDIUM", "HIGH")),
            Definition("hs_task_type", "enumeration", ("TODO", "CALL", "EMAIL")),
            *_dates("hs_timestamp"),
        ],
        "notes": [*_texts("hs_note_body"), *_dates("hs_timestamp")],
        "calls": [
            *_texts("hs_call_title", "hs_call_body", "hs_call_disposition"),
            Definition("hs_call_direction", "enumeration", ("INBOUND", "OUTBOUND")),
            Definition("hs_call_status", "enumeration", ("COMPLETED", "NO_ANSWER", "BUSY", "FAILED")),
            *_numbers("hs_call_duration"),
            *_dates("hs_timestamp"),
        ],
        "meetings": [
            *_texts(
                "hs_meeting_title", "hs_meeting_body", "hs_internal_meeting_notes", "hs_meeting_location"
            ),
            Definition(
                "hs_meeting_outcome",
                "enumeration",
                ("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED"),
            ),
            *_dates("hs_timestamp", "hs_meeting_start_time", "hs_meeting_end_time"),
        ],
        "emails": [
            *_texts("hs_email_subject", "hs_email_text", "hs_email_html", "hs_email_headers"),
            Definition("hs_email_direction", "enumeration", ("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL")),
            Definition(
                "hs_email_status", "enumeration", ("BOUNCED", "FAILED", "SCHEDULED", "SENDING", "SENT")
            ),
            *_dates("hs_timestamp"),
        ],
        "products": [
            *_texts("name", "description", "hs_sku"),
            Definition("recurringbillingfrequency", "enumeration", FREQUENCIES),
            *_numbers("price", "hs_cost_of_goods_sold"),
        ],
        "line_items": [
            *_texts("name", "description", "hs_sku", "hs_line_item_currency_code"),
            Definition("recurringbillingfrequency", "enumeration", FREQUENCIES),
            *_numbers("price", "quantity", "amount", "discount", "hs_product_id"),
        ],
        "feedback_submissions": [
            *_texts("hs_submission_name", "hs_content", "hs_survey_name", "hs_survey_id"),
            Definition("hs_response_group", "enumeration", ("PROMOTER", "PASSIVE", "DETRACTOR")),
            Definition("hs_survey_type", "enumeration", ("CES", "CSAT", "CUSTOM", "NPS")),
            Definition("hs_survey_channel", "enumeration", ("EMAIL", "URL", "WEB")),
            *_numbers("hs_value"),
            *_dates("hs_submission_timestamp"),
        ],
    }
    common = [
        Definition(created_property(kind), "datetime", read_only=kind != "contacts"),
        Definition(modified_property(kind), "datetime", read_only=True),
        Definition("hs_object_id", "number", read_only=True),
        Definition("hs_merged_object_ids", read_only=True),
        Definition("hubspot_owner_id", "enumeration"),
    ]
    return {each.name: each for each in [*own.get(kind, []), *common]}


DEFINITIONS = {kind: _definitions(kind) for kind in TYPE_IDS}

DEFAULT_PROPERTIES: dict[str, tuple[str, ...]] = {
    "contacts": ("email", "firstname", "lastname"),
    "companies": ("domain", "name"),
    "deals": ("amount", "closedate", "dealname", "dealstage", "pipeline"),
    "tickets": (
        "content",
        "hs_pipeline",
        "hs_pipeline_stage",
        "hs_ticket_category",
        "hs_ticket_priority",
        "subject",
    ),
}
REQUIRED: dict[str, tuple[str, ...]] = {
    "deals": ("dealname",),
    "tickets": ("hs_pipeline_stage",),
    **dict.fromkeys(ACTIVITIES, ("hs_timestamp",)),
    "products": ("name",),
}
