"""Arrays from a .npz file of numpy: inputs and targets, and perhaps those of the test split."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np

from graphcore.datasets.dataset import Array
from graphcore.datasets.registry import Option, Request, Samples, dataset
from graphcore.errors import DataError, short
from graphcore.system import reading

LARGEST = 2 << 30
"""Bytes of a file, and of all that is packed in it."""
_INPUTS = ("x", "inputs", "data", "features", "images")
_TARGETS = ("y", "targets", "target", "labels", "label")


@dataset(
    "npz", "Arrays (NPZ)", task=None, shape=None, classes=None,
    options=(Option("path", "", "File that numpy.savez wrote.", path="file"),
             Option("inputs", "", "Array with a sample per row; found by its name if empty."),
             Option("targets_array", "", "Array with an answer per row."),
             Option("train_share", 0.8, "Share that is trained on, unless there are arrays for "
                    "the test split.", 0.1, 0.9)),
)  # fmt: skip
def load_npz(request: Request) -> Samples:
    """Inputs and targets from a .npz file: arrays x and y, or x_train, y_train, x_test, y_test.

    Whole targets from 0 on are classes, others numbers. Whole bytes are divided by 255, and images
    of shape (H, W) get one channel.
    """
    path = request.path("path")
    found = _read(path)
    o = request.options
    inputs = _named(found, o["inputs"], _INPUTS, short(path.name))
    targets = _named(found, o["targets_array"], _TARGETS, short(path.name))
    test_x, test_y = (_find(found, names, "test") for names in (_INPUTS, _TARGETS))
    whole, classes = _answers(targets)
    test = None
    if test_x is not None and test_y is not None:
        test = _samples(test_x), test_y.astype(whole.dtype)
        _check(test[0], test[1], short(path.name))
        if test[0].shape[1:] != _samples(inputs).shape[1:]:
            raise DataError(f"{short(path.name)}: train and test inputs differ in shape.")
        if classes and not 0 <= test_y.min() <= test_y.max() < len(classes):
            raise DataError(f"{short(path.name)}: the test split has classes that train has not.")
    samples = _samples(inputs)
    _check(samples, whole, short(path.name))
    note = f"{len(samples):,} samples of shape {samples.shape[1:]}, "
    note += f"{len(classes)} classes." if classes else "targets that are numbers."
    return Samples(samples, whole, test, stratify=bool(classes), classes=classes, note=note)


def _read(path: Any) -> dict[str, Array]:
    with reading.opened(path, LARGEST, DataError) as file:
        name = short(path.name)
        try:
            with zipfile.ZipFile(file) as packed:
                if sum(entry.file_size for entry in packed.infolist()) > LARGEST:
                    raise DataError(f"{name} unpacks to more than {LARGEST >> 30} GiB.")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {key: arrays[key] for key in arrays.files}
        except DataError:
            raise
        except Exception as error:  # numpy and zipfile raise many kinds
            raise DataError(f"{name} is no .npz file of numbers: {short(error)}.") from error


def _find(found: dict[str, Array], names: tuple[str, ...], split: str) -> Array | None:
    lower = {key.lower(): key for key in found}
    for name in names:
        for key in (f"{name}_{split}", f"{split}_{name}", *((name,) if split == "train" else ())):
            if key in lower:
                return found[lower[key]]
    return None


def _named(found: dict[str, Array], wanted: str, names: tuple[str, ...], file: str) -> Array:
    array = found.get(wanted) if wanted else _find(found, names, "train")
    if array is None:
        listed = ", ".join(short(key) for key in list(found)[:20])
        raise DataError(f"{file} has no array {wanted or names[0]!r}; it has: {listed}.")
    return array


def _samples(inputs: Array) -> Array:
    scaled = inputs / np.float32(255) if inputs.dtype == np.uint8 else inputs
    if scaled.ndim == 1:
        scaled = scaled[:, None]
    return scaled[:, None] if scaled.ndim == 3 else scaled


def _answers(targets: Array) -> tuple[Array, tuple[str, ...]]:
    """Class indices and names, or numbers and no names."""
    flat = targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
    whole = flat.ndim == 1 and flat.dtype.kind in "iub" and len(flat) and flat.min() >= 0
    if whole and flat.max() < max(2, min(1000, len(flat))):
        labels = flat.astype(np.int64)
        return labels, tuple(str(k) for k in range(int(labels.max()) + 1))
    return (targets[:, None] if targets.ndim == 1 else targets), ()


def _check(inputs: Array, targets: Array, name: str) -> None:
    for array in (inputs, targets):
        if array.dtype.kind not in "fiub" or not array.size or not np.isfinite(array).all():
            raise DataError(f"{name} holds arrays that are empty or are not all finite numbers.")
    if len(inputs) != len(targets):
        raise DataError(f"{name} has {len(inputs):,} inputs and {len(targets):,} targets.")
