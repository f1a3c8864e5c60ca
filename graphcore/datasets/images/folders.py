"""Folders of images as people have them: which folders are classes, which files are images."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from graphcore.datasets.dataset import Array, in_order
from graphcore.datasets.images.pixels import MODES, SUFFIXES, read_image
from graphcore.datasets.registry import Request, Samples
from graphcore.errors import DataError, short

LARGEST = 2 << 30  # bytes of all pixels together, as float32
_MOST_NAMED = 5
"""Files and classes that a sentence names."""
_MOST_CLASSES = 12
_SPLITS = {
    split: re.compile(rf"(?:{words})(?:[ _-]?(?:set|data|images))?", re.IGNORECASE)
    for split, words in (
        ("train", "train|training"), ("test", "test|testing"), ("val", "val|valid|validation"),
    )
}  # fmt: skip

Listed = list[tuple[Path, int]]
"""Files, each with the index of its class."""


def read(request: Request) -> Samples:
    """Return the samples of the folder that the option path names; raises DataError."""
    notes: list[str] = []
    halves = _halves(request.path("path"), notes)
    classes = _class_names(halves, notes)
    read = [_read_all(half, classes, request, notes) for half in halves.values()]
    _note_few([labels for _, labels in read], list(halves), classes, notes)
    count = sum(len(labels) for _, labels in read)
    shown = _some(classes, _MOST_CLASSES)
    notes.insert(0, f"{count:,} images, {len(classes):,} classes: {shown}.")
    size, kind = request.options["size"], request.options["color"]
    made = "grey (color: rgb keeps colours)" if kind == "grey" else "RGB"
    notes.append(f"Every picture is made {size} x {size}, {made}.")
    found = dict(zip(halves, read, strict=True))
    test = found.get("test") or found.get("val")
    validation = found.get("val") if "test" in found else None
    return Samples(
        *read[0], test, stratify=True, classes=classes, note=" ".join(notes), validation=validation
    )


def _halves(chosen: Path, notes: list[str]) -> dict[str, Path]:
    """The folders of the train, test and validation split as far as they are there, else one."""
    if os.path.isfile(chosen):
        raise DataError(
            f"{short(chosen.name)} is a file: choose the folder that holds a folder of images for "
            "each class. An archive is unpacked first."
        )
    root = _descended(chosen)
    found: dict[str, Path] = {}
    for folder in _folders(root):
        for split, name in _SPLITS.items():
            if name.fullmatch(folder.name):
                found.setdefault(split, _descended(folder))
    for split in [s for s in found if s != "train" and not _holds_classes(found[s])]:
        notes.append(
            f"The images in {short(found.pop(split).name)} lie in no folders of classes and are "
            "left out."
        )
    if "train" not in found:
        return {"": root}
    return {split: found[split] for split in _SPLITS if split in found}


def _descended(folder: Path) -> Path:
    """The folder itself, or the one inside that an archive was unpacked to."""
    inner = _folders(folder)
    while len(inner) == 1 and _folders(inner[0]) and not _images(folder, deep=False):
        folder, inner = inner[0], _folders(inner[0])
    return folder


def _holds_classes(folder: Path) -> bool:
    return any(_images(inner) for inner in _folders(folder))


def _folders(root: Path) -> list[Path]:
    """The folders inside, without hidden ones and what macOS puts into archives."""
    try:
        found = [f for f in root.iterdir() if os.path.isdir(f)]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"The folder {short(root)} cannot be read: {reason}.") from error
    return [f for f in found if not f.name.startswith(".") and f.name != "__MACOSX"]


def _files(folder: Path, *, deep: bool = True) -> list[Path]:
    """The files inside and, where that is wanted, in all folders below; none that is hidden."""
    found: list[Path] = []

    def refuse(error: OSError) -> None:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"The folder {short(folder)} cannot be read: {reason}.") from error

    for place, inner, names in os.walk(folder, onerror=refuse):
        inner[:] = [name for name in inner if deep and not name.startswith(".")]
        paths = [Path(place, name) for name in names if not name.startswith(".")]
        found += [path for path in paths if os.path.isfile(path)]
    return sorted(found)


def _images(folder: Path, *, deep: bool = True) -> list[Path]:
    return [path for path in _files(folder, deep=deep) if path.suffix.lower() in SUFFIXES]


def _class_names(halves: dict[str, Path], notes: list[str]) -> tuple[str, ...]:
    """The names of the folders that hold images, in the order of their numbers."""
    found = [folder for half in halves.values() for folder in _folders(half)]
    classes = {f.name for f in found if _images(f)}
    empty = {f.name for f in found} - classes
    first = next(iter(halves.values()))
    if len(empty) > 1 and not classes:
        raise DataError(f"There are no images in the folders of {short(first)}.")
    if len(classes) < 2:
        loose = len(_images(first, deep=False))
        beside = f", and images that lie in none: {loose:,}" if loose else ""
        raise DataError(
            f"{short(first)} needs a folder of images for each class, and two classes at "
            f"least; folders found: {len(classes)}{beside}."
        )
    if empty:
        notes.append(f"Folders without images are no classes: {_some(in_order(empty))}.")
    return tuple(in_order(classes))


def _read_all(
    half: Path, classes: tuple[str, ...], request: Request, notes: list[str]
) -> tuple[Array, Array]:
    """Images (n, C, size, size) float32 and class indices (n,) of one half."""
    paths = _listed(half, classes, notes)
    size, mode = request.options["size"], MODES[request.options["color"]]
    shape = (len(paths), len(mode) if mode == "RGB" else 1, size, size)
    if not paths:
        raise DataError(f"There are no images in the folders of {short(half)}.")
    if math.prod(shape) * 4 > LARGEST:
        raise DataError(
            f"{len(paths):,} images of {size} x {size} in {short(half)} take more than "
            f"{LARGEST >> 30} GiB: choose a smaller size."
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
            problems.append(f"{path.parent.name}/{path.name}")
        if request.progress is not None and k % 32 == 0:
            request.progress(half.name, k, len(paths))
    if not good.any():
        raise DataError(f"No file in the folders of {short(half)} can be read as an image.")
    if problems:
        notes.append(f"Broken files left out: {len(problems):,} ({_some(problems)}).")
        images = images[good]
    return images, np.array([i for _, i in paths])[good]


def _listed(half: Path, classes: tuple[str, ...], notes: list[str]) -> Listed:
    """The images of all classes; what else lies among them is named."""
    found = [(path, i) for i, name in enumerate(classes)
             if os.path.isdir(half / name) for path in _files(half / name)]  # fmt: skip
    others = [p for p, _ in found if p.suffix.lower() not in SUFFIXES]
    if others:
        named = _some(f"{path.parent.name}/{path.name}" for path in others)
        notes.append(
            f"Files of other kinds than images that are read, left out: {len(others):,} ({named})."
        )
    if loose := len(_images(half, deep=False)):
        notes.append(f"Images beside the folders of classes, left out: {loose:,}.")
    return [(path, i) for path, i in found if path.suffix.lower() in SUFFIXES]


def _note_few(
    labels: list[Array], halves: list[str], classes: tuple[str, ...], notes: list[str]
) -> None:
    """Name the classes that cannot be learned or tested for want of images."""
    counts = [np.bincount(part, minlength=len(classes)) for part in labels]
    for half, count in zip(halves, counts, strict=True):
        lacking = [classes[k] for k in np.flatnonzero(count == 0)]
        if lacking:
            where = f" in {half}" if half else ""
            notes.append(f"Classes without an image{where}: {_some(lacking)}.")
    lone = [classes[k] for k in np.flatnonzero(counts[0] == 1)] if len(counts) == 1 else []
    if len(lone) == len(classes):
        notes.append("Each class has a single image: the one that is tested is not trained on.")
    elif lone:
        which = "class has" if len(lone) == 1 else "classes have"
        notes.append(
            f"{len(lone)} {which} a single image, which is trained on and never tested: "
            f"{_some(lone)}."
        )


def _some(names: Iterable[str], most: int = _MOST_NAMED) -> str:
    """The first few of many names."""
    listed = list(names)
    return ", ".join(map(short, listed[:most])) + (", …" if len(listed) > most else "")
