"""Bytes to text by a ladder, because detectors guess wrong on short Spanish files."""

import codecs
import re

from connectors.accounting.shapes import Refused

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_ODD_IN_WORD = re.compile(
    r"(?<=[^\W\d_])[^\w\s\x00-\x7f’](?=[^\W\d_])|(?<=[a-z])[^\W\d_a-zA-Zª-ºß-ÿ](?=[a-z])"
)
# Letters of Czech, Slovak, Polish and Hungarian against what the same bytes give in Western Europe.
_CENTRAL = frozenset("ěščřžýůťďňąćęłńśźżőűĚŠČŘŽŮŤĎŇĄĆĘŁŃŚŹŻŐŰ")
_CENTRAL_WORDS = re.compile(
    r"úč(?:tu|et|tován)|částka|měna|příjemc|zpráv|poznámk|název|účet|datum zaú|księgow|obciąż|uznan|tytuł|"
    r"összeg|könyvel|közlem|értéknap|príjem|suma úč",
    re.IGNORECASE,
)


def decode(data: bytes, prefer: str | None = None) -> tuple[str, str]:
    """The text and the name of the encoding chosen: BOM, strict UTF-8, UTF-16 by its zeros, code page.

    `prefer` is a code page that the file itself names. Raises Refused where bytes fit no text at all.
    """
    for bom, name in _BOMS:
        if data.startswith(bom):
            try:
                return data.decode(name), name
            except UnicodeDecodeError as error:
                raise _broken(name) from error
    if b"\x00" in data[:4096]:
        return _utf16(data)
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        # A multi-byte letter cut by the end of the file is a file still being written, not a code page.
        if (
            error.reason == "unexpected end of data"
            and error.start >= len(data) - 3
            and not _legacy_before(data, error)
        ):
            raise Refused(
                "The file ends in the middle of a character: it is half-written. Export or copy it again."
            ) from error
    return _code_page(data, prefer)


def _broken(name: str) -> Refused:
    return Refused(f"The file starts as {name} but does not continue so: it is damaged. Export it again.")


def _legacy_before(data: bytes, error: UnicodeDecodeError) -> bool:
    """True when nothing before the fault is multi-byte, so that the file may be a code page after all."""
    return data[: error.start].isascii()


def _utf16(data: bytes) -> tuple[str, str]:
    even, odd = data[:4096:2].count(0), data[1:4096:2].count(0)
    name = "utf-16-le" if odd > even else "utf-16-be"
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        raise _broken(name) from error
    if "\x00" in text or _CONTROL.search(text[:2000]):
        raise Refused("The file is binary and of no known accounting format. Export it as CSV or XLSX.")
    return text, name


def _code_page(data: bytes, prefer: str | None) -> tuple[str, str]:
    best: tuple[int, int, str, str] | None = None
    names = [*([prefer] if prefer else []), "cp1252", "cp850", "cp1250"]
    for rank, name in enumerate(names):
        try:
            text = data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        odd = len(_ODD_IN_WORD.findall(text))
        if name == "cp1250":
            odd -= 2 * len(_CENTRAL_WORDS.findall(text)) if any(c in _CENTRAL for c in text) else 0
            odd += 1  # needs evidence: most of its bytes are letters in Western Europe too
        elif name == prefer:
            odd -= 1
        if best is None or (odd, rank) < best[:2]:
            best = (odd, rank, text, name)
    if best is None:
        return data.decode("latin-1"), "latin-1"
    return best[2], best[3]
