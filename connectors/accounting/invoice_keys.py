"""The identity of an invoice that a Spanish program wrote, the same from whatever file it comes."""

import hashlib
from collections import Counter

from connectors.accounting.shapes import Record, plain


def give_invoice_keys(documents: list[Record], books: list[str]) -> None:
    """Set `key` in place: whose numbering it is (the seller's), kind of paper, number and day of issue.

    Amounts are left out, as with entries: an invoice that comes again corrected is a new version of itself.
    """
    seen: Counter[str] = Counter()
    for document, book in zip(documents, books, strict=True):
        parts = ("invoice", plain(book), document["kind"], plain(document["number"]), document["issued_on"])
        base = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
        document["key"] = f"{base}-{seen[base]}"
        seen[base] += 1
