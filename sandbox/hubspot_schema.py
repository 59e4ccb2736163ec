"""HubSpot's object types, properties, association types and pipelines, as this portal has them."""

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
    return "hs_createdate" if kind in ACTIVITIES else "createdate"


def modified_property(kind: str) -> str:
    """The property that moves with every change; contacts alone have another name."""
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


@dataclass(frozen=True, slots=True)
class Definition:
    """One property: its type as HubSpot names it, and the allowed values of an enumeration (empty = any)."""

    name: str
    type: str = "string"
    options: tuple[str, ...] = ()
    read_only: bool = False
    label: str = ""

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
            "hasUniqueValue": self.name == "hs_object_id",
            "hidden": False,
            "hubspotDefined": not self.name.startswith("tenfold_"),
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


def _definitions(kind: str) -> dict[str, Definition]:
    own: dict[str, list[Definition]] = {
        "contacts": [
            *_texts("email", "firstname", "lastname", "phone", "jobtitle", "company", "website", "city"),
            *_texts("country", "hs_language", "hs_additional_emails", "hs_merged_object_ids"),
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
    }
    common = [
        Definition(created_property(kind), "datetime", read_only=kind != "contacts"),
        Definition(modified_property(kind), "datetime", read_only=True),
        Definition("hs_object_id", "number", read_only=True),
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
    "tasks": ("hs_timestamp",),
    "notes": ("hs_timestamp",),
}


@dataclass(frozen=True, slots=True)
class Link:
    """How HubSpot names the association of one type with another; `primary` 0 = there is none."""

    default: int
    primary: int = 0


LINKS: dict[tuple[str, str], Link] = {
    ("contacts", "companies"): Link(279, 1),
    ("companies", "contacts"): Link(280, 2),
    ("deals", "companies"): Link(341, 5),
    ("companies", "deals"): Link(342, 6),
    ("deals", "contacts"): Link(3),
    ("contacts", "deals"): Link(4),
    ("tickets", "companies"): Link(339, 26),
    ("companies", "tickets"): Link(340, 25),
    ("tickets", "contacts"): Link(16),
    ("contacts", "tickets"): Link(15),
    ("tickets", "deals"): Link(28),
    ("deals", "tickets"): Link(27),
    ("tasks", "contacts"): Link(204),
    ("contacts", "tasks"): Link(203),
    ("tasks", "companies"): Link(192),
    ("companies", "tasks"): Link(191),
    ("tasks", "deals"): Link(216),
    ("deals", "tasks"): Link(215),
    ("tasks", "tickets"): Link(230),
    ("tickets", "tasks"): Link(229),
    ("notes", "contacts"): Link(202),
    ("contacts", "notes"): Link(201),
    ("notes", "companies"): Link(190),
    ("companies", "notes"): Link(189),
    ("notes", "deals"): Link(214),
    ("deals", "notes"): Link(213),
    ("notes", "tickets"): Link(228),
    ("tickets", "notes"): Link(227),
    ("emails", "contacts"): Link(198),
    ("contacts", "emails"): Link(197),
}
MIRROR: dict[tuple[str, str, int], int] = {
    (one, other, number): counterpart
    for (one, other), link in LINKS.items()
    for number, counterpart in (
        (link.default, LINKS[other, one].default),
        *(((link.primary, LINKS[other, one].primary),) if link.primary else ()),
    )
}

DELIVERABLES_PIPELINE = "148205331"
DELIVERABLE_STAGES = {"requested": "271130901", "rework": "271130902", "delivered": "271130903"}
_PIPELINES_MADE_AT = "2025-10-01T08:00:00Z"


def _stage(number: str, label: str, place: int, metadata: dict[str, str]) -> dict[str, Any]:
    return {
        "label": label,
        "displayOrder": place,
        "metadata": metadata,
        "createdAt": _PIPELINES_MADE_AT,
        "updatedAt": _PIPELINES_MADE_AT,
        "archived": False,
        "id": number,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }


def _pipeline(number: str, label: str, place: int, stages: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "label": label,
        "displayOrder": place,
        "stages": stages,
        "createdAt": _PIPELINES_MADE_AT,
        "updatedAt": _PIPELINES_MADE_AT,
        "archived": False,
        "id": number,
    }


# Metadata values are strings, as at HubSpot, even where they mean booleans and numbers.
PIPELINES: dict[str, list[dict[str, Any]]] = {
    "deals": [
        _pipeline(
            "default",
            "Sales Pipeline",
            0,
            [
                _stage(number, label, place, {"isClosed": closed, "probability": probability})
                for place, (number, label, closed, probability) in enumerate(
                    (
                        ("appointmentscheduled", "Appointment Scheduled", "false", "0.2"),
                        ("qualifiedtobuy", "Qualified To Buy", "false", "0.4"),
                        ("presentationscheduled", "Presentation Scheduled", "false", "0.6"),
                        ("decisionmakerboughtin", "Decision Maker Bought-In", "false", "0.8"),
                        ("contractsent", "Contract Sent", "false", "0.9"),
                        ("closedwon", "Closed Won", "true", "1.0"),
                        ("closedlost", "Closed Lost", "true", "0.0"),
                    )
                )
            ],
        )
    ],
    "tickets": [
        _pipeline(
            "0",
            "Support Pipeline",
            0,
            [
                _stage("1", "New", 0, {"ticketState": "OPEN", "isClosed": "false"}),
                _stage("2", "Waiting on contact", 1, {"ticketState": "OPEN", "isClosed": "false"}),
                _stage("4", "Closed", 2, {"ticketState": "CLOSED", "isClosed": "true"}),
            ],
        ),
        _pipeline(
            DELIVERABLES_PIPELINE,
            "Deliverables",
            1,
            [
                _stage(
                    DELIVERABLE_STAGES["requested"],
                    "Requested",
                    0,
                    {"ticketState": "OPEN", "isClosed": "false"},
                ),
                _stage(
                    DELIVERABLE_STAGES["rework"], "Rework", 1, {"ticketState": "OPEN", "isClosed": "false"}
                ),
                _stage(
                    DELIVERABLE_STAGES["delivered"],
                    "Delivered",
                    2,
                    {"ticketState": "CLOSED", "isClosed": "true"},
                ),
            ],
        ),
    ],
}
