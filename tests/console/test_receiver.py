"""What is taken lands, what is not leaves a count and nothing else."""

import contextlib
import errno
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deliveries import (
    HUBSPOT,
    INTERCOM,
    MAILCHIMP,
    PATH_SECRET,
    Delivery,
    changed,
    hubspot,
    intercom,
    mailchimp,
    settings,
)
from fastapi.testclient import TestClient
from pydantic import SecretStr

from console.receiver import LARGEST, Receiver
from console.web import make_app
from settings import MailchimpSettings, Settings
from warehouse.events import has_landed, merge_events, not_acted_on
from warehouse.landing import Landing
from warehouse.refusals import refusals
from warehouse.store import Store

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECRETS = (HUBSPOT, INTERCOM, MAILCHIMP, PATH_SECRET)


class Doors:
    """The application of one home, asked in this process."""

    def __init__(self, home: Path, client: TestClient) -> None:
        self.home = home
        self.client = client

    def send(self, delivery: Delivery, **changes: object) -> int:
        asked: dict = {"url": delivery.path, "content": delivery.body, "headers": delivery.headers} | changes
        return self.client.request(asked.pop("method", "POST"), **asked).status_code


@contextlib.contextmanager
def opened(home: Path, given: Settings | None = None, now: datetime = NOW) -> Iterator[Doors]:
    with Receiver(given or settings(home), clock=lambda: now) as receiver:
        yield Doors(home, TestClient(make_app(receiver), raise_server_exceptions=False))


def in_raw(home: Path, source: str) -> list[dict]:
    if not has_landed(Landing(home), source):
        return []
    store = Store(home)
    merge_events(store, Landing(home), source, NOW, retold=["$.attemptNumber", "$.delivery_attempts"])
    return [told.event for told in not_acted_on(store, source, 10_000)]


def counted(home: Path) -> dict[tuple[str, str], int]:
    return {(row.source, row.reason): row.count for row in refusals(home)}


def files(home: Path) -> dict[str, str]:
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.name not in {"events.lock", "refusals.json"}
    }


def test_each_vendors_delivery_lands_as_it_was_received(tmp_path: Path) -> None:
    with opened(tmp_path) as doors:
        events = [changed(1), changed(2, propertyValue="ñ")]
        assert doors.send(hubspot(*events, at=NOW)) == 200
        reply = intercom("523")
        assert doors.send(reply) == 200
        profile = mailchimp("8a25", NOW)
        assert doors.send(profile) == 200
    assert in_raw(tmp_path, "hubspot") == events
    assert in_raw(tmp_path, "intercom") == [json.loads(reply.body)]
    (form,) = in_raw(tmp_path, "mailchimp")
    assert form["data"] == {"id": "8a25", "list_id": "a1", "email": "8a25@x.test"}
    assert form["form"] == profile.body.decode()
    assert counted(tmp_path) == {}


def test_duplicates_and_disorder_leave_each_event_once(tmp_path: Path) -> None:
    with opened(tmp_path) as doors:
        for attempt, idents in enumerate([(3, 1), (1, 2), (2, 3), (3, 1)]):
            batch = [changed(ident, attemptNumber=attempt) for ident in idents]
            assert doors.send(hubspot(*batch, at=NOW)) == 200
        for attempt in (1, 2, 3):
            assert doors.send(intercom("523", delivery_attempts=attempt)) == 200
    assert sorted(event["objectId"] for event in in_raw(tmp_path, "hubspot")) == [1, 2, 3]
    assert len(in_raw(tmp_path, "intercom")) == 1


def test_one_signed_delivery_played_back_for_ever_does_not_fill_the_disk(tmp_path: Path) -> None:
    with opened(tmp_path) as doors:
        for _ in range(50):
            assert doors.send(intercom("523")) == 200
    (run,) = Landing(tmp_path).runs("intercom", "events")
    assert len(run.pages) == 1


Changes = dict[str, object]
GOOD = hubspot(changed(1), at=NOW)
OLD = hubspot(changed(1), at=NOW - timedelta(seconds=301))
AHEAD = hubspot(changed(1), at=NOW + timedelta(seconds=90))
REFUSED: list[tuple[str, Delivery, Changes, int, str]] = [
    ("hubspot", GOOD, {"headers": {"Content-Type": "application/json"}}, 401, "unsigned"),
    ("hubspot", GOOD, {"content": GOOD.body + b" "}, 403, "forged"),
    ("hubspot", GOOD, {"url": GOOD.path + "?x=1"}, 403, "forged"),
    ("hubspot", OLD, {}, 403, "stale"),
    ("hubspot", AHEAD, {}, 403, "stale"),
    ("hubspot", hubspot(at=NOW, body=b"nonsense"), {}, 400, "malformed"),
    ("hubspot", hubspot(at=NOW, body=b'{"a":1}'), {}, 400, "malformed"),
    ("hubspot", hubspot(*map(changed, range(101)), at=NOW), {}, 400, "malformed"),
    ("hubspot", hubspot(at=NOW, body=b" " * (LARGEST + 1)), {}, 413, "oversized"),
    ("hubspot", GOOD, {"method": "GET"}, 405, "wrong method"),
    ("hubspot", GOOD, {"method": "PUT"}, 405, "wrong method"),
    ("hubspot", GOOD, {"headers": GOOD.headers | {"Content-Type": "text/plain"}}, 415, "wrong type"),
    ("intercom", intercom("1"), {"headers": {"Content-Type": "application/json"}}, 401, "unsigned"),
    ("intercom", intercom("1"), {"content": b"{}"}, 403, "forged"),
    ("intercom", intercom("1"), {"method": "DELETE"}, 405, "wrong method"),
    ("intercom", intercom("1", type="error"), {}, 400, "malformed"),
    ("mailchimp", mailchimp("1", NOW, signed=False), {}, 401, "unsigned"),
    ("mailchimp", mailchimp("1", NOW - timedelta(seconds=301)), {}, 403, "stale"),
    ("mailchimp", mailchimp("1", NOW), {"content": b"type=x"}, 403, "forged"),
    ("mailchimp", mailchimp("1", NOW), {"url": "/webhooks/mailchimp/guessed"}, 403, "forged"),
    (
        "mailchimp",
        mailchimp("1", NOW),
        {"url": "/webhooks/mailchimp/guessed", "method": "GET"},
        403,
        "forged",
    ),
    ("elsewhere", GOOD, {"url": "/webhooks/mailchimp"}, 404, "wrong address"),
    ("elsewhere", GOOD, {"url": "/webhooks/stripe"}, 404, "wrong address"),
    ("elsewhere", GOOD, {"url": "/webhooks/hubspot/"}, 404, "wrong address"),
]


