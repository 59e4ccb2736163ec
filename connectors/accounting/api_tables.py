"""Dumps of a program's API tables, as Fivetran and Airbyte write them: which program's they are."""

from collections.abc import Callable

from connectors.accounting import books_api, stripe_api
from connectors.accounting.program_table import names_of
from connectors.accounting.shapes import Parsed, ReadOptions
from connectors.accounting.tables import Table

_READERS: tuple[Callable[[frozenset[str]], Callable[[Table, ReadOptions], Parsed] | None], ...] = (
    stripe_api.reader_of,
)


def read_api_table(table: Table, options: ReadOptions) -> Parsed:
    """The records of the dump. Raises Refused when no known table has its columns."""
    names = frozenset(names_of(table.rows[0]))
    for reader_of in _READERS:
        reader = reader_of(names)
        if reader is not None:
            return reader(table, options)
    return books_api.read_api_table(table, options)
