"""The engine of declared sources: every kind of paging to its end, and no page taken that does not lead on."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from pydantic import AnyHttpUrl, SecretStr

from connectors import declared
from connectors.declared import Account, ById, Since
from connectors.errors import FixConfig, NotPermitted, UnexpectedData
from connectors.limiter import Limit
from connectors.pages import Access, Connector, Page, Source, Window
from connectors.paging import Cursor, Keyset, NextLink, Offset, PageNumber, Paging, Seen, Single
from settings import Settings, SourceSettings
from tests.connectors.connector_doubles import NOON, quick, serving

ALL = Window(None, NOON)
DAY = timedelta(days=1)
SIZE = ("size", 10)
TOKEN = "tok-SECRET"
Answer = Callable[[httpx.Request], httpx.Response]


def things(*, paging: Paging | None = None, **changes: Any) -> Source:
    """A source with one resource, a list of things."""
    shape = {"records": "$.things", "key": "$.id", **changes}
    return declared.source(
        "shop",
        api_version="1",
        auth=declared.bearer(),
        limit=(1_000_000, 1.0),
        account=Account("/me", id="$.account.id"),
        resources=[declared.resource("things", "/things", paging=paging, **shape)],
    )


@contextmanager
def connected(source: Source, vendor: Answer, folder: Path, **settings: Any) -> Iterator[Connector]:
    """The source's connector, with the vendor as a real server before it."""
    with serving(vendor) as url:
        chosen = SourceSettings(token=SecretStr(TOKEN), base_url=AnyHttpUrl(url), **settings)
        made = source.connect(
            Access(Settings(_env_file=None, sources={source.name: chosen}), folder, quick())
        )
        assert made is not None
        try:
            yield made
        finally:
            made.close()


def read(
    source: Source, vendor: Answer, folder: Path, window: Window = ALL, resume: str | None = None
) -> list[Page]:
    with connected(source, vendor, folder) as made:
        return list(made.read("things", window, resume))


def ids(pages: Sequence[Page]) -> list[int]:
    return [each["id"] for page in pages for each in orjson.loads(page.body)["things"]]


class Vendor:
    """A list of numbered things, in every kind of paging that is known; ten on a page at most.

    `before` is called before each answer with the number of requests so far, `spoil` changes a finished answer.
    """

    def __init__(self, count: int = 0) -> None:
        self.things = [{"id": number} for number in range(1, count + 1)]
        self.asked: list[dict[str, str]] = []
        self.headers: list[Mapping[str, str]] = []
        self.before: Callable[[int], None] = lambda _: None
        self.spoil: Callable[[dict[str, Any]], dict[str, Any]] = lambda said: said

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = dict(request.url.params) | (json.loads(request.content) if request.content else {})
        self.asked.append(asked)
        self.headers.append(request.headers)
        self.before(len(self.asked))
        return httpx.Response(200, json=self.spoil(self._said(request, asked)))

    def _said(self, request: httpx.Request, asked: Mapping[str, Any]) -> dict[str, Any]:
        size = min(int(asked.get("size", 10)), 10)
        if "above" in asked or "sort" in asked:
            rows = [each for each in self.things if each["id"] > int(asked.get("above", 0))]
            rows.sort(key=lambda each: each["id"])
            return {"things": rows[:size], "total": len(rows)}
        start = int(asked.get("offset", 0)) or (int(asked.get("page", 1)) - 1) * size
        below = request.url.path.rpartition("/")[2]
        start = int(asked.get("after", start)) or (int(below) if below.isdecimal() else 0)
        said = {"things": self.things[start : start + size], "total": str(len(self.things))}
        if start + size < len(self.things):
            said |= {"next": start + size, "link": f"/things/{start + size}?size={size}"}
        return said


KINDS: dict[str, Paging] = {
    "cursor": Cursor(path="$.next", param="after", size=SIZE),
    "next link": NextLink(path="$.link", size=SIZE),
    "page number": PageNumber(param="page", size=SIZE),
    "offset": Offset(param="offset", size=SIZE),
    "keyset": Keyset(param="above", by="$.id", order={"sort": "id"}, size=SIZE),
}
TOTALS = [None, "$.total"]


