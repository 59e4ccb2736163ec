"""Writing into HubSpot: one call, never twice, found again by a marker; only what differs."""

from datetime import datetime

import httpx
import orjson
import pytest

from connectors.errors import HandOverUnknown, NotFound, Refused, UnexpectedData
from connectors.hubspot import HubSpot
from connectors.hubspot_write import About, Kind
from tests.connectors.connector_doubles import answering, transport_to

DUE = datetime.fromisoformat("2026-03-12T09:00:00+01:00")


def test_a_task_is_created_with_its_contact_in_one_call() -> None:
    handler, seen = answering(httpx.Response(201, json={"id": "77", "properties": {}}))
    made = HubSpot(transport_to(handler)).create_task(
        About("contacts", "501"),
        due=DUE,
        subject="Call",
        body="Why [tenfold:O3:501]",
        owner_id="9",
        kind="CALL",
    )
    assert made == "77"
    (request,) = seen
    assert (request.method, request.url.path) == ("POST", "/crm/objects/2026-09/tasks")
    said = orjson.loads(request.content)
    assert said["properties"] == {
        "hs_timestamp": "2026-03-12T08:00:00Z",
        "hs_task_subject": "Call",
        "hs_task_body": "Why [tenfold:O3:501]",
        "hs_task_status": "NOT_STARTED",
        "hs_task_priority": "HIGH",
        "hs_task_type": "CALL",
        "hubspot_owner_id": "9",
    }
    link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}
    assert said["associations"] == [{"to": {"id": "501"}, "types": [link]}]


@pytest.mark.parametrize("answer", [httpx.ReadTimeout("slow"), httpx.Response(502)])
def test_a_task_whose_answer_was_lost_is_not_created_again(answer: httpx.Response | Exception) -> None:
    handler, seen = answering(answer)
    with pytest.raises(HandOverUnknown):
        HubSpot(transport_to(handler)).create_task(
            About("contacts", "501"), due=DUE, subject="Call", body="x"
        )
    assert len(seen) == 1


def test_a_created_task_without_an_id_is_not_taken_for_success() -> None:
    handler, _ = answering(httpx.Response(201, json={"properties": {}}))
    with pytest.raises(UnexpectedData, match="marker"):
        HubSpot(transport_to(handler)).create_task(
            About("contacts", "501"), due=DUE, subject="Call", body="x"
        )


def tasks_of(bodies: dict[str, str | None], page: int = 500) -> tuple[HubSpot, list[str]]:
    """A contact 501 with these tasks, told in pages of `page`; and the paths that were asked."""
    asked: list[str] = []
    ids = list(bodies)

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path.endswith("/contacts/501/associations/tasks"):
            start = int(request.url.params.get("after", 0))
            said: dict = {"results": [{"toObjectId": int(each)} for each in ids[start : start + page]]}
            if start + page < len(ids):
                said["paging"] = {"next": {"after": str(start + page)}}
            return httpx.Response(200, json=said)
        inputs = [each["id"] for each in orjson.loads(request.content)["inputs"]]
        assert len(inputs) <= 100
        rows = [{"id": each, "properties": {"hs_task_body": bodies[each]}} for each in inputs]
        return httpx.Response(200, json={"results": rows})

    return HubSpot(transport_to(handle)), asked


@pytest.mark.parametrize("page", [500, 70])
def test_a_task_is_found_by_its_marker_among_all_of_the_contact(page: int) -> None:
    bodies: dict[str, str | None] = {str(number): f"note {number}" for number in range(1, 251)}
    bodies["249"] = None
    bodies["250"] = "Please call. <!-- tenfold:O3:501 -->"
    connector, asked = tasks_of(bodies, page)
    assert connector.find_marked("tasks", About("contacts", "501"), "tenfold:O3:501") == "250"
    assert not any("search" in path for path in asked)


def test_no_task_is_found_where_none_has_the_marker() -> None:
    assert (
        tasks_of({"1": "another"})[0].find_marked("tasks", About("contacts", "501"), "tenfold:O3:501") is None
    )
    assert tasks_of({})[0].find_marked("tasks", About("contacts", "501"), "tenfold:O3:501") is None


def test_properties_are_told_as_they_are_now_and_a_record_that_is_gone_is_none() -> None:
    said = {"id": "5", "properties": {"hs_email_optout": "true", "email": None, "other": "x"}}
    handler, seen = answering(
        httpx.Response(200, json=said), httpx.Response(404), httpx.Response(200, json={})
    )
    connector = HubSpot(transport_to(handler))
    names = ["hs_email_optout", "email", "never_set"]
    expected = {"hs_email_optout": "true", "email": None, "never_set": None}
    assert connector.properties("contacts", "5", names) == expected
    assert seen[0].url.params["properties"] == "hs_email_optout,email,never_set"
    assert connector.properties("contacts", "5", names) is None
    with pytest.raises(UnexpectedData, match="without its properties"):
        connector.properties("contacts", "5", names)


def test_an_update_may_be_tried_again() -> None:
    handler, seen = answering(httpx.Response(503), httpx.Response(200, json={"id": "5"}))
    HubSpot(transport_to(handler)).update("tasks", "5", {"hs_task_status": "COMPLETED"})
    assert [request.method for request in seen] == ["PATCH", "PATCH"]
    assert seen[0].url.path == "/crm/objects/2026-09/tasks/5"
    assert orjson.loads(seen[0].content) == {"properties": {"hs_task_status": "COMPLETED"}}


