"""The published build, as everybody reads it: the pointer is resolved at each open; nothing can be written.

A command that only reads pays for this import, so it stays free of pandas, the models and the engine.
"""

import contextlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
from pydantic import SecretStr

from warehouse.errors import NothingPublished, WarehouseError
from warehouse.store import opened

_KPI_SQL = """
    select kpi, name_en, name_es, period, segment, currency, value, numerator, denominator,
        money_value, money_numerator, money_denominator, n, low, high, target_low, target_high, status, reason
    from kpi.value
    where $month is null or (grain = 'month' and period = $month)
    order by starts_at, ends_at, kpi, segment
"""


class Published:
    """One open, read-only view of the published build. Close it, or use it as a context manager."""

    def __init__(self, con: duckdb.DuckDBPyConnection, stack: contextlib.ExitStack) -> None:
        self.con = con
        self._stack = stack
        row = con.execute("select build_id, as_of, known_at, zone, currency from build.run").fetchone()
        if row is None:
            raise WarehouseError("The published build says nothing about itself; build and publish again.")
        self.build_id: str = row[0]
        self.as_of: datetime = row[1].astimezone(UTC)
        self.known_at: datetime = row[2].astimezone(UTC)
        self.zone: str = row[3]
        self.currency: str = row[4]

    @classmethod
    def open(cls, home: Path, key: SecretStr | None = None) -> Self:
        """The build that is published at this moment; tables are `core.*`, `kpi.*`, `build.*`, `quality.*`.

        Raises NothingPublished when the home has none yet or has lost it, Damaged when it cannot be read.
        """
        for attempt in range(3):
            path = _pointed_at(home)
            with contextlib.ExitStack() as stack:
                try:
                    con = stack.enter_context(opened(path, name="published", key=key, read_only=True))
                except duckdb.IOException:
                    # The pointer may have moved, and its old build gone, between the two steps.
                    if path.exists():
                        raise
                    if attempt == 2:
                        raise NothingPublished(
                            f"The published build {path.stem} is gone from {path.parent}; "
                            "run `tenfold publish`."
                        ) from None
                    continue
                found = cls(con, stack)
                found._stack = stack.pop_all()
                return found
        raise AssertionError("unreachable")

    def kpi_rows(self, month: str | None = None, *, language: str = "en") -> list[dict[str, Any]]:
        """KPI rows of a month (`2026-10`), or of every period, ready for JSON.

        Money is a decimal string with 4 decimals, other numbers are numbers, shares 0 to 1; `name` is in
        `language` (es or en). Ordered by period, KPI and segment.
        """
        rows = self.con.execute(_KPI_SQL, {"month": month}).fetchall()
        return [_kpi_row(row, language) for row in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pointed_at(home: Path) -> Path:
    try:
        found = json.loads((home / "published.json").read_text(encoding="utf-8"))
        return home / "builds" / f"{found['build_id']}.duckdb"
    except FileNotFoundError:
        raise NothingPublished(f"Nothing is published in {home} yet; run `tenfold run`.") from None
    except (ValueError, TypeError, KeyError):
        raise NothingPublished(
            f"published.json in {home} is damaged, so nobody knows which build is published; "
            "run `tenfold publish`."
        ) from None


def _kpi_row(row: tuple[Any, ...], language: str) -> dict[str, Any]:
    (kpi, name_en, name_es, period, segment, currency, value, numerator, denominator, *rest) = row
    money_value, money_numerator, money_denominator, n, low, high, target_low, target_high, status, reason = (
        rest
    )
    return {
        "kpi": kpi,
        "name": name_es if language == "es" else name_en,
        "period": period,
        "segment": segment,
        "value": _money(money_value, value),
        "numerator": _money(money_numerator, numerator),
        "denominator": _money(money_denominator, denominator),
        "currency": currency,
        "n": n,
        "low": low,
        "high": high,
        "target_low": target_low,
        "target_high": target_high,
        "status": status,
        "reason": reason,
    }


def _money(amount: Decimal | None, number: float | None) -> str | float | None:
    return number if amount is None else f"{amount:.4f}"