@pytest.mark.parametrize("total", TOTALS, ids=["no total", "total"])
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 35])
@pytest.mark.parametrize("kind", KINDS)
def test_every_record_comes_and_the_last_page_is_the_last(
    kind: str, count: int, total: str | None, tmp_path: Path
) -> None:
    pages = read(things(paging=KINDS[kind], total=total), Vendor(count), tmp_path)
    assert list(dict.fromkeys(ids(pages))) == list(range(1, count + 1))
    assert [page.count for page in pages] == [len(orjson.loads(page.body)["things"]) for page in pages]
    assert [page.cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]
    assert all(page.warning is None for page in pages)
    assert (pages[-1].total, pages[-1].given) == (count if total else None, count)


def test_one_answer_can_hold_everything(tmp_path: Path) -> None:
    vendor = Vendor(7)
    assert ids(read(things(paging=Single()), vendor, tmp_path)) == [1, 2, 3, 4, 5, 6, 7]
    assert vendor.asked == [{}]


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_read_goes_on_after_any_of_its_pages(kind: str, tmp_path: Path) -> None:
    source = things(paging=KINDS[kind], total="$.total")
    whole = read(source, Vendor(35), tmp_path)
    for number, page in enumerate(whole[:-1], 1):
        rest = read(source, Vendor(35), tmp_path, resume=page.cursor)
        assert [each.body for each in rest] == [each.body for each in whole[number:]]
        assert (rest[-1].total, rest[-1].given, rest[-1].warning) == (35, 35, None)


def test_a_place_of_another_kind_of_paging_is_not_gone_on_from(tmp_path: Path) -> None:
    resume = read(things(paging=KINDS["next link"]), Vendor(35), tmp_path)[1].cursor
    assert ids(read(things(paging=KINDS["offset"]), Vendor(35), tmp_path, resume=resume))[0] == 1


@pytest.mark.parametrize("kind", ["page number", "offset", "keyset"])
def test_a_vendor_that_gives_smaller_pages_than_asked_for_loses_nothing(kind: str, tmp_path: Path) -> None:
    hundred = dict.fromkeys(KINDS, ("size", 100))
    paging = {
        "page number": PageNumber(param="page", size=hundred[kind]),
        "offset": Offset(param="offset", size=hundred[kind]),
        "keyset": Keyset(param="above", by="$.id", order={"sort": "id"}, size=hundred[kind]),
    }[kind]
    assert list(dict.fromkeys(ids(read(things(paging=paging), Vendor(35), tmp_path)))) == list(range(1, 36))


# What does not lead on


@pytest.mark.parametrize(
    ("kind", "spoil", "told"),
    [
        ("cursor", lambda said: {**said, "next": 10}, "the same page twice"),
        ("cursor", lambda said: {**said, "next": {"a": 1}}, "neither text nor a number"),
        ("offset", lambda _: {"things": [{"id": 1}, {"id": 2}]}, "the same page twice"),
        ("page number", lambda _: {"things": [{"id": 1}]}, "the same page twice"),
        ("keyset", lambda _: {"things": [{"id": 5}, {"id": 4}]}, "do not come in rising order of $.id"),
        ("keyset", lambda _: {"things": [{"id": 5}, {"id": 5}]}, "do not come in rising order of $.id"),
        ("keyset", lambda _: {"things": [{"id": 5}]}, "the same page twice|in rising order"),
        ("keyset", lambda _: {"things": [{"id": 5}, {"id": "6"}]}, "the same kind of text or number"),
        ("offset", lambda _: {"stuff": []}, "no list $.things"),
        ("offset", lambda _: {"things": {"1": {"id": 1}}}, "no list $.things"),
        ("offset", lambda _: {"things": [{"id": 1}, {"name": "x"}]}, "a record has no $.id"),
        ("offset", lambda _: {"things": [{"id": ""}]}, "a record has no $.id"),
        ("offset", lambda _: {"things": ["text"]}, "a record has no $.id"),
        ("offset", lambda _: {"things": [{"id": True}]}, "a record has no $.id"),
        ("next link", lambda said: {**said, "link": 7}, "the link at $.link is no text"),
    ],
)
def test_a_page_that_does_not_lead_on_stops_the_read(
    kind: str, spoil: Callable[[dict[str, Any]], dict[str, Any]], told: str, tmp_path: Path
) -> None:
    vendor = Vendor(35)
    vendor.spoil = spoil
    with pytest.raises(UnexpectedData, match=told.replace("$", r"\$")) as caught:
        read(things(paging=KINDS[kind]), vendor, tmp_path)
    assert str(caught.value).startswith("shop: GET /things")
    assert len(vendor.asked) <= 6


