"""docs/complaints.md names only tests that exist, and leaves none of the fifteen complaints without an answer."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "complaints.md").read_text()
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
TITLES = ("The fifteen complaints", "The ten that hurt most", "HubSpot", "Intercom", "Mailchimp")
EXCUSES = ("**Does not arise**, because ", "**Open:** ")


def section(title: str) -> str:
    """What stands under a heading."""
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/complaints.md has no section {title}"
    return found[1]


def rows(title: str) -> list[list[str]]:
    """The cells of each row of a section's table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@cache
def known_in(path: str) -> frozenset[str]:
    file = TESTS / path
    if not file.is_file():
        return frozenset()
    body = ast.parse(file.read_text()).body
    functions = (each for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(each.name for each in functions)


def test_every_test_that_the_page_names_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) == PAGE.count("::"), "something with :: is not `path.py::test_name`"
    assert [f"{path}::{name}" for path, name in named if name not in known_in(path)] == []


def test_the_fifteen_complaints_are_all_there() -> None:
    assert [row[0] for row in rows("The fifteen complaints")] == [str(number) for number in range(1, 16)]
    assert all("](https://github.com/" in row[1] for row in rows("The fifteen complaints"))


def test_the_ten_pains_are_all_there() -> None:
    assert [row[0] for row in rows("The ten that hurt most")] == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize("title", TITLES)
def test_each_row_names_a_test_or_says_why_there_is_none(title: str) -> None:
    found = rows(title)
    assert len({len(row) for row in found}) == 1, "a row has more or fewer cells than the others"
    bare = [row for row in found if not NAMED.search(row[-1])]
    assert [row for row in bare if row[-1] != "none" or not any(why in row[-2] for why in EXCUSES)] == []
