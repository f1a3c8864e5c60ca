"""Images of one's own: a folder that has one folder per class, or a pair of IDX files."""

from __future__ import annotations

import contextlib
import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from graphcore.datasets import idx
from graphcore.datasets.dataset import Array, in_order
from graphcore.datasets.registry import Option, Request, Samples, dataset
from graphcore.errors import DataError, short
from graphcore.system import reading

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm",
                      ".pgm"})  # fmt: skip
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""All that Pillow is let try: each is data. EPS, for one, is a program that it would run."""
MOST_PIXELS = 1 << 24
LARGEST_FILE = 256 << 20
LARGEST = 2 << 30  # bytes of all pixels together, as float32
MODES = {"grey": "L", "rgb": "RGB"}


@dataset(
    "image-folder", "Folder of images", shape=None, classes=None,
    options=(Option("path", "", "Folder with one folder of images per class.", path="folder"),
             Option("size", 28, "Height and width that every image is scaled to.", 4, 512),
             Option("color", "grey", "One channel or three.", choices=tuple(MODES)),
             Option("broken", "refuse", "What becomes of files that cannot be read as images.",
                    choices=("refuse", "leave out")),
             Option("train_share", 0.8, "Share that is trained on, unless there are folders "
                    "train and test.", 0.1, 0.9)),
)  # fmt: skip
def image_folder(request: Request) -> Samples:
    """Images from a folder with one folder per class, or with such folders in train, test and val.

    Each image is rotated upright, laid on black where it is transparent, made grey or RGB,
    scaled to size x size (its sides are not kept in proportion), and divided by 255.
    """
    halves = _halves(request.path("path"))
    classes = _class_names(halves)
    size, kind = request.options["size"], request.options["color"]
    made = "grey (color: rgb keeps colours)" if kind == "grey" else "RGB"
    notes: list[str] = []
    read = [_read_all(half, classes, request, notes) for half in halves]
    notes.append(f"Every picture is made {size} x {size}, {made}.")
    test, validation = (read[k] if len(read) > k else None for k in (1, 2))
    return Samples(
        *read[0], test, stratify=True, classes=classes, note=" ".join(notes), validation=validation
    )


def _halves(root: Path) -> list[Path]:
    """The folders of the train, test and validation split as far as they are there, else one."""
    found = {
        split: next((root / n for n in names if os.path.isdir(root / n)), None)
        for split, names in (
            ("train", ("train", "training")), ("test", ("test", "testing")),
            ("validation", ("val", "valid", "validation")),
        )
    }  # fmt: skip
    train, test, validation = found["train"], found["test"], found["validation"]
    if train is None or (test is None and validation is None):
        return [root]
    if test is None or validation is None:
        return [train, *(half for half in (test, validation) if half is not None)]
    return [train, test, validation]


@dataset(
    "idx", "IDX files", shape=None, classes=None,
    options=(Option("images", "", "File with the inputs.", path="file"),
             Option("labels", "", "File with one class number per input.", path="file"),
             Option("test_images", "", "Inputs of the test split, if in a file.", path="file"),
             Option("test_labels", "", "Their class numbers.", path="file"),
             Option("train_share", 0.8, "Share that is trained on if there are no test files.",
                    0.1, 0.9)),
)  # fmt: skip
def load_idx(request: Request) -> Samples:
    """Inputs and class numbers from a pair of IDX files, as MNIST's relatives come.

    Whole bytes are divided by 255. Images of shape (H, W) get one channel: (1, H, W).
    """
    images, labels = idx.read_pair(request.path("images"), request.path("labels"))
    test = None
    if request.options["test_images"] or request.options["test_labels"]:
        test = idx.read_pair(request.path("test_images"), request.path("test_labels"))
        if test[0].shape[1:] != images.shape[1:]:
            raise DataError(
                f"The train inputs have the shape {images.shape[1:]}, "
                f"the test inputs {test[0].shape[1:]}."
            )
    highest = max(int(t.max(initial=0)) for t in (labels, *(test or ())[1:]))
    classes = tuple(str(i) for i in range(highest + 1))
    return Samples(images, labels, test, stratify=True, classes=classes)


def _class_names(halves: list[Path]) -> tuple[str, ...]:
    try:
        found = [
            {f.name for f in half.iterdir() if os.path.isdir(f) and not f.name.startswith(".")}
            for half in halves
        ]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"The folder {short(halves[0])} cannot be read: {reason}.") from error
    classes = tuple(in_order(set().union(*found)))
    if len(classes) < 2:
        raise DataError(
            f"{short(halves[0])} needs a folder of images for each class, and two classes at "
            f"least; folders found: {len(classes)}."
        )
    return classes


def _read_all(
    half: Path, classes: tuple[str, ...], request: Request, notes: list[str]
) -> tuple[Array, Array]:
    """Images (n, C, size, size) float32 and class indices (n,) of one half."""
    size, mode = request.options["size"], MODES[request.options["color"]]
    listed = [(path, i) for i, name in enumerate(classes) for path in _files(half / name)]
    paths = [(path, i) for path, i in listed if path.suffix.lower() in SUFFIXES]
    shape = (len(paths), len(mode) if mode == "RGB" else 1, size, size)
    if not paths:
        raise DataError(f"There are no images in the folders of {short(half)}.")
    if math.prod(shape) * 4 > LARGEST:
        raise DataError(
            f"{len(paths):,} images of {size} x {size} in {short(half)} take more than "
            f"{LARGEST >> 30} GiB: choose a smaller size."
        )
    if len(listed) > len(paths):
        notes.append(
            f"Files in {half} that are no images and left out: {len(listed) - len(paths)}."
        )
    images, good = np.empty(shape, np.float32), np.ones(len(paths), bool)
    problems: list[str] = []
    for k, (path, _) in enumerate(paths):
        try:
            images[k] = read_image(path, mode, size)
        except DataError as error:
            if request.options["broken"] == "refuse":
                raise DataError(
                    f"{str(error).rstrip('.')}; the option 'broken' can leave such files out."
                ) from error
            good[k] = False
            problems.append(short(f"{path.parent.name}/{path.name}"))
        if request.progress is not None and k % 32 == 0:
            request.progress(half.name, k, len(paths))
    if not good.any():
        raise DataError(f"No file in the folders of {short(half)} can be read as an image.")
    if problems:
        named = ", ".join(problems[:5]) + (", …" if len(problems) > 5 else "")
        notes.append(f"Broken files left out: {len(problems)} ({named}).")
        images = images[good]
    return images, np.array([i for _, i in paths])[good]


def _files(folder: Path) -> list[Path]:
    if not os.path.isdir(folder):
        return []
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"The folder {short(folder)} cannot be read: {reason}.") from error
    return [path for path in found if os.path.isfile(path) and not path.name.startswith(".")]


def read_image(path: Path, mode: str, size: int | tuple[int, int]) -> Array:
    """Return one image as float32 in [0, 1], shape (C, H, W).

    Args:
        size: of its sides, or its height and width.

    Raises:
        DataError: the file is damaged, no image, or far too large.
    """
    with opened_image(path) as image:
        return pixels_of(image, mode, size)


def pixels_of(image: Any, mode: str, size: int | tuple[int, int]) -> Array:
    """Return an image of Pillow's as ``read_image`` does."""
    from PIL import Image, ImageOps

    height, width = (size, size) if isinstance(size, int) else size
    upright = ImageOps.exif_transpose(_eight_bits(image))
    flat = _on_black(upright).convert(mode)
    small = flat.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(small, np.float32) / np.float32(255)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


