import re
from pathlib import Path

import pytest

from playbook.loader import Playbook
from reports.errors import WordingError
from reports.formatting import Wording

REPORTS = Path(__file__).parent.parent.parent / "reports"
FIELDS = re.compile(r"\{(\w+)\}")
# t("key"), words.text("key"), n("key") …: keys written out in code and templates.
ASKED = re.compile(r"""\b(t|n|text|count)\(\s*"([a-z_]+(?:\.[\w-]+)+)"\s*[,)]""")


def test_both_languages_have_the_same_keys(playbook: Playbook) -> None:
    assert playbook.wording["es"].keys() == playbook.wording["en"].keys()


def test_both_languages_fill_in_the_same_values(playbook: Playbook) -> None:
    different = {
        key
        for key, text in playbook.wording["en"].items()
        if set(FIELDS.findall(text)) != set(FIELDS.findall(playbook.wording["es"][key]))
    }
    assert different == set()


def test_no_text_is_empty_or_was_left_untranslated(playbook: Playbook) -> None:
    en, es = playbook.wording["en"], playbook.wording["es"]
    assert [key for key in en if not en[key].strip() or not es[key].strip()] == []
    sentences = {key for key in en if len(en[key].split()) > 3 and FIELDS.sub("", en[key]).strip(" .,:;()×%")}
    assert {key for key in sentences if en[key] == es[key]} == set()


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_text_that_code_and_templates_ask_for_is_there(playbook: Playbook, language: str) -> None:
    catalogue = playbook.wording[language]
    files = [*REPORTS.glob("*.py"), *REPORTS.glob("templates/*.j2")]
    asked = {(how, key) for path in files for how, key in ASKED.findall(path.read_text())}
    assert len(asked) > 100
    missing = {
        key
        for how, key in asked
        if key not in catalogue
        and not (how in {"n", "count"} and {f"{key}.one", f"{key}.other"} <= catalogue.keys())
    }
    assert missing == set()


def test_every_plural_has_its_singular(playbook: Playbook) -> None:
    keys = playbook.wording["en"].keys()
    alone = {k for k in keys if k.endswith(".other") and k.removesuffix(".other") + ".one" not in keys}
    # These are no plurals: the text for what has none of its own.
    assert alone == {"reason.none.other", "reason.other", "attention.other", "decision.reason.other"}


def test_a_missing_text_names_its_key_and_file() -> None:
    with pytest.raises(WordingError, match=r"wording/es\.yaml: text 'no\.such' is missing"):
        Wording("es", {}).text("no.such")
    with pytest.raises(WordingError, match="asks for 'week'"):
        Wording("es", {"a": "{week}"}).text("a")
