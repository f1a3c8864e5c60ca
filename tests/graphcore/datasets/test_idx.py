"""IDX files, whole and damaged in every way a header or a transfer can be."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphcore import datasets
from graphcore.datasets import idx
from graphcore.errors import DataError


def packed(array: np.ndarray, code: int = 0x08) -> bytes:
    header = struct.pack(">BBBB", 0, 0, code, array.ndim) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return header + array.astype(np.dtype(idx.TYPES[code])).tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)
WHOLE = packed(IMAGES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx")


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("code", sorted(idx.TYPES))
@pytest.mark.parametrize("zipped", [False, True])
def test_every_type_packed_or_not(tmp_path: Path, code: int, zipped: bool) -> None:
    numbers = np.array([[0, 1, 100], [7, 5, 3]])
    data = packed(numbers, code)
    found = idx.read(write(tmp_path / "f", gzip.compress(data) if zipped else data))
    assert found.tolist() == numbers.tolist()
    assert found.dtype.isnative


def damaged_or_right(path: Path, data: bytes) -> None:
    """DataError that names the file, or exactly what the header and the bytes behind it say."""
    try:
        found = idx.read(write(path, data))
    except DataError as error:
        assert path.name in str(error)
        return
    axes = data[3]
    assert found.shape == struct.unpack(f">{axes}I", data[4 : 4 + 4 * axes])
    assert found.astype(found.dtype.newbyteorder(">")).tobytes() == data[4 + 4 * axes :]


@given(cut=st.integers(0, len(WHOLE)))
def test_cut_off_anywhere(folder: Path, cut: int) -> None:
    path = folder / "cut"
    damaged_or_right(path, WHOLE[:cut])
    if cut < len(WHOLE):
        with pytest.raises(DataError):
            idx.read(path)


@given(place=st.integers(0, 15), byte=st.integers(0, 255))
def test_any_byte_of_the_header_changed(folder: Path, place: int, byte: int) -> None:
    damaged_or_right(folder / "changed", WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :])


@given(data=st.binary(max_size=80))
def test_any_bytes(folder: Path, data: bytes) -> None:
    damaged_or_right(folder / "any", b"\0\0" + data)


@given(lengths=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8))
def test_any_lengths(folder: Path, lengths: list[int]) -> None:
    header = bytes((0, 0, 8, len(lengths))) + struct.pack(f">{len(lengths)}I", *lengths)
    damaged_or_right(folder / "lengths", header)


@given(place=st.integers(0, len(gzip.compress(WHOLE, mtime=0)) - 1), byte=st.integers(0, 255))
def test_any_byte_of_a_packed_file_changed(folder: Path, place: int, byte: int) -> None:
    data = gzip.compress(WHOLE, mtime=0)
    path = write(folder / "packed.gz", data[:place] + bytes([byte]) + data[place + 1 :])
    try:
        assert np.array_equal(idx.read(path), IMAGES)
    except DataError as error:
        assert "packed.gz" in str(error)


@given(cut=st.integers(0, len(gzip.compress(WHOLE, mtime=0)) - 1))
def test_a_packed_file_cut_off(folder: Path, cut: int) -> None:
    with pytest.raises(DataError, match=r"cut\.gz"):
        idx.read(write(folder / "cut.gz", gzip.compress(WHOLE, mtime=0)[:cut]))


def test_a_lying_header_is_refused_before_anything_is_reserved(tmp_path: Path) -> None:
    import tracemalloc

    header = bytes((0, 0, 8, 3)) + struct.pack(">3I", 60_000, 28, 28)
    for data in (header + bytes(100), gzip.compress(header + bytes(100))):
        path = write(tmp_path / "lie", data)
        tracemalloc.start()
        with pytest.raises(DataError, match=r"announces 60,000 x 28 x 28 numbers, but .* bytes"):
            idx.read(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
        tracemalloc.stop()


def test_a_file_that_unpacks_without_end_is_read_no_further_than_its_header(
    tmp_path: Path,
) -> None:
    import tracemalloc

    bomb = gzip.compress(packed(np.zeros(10, np.uint8)) + bytes(50_000_000))
    path = write(tmp_path / "bomb.gz", bomb)
    tracemalloc.start()
    with pytest.raises(DataError, match="goes on after 10 numbers"):
        idx.read(path)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_no_file_and_no_ordinary_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file .*nothing"):
        idx.read(tmp_path / "nothing")
    with pytest.raises(DataError, match="is a folder"):
        idx.read(tmp_path)


def options(tmp_path: Path, labels: np.ndarray, images: np.ndarray = IMAGES) -> dict[str, str]:
    write(tmp_path / "x", packed(images))
    write(tmp_path / "t", packed(labels))
    return {"images": str(tmp_path / "x"), "labels": "t"}


def test_a_pair_of_files(tmp_path: Path) -> None:
    chosen = options(tmp_path, np.array([0, 1, 2, 0, 1, 2]))
    data = datasets.load("idx", options={**chosen, "train_share": 0.5}, data_dir=tmp_path)
    assert data.input_shape == (1, 4, 3)
    assert data.classes == ("0", "1", "2")
    both = np.concatenate((data.train.inputs, data.test.inputs))
    assert np.sort(both, axis=None) == pytest.approx(np.sort(IMAGES, axis=None) / 255)


def test_test_files_are_the_test_split(tmp_path: Path) -> None:
    chosen = options(tmp_path, np.array([0, 1, 2, 0, 1, 2]))
    write(tmp_path / "x2", packed(IMAGES[:2]))
    write(tmp_path / "t2", packed(np.array([3, 0])))
    more = {"test_images": "x2", "test_labels": "t2"}
    data = datasets.load("idx", options={**chosen, **more}, data_dir=tmp_path)
    assert (len(data.train), len(data.test), len(data.classes)) == (6, 2, 4)
    write(tmp_path / "x2", packed(IMAGES[:2, :2]))
    with pytest.raises(DataError, match="train inputs have the shape"):
        datasets.load("idx", options={**chosen, **more}, data_dir=tmp_path)


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    for labels, images, message in (
        (np.zeros(5), IMAGES, "x has 6 samples, but t 5 labels"),
        (np.zeros((6, 2)), IMAGES, "t has the shape"),
        (np.zeros(0), IMAGES[:0], "holds no samples"),
        (np.zeros(6), IMAGES[:, 0, 0], "holds no samples"),
    ):
        with pytest.raises(DataError, match=message):
            datasets.load("idx", options=options(tmp_path, labels, images), data_dir=tmp_path)
    with pytest.raises(DataError, match="'images' needs the path"):
        datasets.load("idx")


def test_numbers_that_are_not_finite(tmp_path: Path) -> None:
    chosen = options(tmp_path, np.array([0, 1]))
    write(tmp_path / "x", packed(np.array([[1.0, 2.0], [1e300, 0.0]]), 0x0E))
    with pytest.raises(DataError, match="infinite or not a number"):
        datasets.load("idx", options=chosen, data_dir=tmp_path)
