"""Tables as people have them: other delimiters, words, gaps, and everything that is no table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphcore import datasets
from graphcore.datasets import Dataset
from graphcore.errors import DataError

FLOWERS = "width,height,kind\n" + "".join(
    f"{i}.5,{20 - i},{'rose' if i % 3 else 'tulip'}\n" for i in range(12)
)


def load(tmp_path: Path, text: str | bytes, **options: Any) -> Dataset:
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return datasets.load("csv", options={"path": str(path), **options})


def rows_of(data: Dataset) -> list[list[float]]:
    """Inputs and target of all samples, sorted."""
    parts = [
        np.column_stack((s.inputs, s.targets.reshape(len(s), -1))) for s in (data.train, data.test)
    ]
    return sorted(np.concatenate(parts).tolist())


def test_words_in_the_last_column_are_classes(tmp_path: Path) -> None:
    data = load(tmp_path, FLOWERS)
    assert data.task == "classification"
    assert data.classes == ("rose", "tulip")
    assert data.input_shape == (2,)
    assert rows_of(data) == [[i + 0.5, 20 - i, float(i % 3 == 0)] for i in range(12)]
    assert data.note == ("12 rows, 2 inputs: width, height, target kind (2 classes: rose, tulip).")
    assert data.columns == ("width", "height")
    assert data.target == "kind"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_delimiters_and_line_ends_are_found_out(
    tmp_path: Path, delimiter: str, newline: str
) -> None:
    text = FLOWERS.replace(",", delimiter).replace("\n", newline)
    assert rows_of(load(tmp_path, text)) == rows_of(load(tmp_path, FLOWERS))
    marked = load(tmp_path, "\ufeff" + text, target="width")  # as Excel marks UTF-8
    assert rows_of(marked) == rows_of(load(tmp_path, FLOWERS, target="width"))


def test_decimal_commas(tmp_path: Path) -> None:
    data = load(tmp_path, "a;b\n1,5;2,25\n-3;1e2\n2,0;7\n")
    assert data.task == "regression"
    assert rows_of(data) == [[-3, 100], [1.5, 2.25], [2, 7]]


def test_delimiter_can_be_said(tmp_path: Path) -> None:
    data = load(tmp_path, "a;x,b;y\n1;1,2\n3;3,4\n".replace("1;1", "1").replace("3;3", "3"),
                delimiter="comma", task="regression")  # fmt: skip
    assert data.input_shape == (1,)


def test_quoted_cells_may_hold_delimiters_and_line_ends(tmp_path: Path) -> None:
    text = 'size,"what, really"\n1,"a, or\nb"\n2,c\n3,c\n4,"a, or\nb"\n'
    assert load(tmp_path, text).classes == ("a, or\nb", "c")


def test_any_column_can_be_the_target(tmp_path: Path) -> None:
    data = load(tmp_path, FLOWERS, target="width")
    assert data.task == "regression"
    assert data.classes == ()
    assert data.train.targets.dtype == np.float32
    assert data.train.targets.shape == (len(data.train), 1)
    assert data.input_shape == (3,)
    assert data.note == (
        "12 rows, 3 inputs: height, kind, target width (numbers). "
        "The words in 'kind' became 2 columns of 0 and 1."
    )
    assert data.columns == ("height", "kind = rose", "kind = tulip")
    assert all(tulip + rose == 1 for _, rose, tulip, _ in rows_of(data))


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ("0 1 0 1 0 1", "classification", ("0", "1")),
        ("1.0 1 2 2.0 1 2", "classification", ("1", "2")),
        ("9 10 9 10 9 10", "classification", ("9", "10")),
        ("1 2 3 4 5 6", "regression", ()),
        ("0.5 1 0.5 1 0.5 1", "regression", ()),
        ("a 1 a 1 a 1", "classification", ("1", "a")),
    ],
)
def test_task_is_found_out(
    tmp_path: Path, values: str, task: str, classes: tuple[str, ...]
) -> None:
    text = "x,y\n" + "".join(f"{i},{v}\n" for i, v in enumerate(values.split()))
    data = load(tmp_path, text)
    assert (data.task, data.classes) == (task, classes)


def test_task_can_be_said(tmp_path: Path) -> None:
    text = "x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(8))
    assert load(tmp_path, text, task="regression").train.targets.shape == (6, 1)
    assert load(tmp_path, text.replace("7,1", "7,0.5"), task="classification").classes == (
        "0", "0.5", "1",
    )  # fmt: skip
    with pytest.raises(DataError, match="column 'kind' holds words; regression needs numbers"):
        load(tmp_path, FLOWERS, task="regression")


@pytest.mark.parametrize("gap", ["", "?", "NA", "n/a", "NaN", "null", "None", "  "])
def test_missing_values_are_named_or_left_out(tmp_path: Path, gap: str) -> None:
    text = FLOWERS.replace("3.5,17", f"3.5,{gap}")
    with pytest.raises(DataError, match=r"t.csv, row 4 \(line 5\), column 'height': the value is"):
        load(tmp_path, text)
    data = load(tmp_path, text, missing="leave out")
    assert len(data.train) + len(data.test) == 11
    assert data.note == (
        "11 rows, 2 inputs: width, height, target kind (2 classes: rose, tulip), "
        "1 row left out: line 5 (a missing value)."
    )


REFUSED = [
    ("", "t.csv is empty"),
    ("\n \n", "t.csv is empty"),
    ("a,b\n", "has a header but no rows"),
    ("a\n1\n2\n", "has one column, 'a'"),
    ("a,b\n1,2\n", "csv needs 2 samples at least to train and test, got 1"),
    ("a,a\n1,2\n3,4\n", "has two columns called 'a'"),
    ("a,b\n1,2\n3\n", r"row 2 \(line 3\) does not fit the header: 1 instead of 2"),
    ("a,b\n1,2\n\n3,4,5\n", r"row 2 \(line 4\) does not fit the header: 3 instead of 2"),
    ("a,b\n1,x\n2,x\n", "column 'b' has one class only, 'x'"),
    ("a,b\n" + "1,2\n" * 20 + "oops,2\n", r"row 21 \(line 22\), column 'a': 'oops' is not a"),
    ("a,b\n" + "1,2\n" * 20 + "1e999,2\n", "column 'a': '1e999' is not a number"),
    ("a,b\n" + "1,2\n" * 20 + "1e39,2\n", "column 'a': '1e39' is not a number"),
    ("a,b\n" + "1,2\n" * 20 + "1_0,2\n", "column 'a': '1_0' is not a number"),
    ("a,b\n" + "".join(f"w{i},{i}\n" for i in range(50)), "50 different words, too many"),
    (b"a,b\n\x81\xfe,1\n", r"is not text in UTF-8 \(byte 4 is 129\)"),
    (b"a,b\n1\x00,1\n", "holds zero bytes"),
    ('a,b\n"' + "x" * 200_000 + '",1\n', "cannot be read: field larger than"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(tmp_path, text)


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(FLOWERS)
    assert len(datasets.load("csv", options={"path": "t.csv"}, data_dir=tmp_path).classes) == 2
    for path, message in (
        ("", "'path' needs the path of a file"),
        ("a\0b", "'path' needs the path of a file"),
        ("nowhere.csv", "There is no file"),
        (str(tmp_path), "is a folder"),
    ):
        with pytest.raises(DataError, match=message):
            datasets.load("csv", options={"path": path}, data_dir=tmp_path)
    with pytest.raises(DataError, match="no column 'depth'; it has: width, height, kind"):
        load(tmp_path, FLOWERS, target="depth")


@given(st.text(st.sampled_from("ab1290.,;\t|\"'\n\r -e?é\0"), max_size=60))
def test_any_text_is_a_table_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-text"
    folder.mkdir(exist_ok=True)
    try:
        data = load(folder, text)
    except DataError as error:
        assert str(error)
    else:
        assert np.isfinite(data.train.inputs).all()
