"""Handwritten digits: MNIST, wherever it lies or can be fetched from, and scikit-learn's digits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from graphcore.datasets import fetch, idx
from graphcore.datasets.dataset import Array
from graphcore.datasets.registry import Option, Progress, Request, Samples, dataset
from graphcore.errors import DataError
from graphcore.system import user_folders

DIGITS = tuple("0123456789")
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# SHA-256 of the unpacked content.
FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def cache_folder() -> Path:
    """Where fetched files are kept for this user."""
    return user_folders.cache_folder() / "mnist"


def folders(data_dir: Path | None = None) -> tuple[Path, ...]:
    """Where MNIST is looked for, in this order."""
    given = () if data_dir is None else (Path(data_dir), Path(data_dir) / "mnist")
    shared = os.environ.get("GRADSCAPE_DATA")
    return (*given, *((Path(shared) / "mnist",) if shared else ()), cache_folder())


def find_mnist(data_dir: Path | None = None) -> tuple[Path, ...] | None:
    """The four files, packed or not, of the first folder that has them all; or None."""
    for folder in folders(data_dir):
        found = [_find(folder, name) for name in FILES]
        if all(found):
            return tuple(path for path in found if path is not None)
    return None


def fetch_mnist(
    data_dir: Path | None = None, progress: Progress | None = None,
    mirrors: Sequence[str] | None = None,
) -> Path:  # fmt: skip
    """Fetch the four files unless they are there; returns their folder.

    Args:
        data_dir: folder to fetch into; None is the user's cache.
        progress: called with a file name, bytes done and bytes in all (0 if unknown).
        mirrors: addresses that hold NAME.gz for each file, tried in order; None is MIRRORS.

    Raises:
        DataError: no mirror could be reached or had the right content, or the disk is full.
    """
    folder = cache_folder() if data_dir is None else Path(data_dir)
    fetch.fetch(FILES, MIRRORS if mirrors is None else mirrors, folder, progress)
    return folder


def _find(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


@dataset(
    "mnist", "MNIST handwritten digits", shape=(1, 28, 28), classes=DIGITS,
    options=(Option("fallback", True, "Use scikit-learn's digits if MNIST cannot be fetched."),),
)  # fmt: skip
def mnist(request: Request) -> Samples:
    """70,000 handwritten digits of 28 x 28 pixels: 60,000 to train on, 10,000 to test.

    Brightness 0 to 255 is divided by 255. Looked for in the data folder, in
    $GRADSCAPE_DATA/mnist and in the user's cache, else fetched.
    Source: LeCun, Cortes & Burges, The MNIST database of handwritten digits (1998).
    """
    paths = find_mnist(request.data_dir)
    if paths is None:
        try:
            fetch_mnist(progress=request.progress)
        except DataError as error:
            if not request.options["fallback"]:
                raise
            return _digits_instead(request, error)
        paths = find_mnist(request.data_dir)
        assert paths is not None
    digests = list[str]()
    try:
        train = _read_pair(paths[0], paths[1], digests)
        test = _read_pair(paths[2], paths[3], digests)
    except DataError as error:
        if paths[0].parent != cache_folder():
            raise
        message = f"{str(error).rstrip('.')}; 'gradscape data fetch mnist' downloads it again."
        raise DataError(message) from error
    return Samples(*train, test=test, note=_unlike_published(paths, digests))


def _read_pair(images: Path, labels: Path, digests: list[str]) -> tuple[Array, Array]:
    x, t = idx.read_pair(images, labels, digests)
    if x.shape[1:] != (1, 28, 28):
        raise DataError(f"{images.name} has samples of shape {x.shape[1:]}; MNIST's are 28 x 28.")
    if t.max() > 9:
        raise DataError(f"{labels.name} has the label {t.max()}; MNIST's are 0 to 9.")
    return x, t


def _unlike_published(paths: tuple[Path, ...], digests: list[str]) -> str:
    """A sentence if the content is not MNIST's: its relatives use the same file names."""
    return (
        ""
        if digests == list(FILES.values())
        else f"The files in {paths[0].parent} are not the published MNIST."
    )


def _digits_instead(request: Request, error: DataError) -> Samples:
    reason = error.reason if isinstance(error, fetch.FetchError) else str(error).rstrip(".")
    samples = digits(request)
    note = (
        f"MNIST could not be fetched ({reason}): "
        f"training on scikit-learn's {len(samples.inputs):,} digits."
    )
    return Samples(samples.inputs, samples.targets, samples.test, True, name="digits", note=note)


@dataset(
    "digits", "Small handwritten digits", shape=(1, 28, 28), classes=DIGITS,
    options=(Option("train_share", 0.8, "Share that is trained on.", 0.1, 0.9),),
)  # fmt: skip
def digits(request: Request) -> Samples:
    """1,797 handwritten digits of 8 x 8 pixels that scikit-learn carries: no network needed.

    Brightness 0 to 16 is divided by 16. Each is scaled to 20 x 20 pixels, bilinearly, in the
    middle of 28 x 28, as MNIST frames its digits.
    Source: Alpaydin & Kaynak, Optical recognition of handwritten digits, UCI (1998).
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    small = data.images / 16.0
    enlarge = _bilinear(8, 20)
    inputs = np.pad(enlarge @ small @ enlarge.T, ((0, 0), (4, 4), (4, 4)))
    return Samples(inputs[:, None], data.target, stratify=True)


def _bilinear(size: int, wanted: int) -> Array:
    """Matrix (wanted, size) that resamples a row of pixels; pixel centres are aligned."""
    place = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
    weights: Array = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(size)))
    return weights
