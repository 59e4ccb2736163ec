"""HubSpot's pipelines and their stages, as this portal has them."""

from typing import Any

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
