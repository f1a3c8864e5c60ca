"""Which column of a table is to be predicted, and whether its values are classes or numbers."""

from __future__ import annotations

import re

import numpy as np

from graphcore.datasets.dataset import Array
from graphcore.datasets.table.columns import FEW_ROWS, MOST_WORDS, Column
from graphcore.datasets.table.rows import Table
from graphcore.errors import DataError, short

_MOST_CLASSES = 20
"""Different whole numbers in the target, past which they are quantities."""
_MOST_ONCE = 10
"""Different whole numbers close together that are classes although some occur once."""
_OFTEN = 5
"""Times that each of a few scattered whole numbers must occur on average to be classes."""
_SURE_NAMES = frozenset(("target", "label", "labels", "class", "y", "ziel", "klasse", "classe"))
"""Names that say so wherever the column stands."""
_NAMES = _SURE_NAMES | {
    "classes", "output", "outcome", "answer", "result", "species", "category", "diagnosis",
    "klassen", "zielwert", "ergebnis", "sorte", "art", "kategorie", "cible", "clase", "etiqueta",
    "price", "preis", "medv", "prix", "precio", "sale price", "saleprice", "kaufpreis",
    "verkaufspreis", "rent", "miete", "survived", "passed", "bestanden", "quality", "grade",
    "sales", "umsatz", "mpg", "charges", "salary", "gehalt",
}  # fmt: skip
"""Names that say so of the first or the last column."""
_ELSEWHERE = frozenset(("price", "preis", "species", "diagnosis", "outcome", "survived"))
"""Names that say so in any place, if the last column is numbers."""
_BESIDE_NAME = re.compile(r"[\[(].*?[\])]|,? in \S+$")
_CALENDAR = re.compile(
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?|mo|di|mi|do|fr|sa|so|"
    r"(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|jan(?:uary|uar)?|feb(?:ruary|ruar)?|"
    r"mar(?:ch)?|m[aä]rz?|apr(?:il)?|ma[iy]|june?|juni|july?|juli|aug(?:ust)?|sept?(?:ember)?|"
    r"o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?", re.IGNORECASE,
)  # fmt: skip


def propose(table: Table, columns: list[Column]) -> int:
    """Return the column that is most likely to be predicted.

    A name that says so counts first, at the end or at the beginning; then a column of words in the
    last or the first place; then the last column.
    """
    usable = [c for c in columns if c.kind in ("numbers", "words") and not _is_text(c)]
    if not usable:
        raise DataError(f"{table.name} has no column that could be predicted.")
    last, first = usable[-1], usable[0]
    for column in (last, first, *usable):
        names = _NAMES if column in (last, first) else _SURE_NAMES
        if _named(column) in names:
            return column.index
    if last.kind == "numbers":
        for column in usable:
            if _named(column) in _ELSEWHERE:
                return column.index
    others_numbers = all(c.kind == "numbers" for c in usable[1:])
    if last.kind == "numbers" and first.kind == "words" and others_numbers and len(usable) > 1:
        return last.index if _is_calendar(first) else first.index
    return last.index


def _named(column: Column) -> str:
    """The name of a column in small letters, without its unit."""
    return _BESIDE_NAME.sub("", column.name).strip().lower().replace("_", " ")


def _is_calendar(column: Column) -> bool:
    """Whether all words are days of the week or months: they are seldom predicted."""
    return column.vocabulary is not None and all(
        _CALENDAR.fullmatch(word.rstrip(".")) for word in column.vocabulary[0]
    )


def _is_text(column: Column) -> bool:
    """Whether a column has too many different words to be classes."""
    if column.vocabulary is None:
        return False
    return len(column.vocabulary[0]) > max(MOST_WORDS, len(column.gaps) // 4)


def classes_of(
    table: Table, column: Column, keep: Array, task: str
) -> tuple[Array, tuple[str, ...]]:
    """Return class indices and names, or the numbers (n, 1) and no names."""
    where = f"{table.name}, column {short(column.name)!r}"
    values = None if column.values is None else column.values[keep]
    if values is None and task == "regression":
        raise DataError(f"{where} holds words; regression needs numbers.")
    if values is not None:
        if task == "regression" or (task == "auto" and not _look_like_classes(values)):
            if len(values) > 1 and (values == values[0]).all():
                raise DataError(
                    f"{where} is {values[0]:.6g} in every row: there is nothing to learn."
                )
            return values[:, None], ()
        # 1 and 1.0 are the same class, and 10 comes after 9.
        different, labels = np.unique(values, return_inverse=True)
        classes = tuple(f"{v:.12g}" for v in different)
    else:
        assert column.vocabulary is not None
        words, codes = column.vocabulary
        used, labels = np.unique(codes[keep], return_inverse=True)
        classes = tuple(words[k] for k in used)
    if len(classes) == len(labels) >= FEW_ROWS:
        what = column.why if column.kind == "dates" else "values"
        raise DataError(f"{where} has {what} of which none occurs twice: they are no classes.")
    if len(classes) < 2:
        raise DataError(
            f"{where} has one class only, {classes[0]!r}: there is nothing to tell apart."
        )
    return labels.astype(np.int64), classes


def _look_like_classes(values: Array) -> bool:
    """Whether numbers are classes: few whole numbers, close together or each of them often."""
    if not (values == np.round(values)).all():
        return False
    different = np.unique(values)
    count = len(different)
    if count > _MOST_CLASSES or count == len(values):
        return False
    dense = count <= _MOST_ONCE and different[-1] - different[0] < 2 * count
    return bool(dense) or len(values) >= _OFTEN * count
