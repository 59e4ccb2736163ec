"""ActiveCampaign from its documents and what other readers met: strings for numbers, and answers that blip."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
from pydantic import AnyHttpUrl, SecretStr

from connectors import activecampaign
from connectors.pages import Access, Connector
from settings import Settings, SourceSettings
from tests.connectors.connector_doubles import NOON, quick, serving

CHICAGO = timezone(timedelta(hours=-5))
SINGULAR = {"contacts": "contact", "lists": "list", "deals": "deal"}


def contact(number: int, changed: datetime = NOON - timedelta(days=2), **fields: Any) -> dict[str, Any]:
    local = changed.astimezone(CHICAGO).isoformat(timespec="seconds")
    return {
        "id": str(number),
        "email": f"person{number}@client.test",
        "firstName": "",
        "lastName": "",
        "phone": "",
        "cdate": local,
        "udate": local,
        "updated_utc_timestamp": f"{changed:%Y-%m-%d %H:%M:%S}",
        "deleted": "0",
        "anonymized": "0",
        "bounced_hard": "0",
        "bounced_soft": "0",
        "links": {},
        **fields,
    }


def deal(number: int, value: str = "1872151", **fields: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "title": f"Deal {number}",
        "value": value,
        "currency": "usd",
        "status": "0",
        "group": "1",
        "stage": "2",
        "owner": "1",
        "contact": "39",
        "account": "20",
        "winProbability": 44,
        "cdate": "2019-09-06T11:29:48-05:00",
        "mdate": "2019-09-06T11:29:48-05:00",
        **fields,
    }


class FakeActiveCampaign:
    """Contacts, lists and deals of one account.

    Contacts are in order of their ids only when asked so. `answers` are given in place of its own, one each;
    `before` is called before each answer with the number of requests so far.
    """

    def __init__(self, **objects: list[dict[str, Any]]) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {"contacts": [], "lists": [], "deals": [], **objects}
        self.token = "key-SECRET"
        self.answers: list[httpx.Response] = []
        self.forbidden: set[str] = set()
        self.before: Callable[[int], None] = lambda _: None
        self.requests: list[tuple[str, dict[str, str]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/3/")
        self.requests.append((path, dict(request.url.params)))
        self.before(len(self.requests))
        if self.answers:
            return self.answers.pop(0)
        if request.headers.get("Api-Token") != self.token or path.partition("/")[0] in self.forbidden:
            return httpx.Response(403, json={"message": "You do not have permission"})
        if path == "users/me":
            return httpx.Response(200, json={"user": {"id": "1", "username": "admin"}})
        kind, _, number = path.partition("/")
        if kind not in self.objects:
            return httpx.Response(404, json={"message": "No route"})
        return self._one(kind, number) if number else self._list(kind, dict(request.url.params))

    def _one(self, kind: str, number: str) -> httpx.Response:
        for each in self.objects[kind]:
            if each["id"] == number:
                return httpx.Response(200, json={SINGULAR[kind]: each, "fieldValues": []})
        return httpx.Response(404, json={"message": f"No Result found with id {number}"})

    def _list(self, kind: str, asked: dict[str, str]) -> httpx.Response:
        rows = list(reversed(self.objects[kind])) if kind == "contacts" else list(self.objects[kind])
        if kind == "contacts":
            if "filters[updated_after]" in asked:
                after = datetime.fromisoformat(asked["filters[updated_after]"])
                rows = [each for each in rows if datetime.fromisoformat(each["udate"]) > after]
            if "id_greater" in asked:
                rows = [each for each in rows if int(each["id"]) > int(asked["id_greater"])]
            if asked.get("orders[id]") == "ASC":
                rows.sort(key=lambda each: int(each["id"]))
        limit, offset = min(int(asked.get("limit", 20)), 100), int(asked.get("offset", 0))
        page = rows[offset : offset + limit]
        return httpx.Response(200, json={kind: page, "meta": {"total": str(len(rows))}})


@contextmanager
def account(fake: FakeActiveCampaign, folder: Path, waits: list[float] | None = None) -> Iterator[Connector]:
    """The connector, with the account as a real server before it."""
    with serving(fake) as url:
        made = activecampaign.SOURCE.connect(
            Access(settings_for(url, token="key-SECRET"), folder, quick(waits))
        )
        assert made is not None
        try:
            yield made
        finally:
            made.close()


def settings_for(url: str, **changes: Any) -> Settings:
    chosen = SourceSettings(
        **{"token": SecretStr("key-SECRET"), "requests_per_second": 1_000_000, **changes},
        base_url=AnyHttpUrl(url),
    )
    return Settings(_env_file=None, sources={"activecampaign": chosen})


def asked(fake: FakeActiveCampaign, path: str) -> list[dict[str, str]]:
    """The parameters of each request of that path, in order."""
    return [params for found, params in fake.requests if re.fullmatch(path, found)]
