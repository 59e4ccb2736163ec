"""HubSpot's addresses and what is read there: a new API version is one line here."""

from connectors.pages import Resource

VERSION = "2026-09"

OBJECTS = f"/crm/objects/{VERSION}"
ASSOCIATIONS = f"/crm/associations/{VERSION}"
OWNERS = f"/crm/owners/{VERSION}"
PIPELINES = f"/crm/pipelines/{VERSION}"
DEFINITIONS = f"/crm/properties/{VERSION}"
ACCOUNT = f"/account-info/{VERSION}/details"

# HubSpot's number of each kind of object, as its webhooks name it. In reading order: what others refer to
# comes first.
OBJECT_TYPES: dict[str, str] = {
    "companies": "0-2",
    "contacts": "0-1",
    "products": "0-7",
    "deals": "0-3",
    "line_items": "0-8",
    "tickets": "0-5",
    "tasks": "0-27",
    "notes": "0-46",
    "emails": "0-49",
    "meetings": "0-47",
    "calls": "0-48",
    "feedback_submissions": "0-19",
}
# Read whole, by the address of the one answer that holds them.
WHOLE_LISTS: dict[str, str] = {
    "deal_pipelines": f"{PIPELINES}/deals",
    "ticket_pipelines": f"{PIPELINES}/tickets",
    "contact_properties": f"{DEFINITIONS}/contacts",
    "company_properties": f"{DEFINITIONS}/companies",
    "deal_properties": f"{DEFINITIONS}/deals",
    "ticket_properties": f"{DEFINITIONS}/tickets",
}
# A changed association does not move the change time of either record, so each pair is a stream of its own.
LINKS: dict[str, tuple[str, str]] = {
    "contact_companies": ("contacts", "companies"),
    "deal_companies": ("deals", "companies"),
    "deal_contacts": ("deals", "contacts"),
    "deal_line_items": ("deals", "line_items"),
    "ticket_companies": ("tickets", "companies"),
    "ticket_contacts": ("tickets", "contacts"),
    "task_contacts": ("tasks", "contacts"),
    "note_contacts": ("notes", "contacts"),
    "email_contacts": ("emails", "contacts"),
    "meeting_contacts": ("meetings", "contacts"),
    "call_contacts": ("calls", "contacts"),
    "feedback_contacts": ("feedback_submissions", "contacts"),
}
HISTORIES: dict[str, str] = {"deal_history": "deals", "contact_history": "contacts"}


def modified_property(kind: str) -> str:
    """The property that moves with every change of an object of this kind."""
    # Contacts alone have another name; the common one is accepted for them and matches nothing.
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


def _object(name: str) -> Resource:
    return Resource("hubspot", name, "$.results", "$.id", mark="$.updatedAt", by_id=True)


def _whole(name: str, key: str = "$.id") -> Resource:
    return Resource("hubspot", name, "$.results", key, whole=True)


def _links(name: str, parent: str) -> Resource:
    return Resource("hubspot", name, "$.results", "$.from.id", parent=parent)


def _history(name: str, parent: str) -> Resource:
    # Beside the history, an answer tells what the record's own stream tells already.
    beside = ("$.createdAt", "$.updatedAt", "$.properties")
    return Resource("hubspot", name, "$.results", "$.id", volatile=beside, parent=parent)


RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        *(_object(kind) for kind in OBJECT_TYPES),
        _whole("owners"),
        *(_whole(name, "$.name" if "properties" in name else "$.id") for name in WHOLE_LISTS),
        *(_links(name, parent) for name, (parent, _) in LINKS.items()),
        *(_history(name, parent) for name, parent in HISTORIES.items()),
    )
}
