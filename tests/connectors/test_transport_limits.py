"""What an answer says of limits holds for every process: transports that share nothing but the folder."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import orjson
import pytest

from connectors.errors import HandOverUnknown, QuotaSpent, RetryLater, UnexpectedData
from connectors.limiter import Limit, Limiter
from connectors.quota import DayQuota
from connectors.shared_locks import Slots
from connectors.transport import Policy, Transport
from tests.connectors.connector_doubles import answering, transport_to

OK = httpx.Response(200, json={"results": []})
HUBSPOT = {
    "X-HubSpot-RateLimit-Max": "100",
    "X-HubSpot-RateLimit-Remaining": "99",
    "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
    "X-HubSpot-RateLimit-Daily": "1000",
    "X-HubSpot-RateLimit-Daily-Remaining": "999",
}


class Machine:
    """One machine's clocks, which only waiting moves, and the folder its processes share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += seconds

    def limiter(self, name: str, permits: int = 100, seconds: float = 10.0) -> Limiter:
        limit = Limit(name, permits, seconds)
        return Limiter(self.folder / name, limit, clock=lambda: int(self.now * 1000), sleep=self.sleep)

    def transport(self, *answers: httpx.Response | Exception, **changes: object) -> Transport:
        """A process that speaks with the account; its first answers are these."""
        handler, _ = answering(*answers, OK)
        quota = DayQuota("hubspot", self.folder / "day", assumed=1000, reserve=0.05, clock=lambda: self.now)
        quota.zone = "Europe/Madrid"
        options = {
            "limiters": {"": self.limiter("all"), "search": self.limiter("search", 5, 1.0)},
            "quota": quota,
            "clock": lambda: self.now,
            **changes,
        }
        return transport_to(handler, **options)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (httpx.Response(429, headers={"Retry-After": "7"}), 7),
        (httpx.Response(429, json={"policyName": "TEN_SECONDLY_ROLLING"}), 10),
        (httpx.Response(429, headers={"X-RateLimit-Reset": "1773144004"}), 4),
        (httpx.Response(429), 1),
        (httpx.Response(200, headers={**HUBSPOT, "X-HubSpot-RateLimit-Remaining": "0"}, json={}), 10),
        (
            httpx.Response(
                200, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1773144004"}, json={}
            ),
            4,
        ),
        (
            httpx.Response(200, headers={"RateLimit-Remaining": "0", "RateLimit-Reset": "6"}, json={}),
            6,
        ),
    ],
)
def test_an_answer_that_asks_for_a_pause_stops_every_process_until_then(
    machine: Machine, answer: httpx.Response, pause: float
) -> None:
    with suppress(RetryLater):
        machine.transport(answer).get("/things", tries=1)
    assert machine.slept == 0
    machine.transport().call("POST", "/tasks", json={}, purpose="act")
    assert machine.slept == pytest.approx(pause, abs=0.02)


def test_a_search_that_is_too_much_stops_searches_alone(machine: Machine) -> None:
    answer = httpx.Response(429, json={"policyName": "SECONDLY"})
    with pytest.raises(RetryLater):
        machine.transport(answer).call("POST", "/search", json={}, limit="search", tries=1)
    machine.transport().get("/things")
    assert machine.slept == 0
    machine.transport().post("/search", {}, limit="search")
    assert machine.slept == pytest.approx(1, abs=0.02)


def test_a_pause_of_an_hour_is_left_to_the_schedule_by_every_process(machine: Machine) -> None:
    with pytest.raises(RetryLater):
        machine.transport(httpx.Response(429, headers={"Retry-After": "3600"})).get("/things")
    with pytest.raises(RetryLater) as caught:
        machine.transport().get("/things")
    assert caught.value.retry_after == 3600
    assert machine.slept == 0


def test_throttling_without_a_body_stops_every_process_for_a_moment(machine: Machine) -> None:
    one = machine.transport(httpx.Response(403), bare_403_is_throttling=True)
    one.get("/lists")
    assert machine.slept == pytest.approx(1, abs=0.02)


def test_a_portal_that_allows_less_than_configured_is_asked_less(machine: Machine) -> None:
    lower = httpx.Response(200, headers={**HUBSPOT, "X-HubSpot-RateLimit-Max": "20"}, json={})
    machine.transport(lower).get("/things")
    two = machine.transport()
    for _ in range(19):
        two.get("/things")
    assert machine.slept == 0
    two.get("/things")
    assert machine.slept >= 10


