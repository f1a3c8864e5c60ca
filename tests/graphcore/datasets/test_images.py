"""Folders of images: real files of many kinds, and what is none."""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import graphcore
from graphcore import datasets
from graphcore.datasets import Dataset
from graphcore.datasets.images.pixels import read_image
from graphcore.errors import DataError


def paint(path: Path, value: Any, mode: str = "L", size: tuple[int, int] = (10, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)
    return path


def load(root: Path, **options: Any) -> Dataset:
    return datasets.load("image-folder", options={"path": str(root), **options})


def test_one_folder_per_class(tmp_path: Path) -> None:
    for i in range(10):
        paint(tmp_path / "dark" / f"{i}.png", i)
        paint(tmp_path / "light" / f"{i}.bmp", 200 + i)
    (tmp_path / "dark" / "notes.txt").write_text("not an image")
    (tmp_path / "dark" / ".hidden.png").write_text("not an image")
    data = load(tmp_path, size=16)
    assert data.classes == ("dark", "light")
    assert data.input_shape == (1, 16, 16)
    assert (len(data.train), len(data.test)) == (16, 4)
    assert np.bincount(data.test.targets).tolist() == [2, 2]
    assert np.array_equal(data.train.targets == 1, data.train.inputs.mean((1, 2, 3)) > 0.5)
    left_out = "Files of other kinds than images that are read, left out: 1 (dark/notes.txt)."
    made = "Every picture is made 16 x 16, grey (color: rgb keeps colours)."
    assert data.note == f"20 images, 2 classes: dark, light. {left_out} {made}"


def test_folders_train_and_test(tmp_path: Path) -> None:
    for half, n in (("train", 3), ("test", 1)):
        for name in ("a", "b"):
            for i in range(n):
                paint(tmp_path / half / name / f"{i}.png", 255)
    data = load(tmp_path)
    assert (len(data.train), len(data.test)) == (6, 2)
    assert data.classes == ("a", "b")


@pytest.mark.parametrize(
    ("mode", "value", "grey", "rgb"),
    [
        ("1", 1, 1.0, (1, 1, 1)),
        ("L", 51, 0.2, (0.2, 0.2, 0.2)),
        ("I;16", 51 * 257 + 100, 0.2, (0.2, 0.2, 0.2)),
        ("RGB", (255, 0, 0), 0.299, (1, 0, 0)),
        ("RGBA", (255, 255, 255, 51), 0.2, (0.2, 0.2, 0.2)),
        ("LA", (255, 0), 0.0, (0, 0, 0)),
        ("P", 0, 0.0, (0, 0, 0)),
    ],
)
def test_every_kind_of_pixel(
    tmp_path: Path, mode: str, value: Any, grey: float, rgb: tuple[float, ...]
) -> None:
    path = paint(tmp_path / "i.png", value, mode)
    assert read_image(path, "L", 4) == pytest.approx(np.full((1, 4, 4), grey), abs=0.005)
    colours = np.broadcast_to(np.array(rgb)[:, None, None], (3, 4, 4))
    assert read_image(path, "RGB", 4) == pytest.approx(colours, abs=0.005)


def test_turned_upright_as_the_camera_says(tmp_path: Path) -> None:
    image = Image.new("L", (8, 8))
    image.paste(255, (0, 0, 8, 4))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    image.save(tmp_path / "i.jpg", exif=exif)
    pixels = read_image(tmp_path / "i.jpg", "L", 8)[0]
    assert pixels[:4].mean() < 0.1
    assert pixels[4:].mean() > 0.9


def fill(root: Path, *files: str) -> Path:
    for k, name in enumerate(files):
        paint(root / name, k)
    return root


PLACES = [
    ("unpacked into itself", ["z/z/a/1.png", "z/z/a/2.png", "z/z/b/1.png", "z/z/b/2.png"], 4, ""),
    ("deeper", ["a/x/1.png", "a/y/1.png", "a/2.png", "b/x/z/1.png"], 4, "1 class has a single"),
    ("macOS", ["a/1.png", "a/2.png", "b/1.png", "b/2.png", "__MACOSX/a/._1.png"], 4, ""),
    ("loose", ["a/1.png", "a/2.png", "b/1.png", "b/2.png", "c.png"], 4, "left out: 1."),
    ("one each", ["a/1.png", "b/1.png"], 2, "the one that is tested is not trained on"),
    ("unsorted", ["train/a/1.png", "train/a/2.png", "train/b/1.png", "train/b/2.png",
                  "test/1.png"], 4, "The images in test lie in no folders of classes"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "count", "said"), [p[1:] for p in PLACES],
                         ids=[p[0] for p in PLACES])  # fmt: skip
def test_folders_as_they_are_brought(
    tmp_path: Path, files: list[str], count: int, said: str
) -> None:
    data = load(fill(tmp_path, *files))
    assert data.classes == ("a", "b")
    assert len(data.train) + len(data.test) == count
    assert said in data.note
    assert bool(said) or data.note.split(": a, b. ")[1].startswith("Every")


@pytest.mark.parametrize(
    ("train", "test"), [("Training", "Testing"), ("TRAIN", "Test"), ("training_set", "test_set")]
)
def test_splits_by_other_names_and_classes_that_one_lacks(
    tmp_path: Path, train: str, test: str
) -> None:
    fill(tmp_path / train, "a/1.png", "a/2.png", "b/1.png")
    fill(tmp_path / test / "inside", "a/1.png", "c/1.png")
    (tmp_path / test / "inside" / "d").mkdir()
    data = load(tmp_path)
    assert (len(data.train), len(data.test), data.classes) == (3, 2, ("a", "b", "c"))
    assert "Folders without images are no classes: d." in data.note
    assert "Classes without an image in train: c." in data.note
    assert "Classes without an image in test: b." in data.note


def test_whole_numbers_of_32_bits_up_to_255_are_bytes(tmp_path: Path) -> None:
    pixels = np.full((8, 8), 51, np.int32)
    Image.fromarray(pixels).save(tmp_path / "i.tif")
    assert read_image(tmp_path / "i.tif", "L", 8) == pytest.approx(0.2, abs=0.003)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs the path of a file or folder"):
        datasets.load("image-folder")
    with pytest.raises(DataError, match="cannot be read: no such file"):
        load(tmp_path / "nowhere")
    with pytest.raises(DataError, match="folders found: 0"):
        load(tmp_path)
    paint(tmp_path / "a" / "1.png", 0)
    with pytest.raises(DataError, match="folders found: 1"):
        load(tmp_path)
    with pytest.raises(DataError, match=r"1\.png is a file: choose the folder"):
        load(tmp_path / "a" / "1.png")
    (tmp_path / "b").mkdir()
    whole = paint(tmp_path / "b" / "2.png", 7, size=(64, 64)).read_bytes()
    for broken in (whole[:40], whole[: len(whole) // 2], b"", b"hello"):
        (tmp_path / "b" / "2.png").write_bytes(broken)
        with pytest.raises(DataError, match=r"^b/2\.png (cannot be read as|is not) an image"):
            load(tmp_path)


def test_folders_without_images(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match="There are no images in the folders"):
        load(tmp_path)


def test_more_than_memory_should_hold_is_refused_before_reading(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(400):
            (tmp_path / name / f"{i}.png").touch()
    with pytest.raises(DataError, match=r"800 images of 512 x 512 .* choose a smaller size"):
        load(tmp_path, size=512, color="rgb")


def test_an_image_of_far_too_many_pixels(tmp_path: Path) -> None:
    path = paint(tmp_path / "i.png", 0, "1", (20_000, 10_000))
    with pytest.raises(DataError, match="far too many pixels"):
        read_image(path, "L", 4)


def test_an_image_that_is_a_program_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow knows EPS by its content, whatever the name, and has Ghostscript run it."""
    marker, tools = tmp_path / "was run", tmp_path / "tools"
    tools.mkdir()
    for name in ("gs", "gswin64c"):
        (tools / name).write_text(f"#!/bin/sh\ntouch '{marker}'\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    program = (
        "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n"
        f"({marker}) (w) file (run) writestring\nshowpage\n%%EOF\n"
    )
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "x.png").write_text(program)
    with pytest.raises(DataError, match=r"^a/x\.png is not an image of the kinds PNG, JPEG, "):
        load(tmp_path / "data")
    assert not marker.exists()


def test_pixels_are_counted_before_they_are_decoded(tmp_path: Path) -> None:
    path = paint(tmp_path / "x.png", 0, size=(4, 4))
    data = bytearray(path.read_bytes())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"/x\.png has far too many pixels for an image\.$"):
        read_image(path, "L", 4)
    data[16:24] = (5_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(DataError, match="5,000 x 5,000 pixels"):
        read_image(path, "L", 4)


def test_a_large_photograph_is_decoded_at_half_its_size(tmp_path: Path) -> None:
    path = paint(tmp_path / "x.jpg", 51, size=(6_000, 4_000))
    assert read_image(path, "L", 4) == pytest.approx(0.2, abs=0.01)


def test_pillow_is_told_the_formats_wherever_it_opens_an_image() -> None:
    """It would be free to take any of its formats, and one of them starts another program."""
    root = Path(graphcore.__file__).parent.parent
    calls = [
        call
        for package in ("graphcore", "app")
        for path in (root / package).rglob("*.py")
        for call in re.findall(r"\bImage\.open\(.*", path.read_text(encoding="utf-8"))
    ]
    assert calls
    assert all("formats=" in call for call in calls), calls


def test_numbered_classes_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10", "2", "1", "class 10", "class 9"):
        for i in range(3):
            paint(tmp_path / name / f"{i}.png", 100)
    assert load(tmp_path).classes == ("1", "2", "10", "class 9", "class 10")


@pytest.mark.parametrize(("top", "value"), [(1.0, 0.2), (255.0, 51.0), (65_535.0, 13_107.0)])
def test_fractions_are_scaled_by_their_largest_value(
    tmp_path: Path, top: float, value: float
) -> None:
    pixels = np.full((8, 8), value, np.float32)
    pixels[:4] = top
    Image.fromarray(pixels).save(tmp_path / "f.tif")
    assert read_image(tmp_path / "f.tif", "L", 8)[0, 6] == pytest.approx(0.2, abs=0.003)
    Image.fromarray(-pixels).save(tmp_path / "f.tif")
    with pytest.raises(DataError, match="grey values are not between 0 and 1"):
        read_image(tmp_path / "f.tif", "L", 8)


def test_a_broken_file_is_named_and_can_be_left_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for i in range(4):
            paint(tmp_path / name / f"{i}.png", 100)
    (tmp_path / "b" / "1.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"b/1\.png is not an image.*the option 'broken'"):
        load(tmp_path)
    data = load(tmp_path, broken="leave out")
    assert len(data.train) + len(data.test) == 7
    told = "Every picture is made 28 x 28, grey (color: rgb keeps colours)."
    assert data.note == f"7 images, 2 classes: a, b. Broken files left out: 1 (b/1.png). {told}"


def test_a_folder_for_validation_stays_one(tmp_path: Path) -> None:
    for half, n in (("train", 3), ("val", 2), ("test", 1)):
        for name in ("a", "b"):
            for i in range(n):
                paint(tmp_path / half / name / f"{i}.png", 255)
    data = load(tmp_path)
    assert data.validation is not None
    assert (len(data.train), len(data.validation), len(data.test)) == (6, 4, 2)


def test_classes_of_three_images_are_tested_too(tmp_path: Path) -> None:
    data = load(fill(tmp_path, *(f"{c}/{i}.png" for c in "abcd" for i in range(3))))
    assert np.bincount(data.test.targets).tolist() == [1, 1, 1, 1]


def test_some_classes_and_so_many_samples(tmp_path: Path) -> None:
    for name in range(12):
        for i in range(5):
            paint(tmp_path / str(name) / f"{i}.png", 10 * name)
    data = load(tmp_path, only_classes="0-2, 11", train_samples=8)
    assert data.classes == ("0", "1", "2", "11")
    assert (len(data.train), len(data.test)) == (8, 4)
    brightest = data.test.inputs.mean((1, 2, 3)) * 255
    assert np.allclose(brightest[data.test.targets == 3], 110, atol=1)
    for text, said in (("12", "no class '12'; it has: 0, 1"), ("3", "leaves 1 of the classes")):
        with pytest.raises(DataError, match=said):
            load(tmp_path, only_classes=text)
