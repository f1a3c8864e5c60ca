"""Blocks of numbers as spreadsheets and other programs put them on the clipboard."""

from __future__ import annotations

import re

import numpy as np

from graphcore.datasets.table.numbers import number_of, shown_mark
from graphcore.datasets.table.text import MARK
from graphcore.errors import short

Block = list[list[float]]
"""Rows of numbers; NaN where a cell is empty."""


def read_block(text: str) -> Block:
    """Return the numbers of a text, a row per line, with decimal points or commas.

    Cells are parted by tabs, semicolons, spaces, or commas where those part no decimals.

    Raises:
        ValueError: a cell is no number, or there is none.
    """
    lines = [_cells(line) for line in text.strip("\r\n").splitlines()]
    listed = [cell for line in lines for cell in line]
    if not any(listed):
        raise ValueError("The clipboard holds no numbers.")
    mark = "," if shown_mark([MARK.join(listed)]) == "," else "."
    return [
        [_number(cell, mark, i, j) for j, cell in enumerate(line)] for i, line in enumerate(lines)
    ]


def _cells(line: str) -> list[str]:
    line = re.sub(r"[\[\](){}]", " ", line)
    for mark in "\t;":
        if mark in line:
            return [cell.strip() for cell in line.split(mark)]
    words = line.split()
    listed = any(w.endswith(",") or w.count(",") > 1 for w in words)
    return [w for w in re.split(r"[,\s]+", line) if w] if listed else words


def _number(cell: str, mark: str, row: int, column: int) -> float:
    number = number_of(cell, mark) if cell else np.nan
    if cell and not np.isfinite(number):
        raise ValueError(
            f"{short(cell)}, in row {row + 1} and column {column + 1} of what is pasted, is no "
            "number."
        )
    return number


def placed(
    block: Block, at: tuple[int, int], shape: tuple[int, ...]
) -> tuple[list[int], list[float]]:
    """Return where in row order the numbers of a block go, and the numbers; empty ones go nowhere.

    As many numbers as there are cells fill them in order, whatever rows they stand in.

    Raises:
        ValueError: the block reaches over the edge.
    """
    rows, columns = shape
    numbers = [n for line in block for n in line]
    if len(numbers) == rows * columns:
        pairs = list(enumerate(numbers))
    else:
        if columns == 1 and len(block) == 1:  # a row goes down a table of one column
            block = [[n] for n in numbers]
        height, width = len(block), max(map(len, block))
        if at[0] + height > rows or at[1] + width > columns:
            raise ValueError(
                f"The clipboard holds {height} × {width} numbers; from this cell on there are "
                f"{rows - at[0]} × {columns - at[1]} cells, and {rows * columns} in all."
            )
        pairs = [
            ((at[0] + i) * columns + at[1] + j, n)
            for i, line in enumerate(block)
            for j, n in enumerate(line)
        ]
    kept = [(place, n) for place, n in pairs if not np.isnan(n)]
    return [place for place, _ in kept], [n for _, n in kept]
