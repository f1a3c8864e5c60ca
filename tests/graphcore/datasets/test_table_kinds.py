"""Kinds of tables that spreadsheets, R, pandas and people write: what each is taken for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphcore import datasets
from graphcore.datasets import Dataset
from graphcore.datasets.table.samples import raw_number
from graphcore.errors import DataError


def load(tmp_path: Path, text: str | bytes, **options: Any) -> Dataset:
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return datasets.load("csv", options={"path": str(path), **options})


def rows(pattern: str, count: int = 12) -> str:
    """Lines with the row's number in place of i, another number of x, and a word of w."""
    return "".join(
        pattern.replace("i", str(i + 1)).replace("x", f"{7 * i % 5}.{i % 9}")
        .replace("w", "down" if i % 2 else "up") + "\n"
        for i in range(count)
    )  # fmt: skip


UNDERSTOOD = [
    ("aligned", "   a    b  kind\n" + rows("  x   x   w"), "2 inputs: a, b, target kind (2 cl"),
    ("R's row names", '"a","b","kind"\n' + rows('"i",x,x,"w"'), "2 inputs: a, b, target kind (2"),
    ("R with blanks", '"a" "b" "kind"\n' + rows('"i" x x "w"'), "2 inputs: a, b, target kind (2"),
    ("pandas, printed", "   a  b kind\n" + rows("i  x  x  w"), "2 inputs: a, b, target kind (2"),
    ("no last name", "a,b\n" + rows("x,x,w"), "the last column has none."),
    ("weekdays first", "day,t,n\n" + "Mon,1,2.5\nTue,2,3.5\nMon,3,1.5\n" * 4, "target n (numbers)"),
    ("months of years", "m,t,n\n" + "2024-01,1,2.5\nJan 24,2,3.5\nQ1 2024,3,1\n" * 4, "m (dates)"),
    ("dates in one", "d,t,n\n20240131,1,2.5\n20240201,2,3.5\n20240202,3,1\n", "d (dates)"),
    ("half a day", "d,t,n\n" + "1/31/24 1:30 PM,1,2.5\n2/1/24 2:30 AM,2,3\n" * 4, "d (dates)"),
    ("student numbers", "Matrikelnummer,a,y\n71355,1,u\n20418,2,v\n99100,3,u\n", "names the rows"),
    ("postal codes", "PLZ,a,y\n01067,1,u\n80331,2,v\n01067,3,u\n", "'PLZ' became 2 columns"),
    ("codes", "part,a,y\n0042,1,u\n1042,2,v\n0042,3,u\n", "'part' became 2 columns of 0 and 1"),
    ("target 0 and 1 first", "survived,age\n" + rows("0,x", 6) + rows("1,x", 6), "survived (2 cl"),
    ("diagnosis inside", "bp,diagnosis,age\n" + rows("i,w,x"), "target diagnosis (2 classes"),
    ("units name alike columns", "size,size,price\nm2,rooms,EUR\n" + rows("x,i,x"), "size rooms"),
    ("years", "a,year\n" + "".join(f"{i}.5,{1990 + i * 7 % 19}\n" for i in range(30)), "(numbers)"),
    ("many columns of words", "a,b,c,d,e,y\n" + "u,u,u,u,u,0.5\nv,v,v,v,v,1.5\n" * 4,
     "The words in 5 columns became 10 columns of 0 and 1."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"), [u[1:] for u in UNDERSTOOD], ids=[u[0] for u in UNDERSTOOD]
)
def test_what_a_table_is_taken_for(tmp_path: Path, text: str, said: str) -> None:
    assert said in load(tmp_path, text).note


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["CHF 1'500.-", "CHF 900.–", "CHF 70.-"], [70, 900, 1500]),
        (["1.500,- €", "900,– €", "70,50 €"], [70.5, 900, 1500]),
        (["1.2M", "900K", "2M"], [900e3, 1.2e6, 2e6]),
        (["3.5 Mio", "2 Mrd", "1 Mio"], [1e6, 3.5e6, 2e9]),
    ],
)  # fmt: skip
def test_money_without_cents_and_with_letters_for_thousands(
    tmp_path: Path, cells: list[str], numbers: list[float]
) -> None:
    text = "p;y\n" + "".join(f"{c};{i % 2}\n" for i, c in enumerate(cells))
    data = load(tmp_path, text, task="classification")
    found = np.concatenate((data.train.inputs, data.test.inputs)).ravel()
    assert sorted(found.tolist()) == pytest.approx(numbers)


def test_a_letter_for_thousands_counts_in_a_typed_row_too(tmp_path: Path) -> None:
    assert raw_number("1.2M") == 1.2e6
    assert raw_number("250k") == 250e3
    assert raw_number("293 K") == 293
    assert np.isnan(raw_number("900K")), "thousands or kelvin?"
    assert "price were read: K as 1,000, M" in load(
        tmp_path, "rooms,price\n1,1.5M\n2,900K\n3,2M\n4,3M\n"
    ).note.replace("'", "")


REFUSED = [
    ("workbook", b"PK\x03\x04\x14\0\0\0", "is an Excel workbook, an OpenDocument or a zip arch"),
    ("old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1", "is an Excel workbook: save its sheet as CSV"),
    ("web page", "<!DOCTYPE html><table></table>", "is a web page or XML"),
    ("JSON", '[\n {"a": 1, "b": 2}\n]', "is JSON"),
    ("ARFF", "% weather\n@RELATION x\n@data\n1,2\n", "is an ARFF file"),
    ("hardly a value", "a,b,y\n1,,u\n2,,v\n3,7,u\n", "'b' has no value in 2 of 3 rows: leave the"),
    ("the same number", "a,y\n1,3.5\n2,3.5\n", "'y' is 3.5 in every row: there is nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_is_refused_is_called_by_its_name(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    with pytest.raises(DataError) as refused:
        load(tmp_path, text)
    assert said in str(refused.value)


def test_a_column_with_hardly_a_value_goes_rather_than_the_rows(tmp_path: Path) -> None:
    text = "a,b,y\n1,,u\n2,,v\n3,7,u\n4,,v\n"
    note = load(tmp_path, text, missing="leave out").note
    assert note.startswith("4 rows, 1 input: a")
    assert "b (no value in 3 of 4 rows)" in note


def test_times_and_names_of_rows_are_no_classes(tmp_path: Path) -> None:
    text = "name,a,time\n" + "".join(f"n{i},{i % 4},0:{10 + i}:00\n" for i in range(9))
    with pytest.raises(DataError, match="'time' has times of which none occurs twice"):
        load(tmp_path, text, target="time")
    with pytest.raises(DataError, match="'name' has values of which none occurs twice"):
        load(tmp_path, text, target="name")
