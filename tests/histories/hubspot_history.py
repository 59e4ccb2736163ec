"""HubSpot under edits, merges, archiving, associations and deletions for good."""

from typing import Any

from connectors.hubspot import HubSpot
from connectors.pages import Connector
from connectors.transport import Transport
from sandbox.state import state_of
from sandbox.wire import App
from tests.histories.judge import Judge, Record, gone
from tests.sandbox.worlds import BEARER

KINDS = ("companies", "contacts", "deals")
LINKS = {
    "contact_companies": ("contacts", "companies"),
    "deal_companies": ("deals", "companies"),
    "deal_contacts": ("deals", "contacts"),
}
BESIDE = frozenset({"createdAt", "updatedAt", "properties"})
FIELD = {"companies": "name", "contacts": "firstname", "deals": "dealname"}


class HubSpotHistory(Judge):
    vendor = "hubspot"
    only = KINDS
    beside = {"deal_history": BESIDE, "contact_history": BESIDE}  # noqa: RUF012 - never written to

    def app(self) -> App:
        return App(self.bench.hubspot_server, self.world.faults)

    def headers(self) -> dict[str, str]:
        return dict(BEARER)

    def connect(self, transport: Transport) -> Connector:
        return HubSpot(transport)

    def records(self, _resource: str, body: Any) -> list[Record]:
        return body["results"]

    # Edits

    def ids(self, kind: str, *, archived: bool = False) -> list[str]:
        held = state_of(self.world, "hubspot")[kind]
        return [number for number, record in held.items() if record["archived"] is archived]

    def create(self, kind: str, value: str, number: int) -> None:
        properties = {FIELD[kind]: value}
        if kind == "contacts":
            properties["email"] = f"p{number}@x{number}.example"
        self._do("POST", f"/crm/v3/objects/{kind}", {"properties": properties})

    def edit(self, kind: str, number: str, value: str) -> None:
        self._do("PATCH", f"/crm/v3/objects/{kind}/{number}", {"properties": {FIELD[kind]: value}})

    def archive(self, kind: str, number: str) -> None:
        self._do("DELETE", f"/crm/v3/objects/{kind}/{number}")

    def merge(self, kind: str, kept: str, other: str) -> None:
        body = {"primaryObjectId": kept, "objectIdToMerge": other}
        self._do("POST", f"/crm/v3/objects/{kind}/merge", body)

    def forget(self, number: str) -> None:
        self._do("POST", "/crm/v3/objects/contacts/gdpr-delete", {"objectId": number})

    def link(self, one: tuple[str, str], other: tuple[str, str], *, on: bool) -> None:
        if on:
            self._do(
                "PUT",
                f"/crm/v4/objects/{one[0]}/{one[1]}/associations/default/{other[0]}/{other[1]}",
            )
        else:
            self._do("DELETE", f"/crm/v4/objects/{one[0]}/{one[1]}/associations/{other[0]}/{other[1]}")

    def _do(self, method: str, path: str, body: Any = None) -> None:
        with self.person() as http:
            answer = http.request(method, path, json=body)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)

    # Judgement

    def differences(self) -> list[str]:
        held = state_of(self.world, "hubspot")
        wrong = []
        for kind in KINDS:
            ours, theirs = self.current(kind), held[kind]
            wrong += gone(kind, ours, set(theirs))
            for number in sorted(ours.keys() & theirs.keys()):
                mine, true = ours[number], theirs[number]
                for name in ("createdAt", "updatedAt", "archived", "archivedAt"):
                    if mine.get(name) != true.get(name):
                        wrong.append(f"{kind} {number}.{name}: {mine.get(name)} for {true.get(name)}")
                for name, value in mine["properties"].items():
                    if value != true["properties"].get(name):
                        wrong.append(
                            f"{kind} {number}.{name}: {value!r}, not {true['properties'].get(name)!r}"
                        )
                missing = {
                    n for n, v in true["properties"].items() if v is not None and n.startswith("custom_")
                }
                wrong += [f"{kind} {number} lacks {name}" for name in missing - mine["properties"].keys()]
        for resource, (one, other) in LINKS.items():
            ours = self.current(resource)
            links = held["associations"].get(f"{one}/{other}", {})
            living = {number for number, record in held[one].items() if not record["archived"]}
            for number in sorted(living):
                true = links.get(number, {})
                mine = {
                    str(to["toObjectId"]): sorted(each["typeId"] for each in to["associationTypes"])
                    for to in ours.get(number, {"to": []})["to"]
                }
                if mine != true:
                    wrong.append(f"{resource} of {number}: {mine}, not {true}")
        return wrong