def test_a_vendor_that_does_not_keep_to_what_is_above_stops_the_read(tmp_path: Path) -> None:
    vendor = Vendor(35)
    vendor.spoil = lambda _: {"things": vendor.things[: len(vendor.asked)]}
    with pytest.raises(UnexpectedData, match="do not come in rising order"):
        read(things(paging=KINDS["keyset"]), vendor, tmp_path)
    assert len(vendor.asked) == 2


def test_cursors_that_lead_round_in_a_circle_stop_the_read(tmp_path: Path) -> None:
    vendor, circle = Vendor(100), {10: 20, 20: 30, 30: 10}
    vendor.spoil = lambda said: {**said, "next": circle.get(said["next"], 10)}
    with pytest.raises(UnexpectedData, match="leads to the same page twice"):
        read(things(paging=KINDS["cursor"]), vendor, tmp_path)
    assert len(vendor.asked) < 6


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.test/things?size=10",
        "//elsewhere.test/things?size=10",
        "http://127.0.0.1:1/things?size=10",
        "http://user@{server}/things?size=10",
        "/other?size=10",
        "/thingsandmore?size=10",
        "/things/../admin",
        "/things/%2e%2e/admin",
        "/things?size=10&size=20",
        "http://[broken/things",
    ],
)
def test_a_link_to_another_place_is_never_followed(link: str, tmp_path: Path) -> None:
    vendor = Vendor(35)
    vendor.spoil = lambda said: {
        **said,
        "link": link.replace("{server}", vendor.headers[-1]["host"]),
    }
    with pytest.raises(UnexpectedData, match="link at") as caught:
        read(things(paging=KINDS["next link"]), vendor, tmp_path)
    assert len(vendor.asked) == 1
    assert "elsewhere" not in str(caught.value)


@pytest.mark.parametrize(
    "link", ["?size=10&after={next}", "/things?after={next}", "{url}/things?after={next}"]
)
def test_a_link_to_the_same_list_is_followed_however_it_is_written(link: str, tmp_path: Path) -> None:
    vendor = Vendor(35)

    def spoil(said: dict[str, Any]) -> dict[str, Any]:
        if "next" not in said:
            return said
        url = f"https://{vendor.headers[-1]['host']}"  # as behind a proxy: another scheme, the same server
        return {**said, "link": link.format(next=said["next"], url=url)}

    vendor.spoil = spoil
    assert ids(read(things(paging=KINDS["next link"]), vendor, tmp_path)) == list(range(1, 36))


@pytest.mark.parametrize(
    ("link", "params"),
    [
        ("http://shop.test/v2/things?page=2", {"page": "2"}),
        ("http://shop.test:80/v2/things?page=2", {"page": "2"}),
        ("https://shop.test:443/v2/things?page=2", {"page": "2"}),
        ("https://shop.test:8443/v2/things?page=2", None),
        ("https://shop.test/things?page=2", None),
    ],
)
def test_a_servers_usual_ports_are_the_same_server(link: str, params: dict[str, str] | None) -> None:
    seen = Seen({"next": link}, [], 0, None, "shop: GET /things", "https://shop.test/v2", "/things")
    if params is None:
        with pytest.raises(UnexpectedData, match="another place"):
            NextLink(path="$.next").onward(None, seen)
    else:
        assert NextLink(path="$.next").onward(None, seen) == {"below": [], "params": params}