@pytest.mark.parametrize(
    ("source", "delivery", "changes", "status", "why"),
    REFUSED,
    ids=[f"{case[0]}-{case[4]}-{number}" for number, case in enumerate(REFUSED)],
)
def test_what_is_refused_is_counted_and_changes_nothing(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    source: str,
    delivery: Delivery,
    changes: Changes,
    status: int,
    why: str,
) -> None:
    with opened(tmp_path) as doors:
        before = files(tmp_path)
        assert [doors.send(delivery, **changes) for _ in range(3)] == [status] * 3
        assert files(tmp_path) == before
    assert counted(tmp_path) == {(source, why): 3}
    assert files(tmp_path) == before
    assert f"{source} 3 {why}" in caplog.text
    assert not [secret for secret in (*SECRETS, "guessed", "lifecyclestage") if secret in caplog.text]


def test_a_door_whose_secret_is_not_set_takes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path, Settings(_env_file=None, home=tmp_path)) as doors:
        sent = (hubspot(changed(1), at=NOW), intercom("1"), mailchimp("1", NOW, signed=False))
        assert [doors.send(delivery) for delivery in sent] == [503] * 3
        assert doors.send(sent[1], method="HEAD") == 503
    assert counted(tmp_path) == {
        ("hubspot", "not configured"): 1,
        ("intercom", "not configured"): 2,
        ("mailchimp", "not configured"): 1,
    }
    assert not (tmp_path / "landing" / "hubspot").exists()
    for name in ("HUBSPOT__WEBHOOK_SECRET", "CONSOLE__PUBLIC_URL", "MAILCHIMP__WEBHOOK_URL_SECRET"):
        assert f"TENFOLD_{name}" in caplog.text


def test_a_mailchimp_hook_that_signs_nothing_is_known_by_its_address(tmp_path: Path) -> None:
    unsigned = MailchimpSettings(webhook_url_secret=SecretStr(PATH_SECRET))
    with opened(tmp_path, settings(tmp_path, mailchimp=unsigned)) as doors:
        delivery = mailchimp("1", NOW, signed=False)
        assert doors.send(delivery) == 200
        assert doors.send(delivery, url="/webhooks/mailchimp/guessed") == 403
    assert len(in_raw(tmp_path, "mailchimp")) == 1


def test_a_secret_that_is_being_replaced_holds_beside_the_new_one(tmp_path: Path) -> None:
    both = MailchimpSettings(
        webhook_secret=SecretStr(f"newer, {MAILCHIMP}"), webhook_url_secret=SecretStr(f"newer {PATH_SECRET}")
    )
    with opened(tmp_path, settings(tmp_path, mailchimp=both)) as doors:
        assert doors.send(mailchimp("1", NOW)) == 200


def test_vendors_may_try_the_address_at_set_up(tmp_path: Path) -> None:
    with opened(tmp_path) as doors:
        assert doors.client.head("/webhooks/intercom").status_code == 200
        assert doors.client.get(f"/webhooks/mailchimp/{PATH_SECRET}").status_code == 200
        assert doors.client.head(f"/webhooks/mailchimp/{PATH_SECRET}").status_code == 200
        assert doors.client.get("/health").json() == {"status": "ok"}
        assert doors.client.head("/health").status_code == 200
    assert counted(tmp_path) == {}


def test_there_is_nothing_else_to_be_had(tmp_path: Path) -> None:
    with opened(tmp_path) as doors:
        for path in ("/", "/docs", "/openapi.json", "/redoc", "/refusals", "/health/"):
            assert doors.client.get(path).status_code == 404, path
        assert doors.client.post("/health").status_code == 405
    assert counted(tmp_path) == {}


def test_what_could_not_be_landed_is_never_said_to_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(errno.EIO, "the disk does not answer")

    with opened(tmp_path) as doors:
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", refuse)
            assert doors.send(hubspot(changed(1), at=NOW)) == 503
        assert doors.send(hubspot(changed(1), at=NOW)) == 200
    assert [event["objectId"] for event in in_raw(tmp_path, "hubspot")] == [1]
    assert counted(tmp_path) == {("hubspot", "not landed"): 1}
    assert "hubspot 1 not landed" in caplog.text
    assert "the disk does not answer" in caplog.text


def test_a_flood_of_refusals_writes_a_line_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with opened(tmp_path) as doors:
        for _ in range(300):
            doors.send(GOOD, content=b"forged")
    assert len([record for record in caplog.records if record.name.startswith("console")]) == 1
    assert counted(tmp_path) == {("hubspot", "forged"): 300}


def test_no_secret_is_shown_when_a_door_is_printed(tmp_path: Path) -> None:
    from tasks.receive import doors

    shown = repr(doors(settings(tmp_path)))
    assert not [secret for secret in SECRETS if secret in shown]
