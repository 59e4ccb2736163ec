import json
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from warehouse.refusals import FILE, Counter, refusals

AT = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)


def told(home: Path) -> list[tuple[str, str, date, int]]:
    return [(row.source, row.reason, row.day, row.count) for row in refusals(home)]


def test_a_home_without_refusals_has_none(tmp_path: Path) -> None:
    assert refusals(tmp_path) == []
    assert Counter(tmp_path).save() == {}
    assert not (tmp_path / FILE).exists()


def test_refusals_are_counted_by_source_reason_and_day_and_outlive_the_process(tmp_path: Path) -> None:
    first = Counter(tmp_path)
    first.count("hubspot", "forged", AT)
    first.count("hubspot", "forged", AT + timedelta(minutes=2))
    first.count("intercom", "stale", AT)
    assert first.save() == {("hubspot", "forged"): 2, ("intercom", "stale"): 1}
    second = Counter(tmp_path)
    second.count("intercom", "stale", AT)
    assert second.save() == {("intercom", "stale"): 1}
    assert told(tmp_path) == [
        ("hubspot", "forged", date(2026, 11, 20), 1),
        ("hubspot", "forged", date(2026, 11, 21), 1),
        ("intercom", "stale", date(2026, 11, 20), 2),
    ]
    assert refusals(tmp_path)[1].last_at == AT + timedelta(minutes=2)


def test_a_million_refusals_take_no_more_room_than_one(tmp_path: Path) -> None:
    counter = Counter(tmp_path)
    counter.count("hubspot", "forged", AT)
    counter.save()
    size = (tmp_path / FILE).stat().st_size
    for number in range(100_000):
        counter.count("hubspot", "forged", AT + timedelta(microseconds=number))
    counter.save()
    assert (tmp_path / FILE).stat().st_size < size + 20
    assert sum(count for *_, count in told(tmp_path)) == 100_001


def test_a_month_is_kept(tmp_path: Path) -> None:
    counter = Counter(tmp_path)
    for day in range(90):
        counter.count("hubspot", "forged", AT + timedelta(days=day))
    counter.save()
    days = [day for _, _, day, _ in told(tmp_path)]
    assert (len(days), max(days)) == (30, (AT + timedelta(days=89)).date())


def test_counts_from_many_threads_are_all_there(tmp_path: Path) -> None:
    counter = Counter(tmp_path)

    def shout() -> None:
        for _ in range(2_000):
            counter.count("hubspot", "forged", AT)

    threads = [threading.Thread(target=shout) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        counter.save()
    counter.save()
    assert [count for *_, count in told(tmp_path)] == [8_000]


def test_a_file_that_says_nothing_stops_nothing(tmp_path: Path) -> None:
    for content in ("{", "[1]", json.dumps([{"source": "hubspot"}])):
        (tmp_path / FILE).write_text(content)
        assert refusals(tmp_path) == []
