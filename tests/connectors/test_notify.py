"""Notices over Apprise, against a real local receiver."""

import httpx
import orjson
import pytest

from connectors.notify import Severity, channel_name, notify
from tests.connectors.connector_doubles import answering, serving


@pytest.mark.parametrize(
    ("severity", "kind"), [("info", "info"), ("warning", "warning"), ("critical", "failure")]
)
def test_a_notice_arrives_with_its_severity(severity: Severity, kind: str) -> None:
    handler, seen = answering(httpx.Response(200, json={}))
    with serving(handler) as url:
        (delivery,) = notify(
            [url.replace("http", "json")], "Churn is high", "9 % this month: ver ñ", severity
        )
    assert delivery.delivered
    said = orjson.loads(seen[0].content)
    assert (said["title"], said["message"], said["type"]) == ("Churn is high", "9 % this month: ver ñ", kind)


def test_one_address_that_fails_does_not_stop_the_next() -> None:
    bad, _ = answering(httpx.Response(500, json={}))
    good, seen = answering(httpx.Response(200, json={}))
    with serving(bad) as broken, serving(good) as works:
        urls = [broken.replace("http", "json"), "nonsense", works.replace("http", "json")]
        found = notify(urls, "Title", "Body")
    assert [each.delivered for each in found] == [False, False, True]
    assert len(seen) == 1


def test_the_name_of_a_channel_gives_no_secret_away() -> None:
    name = channel_name("slack://TokenA/TokenB/TokenC")
    assert name.startswith("slack:")
    assert "Token" not in name
    assert name != channel_name("slack://TokenA/TokenB/TokenD")
