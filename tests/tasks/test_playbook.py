"""What the analyst edits: the shipped values, what a mistake is told, and mails that fill in both languages."""

import re
import shutil
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from connectors import registry
from playbook.letter import render, render_note
from playbook.loader import INDUSTRIES, PlaybookError, load_playbook, template_names
from tests.tasks.follow_up_cases import PLAYBOOK

SHIPPED = Path(__file__).parents[2] / "playbook"
CONTRACT = Path(__file__).parents[2] / "docs" / "data-contract.md"
VALUES = {
    "first_name": "Ana",
    "client_name": "Sol & Luna <SL>",
    "industry": "clinics",
    "missing": ["Acceso a la plataforma"],
    "survey_url": "https://tenfold.example/survey?a=1&b=2",
    "number": "F2026-00012",
    "issued_on": "1 de mayo de 2026",
    "due_on": "16 de mayo de 2026",
    "amount": "121,00 €",
}
MAILS = sorted(
    {
        name
        for journey in PLAYBOOK.journeys
        for step in journey.steps
        if step.channel == "mail"
        for name in template_names(step)
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, tmp_path / "playbook", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "playbook"


def contract_table(heading: str) -> list[list[str]]:
    section = CONTRACT.read_text().partition(heading)[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_team_is_the_contracts() -> None:
    expected = [
        (i, role, float(fte), start, end, Decimal(cost), direct == "yes", acquisition == "yes")
        for i, role, fte, start, end, cost, direct, acquisition in contract_table("## 6. The team")
    ]
    found = [
        (
            m.id,
            m.role,
            m.fte,
            m.start.isoformat(),
            m.end.isoformat() if m.end else "",
            m.monthly_cost,
            m.direct,
            m.acquisition,
        )
        for m in PLAYBOOK.team
    ]
    assert found == expected


def test_the_accounts_are_the_contracts() -> None:
    expected = {
        name.strip(): (kind, acquisition == "yes")
        for names, kind, acquisition in contract_table("## 5. Accounting")
        for name in names.split(",")
    }
    assert {a.name: (a.kind, a.acquisition) for a in PLAYBOOK.accounts} == expected
    assert len(PLAYBOOK.accounts) == len(expected)


def test_the_service_levels_are_the_contracts() -> None:
    levels = {
        name: (level.calendar, level.first_answer_minutes, level.resolution_minutes)
        for name, level in PLAYBOOK.sla.levels.items()
    }
    assert levels == {
        "L1": ("always", 5, 4 * 60),
        "L2": ("office", 120, 8 * 60),
        "L3": ("office", 1440, 24 * 60),
    }
    office = PLAYBOOK.sla.calendars["office"]
    assert office.periods == dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), (("09:00", "18:00"),))
    holidays = re.findall(
        r"\d{4}-\d\d-\d\d", CONTRACT.read_text().partition("closed ")[2].partition("Targets on")[0]
    )
    assert [day.isoformat() for day in office.holidays] == holidays


def test_every_kpi_of_the_contract_is_there_with_the_owners_targets() -> None:
    more = {
        "K2.share_48h",
        "K3.p50",
        "K3.p90",
        "K18.share_24h",
        "MRR",
        "NEW_CLIENTS",
        "ACTIVE_CLIENTS",
        "LEADS",
        "GRR",
        "NRR",
        "QUICK_RATIO",
        "CAC_PAYBACK",
    }
    assert {kpi.id for kpi in PLAYBOOK.kpis} == {f"K{n}" for n in range(1, 25)} | more
    targets = {kpi.id: (kpi.target_low, kpi.target_high) for kpi in PLAYBOOK.kpis}
    owner = {
        "K1": (10, 15), "K2": (None, 48), "K3": (None, 4), "K4": (0.995, None), "K5": (None, 200), "K6": (2000, None),
        "K7": (10, None), "K8": (0.6, None), "K9": (0.6, None), "K10": (0.4, None), "K11": (None, -0.4),
        "K12": (70, None), "K13": (0.95, None), "K14": (None, 0.03), "K15": (0.25, None), "K16": (None, 0.02),
        "K17": (None, 0.05), "K18": (None, 24), "K19": (0.98, None), "K20": (0.2, 0.3), "K21": (0.25, 0.4),
        "K22": (0.05, 0.1), "K23": (0.15, 0.25), "K24": (None, None),
    }  # fmt: skip
    assert {kpi: targets[kpi] for kpi in owner} == owner
    assert {s: t.target_high for s, t in PLAYBOOK.kpi("K24").segments.items()} == {
        "L1": 5,
        "L2": 120,
        "L3": 1440,
    }


def test_the_alerts_cover_what_must_not_be_missed() -> None:
    kinds = {rule.kind for rule in PLAYBOOK.alerts} | {rule.kpi for rule in PLAYBOOK.alerts}
    assert kinds >= {"source_late", "source_failed", "gate_failed", "outbox_unknown", "K19", "K14", "K8"}


def test_both_languages_have_the_same_texts_with_the_same_places_to_fill() -> None:
    es, en = (PLAYBOOK.wording[language] for language in ("es", "en"))
    assert es.keys() == en.keys()
    for key in es:
        assert set(re.findall(r"\{(\w+)\}", str(es[key]))) == set(re.findall(r"\{(\w+)\}", str(en[key]))), key


# Mistakes


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("team.yaml", "fte: 0.5", "fte: half", ["team.yaml", "cm1.fte", "half"]),
        ("team.yaml", "role: SDR", "roll: SDR", ["team.yaml", "sdr1.role", "Field required", "sdr1.roll"]),
        ("team.yaml", "id: cs2", "id: cs1", ["team.yaml", "'cs1' stands twice"]),
        ("team.yaml", "end: 2026-07-01", "end: 2025-01-01", ["team.yaml", "ts1", "end is not after the start"]),
        ("company.yaml", "Europe/Madrid", "Europe/Madird", ["company.yaml", "zone", "Europe/Madird"]),
        ("company.yaml", "currency: EUR", "currency: euro", ["company.yaml", "currency", "euro"]),
        ("kpis.yaml", "unit: ratio", "unit: times", ["kpis.yaml", "K1.unit", "times"]),
        ("sla.yaml", "calendar: office", "calendar: offices", ["sla.yaml", "L2.calendar", "offices"]),
        ("sla.yaml", '[["09:00", "18:00"]]', '[["18:00", "09:00"]]', ["sla.yaml", "calendars.office", "mon"]),
        ("alerts.yaml", "kpi: K19", "kpi: K99", ["alerts.yaml", "sla_compliance.kpi", "K99"]),
        ("alerts.yaml", "clear_at_least: 0.98", "clear_at_least: 0.9", ["alerts.yaml", "sla_compliance", "below fire_below"]),
        ("journeys.yaml", "template: survey", "template: servey", ["journeys.yaml", "onboarding.survey.template", "templates/es/servey.j2"]),
        ("accounts.yaml", "kind: revenue", "kind: [revenue", ["accounts.yaml", "line"]),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_file_place_and_remedy(
    folder: Path, file: str, old: str, new: str, told: list[str]
) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(PlaybookError) as caught:
        load_playbook(folder)
    for part in told:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(folder: Path) -> None:
    (folder / "sla.yaml").unlink()
    with pytest.raises(PlaybookError, match=r"sla.yaml: the file is missing .* copy it"):
        load_playbook(folder)


def test_a_file_in_another_encoding_is_told(folder: Path) -> None:
    (folder / "accounts.yaml").write_bytes("- {name: Año, kind: revenue}".encode("cp1252"))
    with pytest.raises(PlaybookError, match=r"accounts.yaml: cannot be read as UTF-8"):
        load_playbook(folder)


def test_the_digest_changes_with_any_file_and_only_then(folder: Path, tmp_path: Path) -> None:
    before = load_playbook(folder).digest
    assert load_playbook(shutil.copytree(folder, tmp_path / "elsewhere")).digest == before
    mail = folder / "templates" / "es" / "welcome.j2"
    mail.write_text(mail.read_text() + "\n")
    assert load_playbook(folder).digest != before


# Mails


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.words += data + " "


def test_there_is_a_tutorial_for_each_industry() -> None:
    assert {name.removeprefix("tutorial_") for name in MAILS if name.startswith("tutorial_")} == {
        *INDUSTRIES,
        "general",
    }


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("template", MAILS)
def test_every_mail_fills_in_both_languages_and_forms(template: str, language: str) -> None:
    letter = render(PLAYBOOK, template, language, VALUES, promotional=True)
    page = Tags(letter.html)
    assert 10 < len(letter.subject) < 80
    assert "{" not in letter.subject + letter.text
    assert "sl" not in page.tags  # the client's name stayed text
    assert "Sol & Luna <SL>" in " ".join(page.words.split())
    assert "Ana" in letter.text
    assert all(link.startswith("https://") for link in page.links)
    assert not re.search(r"(src|background)\s*=|url\(", letter.html)  # nothing is loaded from outside
    assert all(len(line) <= 72 or "://" in line for line in letter.text.splitlines())
    assert PLAYBOOK.company.postal_address in letter.text


def test_the_two_forms_of_a_mail_say_the_same() -> None:
    for language in ("es", "en"):
        for template in MAILS:
            letter = render(PLAYBOOK, template, language, VALUES, promotional=False)
            page = Tags(letter.html)
            shown = re.findall(r"\w+", " ".join([page.words, *page.links]).lower())
            assert set(re.findall(r"\w+", letter.text.lower())) <= set(shown)


def test_a_mail_that_asks_for_an_unknown_value_is_told_by_its_file(folder: Path) -> None:
    (folder / "templates" / "es" / "welcome.j2").write_text(
        "{% block subject %}x{% endblock %}{% block body %}{{ shoe_size }}{% endblock %}"
    )
    with pytest.raises(PlaybookError, match=r"templates/es/welcome.j2.*shoe_size"):
        render(load_playbook(folder), "welcome", "es", VALUES, promotional=False)


def test_a_mail_with_broken_markup_is_told_by_file_and_line(folder: Path) -> None:
    (folder / "templates" / "en" / "welcome.j2").write_text(
        "{% block subject %}x{% endblock %}\n{% block body %}{{ oops"
    )
    with pytest.raises(PlaybookError, match=r"templates/en/welcome.j2, line 2"):
        render(load_playbook(folder), "welcome", "en", VALUES, promotional=False)


def test_a_mail_without_a_subject_is_told(folder: Path) -> None:
    (folder / "templates" / "en" / "welcome.j2").write_text("{% block body %}x{% endblock %}")
    with pytest.raises(PlaybookError, match="subject"):
        render(load_playbook(folder), "welcome", "en", VALUES, promotional=False)


def test_a_note_for_colleagues_has_no_signature_and_no_footer() -> None:
    values = {"client_name": "Sol", "missing": ["Integraciones"], "reasons": ["valoración baja"]}
    subject, body = render_note(PLAYBOOK, "call", "es", values)
    assert subject == "Llamar a Sol (15 minutos): día 7"
    assert body.startswith("Motivo: valoración baja.")
    assert body.endswith("Integraciones.")
    assert PLAYBOOK.company.postal_address not in body


def test_the_shipped_playbook_dates_and_money_are_exact() -> None:
    first = PLAYBOOK.team[0]
    assert (first.start, first.monthly_cost) == (date(2025, 11, 1), Decimal(5000))


def test_every_resource_that_a_figure_needs_is_one_that_is_read() -> None:
    playbook = load_playbook()
    read = {
        f"{name}.{resource}" for name in playbook.api_sources for resource in registry.source(name).resources
    }
    named = {need for kpi in playbook.kpis for need in kpi.needs}
    assert "hubspot.tickets" in named
    assert named - read - set(playbook.source_ids) == set()


def test_every_account_stands_in_both_charts() -> None:
    for account in PLAYBOOK.accounts:
        assert account.pgc is not None
        assert account.view is not None
    assert {a.pgc for a in PLAYBOOK.accounts if a.view == "cash"} == {"572", "5729"}


def test_an_account_without_a_code_or_a_view_is_none_the_less_an_account(folder: Path) -> None:
    file = folder / "accounts.yaml"
    file.write_text(file.read_text().replace(', pgc: "627", view: marketing', ""))
    (found,) = [a for a in load_playbook(folder).accounts if a.name == "627 Advertising"]
    assert (found.pgc, found.view) == (None, None)


@pytest.mark.parametrize(("old", "new"), [('"627"', '"430"'), ('"627"', "627A"), ("marketing", "Mark eting")])
def test_a_code_of_another_nature_is_refused(folder: Path, old: str, new: str) -> None:
    file = folder / "accounts.yaml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(PlaybookError, match=r"accounts.yaml: .*627 Advertising"):
        load_playbook(folder)
