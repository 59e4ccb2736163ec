"""Any table in a file (delimited text, workbook, HTML) as numbered rows of cells."""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Protocol, cast

from python_calamine import CalamineError, CalamineWorkbook

from connectors.accounting.dates import Cell, take_apart
from connectors.accounting.numbers import take_apart as take_amount_apart
from connectors.accounting.shapes import ReadOptions, Refused

DELIMITERS = (";", ",", "\t", "|")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
SAMPLE = 60  # rows that decide the dialect


@dataclass(slots=True)
class Row:
    """One row with its number in the file, counted from 1."""

    number: int
    cells: list[Cell]

    def text(self, index: int | None) -> str:
        """The cell as stripped text; empty when there is none."""
        if index is None or index >= len(self.cells):
            return ""
        cell = self.cells[index]
        if cell is None or cell == "":
            return ""
        if isinstance(cell, str):
            return cell.strip()
        if isinstance(cell, float) and cell.is_integer():
            return str(int(cell))
        return str(cell)

    def filled(self) -> list[str]:
        """Its non-empty cells as text."""
        return [text for text in (self.text(i) for i in range(len(self.cells))) if text]


@dataclass(slots=True)
class Table:
    """The non-blank rows of one table, how it was stored, and what is wrong with its end."""

    rows: list[Row]
    unterminated: bool = False  # the last line has no line end
    blank_before: set[int] = field(default_factory=set)  # numbers of rows that follow a blank one
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()


def read_delimited(text: str, options: ReadOptions) -> Table:
    """The rows of delimited text.

    Raises Refused for a quote that never closes and for a last line that stops short.
    """
    if "\x00" in text:
        raise Refused("The file holds zero bytes: it is binary or damaged. Export it again.")
    unterminated = not text.endswith(("\n", "\r"))
    delimiter = _delimiter(text)
    table = Table([], unterminated)
    try:
        _collect(csv.reader(_lines(text), delimiter=delimiter, strict=True), table, options)
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise Refused(
                "A quoted text never closes: the file is half-written. Export or copy it again."
            ) from error
        # A bare quote inside a field: quotes cannot be trusted to span lines, so each line stands alone.
        table = Table([], unterminated)
        lines = text.splitlines()
        try:
            _collect(_Lines(lines, delimiter), table, options)
        except csv.Error as again:
            raise Refused(
                f"The file is not readable as delimited text ({again}). Export it again."
            ) from again
    _refuse_a_cut_line(table)
    return table


def _lines(text: str) -> Iterator[str]:
    """The lines with their ends, one at a time; io.StringIO would hold four bytes for each character."""
    return (match[0] for match in _LINE.finditer(text))


class _Reader(Protocol):
    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...


class _Lines:
    """Reads line by line, with the line_num that csv.reader has."""

    def __init__(self, lines: list[str], delimiter: str) -> None:
        self.lines = iter(lines)
        self.delimiter = delimiter
        self.line_num = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> list[str]:
        line = next(self.lines)
        self.line_num += 1
        return next(csv.reader([line], delimiter=self.delimiter), [])


def _collect(reader: "_Reader", table: Table, options: ReadOptions) -> None:
    start = 1
    blank = False
    for cells in reader:
        number, start = start, reader.line_num + 1
        if not any(cells) or not any(map(str.strip, cells)):
            blank = True
            continue
        if blank:
            table.blank_before.add(number)
            blank = False
        table.rows.append(Row(number, cast("list[Cell]", cells)))
        if len(table.rows) > options.max_rows:
            raise Refused(f"The file has more than {options.max_rows:,} rows. Export a shorter period.")


def _delimiter(text: str) -> str:
    """The delimiter whose cells make the most rows with a date and an amount; else the widest steady one."""
    lines = text[:200_000].splitlines()[:SAMPLE]
    best: tuple[int, float, int] | None = None
    chosen = ","
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if any(row)]
        except csv.Error:
            continue
        widths = Counter(len(row) for row in rows)
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1], item[0]), default=(1, 0))
        typed = sum(
            1
            for row in rows
            if any(take_apart(cell) for cell in row)
            and any(cell.strip() and not take_apart(cell) and take_amount_apart(cell) for cell in row)
        )
        score = (typed, count / max(len(rows), 1) if width > 1 else 0.0, width)
        if best is None or score > best:
            best, chosen = score, delimiter
    return chosen


