"""The learned step abstains until it has enough to learn from, and wherever it is not sure."""

import importlib.util
import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tasks.categories.learned import FILE, FROM, Known, Seen, learn

ADS, SOFTWARE = "627 Advertising", "628 Software subscriptions"
NAMES = {
    ADS: ("campaign display media", "banner agency spots"),
    SOFTWARE: ("cloudnote license", "teamboard seats"),
}
needs_the_library = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed"
)


def seen(number: int, text: str) -> Seen:
    day = date(2026, 1, 1) + timedelta(days=number)
    return Seen(f"k{number:04}", text, Decimal(-40 - number % 7), "bank_csv", "", day)


def lessons(count: int, *, wrong_from: int | None = None) -> list[Known]:
    made = []
    for number in range(count):
        account = (ADS, SOFTWARE)[number % 2]
        text = f"{NAMES[account][number // 2 % 2]} {number}"
        if wrong_from is not None and number >= wrong_from:
            account = (ADS, SOFTWARE)[number // 2 % 2]
        made.append(Known(seen(number, text), account))
    return made


def test_it_says_how_many_lines_are_missing(tmp_path: Path) -> None:
    found = learn(lessons(FROM - 1), tmp_path)
    assert found.model is None
    assert found.reason.startswith(f"{FROM - 1} of {FROM}")
    assert list(tmp_path.iterdir()) == []


def test_without_the_library_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    found = learn(lessons(FROM), tmp_path)
    assert (found.model, found.reason) == (None, "scikit-learn is not installed")


@needs_the_library
def test_it_answers_what_reads_like_the_confirmed_lines_and_nothing_else(tmp_path: Path) -> None:
    model = learn(lessons(FROM), tmp_path).model
    assert model is not None
    asked = [
        seen(900, "campaign display media 77"),
        seen(901, "teamboard seats 5"),
        seen(902, "ferreteria sol"),
    ]
    found = {guess.key: guess.account for guess in model.guesses(asked, {ADS, SOFTWARE})}
    assert found == {"k0900": ADS, "k0901": SOFTWARE}
    closed = [guess.account for guess in model.guesses(asked, {SOFTWARE})]
    assert closed == [SOFTWARE], "a closed account is never named"


@needs_the_library
def test_a_model_that_does_worse_on_the_latest_lines_does_not_replace_the_last(tmp_path: Path) -> None:
    first = learn(lessons(200), tmp_path)
    assert first.model is not None
    kept = (tmp_path / FILE).read_bytes()
    again = learn(lessons(200), tmp_path)
    assert again.model is not None
    assert again.model.version == first.model.version
    worse = learn(lessons(260, wrong_from=210), tmp_path)
    assert worse.model is not None
    assert worse.model.version == first.model.version
    assert "less than" in worse.reason
    assert (tmp_path / FILE).read_bytes() == kept
    assert json.loads(kept)["score"] == 1.0
