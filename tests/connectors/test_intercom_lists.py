"""Reading Intercom's lists: cursors in the body, days for hours, sets that live on while they are read."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest
from pydantic import SecretStr

from connectors.errors import NotPermitted, UnexpectedData
from connectors.intercom import Intercom, connect
from connectors.pages import Access, Window
from settings import IntercomSettings, Settings
from tests.connectors.connector_doubles import NOON, answering, serving, transport_to
from tests.connectors.intercom_double import AT, FULL, FakeIntercom, contact, counts, ids, problem, ticket

DAY = timedelta(days=1)


def contacts(count: int, at: int = AT) -> list[dict]:
    return [contact(number, at) for number in range(count)]


@pytest.mark.parametrize("window", [FULL, Window(NOON - DAY, NOON)], ids=["sweep", "increment"])
def test_every_contact_arrives_once(window: Window) -> None:
    pages = FakeIntercom(contacts=contacts(400)).read("contacts", window)
    assert sorted(ids(pages)) == [each["id"] for each in contacts(400)]
    assert [page.count for page in pages] == [150, 150, 100]
    assert counts(pages) == (400, 400)
    assert pages[-1].warning is None


@pytest.mark.parametrize("zone", ["Europe/Madrid", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("hour", range(0, 24, 5))
@pytest.mark.parametrize("resource", ["contacts", "conversations", "tickets"])
def test_a_change_right_after_the_last_read_is_not_hidden_by_day_filters(
    resource: str, hour: int, zone: str
) -> None:
    # The night of 28 to 29 March 2026 is the one in which Madrid's clocks go forward.
    last_read = datetime(2026, 3, 29, hour, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    at = int(last_read.timestamp()) + 1
    record = {"id": "5", "updated_at": at, **({} if resource == "contacts" else {"parts": []})}
    workspace = FakeIntercom(**{resource: [record]}, zone=zone)
    assert sum(page.count for page in workspace.read(resource, Window(last_read, last_read + DAY))) == 1


@pytest.mark.parametrize("resource", ["contacts", "conversations", "tickets"])
def test_from_2_17_on_the_second_is_asked_for_and_its_own_instant_included(resource: str) -> None:
    workspace = FakeIntercom(version="2.17")
    workspace.read(resource, Window(NOON, NOON + DAY))
    (search,) = workspace.requests
    assert orjson.loads(search.content)["query"]["value"] == AT - 1


@pytest.mark.parametrize("version", ["2.16", "2.9", "Unstable", ""])
def test_of_any_other_version_days_are_expected(version: str) -> None:
    workspace = FakeIntercom(version=version)
    workspace.read("contacts", Window(NOON, NOON + DAY))
    (search,) = workspace.requests
    assert orjson.loads(search.content)["query"]["value"] == AT - 2 * 86400


@pytest.mark.parametrize("window", [FULL, Window(NOON - DAY, NOON)], ids=["sweep", "increment"])
def test_contacts_go_on_after_the_last_page_that_landed(window: Window) -> None:
    whole = FakeIntercom(contacts=contacts(400)).read("contacts", window)
    rest = FakeIntercom(contacts=contacts(400)).read("contacts", window, resume=whole[0].cursor)
    assert [page.body for page in rest] == [page.body for page in whole[1:]]
    assert counts(rest) == (400, 400)
    assert rest[-1].warning is None


def test_a_contact_that_changes_during_an_increment_comes_as_it_is_then_and_hides_no_other() -> None:
    workspace = FakeIntercom(contacts=[contact(number, AT - 1000 + number) for number in range(400)])

    def edit(_: httpx.Request) -> None:
        if len(workspace.requests) == 2:
            workspace.contacts["c0003"] = contact(3, AT + 9)  # was on the first page
            workspace.contacts["c0250"] = contact(250, AT + 9)  # was to come on this one

    workspace.on_request = edit
    pages = workspace.read("contacts", Window(NOON - DAY, NOON))
    assert set(ids(pages)) == set(workspace.contacts)
    last = {each["id"]: each["updated_at"] for page in pages for each in orjson.loads(page.body)["data"]}
    assert (last["c0003"], last["c0250"]) == (AT + 9, AT + 9)
    assert counts(pages) == (400, 400)


@pytest.mark.parametrize("change", ["created", "deleted"])
def test_a_contact_that_comes_or_goes_meanwhile_makes_no_read_partial(change: str) -> None:
    workspace = FakeIntercom(contacts=contacts(400))

    def edit(_: httpx.Request) -> None:
        if len(workspace.requests) == 2 and change == "created":
            workspace.contacts["c9999"] = contact(9999)  # newest first: its place is before what was read
        elif len(workspace.requests) == 2:
            del workspace.contacts["c0001"]

    workspace.on_request = edit
    pages = workspace.read("contacts")
    assert pages[-1].warning is None
    assert counts(pages)[0] in (399, 400)


def test_a_page_that_repeats_records_does_not_hide_that_others_are_missing() -> None:
    rows = [*contacts(2), *contacts(2)]
    handler, _ = answering(httpx.Response(200, json={"data": rows, "total_count": 4, "pages": {}}))
    (page,) = Intercom(transport_to(handler)).read("contacts", FULL)
    assert page.warning == "contacts: Intercom counts 4 records and gave 2"
    assert (page.total, page.given) == (4, 2)


def test_a_cursor_that_does_not_move_stops_the_read() -> None:
    stuck = {"data": contacts(1), "total_count": 9, "pages": {"next": {"starting_after": "x"}}}
    handler, seen = answering(httpx.Response(200, json=stuck))
    with pytest.raises(UnexpectedData, match="same page"):
        list(Intercom(transport_to(handler)).read("contacts", FULL))
    assert len(seen) == 2


def test_a_list_that_never_ends_is_stopped() -> None:
    turn = 0

    def handle(_: httpx.Request) -> httpx.Response:
        nonlocal turn
        turn += 1
        pages = {"next": {"starting_after": str(turn)}}
        return httpx.Response(200, json={"data": contacts(150), "total_count": 150, "pages": pages})

    with pytest.raises(UnexpectedData, match="keep coming"):
        list(Intercom(transport_to(handle)).read("contacts", FULL))
    assert turn < 100


# Tickets


@pytest.mark.parametrize("window", [FULL, Window(NOON - DAY, NOON)], ids=["sweep", "increment"])
def test_tickets_come_with_their_parts(window: Window) -> None:
    workspace = FakeIntercom(tickets=[ticket(number, parts=number % 3) for number in range(1, 321)])
    pages = workspace.read("tickets", window)
    assert [page.count for page in pages] == [150, 150, 20]
    assert counts(pages) == (320, 320)
    found = {each["id"]: each for page in pages for each in orjson.loads(page.body)["tickets"]}
    assert len(found["5"]["ticket_parts"]["ticket_parts"]) == 2
    assert workspace.fetched == []


def test_tickets_whose_parts_the_search_cuts_are_asked_one_by_one_and_stay_the_later_version() -> None:
    workspace = FakeIntercom(tickets=[ticket(number, parts=number) for number in range(1, 201)])
    workspace.listed_parts = 198
    pages = workspace.read("tickets")
    assert sorted(workspace.fetched) == ["199", "200"]
    last = {each["id"]: each for page in pages for each in orjson.loads(page.body)["tickets"]}
    assert all(
        len(each["ticket_parts"]["ticket_parts"]) == each["ticket_parts"]["total_count"]
        for each in last.values()
    )
    assert counts(pages) == (200, 200)
    for number, page in enumerate(pages[:-1], start=1):
        rest = workspace.read("tickets", resume=page.cursor)
        assert [each.body for each in rest] == [each.body for each in pages[number:]]


def test_a_ticket_with_more_parts_than_intercom_hands_out_is_told() -> None:
    pages = FakeIntercom(tickets=[ticket(1, parts=640)]).read("tickets")
    assert pages[-1].warning == "ticket 1: Intercom counts 640 parts and gave 500 (500 at most)"


# Lists by page number


def test_articles_are_read_to_the_last_page() -> None:
    workspace = FakeIntercom(articles=[{"id": str(n), "updated_at": AT - n} for n in range(310)])
    pages = workspace.read("articles")
    assert ids(pages) == [str(number) for number in range(310)]
    assert counts(pages) == (310, 310)
    assert ids(workspace.read("articles", resume=pages[1].cursor)) == ids(pages[2:])


def test_an_article_that_jumps_to_the_front_meanwhile_is_not_taken_for_gone() -> None:
    workspace = FakeIntercom(articles=[{"id": str(n), "updated_at": AT - n} for n in range(310)])

    def edit(_: httpx.Request) -> None:
        if len(workspace.requests) == 2:
            workspace.articles["200"]["updated_at"] = AT + 1  # from page 2 to page 1, which has been read

    workspace.on_request = edit
    pages = workspace.read("articles")
    assert set(ids(pages)) == set(workspace.articles)
    assert counts(pages) == (310, 310)


def gone(count: int) -> list[tuple[str, int]]:
    return [(str(number), AT + number) for number in range(count)]


def test_deletions_are_read_whole_at_first() -> None:
    workspace = FakeIntercom()
    workspace.deleted = gone(150)
    pages = workspace.read("deleted_conversations")
    assert ids(pages, "conversations") == [str(number) for number in reversed(range(150))]
    assert counts(pages) == (150, 150)


def test_an_increment_of_deletions_ends_where_everything_is_known() -> None:
    workspace = FakeIntercom()
    workspace.deleted = gone(500)
    known = {str(number): str(AT + number) for number in range(430)}
    pages = workspace.read("deleted_conversations", Window(NOON, NOON + DAY), known=lambda: known)
    assert set(ids(pages, "conversations")) >= {str(number) for number in range(430, 500)}
    assert len(pages) == 3  # 60 new, 10 new, all known
    assert pages[-1].cursor is None


def test_a_sweep_of_deletions_counts_them_all_again() -> None:
    workspace = FakeIntercom()
    workspace.deleted = gone(200)
    known = {str(number): str(AT + number) for number in range(200)}
    assert counts(workspace.read("deleted_conversations", known=lambda: known)) == (200, 200)


# Whole lists, rights, identity

LISTS = [
    ("admins", "admins"),
    ("teams", "teams"),
    ("tags", "data"),
    ("segments", "segments"),
    ("ticket_types", "data"),
]


@pytest.mark.parametrize(("resource", "field"), LISTS)
def test_small_lists_come_in_one_page_and_a_lost_field_stops_the_read(resource: str, field: str) -> None:
    handler, _ = answering(httpx.Response(200, json={field: [{"id": "1"}, {"id": "2"}]}))
    (page,) = Intercom(transport_to(handler)).read(resource, FULL)
    assert (page.count, page.cursor, page.given) == (2, None, 2)
    handler, _ = answering(httpx.Response(200, json={"items": []}))
    with pytest.raises(UnexpectedData, match=f"no list '{field}'"):
        list(Intercom(transport_to(handler)).read(resource, FULL))


def test_pages_of_a_list_that_has_none_today_are_not_missed_in_silence() -> None:
    said = {"segments": [{"id": "1"}], "pages": {"next": "https://vendor.test/segments?page=2"}}
    handler, _ = answering(httpx.Response(200, json=said))
    (page,) = Intercom(transport_to(handler)).read("segments", FULL)
    assert page.warning == "segments: Intercom announces further pages, which are not read"


def test_what_the_plan_does_not_allow_is_no_empty_list() -> None:
    handler, _ = answering(problem(403, "api_plan_restricted"))
    with pytest.raises(NotPermitted, match="POST /tickets/search"):
        list(Intercom(transport_to(handler)).read("tickets", FULL))


def test_each_right_is_probed_by_name() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/tickets/search":
            return problem(403, "api_plan_restricted")
        return httpx.Response(200, json={"app": {"id_code": "a"}})

    found = {probe.what: probe.status for probe in Intercom(transport_to(handle)).probe()}
    assert found.pop("tickets") == "not_permitted"
    assert set(found.values()) == {"ok"}
    assert {"workspace", "contacts", "deleted conversations", "segments", "ticket types"} <= set(found)


@pytest.mark.parametrize("resource", ["contacts", "tickets", "articles", "conversations"])
def test_records_asked_by_id_come_as_they_are_now_and_those_that_are_gone_in_no_page(resource: str) -> None:
    made = {"contacts": {}, "articles": {}, "tickets": {"parts": []}, "conversations": {"parts": []}}[
        resource
    ]
    rows = [{"id": str(number), "updated_at": AT, **made} for number in range(120)]
    workspace = FakeIntercom(**{resource: rows})
    wanted = [str(number) for number in range(60, 180)]
    pages = list(workspace.connector().read_ids(resource, wanted))
    field = {"tickets": "tickets", "conversations": "conversations"}.get(resource, "data")
    assert ids(pages, field) == wanted[:60]
    assert [page.count for page in pages] == [50, 10]


def test_the_identity_is_the_workspace() -> None:
    me = {"type": "admin", "id": "1", "app": {"id_code": "ab1cd", "name": "Tenfold", "timezone": "Madrid"}}
    handler, _ = answering(httpx.Response(200, json=me))
    identity = Intercom(transport_to(handler)).identity()
    assert (identity.account_id, identity.name, identity.zone) == ("ab1cd", "Tenfold", "Madrid")


def test_every_call_says_which_version_it_speaks(tmp_path: Path) -> None:
    """Reading, asking and writing: without it the app's own default would decide about shapes."""
    said: list[tuple[str, str]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        said.append((request.method, request.headers.get("Intercom-Version", "none")))
        nothing = {"data": [], "conversations": [], "total_count": 0, "pages": {}}
        return httpx.Response(200, json={**nothing, "id": "1", "app": {"id_code": "ab1cd"}})

    with serving(handle) as url:
        chosen = IntercomSettings(token=SecretStr("ic-1"), base_url=url, version="2.16")
        connector = connect(Access(Settings(_env_file=None, intercom=chosen), tmp_path))
        assert connector is not None
        connector.identity()
        list(connector.read("contacts", FULL))
        list(connector.read("conversations", FULL))
        list(connector.read_ids("contacts", ["1"]))
        connector.writes.set_contact("1", {"name": "Ana"})
        connector.close()
    assert {method for method, _ in said} == {"GET", "POST", "PUT"}
    assert {version for _, version in said} == {"2.16"}
