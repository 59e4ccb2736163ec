"""What `tenfold sync` and `tenfold run` print of the sources, in a window of 80 columns."""

from typing import Any

import pytest

from console.operate import show_sources

NO_RIGHT = (
    "HubSpot does not let this token read tickets; add the scope tickets to the service key, then sync again."
)


def account(source: str, state: str = "complete", reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "source": source, "state": state, "reason": reason, "rows_seen": 12345, "rows_added": 6,
        "seconds": 1.5, "parts": [], **more,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_each_source_has_a_line_and_what_is_missing_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parts = [
        {
            "resource": "deals",
            "state": "partial",
            "reason": "The list was short.",
            "total": 1300,
            "given": 1234,
        },
        {"resource": "tickets", "state": "not_permitted", "reason": NO_RIGHT, "total": None, "given": None},
    ]
    show_sources(
        [
            account("hubspot", "partial", "both, in one long text", parts=parts),
            account("intercom"),
            account("mailchimp", "not_configured", "no credentials are set"),
        ]
    )
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(len(line) for line in lines) <= 80
    assert lines[2].split() == ["hubspot", "partial", "12,345", "6", "1.5"]
    assert lines[4].split()[:3] == ["mailchimp", "not", "configured"]
    assert "  deals: partial, 1,234 of 1,300 came. The list was short." in lines
    at = lines.index("hubspot, partial")
    text = " ".join(line.strip() for line in lines[at + 1 : lines.index("mailchimp, not configured")])
    assert text.endswith(f"tickets: not permitted. {NO_RIGHT}")
    assert "one long text" not in text
    assert "intercom, complete" not in lines


def test_a_source_that_does_not_name_its_parts_gives_its_own_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_sources([account("accounting", "partial", "march [draft].csv: no date in row 3")])
    assert "  march [draft].csv: no date in row 3" in capsys.readouterr().out.splitlines()[-1]
