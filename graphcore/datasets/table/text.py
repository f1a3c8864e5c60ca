"""The characters of a text file: its encoding, found by its content, and its lines."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator

import numpy as np

from graphcore.errors import DataError

ENCODINGS = ("auto", "utf-8", "windows-1252", "windows-1250", "windows-1251", "utf-16")
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " "}
HEADERS = ("auto", "yes", "no")
LONGEST_LINE = 4 << 20
MARK = "\x1f"
"""Parts the cells of a column that is kept as one text; no cell holds it."""
_SLAB = 4 << 20
_SHEET = "save its sheet as CSV"
_OTHERS = (
    (rb"PK\x03\x04", f"an Excel workbook, an OpenDocument or a zip archive: {_SHEET}, or unpack"
     " it"),
    (rb"\xd0\xcf\x11\xe0", f"an Excel workbook: {_SHEET}"),
    (rb"%PDF-", "a PDF"), (rb"\x1f\x8b", "compressed: unpack it"), (rb"PAR1", "a Parquet file"),
    (rb"SQLite format 3", "a database"), (rb"\{\rtf", "formatted text"),
    (rb"\s*(?:<!doctype|<html|<table|<\?xml)", "a web page or XML"),
    (rb"\s*(?:\[\s*)?\{\s*(?:\"|\})", "JSON"), (rb"\s*(?:%.*\s+)*@relation\b", "an ARFF file"),
)  # fmt: skip
"""How files begin that are no text with a row per line, and what they are."""
_BYTE_ORDERS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


def as_utf8(data: bytes, name: str, encoding: str = "auto") -> tuple[bytes, str]:
    """Return the text of a file as UTF-8 without a byte order mark, and a note on its encoding.

    Args:
        encoding: one of ``ENCODINGS``; "auto" goes by a byte order mark, else takes UTF-8,
            UTF-16 that shows itself by its zero bytes, or Windows-1252, in this order.

    Raises:
        DataError: the bytes are not text in that encoding, or are no text.
    """
    _check_kind(data, name)
    found = next((e for mark, e in _BYTE_ORDERS if data.startswith(mark)), "")
    if encoding not in ("auto", "utf-8") or not found:
        found = _guessed(data) if encoding == "auto" else found or encoding
    try:
        if found in ("utf-8", "utf-8-sig"):
            _check_utf8(data)
            text = data.removeprefix(codecs.BOM_UTF8)
        else:
            text = data.decode(found).encode()
    except UnicodeDecodeError as error:
        raise DataError(_not_text(name, error, found)) from error
    if b"\0" in text:
        raise DataError(f"{name} holds zero bytes: it is no text, so no table.")
    if MARK.encode() in text:
        text = text.replace(MARK.encode(), b" ")
    _check_lines(text, name)
    said = found.removesuffix("-sig").replace("windows", "Windows").replace("utf", "UTF")
    return text, "" if found in ("utf-8", "utf-8-sig") else f"The text was read as {said}."


def _check_kind(data: bytes, name: str) -> None:
    """Raise DataError for a file of another kind than text with a row per line."""
    for begin, what in _OTHERS:
        if re.match(begin, data[:1000], re.IGNORECASE):
            raise DataError(f"{name} is {what}. A table is text such as CSV, a row per line.")


def _guessed(data: bytes) -> str:
    head = data[:_SLAB]
    if head.count(0) > len(head) // 4:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    try:
        _check_utf8(data)
    except UnicodeDecodeError:
        # Bytes that Windows-1252 leaves free: a file that has them is in no encoding known here.
        return "utf-8" if any(byte in data for byte in b"\x81\x8d\x8f\x90\x9d") else "windows-1252"
    return "utf-8"


def _check_utf8(data: bytes) -> None:
    """Raise UnicodeDecodeError, with the place in the whole, unless the bytes are UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for at in range(0, len(data), _SLAB):
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(data[at : at + _SLAB], final=at + _SLAB >= len(data))
        except UnicodeDecodeError as error:
            error.start += at - held
            byte = data[error.start : error.start + 1]
            raise UnicodeDecodeError("utf-8", byte, error.start, error.start + 1, error.reason) \
                from error  # fmt: skip


def _not_text(name: str, error: UnicodeDecodeError, encoding: str) -> str:
    if encoding.startswith("utf-8"):
        return (
            f"{name} is not text in UTF-8 (byte {error.start:,} is {error.object[0]}), "
            "nor in Windows-1252: save it as CSV UTF-8."
        )
    return f"{name} is not text in {encoding}: byte {error.start:,} does not fit."


def _check_lines(text: bytes, name: str) -> None:
    """Raise DataError for a line of more than ``LONGEST_LINE`` bytes."""
    last, count = -1, 0
    for at in range(0, len(text), _SLAB):
        slab = np.frombuffer(text, np.uint8, min(_SLAB, len(text) - at), at)
        ends = np.concatenate(([last], np.flatnonzero((slab == 10) | (slab == 13)) + at))
        longest = np.flatnonzero(np.diff(ends) > LONGEST_LINE + 1)
        if len(longest) or at + len(slab) - ends[-1] > LONGEST_LINE + 1:
            line = count + (int(longest[0]) if len(longest) else len(ends) - 1) + 1
            raise DataError(
                f"{name}, line {line:,} has more than {LONGEST_LINE >> 20} million characters: "
                "that is no row of a table."
            )
        last, count = int(ends[-1]), count + len(ends) - 1


def lines(text: bytes) -> Iterator[str]:
    """Yield the lines of UTF-8 text with their ends, however they end."""
    return iter(io.TextIOWrapper(io.BytesIO(text), "utf-8", newline=""))