def test_what_a_link_says_stands_in_no_error(tmp_path: Path) -> None:
    def vendor(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/things":
            link = "/things/ana@client.test?email=ana@client.test"
            return httpx.Response(200, json={"things": [{"id": 1}], "link": link})
        return httpx.Response(400, json={})

    with pytest.raises(UnexpectedData, match=r"/things/\{next1\} answered 400") as caught:
        read(things(paging=KINDS["next link"]), vendor, tmp_path)
    assert "ana" not in str(caught.value)


# What the vendor counts


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_records_than_the_vendor_counts_make_a_warning(kind: str, tmp_path: Path) -> None:
    vendor = Vendor(35)
    vendor.spoil = lambda said: {**said, "total": 40}
    last = read(things(paging=KINDS[kind], total="$.total"), vendor, tmp_path)[-1]
    assert last.warning == "things: shop counts 40 records and gave 35"
    assert (last.total, last.given) == (40, 35)


@pytest.mark.parametrize("kind", ["cursor", "keyset"])
def test_records_removed_while_they_are_read_alarm_nobody(kind: str, tmp_path: Path) -> None:
    vendor = Vendor(35)
    vendor.before = lambda number: vendor.things.__delitem__(slice(30, None)) if number == 2 else None
    last = read(things(paging=KINDS[kind], total="$.total"), vendor, tmp_path)[-1]
    assert (last.warning, last.total, last.given) == (None, 30, 30)


def _delete_one(vendor: Vendor) -> None:
    del vendor.things[0]


def _delete_one_and_add_another(vendor: Vendor) -> None:
    del vendor.things[0]
    vendor.things.append({"id": 1000 + len(vendor.asked)})


def _move_the_last_one_to_the_front(vendor: Vendor) -> None:
    vendor.things.insert(0, vendor.things.pop())


MOVES = [_delete_one, _delete_one_and_add_another, _move_the_last_one_to_the_front]


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("total", TOTALS, ids=["no total", "total"])
def test_a_list_that_moves_between_two_pages_is_read_again_until_nothing_slips_through(
    move: Callable[[Vendor], None], total: str | None, tmp_path: Path
) -> None:
    vendor = Vendor(35)
    vendor.before = lambda number: move(vendor) if number == 3 else None
    pages = read(things(paging=KINDS["offset"], total=total), vendor, tmp_path)
    assert {each["id"] for each in vendor.things} <= set(ids(pages))
    assert len(pages) > 5
    assert pages[-1].warning is None
    assert pages[-1].given == len(vendor.things)


@pytest.mark.parametrize("move", MOVES)
def test_a_list_that_never_holds_still_is_partial_and_not_read_for_ever(
    move: Callable[[Vendor], None], tmp_path: Path
) -> None:
    vendor = Vendor(60)
    vendor.before = lambda number: move(vendor) if number % 3 == 0 else None
    pages = read(things(paging=KINDS["offset"], total="$.total"), vendor, tmp_path)
    assert len(vendor.asked) <= 3 * 8 + 1
    assert pages[-1].warning is not None


@pytest.mark.parametrize(
    ("paging", "starts"),
    [
        (KINDS["offset"], ["0", "9", "18", "27"]),
        (Offset(param="offset", size=SIZE, overlap=False), ["0", "10", "20", "30"]),
    ],
)
def test_an_offset_overlaps_by_one_record_unless_the_vendor_cannot(
    paging: Paging, starts: list[str], tmp_path: Path
) -> None:
    vendor = Vendor(35)
    pages = read(things(paging=paging, total="$.total"), vendor, tmp_path)
    assert [asked["offset"] for asked in vendor.asked] == starts
    assert set(ids(pages)) == set(range(1, 36))


def test_numbered_pages_that_lose_a_record_are_read_again(tmp_path: Path) -> None:
    vendor = Vendor(35)
    vendor.before = lambda number: _delete_one(vendor) if number == 2 else None
    pages = read(things(paging=KINDS["page number"], total="$.total"), vendor, tmp_path)
    assert set(ids(pages)) == set(range(1, 36))
    assert (pages[-1].warning, pages[-1].total, pages[-1].given) == (None, 34, 34)


@pytest.mark.parametrize("total", [None, "many", True, 1.5])
def test_a_declared_total_that_is_no_number_is_a_changed_format(total: object, tmp_path: Path) -> None:
    vendor = Vendor(5)
    vendor.spoil = lambda said: {**said, "total": total}
    with pytest.raises(UnexpectedData, match=r"no number \$\.total"):
        read(things(paging=KINDS["offset"], total="$.total"), vendor, tmp_path)


# Windows

WINDOW = Window(
    datetime.fromisoformat("2026-03-09T10:00:00.700Z"), datetime.fromisoformat("2026-03-10T12:00:00.700Z")
)


@pytest.mark.parametrize(
    ("since", "asked"),
    [
        (Since("from"), {"from": "2026-03-09T10:00:00Z"}),
        (Since("from", until="to"), {"from": "2026-03-09T10:00:00Z", "to": "2026-03-10T12:00:01Z"}),
        (Since("from", "unix", until="to"), {"from": "1773050400", "to": "1773144001"}),
        (Since("from", "unix_ms", until="to"), {"from": "1773050400000", "to": "1773144001000"}),
        (Since("from", "date", until="to"), {"from": "2026-03-08", "to": "2026-03-11"}),
        (
            Since("q", text="select Id from Thing where Changed >= {}"),
            {"q": "select Id from Thing where Changed >= 2026-03-09T10:00:00Z"},
        ),
    ],
)
def test_a_window_is_asked_as_the_vendor_writes_instants(
    since: Since, asked: dict[str, str], tmp_path: Path
) -> None:
    vendor = Vendor(1)
    source = things(since=since, params={"q": "select Id from Thing", "archived": False})
    read(source, vendor, tmp_path, WINDOW)
    read(source, vendor, tmp_path, ALL)
    always = {"q": "select Id from Thing", "archived": "false"}
    assert vendor.asked == [always | asked, always]


def test_what_has_no_window_is_whole(tmp_path: Path) -> None:
    assert things().resources["things"].whole
    assert not things(since=Since("from")).resources["things"].whole


def test_an_instant_of_another_zone_is_asked_in_utc(tmp_path: Path) -> None:
    vendor = Vendor(1)
    madrid = Window(datetime.fromisoformat("2026-07-01T09:00:00+02:00"), NOON)
    read(things(since=Since("from")), vendor, tmp_path, madrid)
    assert vendor.asked == [{"from": "2026-07-01T07:00:00Z"}]


# Questions in a body


def test_a_list_asked_by_post_carries_paging_and_window_in_its_body(tmp_path: Path) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    def vendor(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url.query, "ascii"), json.loads(request.content)))
        start = seen[-1][1]["page"]["offset"]
        return httpx.Response(
            200, json={"things": [{"id": each} for each in range(start, min(start + 2, 3))]}
        )

    source = things(
        paging=Offset(param="page.offset", size=("page.limit", 2)),
        since=Since("ranges.0.start", "date"),
        params={"key": "k"},
        body={"ranges": [{"start": "2000-01-01"}], "fields": ["id"]},
    )
    with connected(source, vendor, tmp_path) as made:
        pages = list(made.read("things", WINDOW))
        assert ids(pages) == [0, 1, 1, 2, 2]
        list(made.read("things", ALL))
    assert seen == [
        ("key=k", {"ranges": [{"start": day}], "fields": ["id"], "page": {"offset": start, "limit": 2}})
        for day in ("2026-03-08", "2000-01-01")
        for start in (0, 1, 2)
    ]