def test_reading_stops_at_the_reserve_and_acting_goes_on_until_the_day_is_spent(machine: Machine) -> None:
    told = httpx.Response(200, headers={**HUBSPOT, "X-HubSpot-RateLimit-Daily-Remaining": "51"}, json={})
    spent = httpx.Response(429, json={"policyName": "DAILY"})
    one, two = machine.transport(told), machine.transport(OK, spent)
    one.get("/things")
    one.get("/things")
    with pytest.raises(QuotaSpent, match="kept for follow-ups"):
        one.get("/things")
    with pytest.raises(QuotaSpent, match="kept for follow-ups"):
        two.post("/search", {}, limit="search")
    two.call("POST", "/tasks", json={}, repeatable=False, purpose="act")
    with pytest.raises(QuotaSpent, match=r"vendor: POST /tasks answered 429"):
        two.call("POST", "/tasks", json={}, repeatable=False, purpose="act")
    with pytest.raises(QuotaSpent, match="used up") as caught:
        one.get("/consent", purpose="act")
    assert caught.value.retry_after == 11 * 3600


def test_searches_count_against_the_day_though_their_answers_do_not_say_so(machine: Machine) -> None:
    transport = machine.transport()
    for _ in range(950):
        transport.post("/search", {}, limit="search")
    with pytest.raises(QuotaSpent):
        transport.post("/search", {}, limit="search")


def test_every_try_counts_against_the_day(machine: Machine) -> None:
    told = httpx.Response(503, headers={**HUBSPOT, "X-HubSpot-RateLimit-Daily-Remaining": "52"})
    transport = machine.transport(told, httpx.Response(503))
    transport.get("/things")  # the third try
    with pytest.raises(QuotaSpent):
        transport.get("/things")


def test_a_request_holds_a_slot_until_its_answer_is_there_and_not_while_it_waits_to_try_again(
    tmp_path: Path,
) -> None:
    held: list[bool] = []

    def is_held() -> bool:
        class Busy(Exception):
            pass

        def give_up(_seconds: float) -> None:
            raise Busy

        try:
            with Slots(tmp_path, "connection", 1, sleep=give_up).hold():
                return False
        except Busy:
            return True

    def handle(_request: httpx.Request) -> httpx.Response:
        held.append(is_held())
        return httpx.Response(503 if len(held) == 1 else 200, json={})

    while_waiting: list[bool] = []

    def pause(_seconds: float) -> float:
        while_waiting.append(is_held())
        return 0.0

    slots = Slots(tmp_path, "connection", 1)
    transport_to(handle, slots=slots, policy=Policy(pause=pause)).get("/lists")
    assert (held, while_waiting) == ([True, True], [False])
    assert not is_held()


@pytest.mark.parametrize("body", [b'{"cut', b"not json"])
def test_a_decoder_of_the_callers_own_says_what_a_body_holds(body: bytes) -> None:
    handler, seen = answering(httpx.Response(200, content=body), httpx.Response(200, content=b'[{"id": 1}]'))
    reply = transport_to(handler).get("/things", decode=lambda body: len(orjson.loads(body)))
    assert (reply.data, reply.body, len(seen)) == (1, b'[{"id": 1}]', 2)


def test_a_web_page_is_no_data_for_any_decoder() -> None:
    handler, _ = answering(httpx.Response(200, html="<html>"))
    with pytest.raises(UnexpectedData, match="web page"):
        transport_to(handler).post("/things", {}, decode=orjson.loads)


def test_a_write_whose_answer_a_decoder_cannot_read_may_have_happened() -> None:
    handler, _ = answering(httpx.Response(200, content=b'{"id'))
    with pytest.raises(HandOverUnknown):
        transport_to(handler).call("POST", "/things", json={}, repeatable=False, decode=orjson.loads)


def test_a_slow_answer_counts_from_its_arrival(machine: Machine) -> None:
    def slow(_request: httpx.Request) -> httpx.Response:
        machine.now += 3
        return httpx.Response(200, json={})

    limiter = machine.limiter("one", 1)
    transport = transport_to(slow, limiters={"": limiter})
    transport.get("/things")
    transport.get("/things")
    assert machine.slept >= 10
