"""The sandbox's constants are those of docs/data-contract.md: read there, compared here."""

import re
from pathlib import Path

from sandbox import company

CONTRACT = (Path(__file__).parents[2] / "docs" / "data-contract.md").read_text()


def table(section: str) -> list[list[str]]:
    """The body rows of the first table under the heading that starts with `section`."""
    text = CONTRACT.split(f"\n## {section}", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_the_team_is_the_contracts() -> None:
    ours = [
        [
            who.id,
            who.role,
            str(who.fte),
            who.start.isoformat(),
            who.end.isoformat() if who.end else "",
            str(who.monthly_cost),
            "yes" if who.direct else "",
            "yes" if who.acquisition else "",
        ]
        for who in company.STAFF
    ]
    assert ours == table("6.")


def test_the_chart_of_accounts_is_the_contracts() -> None:
    theirs = [
        (name.strip(), kind, acquisition == "yes")
        for names, kind, acquisition in table("5.")
        for name in names.split(",")
    ]
    assert [(account.name, account.kind, account.acquisition) for account in company.CHART] == theirs


def test_the_service_levels_are_the_contracts() -> None:
    theirs = {}
    for level, calendar, answer, resolution in table("7."):
        minutes = int(answer.removesuffix(" min").replace(",", ""))
        theirs[level] = (calendar.split()[0], minutes, int(resolution.removesuffix(" h")) * 60)
    ours = {
        level: (promise.calendar, promise.first_answer_minutes, promise.resolution_minutes)
        for level, promise in company.SLA.items()
    }
    assert ours == theirs


def test_the_holidays_are_the_contracts() -> None:
    [line] = [line for line in CONTRACT.splitlines() if line.startswith("`office`")]
    assert {day.isoformat() for day in company.HOLIDAYS} == set(re.findall(r"\d{4}-\d{2}-\d{2}", line))
    assert "9:00-18:00" in line
    assert (company.OFFICE_OPENS.hour, company.OFFICE_CLOSES.hour) == (9, 18)


def test_industries_teams_and_checklist_are_the_contracts() -> None:
    assert f"one of {', '.join(company.INDUSTRIES)}" in CONTRACT
    assert all(f"`{team}`" in CONTRACT for team in company.TEAM_OF_LEVEL.values())
    assert f"Required: {', '.join(company.CHECKLIST)}" in CONTRACT
    assert f"({', '.join(company.LEAD_STAGES)})" in CONTRACT
