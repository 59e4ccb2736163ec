"""docs/add-a-source.md shows the real example and knows every word that a declaration can use."""

import inspect
import re
from pathlib import Path

import pytest

from connectors import declared, paging

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add-a-source.md").read_text()
SHOWN = re.findall(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
WHOLE = {"connectors/activecampaign.py", "warehouse/models/staging/activecampaign_deal.sql"}


def test_the_page_shows_all_three_files() -> None:
    assert {path for path, _ in SHOWN} == WHOLE | {
        "warehouse/models/staging/activecampaign_deal.yaml",
        "playbook/sources.yaml",
    }


@pytest.mark.parametrize(("path", "text"), SHOWN, ids=[path for path, _ in SHOWN])
def test_what_the_page_shows_is_what_the_project_runs(path: str, text: str) -> None:
    file = (ROOT / path).read_text()
    assert file == text if path in WHOLE else text in file


@pytest.mark.parametrize("function", [declared.source, declared.resource])
def test_every_word_of_a_declaration_is_explained(function: object) -> None:
    words = [
        name for name in inspect.signature(function).parameters if name not in ("name", "path", "resources")
    ]
    assert [word for word in words if f"\n| `{word}` |" not in PAGE] == []


def test_every_kind_of_paging_is_in_the_table() -> None:
    kinds = {
        name
        for name, found in vars(paging).items()
        if inspect.isclass(found)
        and hasattr(found, "onward")
        and not name.startswith("_")
        and name != "Paging"
    }
    assert set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE)) == kinds


@pytest.mark.parametrize("path", re.findall(r"`((?:tests|connectors|playbook)/[\w/]+\.\w+)`", PAGE))
def test_every_file_that_the_page_names_is_there(path: str) -> None:
    assert (ROOT / path).is_file()