def _refuse_a_cut_line(table: Table) -> None:
    if not table.unterminated or len(table.rows) < 3:
        return
    widths = Counter(len(row.cells) for row in table.rows[:-1])
    usual, _ = widths.most_common(1)[0]
    last = table.rows[-1]
    if usual < 3 or len(last.cells) >= min(usual, len(table.rows[-2].cells)):
        return
    first = last.text(0)
    if len(last.cells) > 1 or first[:1].isdigit():
        raise Refused(
            f"The last line ({last.number}) stops after {len(last.cells)} of {usual} fields: the file is "
            "half-written. Export or copy it again."
        )


def read_workbook(data: bytes, options: ReadOptions) -> list[Table]:
    """The non-empty sheets of an XLSX, XLS or ODS workbook.

    Raises Refused for a workbook that is damaged, protected, or expands beyond the limit.
    """
    if data.startswith(b"PK"):
        _refuse_a_bomb(data, options)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [(name, workbook.get_sheet_by_name(name)) for name in workbook.sheet_names]
        tables = []
        for name, sheet in sheets:
            if sheet.height > options.max_rows:
                raise Refused(
                    f"Sheet '{name}' has more than {options.max_rows:,} rows. Export a shorter period."
                )
            table = Table([], sheet=name)
            blank = False
            for number, cells in enumerate(sheet.to_python(skip_empty_area=False), start=1):
                if all(cell is None or cell == "" for cell in cells):
                    blank = True
                    continue
                if blank:
                    table.blank_before.add(number)
                    blank = False
                table.rows.append(Row(number, list(cells)))
            if table.rows:
                tables.append(table)
    except CalamineError as error:
        raise Refused(
            f"The workbook cannot be opened ({str(error)[:120]}): it is damaged or protected. "
            "Export it again without a password, or save it as CSV."
        ) from error
    for table in tables:
        table.other_sheets = tuple(t.sheet or "" for t in tables if t is not table)
    return tables


def _refuse_a_bomb(data: bytes, options: ReadOptions) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            expanded = sum(info.file_size for info in archive.infolist())
    except zipfile.BadZipFile as error:
        raise Refused("The workbook is cut off or damaged. Export or copy it again.") from error
    if expanded > options.max_expanded_bytes:
        raise Refused(
            f"The workbook would expand to {expanded // (1024 * 1024)} MiB, over the limit of "
            f"{options.max_expanded_bytes // (1024 * 1024)}. Save the one sheet as CSV."
        )


class _TableParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[Row] = []
        self.cells: list[str] | None = None
        self.cell: list[str] | None = None
        self.closed = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._end_row()
            self.cells = []
        elif tag in {"td", "th"} and self.cells is not None:
            self._end_cell()
            self.cell = []
            span = dict(attrs).get("colspan") or "1"
            self.span = int(span) if span.isdecimal() and int(span) < 100 else 1
        elif tag == "br" and self.cell is not None:
            self.cell.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._end_cell()
        elif tag == "tr":
            self._end_row()
        elif tag == "table":
            self._end_row()
            self.closed = True

    def handle_data(self, data: str) -> None:
        if self.cell is not None:
            self.cell.append(data)

    def _end_cell(self) -> None:
        if self.cell is not None and self.cells is not None:
            self.cells.append(" ".join("".join(self.cell).split()))
            self.cells.extend([""] * (self.span - 1))
        self.cell = None

    def _end_row(self) -> None:
        self._end_cell()
        if self.cells is not None and any(self.cells):
            self.rows.append(Row(len(self.rows) + 1, list(self.cells)))
        self.cells = None


def read_html(text: str, options: ReadOptions) -> Table:
    """All rows of the tables of an HTML page, which banks like to name .xls; rows are counted through it.

    Raises Refused when no table ends.
    """
    parser = _TableParser()
    parser.feed(text)
    parser.close()
    if not parser.closed:
        raise Refused("The HTML table does not end: the file is half-written. Export or copy it again.")
    if len(parser.rows) > options.max_rows:
        raise Refused(f"The file has more than {options.max_rows:,} rows. Export a shorter period.")
    return Table(parser.rows)
