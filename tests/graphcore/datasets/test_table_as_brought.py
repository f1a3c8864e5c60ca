"""Tables as people bring them: what is read, what is left out, and that the note says so."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphcore import datasets
from graphcore.datasets import Dataset
from graphcore.errors import DataError


def load(tmp_path: Path, text: str, encoding: str = "utf-8", **options: Any) -> Dataset:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    return datasets.load("csv", options={"path": str(path), **options})


def inputs_of(data: Dataset) -> list[list[float]]:
    return sorted(np.concatenate((data.train.inputs, data.test.inputs)).tolist())


def answers_of(data: Dataset) -> list[float]:
    return sorted(np.concatenate((data.train.targets, data.test.targets)).ravel().tolist())


NUMBERS = [
    ("German thousands", "p;y\n1.000,50;a\n1.001,50;b\n1.002,50;a\n", [1000.5, 1001.5, 1002.5]),
    ("English thousands", 'p,y\n"1,000.50",a\n"12,001.5",b\n7,a\n', [7, 1000.5, 12001.5]),
    ("thousands alone", 'p,y\n"1,000",a\n"12,001",b\n900,a\n', [900, 1000, 12001]),
    ("millions alone", "p;y\n1.000.000;a\n2.500.000;b\n900;a\n", [900, 1e6, 2.5e6]),
    ("blanks between thousands", "p;y\n1 000,5;a\n12\u202f001;b\n900;a\n", [900, 1000.5, 12001]),
    ("Swiss", "p;y\n1'000.5;a\n12’001;b\n900;a\n", [900, 1000.5, 12001]),
    ("units", "p,y\n5 kg,a\n6kg,b\n7.5 kg,a\n", [5, 6, 7.5]),
    ("percent", "p;y\n5 %;a\n6,5%;b\n7 %;a\n", [5, 6.5, 7]),
    ("money", "p,y\n$5.50,a\n€ 6,b\n-$7,a\n", None),
    ("one currency", "p;y\n5,50 €;a\n1.006 €;b\n-7,25 €;a\n", [-7.25, 5.5, 1006]),
    ("a true minus", "p,y\n\u22125,a\n6,b\n7,a\n", [-5, 6, 7]),
    ("book-keeping", "p,y\n(5),a\n6,b\n7,a\n", [-5, 6, 7]),
    ("points although semicolons", "p;y\n1.250;a\n2.5;b\n3;a\n", [1.25, 2.5, 3]),
    ("thousands of Euros", "p;y\n100.031 EUR;a\n900;b\n7.500 EUR;a\n", [900, 7500, 100031]),
    ("lakhs", 'p,y\n"₹ 1,10,000",a\n"₹ 12,34,567.5",b\n₹ 900,a\n', [900, 110000, 1234567.5]),
    ("powers of ten", "p,y\n1e3,a\n2.5E-1,b\n3,a\n", [0.25, 3, 1000]),
]


@pytest.mark.parametrize(("text", "numbers"), [c[1:] for c in NUMBERS], ids=[c[0] for c in NUMBERS])
def test_numbers_as_they_are_written(
    tmp_path: Path, text: str, numbers: list[float] | None
) -> None:
    if numbers is None:
        with pytest.raises(DataError, match=r"is in \$ and '€ 6' \(line 3\) in €"):
            load(tmp_path, text)
    else:
        assert inputs_of(load(tmp_path, text)) == [[pytest.approx(v)] for v in numbers]


def test_a_guess_at_the_decimal_mark_is_said_and_can_be_changed(tmp_path: Path) -> None:
    text = "p;q;y\n1.250;1,5;a\n2.500;2,5;b\n3.000;3;a\n"
    data = load(tmp_path, text)
    assert inputs_of(data) == [[1250, 1.5], [2500, 2.5], [3000, 3]]
    assert "In 'p' 1.250 was read as 1250: the option 'decimal' can say otherwise." in data.note
    assert inputs_of(load(tmp_path, "p;y\n1.250;a\n2.500;b\n", decimal="comma")) == [[1250], [2500]]


def test_a_few_cells_with_a_unit_are_named(tmp_path: Path) -> None:
    rows = "".join(f"{60 + i}{' kg' if i in (3, 9, 15) else ''},{i % 2}\n" for i in range(20))
    data = load(tmp_path, f"weight,y\n{rows}")
    assert inputs_of(data) == [[60.0 + i] for i in range(20)]
    assert "3 cells of 'weight' have 'kg' behind the number (row 4, 10, 16)" in data.note
    with pytest.raises(DataError, match=r"'61 lb' is in lb and '60 kg' \(line 3\) in kg"):
        load(tmp_path, "weight,y\n61 lb,0\n60 kg,1\n62 kg,1\n")


def test_letters_behind_numbers_that_are_no_unit_are_words(tmp_path: Path) -> None:
    data = load(tmp_path, "house,y\n7a,1.5\n7b,2.5\n8a,3.5\n7a,4\n")
    assert data.columns == ("house = 7a", "house = 7b", "house = 8a")


def test_a_mostly_numeric_column_with_words_is_refused_with_its_first_word(tmp_path: Path) -> None:
    rows = "".join(f"{i}.5,{i}.25\n" for i in range(20)) + "unknown,3\nunknown,4\nnone yet,5\n"
    with pytest.raises(DataError, match=r"'unknown' is not a number .*\(3 cells of the column"):
        load(tmp_path, f"p,y\n{rows}")
    data = load(tmp_path, f"p,y\n{rows}", gaps="unknown, none yet", missing="leave out")
    assert len(data.train) + len(data.test) == 20


@pytest.mark.parametrize("gap", ["#N/A", "-", ".", "..", "–", "#DIV/0!", "k.A.", "#NV"])
def test_gaps_of_other_programs(tmp_path: Path, gap: str) -> None:
    text = f"a,b\n1,2.5\n{gap},3\n3,4.5\n4,1\n"
    with pytest.raises(DataError, match=r"row 2 \(line 3\), column 'a': the value is missing"):
        load(tmp_path, text)
    assert inputs_of(load(tmp_path, text, missing="leave out")) == [[1], [3], [4]]


def test_plus_and_minus_are_classes(tmp_path: Path) -> None:
    assert load(tmp_path, "a,y\n1,+\n2,-\n3,+\n4,-\n").classes == ("+", "-")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    data = load(tmp_path, "Größe;Klasse\n0,5;süß\n1,5;sauer\n2,5;süß\n", encoding)
    assert data.columns == ("Größe",)
    assert data.classes == ("sauer", "süß")
    said = {"utf-16": "UTF-16", "utf-16-le": "UTF-16-le", "cp1252": "Windows-1252"}.get(encoding)
    assert (f"The text was read as {said}." in data.note) if said else "read as" not in data.note


def test_the_same_word_in_two_normal_forms_is_one_class(tmp_path: Path) -> None:
    words = ["café", unicodedata.normalize("NFD", "café"), "thé"]
    text = "größe,y\n" + "".join(f"{i},{w}\n" for i, w in enumerate(words))
    data = load(tmp_path, text)
    assert data.classes == ("café", "thé")
    assert load(tmp_path, text, target=unicodedata.normalize("NFD", "größe")).target == "größe"


@pytest.mark.parametrize("names", ["a;b;w\n", ""], ids=["header", "no header"])
@pytest.mark.parametrize("delimiter", ";\t|")
def test_decimal_commas_in_every_row_do_not_cut_it(
    tmp_path: Path, names: str, delimiter: str
) -> None:
    lines = [names, *(f"{i},5;{2 * i},25;{'pq'[i % 2]}\n" for i in range(30))]
    data = load(tmp_path, "".join(lines).replace(";", delimiter))
    assert inputs_of(data) == [[i + 0.5, 2 * i + 0.25] for i in range(30)]
    assert data.classes == ("p", "q")


def test_a_number_that_stands_for_none_is_said(tmp_path: Path) -> None:
    text = rows("t,p,y", "{i}.5,{i},{w}").replace("\n7.5,", "\n-999,")
    assert "In 't' 1 cell is -999, far from all others: name it in" in load(tmp_path, text).note
    assert "far from" not in load(tmp_path, rows("t,y", "{i},{w}", 120)).note  # 99 among others
    assert "far from" not in load(tmp_path, text, gaps="-999", missing="leave out").note


def test_a_column_with_one_value_is_left_out_and_named(tmp_path: Path) -> None:
    data = load(tmp_path, rows("a,k,land,y", "{i}.5,5,DE,{w}"))
    assert data.columns == ("a",)
    assert "k (the same in every row), land (the same in every row)" in data.note


def test_classes_that_differ_in_capitals_alone_are_named(tmp_path: Path) -> None:
    note = load(tmp_path, "a,y\n1,Yes\n2,yes\n3,no\n4,no\n").note
    assert "The classes 'Yes' and 'yes' differ in capitals alone" in note


LINES = [
    ("a spreadsheet's delimiter", "sep=;\na;b;c\n1;2;x\n2;3;y\n3;4;x\n", 1, "(the delimiter)"),
    ("the header again", "a,b\n1,2.5\n2,3\na,b\n3,4\n", 1, "line 4 (the names once more)"),
    (
        "names in two lines",
        "a,size,\nkind,w,h\n1,2,3.5\n2,3,4.5\n3,4,5\n",
        1,
        "line 2 (more of the",
    ),
    ("a rule", "a|b|c\n---|---|---\n1|2|x\n2|3|y\n3|4|x\n", 1, "line 2 (a rule)"),
    ("comments", "# made, by hand\n#\na,b\n1,2.5\n# midway\n2,3\n3,4\n", 2, "line 5 (a comment)"),
    ("a title", "Umsatz 2024;;\n\na;b;c\n1;2;1,5\n2;3;2,5\n3;4;3,5\n", 1, "line 1 (a title)"),
    ("a total", "a,b,c\n1,2,3.5\n2,3,4.5\n3,4,5\nTotal,,13\n", 1, "line 5 (a total)"),
    ("a mean", "a;b;c\n1;2;3,5\n2;3;4,5\n3;4;5\nMittelwert;3;4\n", 1, "line 5 (a total)"),
    ("a note", "a,b,c\n1,2,3.5\n2,3,4.5\n3,4,5\nSource: the office\n", 1, "line 5 (a note below"),
    ("units", "a,b,c\nkg,cm,\n1,2,3.5\n2,3,4.5\n3,4,5\n", 1, "line 2 (units)"),
]


@pytest.mark.parametrize(
    ("text", "count", "said"), [c[1:] for c in LINES], ids=[c[0] for c in LINES]
)
def test_lines_that_are_no_rows_are_left_out_and_named(
    tmp_path: Path, text: str, count: int, said: str
) -> None:
    data = load(tmp_path, text)
    assert [row[0] for row in inputs_of(data)] == [1, 2, 3]
    assert "row left out" in data.note or f"{count} rows left out" in data.note or count == 2
    assert said in data.note


def test_a_row_of_words_like_the_names_is_a_row(tmp_path: Path) -> None:
    data = load(tmp_path, "red,yes\nblue,no\nred,yes\n", header="yes")
    assert len(data.train) + len(data.test) == 2


def test_a_category_called_total_is_no_total_line(tmp_path: Path) -> None:
    data = load(tmp_path, "kind,y\ntotal,1.5\npart,2.5\npart,3.5\ntotal,4\n")
    assert len(data.train) + len(data.test) == 4


def test_colours_in_the_first_column_are_no_comments(tmp_path: Path) -> None:
    data = load(tmp_path, "colour,y\n#ff0000,1.5\n#00ff00,2.5\n#ff0000,3.5\n#00ff00,4\n")
    assert data.columns == ("colour = #00ff00", "colour = #ff0000")


@pytest.mark.parametrize(
    "text",
    ["a;b;y\n1;2;p;\n2;3;q;\n3;4;p;\n", "a;b;y;\n1;2;p;\n2;3;q;\n3;4;p;\n",
     "a;b;y;\n1;2;p\n2;3;q\n3;4;p\n"],
    ids=["rows", "both", "header"],
)  # fmt: skip
def test_a_delimiter_at_the_end_is_no_column(tmp_path: Path, text: str) -> None:
    data = load(tmp_path, text)
    assert data.columns == ("a", "b")
    assert data.classes == ("p", "q")


HEADERLESS = "-2.5,-1,down\n2.5,1,up\n-1,-2,down\n1,2,up\n"


def test_a_table_without_a_header_line(tmp_path: Path) -> None:
    data = load(tmp_path, HEADERLESS)
    assert data.columns == ("column 1", "column 2")
    assert len(data.train) + len(data.test) == 4
    assert "no header line" in data.note
    assert load(tmp_path, HEADERLESS, target="1").target == "column 1"
    words = "red,yes\nblue,no\nred,yes\n"
    assert len(load(tmp_path, words).train) + len(load(tmp_path, words).test) == 2
    assert "3 rows" in load(tmp_path, words, header="no").note
    with pytest.raises(DataError, match=r"starts with numbers \(1, 2\): set the option 'header'"):
        load(tmp_path, "1,2\n3,4\n5,6\n", header="yes")


def test_years_may_name_columns(tmp_path: Path) -> None:
    data = load(tmp_path, "land,2019,2020\nA,1.5,2\nB,2.5,3\nA,3,4\n")
    assert data.columns == ("2019", "2020")


def test_columns_between_blanks(tmp_path: Path) -> None:
    data = load(tmp_path, "  0.5  18.0  24.0\n 0.25   0.5  21.5\n 0.75   1.0  34.5\n")
    assert inputs_of(data) == [[0.25, 0.5], [0.5, 18], [0.75, 1]]


TASKS = [
    ([1, 2, 3, 4, 5, 6], "regression"), ([1, 2, 3, 4, 5, 6] * 2, "classification"),
    ([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5], "classification"), ([0, 1, 1, 0], "classification"),
    ([120, 250, 180, 250, 310, 400], "regression"), ([10, 20, 30] * 10, "classification"),
    (list(range(41)) * 2, "regression"), ([0.5, 1.5, 0.5, 1.5], "regression"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "task"), TASKS)
def test_the_task_follows_from_the_values_not_from_their_count(
    tmp_path: Path, values: list[float], task: str
) -> None:
    data = load(tmp_path, "x,v\n" + "".join(f"{i / 7:.3f},{v}\n" for i, v in enumerate(values)))
    assert data.task == task
    assert ("(numbers)" in data.note) == (task == "regression")


def rows(names: str, cells: str, count: int = 20) -> str:
    return names + "\n" + "".join(cells.format(i=i, w="ab"[i % 2]) + "\n" for i in range(count))


TARGETS = [
    ("kind,width,height", "{w},{i}.5,{i}.25", "kind"),
    ("width,height,kind", "{i}.5,{i}.25,{w}", "kind"),
    ("city,area,price", "{w},{i}.5,{i}.25", "price"),
    ("area,city,value", "{i}.5,{w},{i}.25", "value"),
    ("y,width,height", "{i}.5,{i}.25,{i}", "y"),
    ("width,label,height", "{i}.5,{w},{i}.25", "label"),
    ("width,kind,name", "{i}.5,{w},n{i}", "kind"),
]


@pytest.mark.parametrize(("names", "cells", "target"), TARGETS)
def test_a_target_is_proposed_and_said(tmp_path: Path, names: str, cells: str, target: str) -> None:
    data = load(tmp_path, rows(names, cells))
    assert data.target == target
    assert f"target {target} (" in data.note
    other = next(n for n in names.split(",") if n not in (target, "name"))
    assert load(tmp_path, rows(names, cells), target=other).target == other


def test_ids_and_dates_are_left_out_and_named(tmp_path: Path) -> None:
    text = rows("id,when,stamp,a,label", "K-{i},2026-01-{i},17000000{i:02d}00,{i}.5,{w}")
    data = load(tmp_path, text.replace("stamp", "time_stamp"))
    assert data.columns == ("a",)
    assert (
        "3 columns left out: id (a different word in every row), when (dates), "
        "time_stamp (time stamps)" in data.note
    )
    numbered = load(tmp_path, rows("customer_id,a,b", "{i},{i}.5,{w}"))
    assert numbered.columns == ("a",)
    assert load(tmp_path, rows(",a,b", "{i},{i}.5,{w}")).columns == ("a",)  # as pandas writes


def test_columns_can_be_left_out_or_made_the_id(tmp_path: Path) -> None:
    text = rows("a,b,c,label", "{i}.5,{i}.25,7{i},{w}")
    assert load(tmp_path, text, ignore="b, C").columns == ("a",)
    assert load(tmp_path, text, id="a").columns == ("b", "c")
    assert load(tmp_path, text, ignore="1,label").target == "c"
    with pytest.raises(DataError, match="column 'a' is to be predicted and left out"):
        load(tmp_path, text, ignore="a", target="a")
    gappy = text.replace("3.25", "NA")
    assert load(tmp_path, gappy, ignore="b").columns == ("a", "c")


def test_words_of_another_column_do_not_stop_a_table(tmp_path: Path) -> None:
    text = "comment,a,y\n" + "".join(f"remark {i % 40},{i}.5,{i}.25\n" for i in range(80))
    data = load(tmp_path, text)
    assert data.columns == ("a",)
    assert "comment (40 different words, too many for categories (32 at most))" in data.note


def test_a_class_of_one_row_is_named(tmp_path: Path) -> None:
    data = load(tmp_path, rows("a,y", "{i}.5,{w}") + "3,c\n")
    assert "1 class has a single row, which is trained on and never tested: c." in data.note
    assert data.train.targets.max() == 2


def test_targets_normalised_are_said_and_can_be_undone(tmp_path: Path) -> None:
    text = rows("a,price", "{i}.5,{i}00.25")
    data = load(tmp_path, text, target_scale="standardize")
    assert abs(float(data.train.targets.mean())) < 1e-6
    said = data.target_scale.describe_targets(data.target)
    assert said.startswith("Training is on (price - mean) / std, with mean")
    undone = data.target_scale.invert(np.concatenate((data.train.targets, data.test.targets)))
    assert sorted(undone.ravel().tolist()) == pytest.approx(
        [i * 100 + 0.25 for i in range(20)], abs=1e-2
    )


def test_a_long_table_is_read_in_chunks_and_can_be_stopped(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,y\n" + "".join(f"{i},{i}.5,{i}.25\n" for i in range(40_000)))
    told: list[int] = []

    def progress(what: str, done: int, total: int) -> None:
        told.append(done)
        assert (what, total) == ("t.csv", 40_001)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        datasets.load("csv", options={"path": str(path)}, progress=progress)
    assert 0 < told[0] < told[1] < 40_000
    data = datasets.load("csv", options={"path": str(path)})
    assert len(data.train) + len(data.test) == 40_000


def test_quoted_line_ends_keep_the_numbers_of_lines(tmp_path: Path) -> None:
    text = 'a,b\n"1\n",2.5\n3,4.5\n"x\ny",6.5\n' + "".join(f"{i},{i}.5\n" for i in range(20))
    with pytest.raises(DataError, match=r"row 3 \(line 6\), column 'a'"):
        load(tmp_path, text)