@contextlib.contextmanager
def opened_image(path: Path) -> Iterator[Any]:
    """Open an image of one of ``FORMATS``; its pixels are counted before they are decoded.

    Raises:
        DataError: here and in the body, for all that a decoder raises.
    """
    from PIL import Image, UnidentifiedImageError

    name = short(f"{path.parent.name}/{path.name}")
    with reading.opened(path, LARGEST_FILE, DataError) as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Image.open(file, formats=FORMATS) as image:
                    _check_size(image, name)
                    yield image
        except DataError:
            raise
        except (Image.DecompressionBombError, MemoryError) as error:
            raise DataError(f"{name} has far too many pixels for an image.") from error
        except UnidentifiedImageError as error:
            raise DataError(f"{name} is not an image of the kinds {', '.join(FORMATS)}.") from error
        except Exception as error:  # Pillow's decoders raise whatever their format made them
            reason = short(error).rstrip(".")
            raise DataError(f"{name} cannot be read as an image: {reason}.") from error


def _check_size(image: Any, name: str) -> None:
    """Raise DataError for more pixels than there is memory for; JPEG can be decoded smaller."""
    width, height = image.size
    if width * height > MOST_PIXELS and width * height <= 2 * MOST_PIXELS:
        image.draft(None, (width // 2, height // 2))
    if math.prod(image.size) > MOST_PIXELS:
        raise DataError(
            f"{name} has {width:,} x {height:,} pixels, far too many: "
            f"up to {MOST_PIXELS:,} are read."
        )


def _eight_bits(image: Any) -> Any:
    """Grey images of 16 bits or of fractions as 8 bits; Pillow's own conversion cuts them off."""
    from PIL import Image

    if image.mode == "F":
        return Image.fromarray(_from_fractions(np.asarray(image)))
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65_535:
        raise ValueError("its grey values do not fit into 16 bits")
    return Image.fromarray((values // 257).astype(np.uint8))


def _from_fractions(values: Array) -> Array:
    """Grey values from 0 to 1, to 255 or to 65,535, as their largest shows, as bytes."""
    largest = float(values.max())
    top = next((top for top in (1.0, 255.0, 65_535.0) if largest <= top), 0.0)
    if not (np.isfinite(values).all() and values.min() >= 0 and top):
        raise ValueError("its grey values are not between 0 and 1, 255 or 65,535")
    return np.round(values * np.float32(255 / top)).astype(np.uint8)


def _on_black(image: Any) -> Any:
    from PIL import Image

    if "A" not in image.mode and "transparency" not in image.info:
        return image
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, (0, 0, 0, 255)), clear)
