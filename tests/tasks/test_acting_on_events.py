"""What is read again after vendors told something. Reading again itself is the sync's and tested there."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from connectors.errors import ConnectorError, FixConfig, NotPermitted, Refused, RetryLater
from connectors.pages import Resource
from tasks.events import EventsReport, act_on_events
from warehouse.landing import Landing
from warehouse.store import Store

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


class HubSpot:
    """As much of a connector as is looked at before its records are asked for."""

    source = "hubspot"
    resources: ClassVar = {
        name: Resource("hubspot", name, "$.results", "$.id", by_id=name != "tasks")
        for name in ("contacts", "companies", "deals", "tasks")
    }
    closed = False

    def close(self) -> None:
        self.closed = True


class World:
    """A home with a portal. `asked` is what was read again, `troubles` what a resource answers instead."""

    def __init__(self, home: Path) -> None:
        self.landing = Landing(home)
        self.store = Store(home)
        self.asked: list[dict[str, list[str]]] = []
        self.troubles: dict[str, ConnectorError] = {}
        self.connectors: list[HubSpot] = []

    def tell(self, *events: dict) -> None:
        found = [
            {"key": json.dumps(event, sort_keys=True), "event": event | {"attemptNumber": 0}}
            for event in events
        ]
        with self.landing.open("hubspot", "events", None, AT) as run:
            run.append(json.dumps({"events": found}).encode(), len(found), None)
            run.complete()

    def connect(self, _source: str) -> HubSpot:
        self.connectors.append(HubSpot())
        return self.connectors[-1]

    def reread(
        self,
        _connector: object,
        _landing: Landing,
        _store: Store,
        wanted: dict[str, Sequence[str]],
        _at: object,
    ) -> None:
        for resource in wanted:
            if resource in self.troubles:
                raise self.troubles[resource]
        self.asked.append({resource: list(keys) for resource, keys in wanted.items()})

    def act(self) -> list[EventsReport]:
        return act_on_events(self.connect, self.landing, self.store, AT, reread=self.reread)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def changed(kind: str, ident: int, at: int = 1) -> dict:
    return {"subscriptionType": f"{kind}.propertyChange", "objectId": ident, "occurredAt": at}


def test_where_nobody_ever_told_anything_the_warehouse_is_not_even_opened(world: World) -> None:
    assert world.act() == []
    assert not world.store.path.exists()


def test_each_record_is_asked_for_once_however_often_it_was_told(world: World) -> None:
    world.tell(changed("contact", 1), changed("company", 9), changed("contact", 1, at=2))
    world.tell(changed("contact", 2), changed("contact", 1))
    assert world.act() == [EventsReport("hubspot", "done", events=4, records=3)]
    assert world.asked == [{"contacts": ["1", "2"], "companies": ["9"]}]
    assert world.act() == [EventsReport("hubspot", "done")]
    assert len(world.asked) == 1
    assert all(connector.closed for connector in world.connectors)
    assert len(world.connectors) == 1  # nothing told, nobody connected


def test_what_is_not_read_by_id_is_left_to_the_scheduled_read(world: World) -> None:
    world.tell(changed("task", 1), changed("unicorn", 1), {"subscriptionType": "contact.creation"})
    assert world.act() == [EventsReport("hubspot", "done", events=3)]
    assert world.asked == []


@pytest.mark.parametrize("trouble", [RetryLater("HTTP 503"), FixConfig("HTTP 401")])
def test_what_heals_is_tried_again_and_forgets_nothing(world: World, trouble: ConnectorError) -> None:
    world.tell(changed("contact", 1), changed("company", 9))
    world.troubles = {"companies": trouble}
    assert world.act() == [EventsReport("hubspot", "waiting", events=2, reason=str(trouble))]
    world.tell(changed("contact", 2))
    world.troubles = {}
    assert world.act() == [EventsReport("hubspot", "done", events=1, records=3)]
    assert world.asked == [{"contacts": ["1", "2"], "companies": ["9"]}]


@pytest.mark.parametrize("trouble", [NotPermitted("no right to read companies"), Refused("HTTP 400")])
def test_one_resource_that_cannot_be_had_keeps_no_other(world: World, trouble: ConnectorError) -> None:
    world.tell(changed("contact", 1), changed("company", 9), changed("deal", 5))
    world.troubles = {"companies": trouble}
    assert world.act() == [EventsReport("hubspot", "done", events=3, records=2, reason=str(trouble))]
    assert world.asked == [{"contacts": ["1"]}, {"deals": ["5"]}]
    world.act()
    assert len(world.asked) == 2


def test_an_event_of_an_unknown_shape_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.tell(
        {"subscriptionType": "contact.merge", "mergedObjectIds": 7, "objectId": 3}, changed("contact", 1)
    )
    (report,) = world.act()
    assert report.state == "done"
    assert world.asked == [{"contacts": ["1"]}]
    assert "not understood" in caplog.text


def test_without_credentials_events_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.tell(changed("contact", 1))
    monkeypatch.setattr(world, "connect", lambda _source: None)
    assert world.act() == [EventsReport("hubspot", "waiting", events=1, reason="no credentials are set")]
    monkeypatch.undo()
    assert world.act() == [EventsReport("hubspot", "done", records=1)]


class Killed(BaseException):
    """The process ended here."""


def test_a_kill_between_reading_and_noting_reads_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.tell(changed("contact", 1))
    plain = world.reread

    def read_and_die(*arguments: object) -> None:
        plain(*arguments)
        raise Killed

    monkeypatch.setattr(world, "reread", read_and_die)
    with pytest.raises(Killed):
        world.act()
    monkeypatch.undo()
    assert world.act() == [EventsReport("hubspot", "done", records=1)]
    assert world.asked == [{"contacts": ["1"]}] * 2