@pytest.mark.parametrize(
    ("kind", "task_type", "note_type"),
    [("contacts", 204, 202), ("companies", 192, 190), ("deals", 216, 214), ("tickets", 230, 228)],
)
def test_a_task_and_a_note_belong_to_any_of_the_four_kinds(
    kind: Kind, task_type: int, note_type: int
) -> None:
    handler, seen = answering(httpx.Response(201, json={"id": "77"}))
    connector = HubSpot(transport_to(handler))
    connector.create_task(About(kind, "5"), due=DUE, subject="Call", body="x")
    connector.create_note(About(kind, "5"), at=DUE, body="Spoke [tenfold:1]", owner_id="9")
    types = [orjson.loads(request.content)["associations"][0]["types"][0] for request in seen]
    assert [each["associationTypeId"] for each in types] == [task_type, note_type]
    assert seen[1].url.path == "/crm/objects/2026-09/notes"
    assert orjson.loads(seen[1].content)["properties"] == {
        "hs_timestamp": "2026-03-12T08:00:00Z",
        "hs_note_body": "Spoke [tenfold:1]",
        "hubspot_owner_id": "9",
    }


def test_only_what_differs_is_written_and_nothing_when_nothing_does() -> None:
    held = httpx.Response(200, json={"properties": {"city": "Soria", "phone": None}})
    handler, seen = answering(held, httpx.Response(200, json={"properties": {"city": "Jaca"}}), held)
    connector = HubSpot(transport_to(handler))
    assert connector.change("contacts", "5", {"city": "Jaca", "phone": ""}) == ("city",)
    assert orjson.loads(seen[1].content) == {"properties": {"city": "Jaca"}}
    assert connector.change("contacts", "5", {"city": "Soria"}) == ()
    assert [request.method for request in seen] == ["GET", "PATCH", "GET"]


def test_changing_a_record_that_is_gone_says_so() -> None:
    handler, _ = answering(httpx.Response(404))
    with pytest.raises(NotFound, match="does not exist any more"):
        HubSpot(transport_to(handler)).change("deals", "5", {"dealname": "x"})


def stage_of(stage: str, kept: str | None = None) -> tuple[HubSpot, list[httpx.Request]]:
    """A contact at that stage; a write is answered with the stage `kept`, else with what was written."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.method == "GET":
            return httpx.Response(200, json={"properties": {"lifecyclestage": stage}})
        written = orjson.loads(request.content)["properties"]["lifecyclestage"]
        return httpx.Response(200, json={"properties": {"lifecyclestage": kept or written}})

    return HubSpot(transport_to(handle)), seen


def test_a_stage_that_would_step_back_is_refused_before_anything_is_written() -> None:
    connector, seen = stage_of("customer")
    with pytest.raises(Refused, match="step back"):
        connector.change("contacts", "5", {"lifecyclestage": "lead"})
    assert [request.method for request in seen] == ["GET"]


def test_a_stage_that_may_step_back_is_cleared_first() -> None:
    connector, seen = stage_of("customer")
    connector.change("contacts", "5", {"lifecyclestage": "lead"}, may_step_back=True)
    written = [orjson.loads(request.content)["properties"] for request in seen[1:]]
    assert written == [{"lifecyclestage": ""}, {"lifecyclestage": "lead"}]


def test_a_stage_that_hubspot_kept_without_a_word_is_no_success() -> None:
    """A portal's own stages have an order that only HubSpot knows."""
    connector, _ = stage_of("our_last_stage", kept="our_last_stage")
    with pytest.raises(Refused, match="only moves forward"):
        connector.change("contacts", "5", {"lifecyclestage": "our_first_stage"})


def test_a_contact_that_somebody_else_made_meanwhile_is_found_by_the_refusal() -> None:
    conflict = {
        "status": "error",
        "category": "CONFLICT",
        "message": "Contact already exists. Existing ID: 37",
    }
    handler, seen = answering(
        httpx.Response(200, json={"results": []}),
        httpx.Response(409, json=conflict),
        httpx.Response(200, json={"properties": {"firstname": "Eva"}}),
        httpx.Response(200, json={"properties": {"firstname": "Ana"}}),
    )
    assert HubSpot(transport_to(handler)).upsert_contact("ana@client.example", {"firstname": "Ana"}) == "37"
    assert [(request.method, request.url.path.rpartition("/")[2]) for request in seen] == [
        ("POST", "read"),
        ("POST", "contacts"),
        ("GET", "37"),
        ("PATCH", "37"),
    ]
    assert orjson.loads(seen[0].content) == {
        "idProperty": "email",
        "inputs": [{"id": "ana@client.example"}],
        "properties": ["firstname"],
    }


def test_an_address_stays_out_of_every_error() -> None:
    handler, _ = answering(httpx.Response(400, json={"message": "ana@client.example is invalid"}))
    with pytest.raises(Refused) as refused:
        HubSpot(transport_to(handler)).upsert_contact("ana@client.example", {})
    assert "ana" not in str(refused.value)
