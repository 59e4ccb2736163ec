"""Readers of accounting and bank files: `sniff` names a file's format, `read_file` gives its records."""

from connectors.accounting.reading import read_file, sniff
from connectors.accounting.shapes import Format, ImportedFile, ReadOptions, Refused, Rejected, amount_text

__all__ = [
    "Format",
    "ImportedFile",
    "ReadOptions",
    "Refused",
    "Rejected",
    "amount_text",
    "read_file",
    "sniff",
]