# Single records


def test_single_records_come_as_in_a_list_and_what_is_gone_comes_not(tmp_path: Path) -> None:
    def vendor(request: httpx.Request) -> httpx.Response:
        number = request.url.raw_path.decode().removeprefix("/thing/")
        if number in ("1", "a%2Fb"):
            return httpx.Response(200, json={"thing": {"id": number, "n": 1}, "more": []})
        return httpx.Response(404, json={"message": "no"})

    source = things(records="$.data.things", by_id=ById("/thing/{id}", record="$.thing"))
    assert source.resources["things"].by_id
    with connected(source, vendor, tmp_path) as made:
        pages = list(made.read_ids("things", ["1", "2", "a/b"]))
    assert [orjson.loads(page.body) for page in pages] == [
        {"data": {"things": [{"id": "1", "n": 1}]}},
        {"data": {"things": [{"id": "a%2Fb", "n": 1}]}},
    ]
    assert [(page.count, page.cursor) for page in pages] == [(1, None), (1, None)]


@pytest.mark.parametrize("said", [{"thing": None}, {"thing": {}}, {"other": {"id": 1}}, {"thing": []}])
def test_a_single_record_without_its_key_is_not_taken_for_gone(said: object, tmp_path: Path) -> None:
    source = things(by_id=ById("/thing/{id}", record="$.thing"))
    with (
        connected(source, lambda _: httpx.Response(200, json=said), tmp_path) as made,
        pytest.raises(UnexpectedData, match=r"GET /thing/\{id\}: a record has no \$\.id"),
    ):
        list(made.read_ids("things", ["1"]))


