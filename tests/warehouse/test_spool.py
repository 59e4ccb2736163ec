"""Pushed events into landing: promised only once they are on disk, whatever happens in between."""

import errno
import json
import os
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from warehouse import spool
from warehouse.errors import WarehouseBusy
from warehouse.events import merge_events, not_acted_on
from warehouse.landing import Landing
from warehouse.spool import Spool, complete_left_over
from warehouse.store import Store

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
AT_ONCE, NEVER = timedelta(0), timedelta(days=1)
PATIENCE_SECONDS = 20


def line(*numbers: int) -> bytes:
    events = [{"key": str(number), "event": {"number": number}} for number in numbers]
    return json.dumps({"received_at": AT.isoformat(), "events": events}).encode()


def land(receiving: Spool, *numbers: int, source: str = "hubspot") -> Future[None]:
    return receiving.land(source, line(*numbers), len(numbers), AT)


def merged(home: Path, source: str = "hubspot") -> list[int]:
    """The events in raw, in the order received."""
    store = Store(home)
    merge_events(store, Landing(home), source, AT)
    return [told.event["number"] for told in not_acted_on(store, source, 10_000)]


def test_what_was_landed_is_in_raw_in_the_order_received(tmp_path: Path) -> None:
    with Spool(Landing(tmp_path), AT, hold=NEVER) as receiving:
        waiting = [land(receiving, number, number + 1) for number in range(0, 400, 2)]
        waiting += [land(receiving, 7, source="intercom")]
        for each in waiting:
            each.result(PATIENCE_SECONDS)
    assert merged(tmp_path) == list(range(400))
    assert merged(tmp_path, "intercom") == [7]


def test_a_run_is_closed_after_a_while_and_the_next_event_opens_another(tmp_path: Path) -> None:
    with Spool(Landing(tmp_path), AT, hold=AT_ONCE) as receiving:
        for number in range(3):
            land(receiving, number).result(PATIENCE_SECONDS)
    runs = Landing(tmp_path).runs("hubspot", "events")
    assert len(runs) == 3
    assert merged(tmp_path) == [0, 1, 2]


def test_nothing_is_promised_that_the_disk_did_not_confirm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Spool(Landing(tmp_path), AT, hold=NEVER) as receiving:
        land(receiving, 1).result(PATIENCE_SECONDS)
        with monkeypatch.context() as broken:

            def refuse(_handle: int) -> None:
                raise OSError(errno.EIO, "the disk does not answer")

            broken.setattr(os, "fsync", refuse)
            with pytest.raises(OSError, match="does not answer"):
                land(receiving, 2).result(PATIENCE_SECONDS)
        land(receiving, 3).result(PATIENCE_SECONDS)
    assert {1, 3} <= set(merged(tmp_path))


def test_a_source_that_cannot_be_landed_keeps_no_other(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    landing.folder.mkdir(parents=True)
    (landing.folder / "hubspot").write_text("a file where a folder must be")
    with Spool(landing, AT) as receiving:
        failing, other = land(receiving, 1), land(receiving, 2, source="intercom")
        assert isinstance(failing.exception(PATIENCE_SECONDS), OSError)
        other.result(PATIENCE_SECONDS)
        (landing.folder / "hubspot").unlink()
        land(receiving, 3).result(PATIENCE_SECONDS)
    assert (merged(tmp_path), merged(tmp_path, "intercom")) == ([3], [2])


def test_a_home_has_one_receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_PATIENCE", timedelta(0))
    with (
        Spool(Landing(tmp_path), AT),
        pytest.raises(WarehouseBusy, match=r"events\.lock"),
        Spool(Landing(tmp_path), AT),
    ):
        pass
    with Spool(Landing(tmp_path), AT):
        pass


@pytest.mark.parametrize("by", ["the next receiver", "the events flow"])
def test_what_a_killed_receiver_left_open_is_completed(tmp_path: Path, by: str) -> None:
    with Landing(tmp_path).open("hubspot", "events", None, AT) as run:
        run.append(line(1), 1, None)
    with (run.folder / "manifest.jsonl").open("ab") as torn:
        torn.write(b'{"segment": "000')
    if by == "the next receiver":
        with Spool(Landing(tmp_path), AT, hold=NEVER) as receiving:
            land(receiving, 2).result(PATIENCE_SECONDS)
            complete_left_over(Landing(tmp_path), AT)  # leaves alone what somebody works on
            assert len(Landing(tmp_path).runs("hubspot", "events")) == 1
        assert merged(tmp_path) == [1, 2]
    else:
        assert merged(tmp_path) == [1]


def test_more_than_the_disk_can_follow_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "_WAITING", 3)
    receiving = Spool(Landing(tmp_path), AT)  # nobody takes anything from it yet
    for number in range(3):
        land(receiving, number)
    with pytest.raises(WarehouseBusy, match="disk"):
        land(receiving, 4)


def test_a_run_stands_ready_and_an_empty_one_is_never_completed(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    for _ in range(3):
        with Spool(landing, AT, ["hubspot"]):
            folders = [path for path in (landing.folder / "hubspot" / "events").iterdir() if path.is_dir()]
            assert len(folders) == 1
        complete_left_over(landing, AT)
    assert landing.runs("hubspot", "events") == []
    with Spool(landing, AT, ["hubspot"], hold=AT_ONCE) as receiving:
        for number in range(3):
            land(receiving, number).result(PATIENCE_SECONDS)
    assert merged(tmp_path) == [0, 1, 2]
