"""Mailchimp under members that change, leave, come by another address and are forgotten."""

import base64
from typing import Any

from connectors.mailchimp import Mailchimp
from connectors.pages import Connector
from connectors.transport import Transport
from sandbox.mailchimp_records import LIST_ID
from sandbox.state import state_of
from sandbox.wire import App
from tests.histories.judge import Judge, Record, gone
from tests.sandbox.worlds import TOKEN


class MailchimpHistory(Judge):
    vendor = "mailchimp"
    only = ("lists", "members", "audience_contacts", "tags")

    def app(self) -> App:
        return self.bench.mailchimp_app

    def base_url(self) -> str:
        return "http://sandbox/3.0"

    def headers(self) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"x:{TOKEN}".encode()).decode()}

    def connect(self, transport: Transport) -> Connector:
        return Mailchimp(transport)

    def records(self, resource: str, body: Any) -> list[Record]:
        return body["contacts" if resource == "audience_contacts" else resource]

    # Edits

    def members(self, *statuses: str) -> list[str]:
        return sorted(
            number
            for number, record in state_of(self.world, "mailchimp")["members"].items()
            if not statuses or record["status"] in statuses
        )

    def add(self, number: int) -> None:
        status = ("subscribed", "pending", "transactional")[number % 3]
        self._do("POST", "", {"email_address": f"m{number}@x.example", "status": status})

    def edit(self, number: str, name: str) -> None:
        self._do("PATCH", f"/{number}", {"merge_fields": {"FNAME": name}})

    def leave(self, number: str) -> None:
        self._do("PATCH", f"/{number}", {"status": "unsubscribed"})

    def rename(self, number: str, turn: int) -> None:
        self._do("PATCH", f"/{number}", {"email_address": f"r{turn}@y.example"})

    def archive(self, number: str) -> None:
        self._do("DELETE", f"/{number}")

    def forget(self, number: str) -> None:
        self._do("POST", f"/{number}/actions/delete-permanent")

    def tag(self, number: str, *, on: bool) -> None:
        status = "active" if on else "inactive"
        self._do("POST", f"/{number}/tags", {"tags": [{"name": "vip", "status": status}]})

    def _do(self, method: str, path: str, body: Any = None) -> None:
        with self.person() as http:
            answer = http.request(method, f"/3.0/lists/{LIST_ID}/members{path}", json=body)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)

    # Judgement

    def differences(self) -> list[str]:
        held = state_of(self.world, "mailchimp")["members"]
        ours = {key.partition("+")[2]: record for key, record in self.current("members").items()}
        wrong = gone("members", ours, set(held))
        for number in sorted(ours.keys() & held.keys()):
            for name in ("email_address", "id", "status", "merge_fields", "last_changed", "tags", "vip"):
                if ours[number].get(name) != held[number].get(name):
                    wrong.append(
                        f"members {number}.{name}: {ours[number].get(name)}, not {held[number].get(name)}"
                    )
        contacts = self.current("audience_contacts")
        if contacts:
            wrong += [
                f"audience_contacts {key}: gone, and raw does not know"
                for key, record in contacts.items()
                if key.partition("+")[2] not in held and not record.get("gone_at")
            ]
        return wrong