# Access


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        (declared.bearer(), "authorization", "Bearer tok-SECRET"),
        (declared.header("X-Key"), "x-key", "tok-SECRET"),
        (declared.basic(), "authorization", "Basic dG9rLVNFQ1JFVA=="),
    ],
)
def test_the_token_goes_where_the_vendor_wants_it(
    auth: declared.Auth, name: str, value: str, tmp_path: Path
) -> None:
    vendor = Vendor(1)
    source = declared.source(
        "shop",
        api_version="1",
        auth=auth,
        limit=(100, 1.0),
        account=Account("/me"),
        resources=[declared.resource("things", "/things", records="$.things", key="$.id")],
        headers={"X-Version": "2026"},
    )
    read(source, vendor, tmp_path)
    assert vendor.headers[0][name] == value
    assert vendor.headers[0]["x-version"] == "2026"


def test_the_account_is_the_vendors_id_or_the_address_where_each_has_its_own(tmp_path: Path) -> None:
    me = {"account": {"id": 77, "name": "Acme", "zone": "Europe/Madrid"}}
    with connected(things(), lambda _: httpx.Response(200, json=me), tmp_path) as made:
        assert made.identity().account_id == "77"
    with (
        connected(things(), lambda _: httpx.Response(200, json={}), tmp_path) as made,
        pytest.raises(UnexpectedData, match=r"tells no account at \$\.account\.id"),
    ):
        made.identity()
    by_address = declared.source(
        "shop", api_version="1", auth=declared.bearer(), limit=(9, 1.0), account=Account("/me"), resources=[]
    )
    with connected(by_address, lambda _: httpx.Response(200, json=me), tmp_path) as made:
        assert made.identity().account_id == "127.0.0.1"


