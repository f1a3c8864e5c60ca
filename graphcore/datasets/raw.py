"""Raw samples as people have them: rows of a table, pictures, arrays; read for a net to be fed."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from graphcore.datasets.dataset import Array, RawColumn
from graphcore.datasets.images import pixels
from graphcore.datasets.learned import ImageForm, Learned
from graphcore.datasets.table.samples import raw_number, raw_rows
from graphcore.errors import DataError, quote, short
from graphcore.system import reading

TABLES = (".csv", ".tsv", ".txt")
LARGEST = 2 << 30
MOST_PICTURES = 10_000
LARGEST_NAMES, LONGEST_NAME = reading.MIB, 80
"""Bytes of a file of class names, and characters of one that are kept."""
_SHOWN_WORDS = 8


@dataclass(frozen=True)
class RawSamples:
    """Samples as they are fed.

    Attributes:
        inputs: float32, normalised, shape (n, *input_shape).
        names: what each is called: "row 1", or the name of a picture's file.
    """

    inputs: Array
    names: tuple[str, ...]


def read_raw(raw: Any, learned: Learned) -> RawSamples:
    """Read samples and do to them what was done to the training data.

    Args:
        raw: a table's file, a picture's, a folder of pictures or a ``.npy`` file; a row as a
            dictionary, or several; an image of Pillow's; an array or nested lists of numbers, one
            sample or several (whole bytes of pictures are divided by 255).

    Raises:
        DataError: it cannot be read, or does not fit what the net was trained on.
    """
    numbers, names = _numbers(raw, learned)
    shape = learned.input_shape
    if not len(numbers):
        raise DataError("There is no sample to answer to.")
    if not np.isfinite(numbers).all():
        i = int(np.flatnonzero(~np.isfinite(numbers.reshape(len(numbers), -1)).all(1))[0])
        raise DataError(f"{names[i]} holds a value that is no number.")
    scaled = learned.normalization.normalization.apply(numbers.reshape(len(numbers), *shape))
    return RawSamples(np.ascontiguousarray(scaled), names)


def _numbers(raw: Any, learned: Learned) -> tuple[Array, tuple[str, ...]]:
    if isinstance(raw, str | os.PathLike):
        return _from_path(reading.expanded(os.fspath(raw), DataError), learned)
    if isinstance(raw, Mapping):
        return _rows([raw], learned)
    if hasattr(raw, "getbands"):  # an image of Pillow's
        return _picture(raw, _image_form(learned))[None], ("picture",)
    if isinstance(raw, Sequence) and raw and isinstance(raw[0], Mapping):
        return _rows(raw, learned)
    if isinstance(raw, Sequence) and learned.columns and _is_text(raw):
        rows = raw if isinstance(raw[0], Sequence) and not isinstance(raw[0], str) else [raw]
        return _rows([_by_place(row, learned.columns) for row in rows], learned)
    return _array(raw, learned)


def _is_text(raw: Sequence[Any]) -> bool:
    """Whether words are among the cells of a row or of several."""
    first = raw[0] if raw else ()
    row = first if isinstance(first, Sequence) and not isinstance(first, str) else raw
    return any(isinstance(cell, str) for cell in row)


def _by_place(row: Sequence[Any], columns: tuple[RawColumn, ...]) -> dict[str, Any]:
    if len(row) != len(columns):
        listed = ", ".join(short(c.name) for c in columns)
        raise DataError(f"A row has {len(row)} values; the net takes {len(columns)}: {listed}.")
    return {c.name: value for c, value in zip(columns, row, strict=True)}


# -- files ----------------------------------------------------------------------------------------


def _from_path(path: Path, learned: Learned) -> tuple[Array, tuple[str, ...]]:
    if os.path.isdir(path):
        return _folder(path, learned)
    ending = path.suffix.lower()
    if ending in TABLES:
        return _table(path, learned)
    if ending == ".npy":
        return _array(_stored(path), learned)
    if ending in pixels.SUFFIXES:
        return _read_pictures([path], _image_form(learned)), (path.name,)
    if not os.path.exists(path):
        raise DataError(f"There is no file {short(path)}.")
    raise DataError(
        f"{short(path.name)} is no table ({', '.join(TABLES)}), no picture and no .npy file."
    )


def _stored(path: Path) -> Array:
    with reading.opened(path, LARGEST, DataError) as file:
        try:
            return np.asarray(np.load(file, allow_pickle=False))
        except (ValueError, EOFError, OSError, MemoryError) as error:
            reason = short(error).rstrip(".")
            raise DataError(f"{short(path.name)} is no array of numbers: {reason}.") from error


def _folder(path: Path, learned: Learned) -> tuple[Array, tuple[str, ...]]:
    """Pictures of a folder and of the folders in it, by name."""
    form = _image_form(learned)
    found = [
        Path(folder) / name
        for folder, _, files in os.walk(path)
        for name in files
        if Path(name).suffix.lower() in pixels.SUFFIXES and not name.startswith(".")
    ]
    if not found:
        raise DataError(f"The folder {short(path)} holds no pictures.")
    if len(found) > MOST_PICTURES:
        raise DataError(f"{short(path)} holds {len(found):,} pictures; up to {MOST_PICTURES:,} "
                        "are read at a time.")  # fmt: skip
    found.sort()
    return _read_pictures(found, form), tuple(str(p.relative_to(path)) for p in found)


def _image_form(learned: Learned) -> ImageForm:
    if learned.image is None:
        raise DataError(f"The net takes no pictures but samples of shape {learned.input_shape}.")
    return learned.image


def _read_pictures(paths: Sequence[Path], form: ImageForm) -> Array:
    mode, size = pixels.MODES[form.color], (form.height, form.width)
    return np.stack([pixels.read_image(path, mode, size) for path in paths])


def _picture(image: Any, form: ImageForm) -> Array:
    return pixels.pixels_of(image, pixels.MODES[form.color], (form.height, form.width))


# -- tables ---------------------------------------------------------------------------------------


def _table(path: Path, learned: Learned) -> tuple[Array, tuple[str, ...]]:
    header, rows = raw_rows(path)
    if learned.columns:
        return _rows([dict(zip(header, row, strict=True)) for row in rows], learned)
    count = math.prod(learned.input_shape)
    if len(header) != count:
        raise DataError(
            f"{short(path.name)} has {len(header)} columns; the net takes {count} numbers, whose "
            "columns have no names."
        )
    return _array([[_cell(c, header[i]) for i, c in enumerate(row)] for row in rows], learned)


def _cell(text: str, column: str) -> float:
    number = raw_number(text)
    if math.isnan(number):
        raise DataError(f"{quote(text)} in the column {quote(column)} is no number.")
    return number


def _rows(rows: Sequence[Mapping[str, Any]], learned: Learned) -> tuple[Array, tuple[str, ...]]:
    """Rows by the names of their columns; other columns are passed over."""
    if not learned.columns:
        raise DataError("The net was trained on no table: give it numbers, not columns by name.")
    names = tuple(f"row {i + 1}" for i in range(len(rows)))
    fed = [
        [n for column in learned.columns for n in _coded(row, column, name)]
        for row, name in zip(rows, names, strict=True)
    ]
    return np.array(fed, np.float64), names


def coded_row(row: Mapping[str, Any], learned: Learned) -> Array:
    """Return a row by the names of its columns as numbers, before normalisation, shape (k,).

    Raises:
        DataError: a cell is missing or does not fit its column.
    """
    where = "The row"
    numbers = [n for column in learned.columns for n in _coded(row, column, where)]
    return np.array(numbers, np.float64)


def _coded(row: Mapping[str, Any], column: RawColumn, where: str) -> list[float]:
    """A cell as the numbers that it is fed as."""
    value = row.get(column.name)
    text = "" if value is None else unicodedata.normalize("NFC", str(value).strip())
    if not text:
        raise DataError(f"{where} has no value for the column {quote(column.name)}.")
    if column.words:
        text = _word(text, column.words)
        if text not in column.words:
            shown = ", ".join(map(short, column.words[:_SHOWN_WORDS]))
            more = ", …" if len(column.words) > _SHOWN_WORDS else ""
            raise DataError(
                f"{where}: {quote(text)} in the column {quote(column.name)} is none of the words "
                f"that the net knows: {shown}{more}."
            )
        return [float(text == word) for word in column.words]
    number = raw_number(text)
    if math.isnan(number):
        raise DataError(f"{where}: {quote(text)} in the column {quote(column.name)} is no number.")
    return [number]


def _word(text: str, words: Sequence[str]) -> str:
    """A cell as the word that it is; 2.0 is the word 2 where words and numbers are mixed."""
    number = raw_number(text)
    if text in words or math.isnan(number):
        return text
    return next((word for word in words if raw_number(word) == number), text)


# -- arrays ---------------------------------------------------------------------------------------


def _array(raw: Any, learned: Learned) -> tuple[Array, tuple[str, ...]]:
    """Numbers of one sample or of several, in the order in which the net takes them."""
    try:
        numbers = np.asarray(raw.detach().cpu() if hasattr(raw, "detach") else raw)
        bytes_of_pictures = numbers.dtype == np.uint8 and learned.image is not None
        numbers = numbers.astype(np.float64) / (255.0 if bytes_of_pictures else 1.0)
    except (TypeError, ValueError) as error:
        raise DataError(f"The samples are no array of numbers: {short(error)}.") from None
    shape = learned.input_shape
    one, count = math.prod(shape), numbers.size
    single = numbers.shape in (shape, shape[1:] if shape[:1] == (1,) else shape)
    if single or (numbers.ndim == 0 and one == 1):
        numbers = numbers.reshape(1, *shape)
    if not count or numbers.ndim == 0 or numbers[0].size != one:
        raise DataError(
            f"The net takes samples of shape {shape}; the array has the shape {numbers.shape}."
        )
    return numbers.reshape(-1, *shape), tuple(f"row {i + 1}" for i in range(len(numbers)))


def read_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the names in a file: one on each line, or JSON; raises DataError.

    JSON holds a list of names, or a table of number -> name, or number -> [code, name].
    """
    called = short(os.path.basename(path))
    try:
        text = reading.read_bytes(path, LARGEST_NAMES, DataError).decode("utf-8-sig")
        if str(path).lower().endswith(".json"):
            return _names_of(msgspec.json.decode(text))
    except UnicodeDecodeError:
        raise DataError(f"{called} is no text in UTF-8.") from None
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError):
        raise DataError(
            f'{called} is no list of names, such as ["cat", "dog"], nor a table of them, such as '
            '{"0": "cat", "1": "dog"}.'
        ) from None
    return tuple(line.strip()[:LONGEST_NAME] for line in text.splitlines() if line.strip())


def _names_of(found: Any) -> tuple[str, ...]:
    if isinstance(found, dict):
        found = [found[str(i)] for i in range(len(found))]
    names = [one[-1] if isinstance(one, list) else one for one in found]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError
    return tuple(name[:LONGEST_NAME] for name in names)
