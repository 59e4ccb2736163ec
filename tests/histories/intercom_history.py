"""Intercom under conversations that go on, close and vanish, contacts that merge, tickets that change."""

from typing import Any

from connectors.intercom import Intercom
from connectors.pages import Connector
from connectors.transport import Transport
from sandbox.state import state_of
from sandbox.wire import App
from tests.histories.judge import Judge, Record, gone
from tests.sandbox.worlds import BEARER


class IntercomHistory(Judge):
    vendor = "intercom"
    only = ("contacts", "companies", "conversations", "tickets", "deleted_conversations", "tags")

    def app(self) -> App:
        return App(self.bench.intercom_server, self.world.faults)

    def headers(self) -> dict[str, str]:
        return {**BEARER, "Intercom-Version": "2.16"}

    def connect(self, transport: Transport) -> Connector:
        return Intercom(transport, "2.16")

    def records(self, resource: str, body: Any) -> list[Record]:
        named = {"conversations", "tickets", "segments", "admins", "teams"}
        field = "conversations" if resource == "deleted_conversations" else resource
        return body[field if field in named else "data"]

    # Edits

    def ids(self, kind: str) -> list[str]:
        return sorted(
            number
            for number, record in state_of(self.world, "intercom")[kind].items()
            if not record.get("archived")
        )

    def add_contact(self, number: int) -> None:
        role = "user" if number % 2 else "lead"
        self._do("POST", "/contacts", {"role": role, "email": f"c{number}@x.example", "name": f"N{number}"})

    def edit_contact(self, number: str, name: str) -> None:
        self._do("PUT", f"/contacts/{number}", {"name": name})

    def archive_contact(self, number: str) -> None:
        self._do("POST", f"/contacts/{number}/archive", {})

    def merge_contacts(self, gone_: str, kept: str) -> None:
        self._do("POST", "/contacts/merge", {"from": gone_, "into": kept}, refused=True)

    def add_company(self, number: int, name: str) -> None:
        self._do("POST", "/companies", {"company_id": f"co{number % 3}", "name": name})

    def attach(self, contact: str, company: str) -> None:
        self._do("POST", f"/contacts/{contact}/companies", {"id": company})

    def open_conversation(self, contact: str, text: str) -> None:
        self._do("POST", "/conversations", {"from": {"type": "user", "id": contact}, "body": text})

    def reply(self, number: str, text: str) -> None:
        body = {"message_type": "note", "type": "admin", "admin_id": self.admin(), "body": text}
        self._do("POST", f"/conversations/{number}/reply", body)

    def close_conversation(self, number: str) -> None:
        body = {"message_type": "close", "type": "admin", "admin_id": self.admin()}
        self._do("POST", f"/conversations/{number}/parts", body)

    def delete_conversation(self, number: str) -> None:
        self._do("DELETE", f"/conversations/{number}", {})

    def add_ticket(self, contact: str, title: str) -> None:
        with self.person() as http:
            kind = http.get("/ticket_types").json()["data"][0]["id"]
        body = {
            "ticket_type_id": kind,
            "contacts": [{"id": contact}],
            "ticket_attributes": {"_default_title_": title},
        }
        self._do("POST", "/tickets", body)

    def edit_ticket(self, number: str, title: str) -> None:
        self._do("PUT", f"/tickets/{number}", {"ticket_attributes": {"_default_title_": title}})

    def admin(self) -> str:
        with self.person() as http:
            return str(http.get("/admins").json()["admins"][0]["id"])

    def _do(self, method: str, path: str, body: Any, *, refused: bool = False) -> None:
        with self.person() as http:
            answer = http.request(method, path, json=body)
        if refused and answer.status_code in (400, 404, 409, 422):
            return
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)

    # Judgement

    def differences(self) -> list[str]:
        held = state_of(self.world, "intercom")
        wrong = []
        for kind in ("contacts", "companies", "conversations", "tickets"):
            ours, theirs = self.current(kind), held[kind]
            if kind == "contacts":
                # An archived contact is in no list, and not told by its id.
                theirs = {number: record for number, record in theirs.items() if not record["archived"]}
            wrong += gone(kind, ours, set(theirs))
            for number in sorted(ours.keys() & theirs.keys()):
                mine, true = ours[number], theirs[number]
                for name in mine:
                    if name in true and name not in ("archived", "notes") and mine[name] != true[name]:
                        wrong.append(f"{kind} {number}.{name}: {mine[name]!r}, not {true[name]!r}")
        deleted = self.current("deleted_conversations")
        if deleted.keys() != held["deleted"].keys():
            wrong.append(f"deleted conversations: {sorted(deleted)}, not {sorted(held['deleted'])}")
        return wrong