def test_a_missing_right_is_told_by_probe_and_read_and_never_as_no_records(tmp_path: Path) -> None:
    def vendor(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/me":
            return httpx.Response(200, json={"account": {"id": 1}})
        return httpx.Response(403, json={"message": "no"})

    with connected(things(), vendor, tmp_path) as made:
        probes = made.probe()
        assert [(probe.what, probe.status) for probe in probes] == [
            ("account", "ok"),
            ("things", "not_permitted"),
        ]
        with pytest.raises(NotPermitted):
            list(made.read("things", ALL))


def test_a_probe_asks_for_one_record_and_changes_nothing(tmp_path: Path) -> None:
    vendor = Vendor(35)
    with connected(things(paging=KINDS["offset"], total="$.total"), vendor, tmp_path) as made:
        assert {probe.status for probe in made.probe()} == {"ok"}
    assert vendor.asked == [{}, {"offset": "0", "size": "1"}]


def test_without_a_token_a_source_is_not_configured(tmp_path: Path) -> None:
    source = things()
    for chosen in ({}, {"shop": SourceSettings()}, {"shop": SourceSettings(token=SecretStr(""))}):
        settings = Settings(_env_file=None, sources=chosen)
        assert not source.configured(settings)
        assert source.connect(Access(settings, tmp_path)) is None
    assert source.remedy == (
        "set TENFOLD_SOURCES__SHOP__TOKEN, and TENFOLD_SOURCES__SHOP__BASE_URL to the address of your "
        "account's API"
    )


def test_a_token_without_the_address_it_needs_says_which_setting_is_missing(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, sources={"shop": SourceSettings(token=SecretStr(TOKEN))})
    assert things().configured(settings)
    with pytest.raises(FixConfig, match="set TENFOLD_SOURCES__SHOP__BASE_URL") as caught:
        things().connect(Access(settings, tmp_path))
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(("settings", "permits"), [({}, 300), ({"requests_per_second": 2.5}, 150)])
def test_the_limit_is_the_declared_one_unless_the_setting_says_another(
    settings: dict[str, float], permits: int, tmp_path: Path
) -> None:
    source = declared.source(
        "shop",
        api_version="1",
        auth=declared.bearer(),
        limit=(300, 60.0),
        account=Account("/me"),
        resources=[],
    )
    with connected(source, Vendor(), tmp_path, **settings) as made:
        assert made._http._limiters[""].limit == Limit("shop", permits, 60.0)
    assert list(tmp_path.glob("shop-*-all.shared"))


# What a declaration cannot mean


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"records": "things"}, "'things' is no JSON path"),
        ({"key": "$.id+name"}, "'name' is no JSON path"),
        ({"total": "meta.total"}, "'meta.total' is no JSON path"),
        ({"mark": "$..x"}, r"'\$\.\.x' is no JSON path"),
        ({"volatile": ["x"]}, "'x' is no JSON path"),
        ({"paging": Cursor(path="next", param="after")}, "'next' is no JSON path"),
        ({"paging": Keyset(param="a", by="id", order={})}, "'id' is no JSON path"),
        ({"paging": NextLink(path="$.next"), "body": {}}, "asked by POST has no next link"),
        ({"by_id": ById("/things", record="$.thing")}, r"the path of by_id holds \{id\}"),
        ({"by_id": ById("/things/{id}", record="$.thing"), "key": "$.a+$.b"}, "a key of one part"),
        ({"by_id": ById("/t/{id}", record="$.t"), "records": "$.pages[0].t"}, "records at a path of names"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused_when_it_is_loaded(
    changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(FixConfig, match=rf"connectors/shop\.py: things: .*{told}"):
        things(**changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "my_shop"}, "small letters and digits"),
        ({"limit": (0, 1.0)}, "limit is"),
        ({"base_url": "shop.test"}, "base_url is no address"),
        ({"account": Account("/me", id="id")}, "'id' is no JSON path"),
        ({"resources": [declared.resource("a", "/a", records="$.a", key="$.id")] * 2}, "two resources 'a'"),
        (
            {"resources": [declared.resource("A b", "/a", records="$.a", key="$.id")]},
            "a resource is called by",
        ),
        ({"resources": [declared.resource("a", "a", records="$.a", key="$.id")]}, "path begins with /"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused_too(changes: dict[str, Any], told: str) -> None:
    whole = {"name": "shop", "api_version": "1", "auth": declared.bearer(), "limit": (1, 1.0)}
    with pytest.raises(FixConfig, match=told):
        declared.source(**{**whole, "account": Account("/me"), "resources": [], **changes})
