"""Changing training images a little, at random, so that a net sees more than there is.

Each function takes images (n, C, H, W) and a seeded generator and returns new images, float32;
its input stays as it was. To add one, write a function with ``@augmentation``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

import numpy as np

from graphcore.datasets.dataset import Array
from graphcore.datasets.normalization import Normalization
from graphcore.errors import DataError

Augmentation = Callable[..., Array]
_table: dict[str, Augmentation] = {}


def augmentation(function: Augmentation) -> Augmentation:
    """Register under the function's name; its keyword with a default is its strength."""
    _table[function.__name__] = function
    return function


def names() -> tuple[str, ...]:
    """Names of all augmentations."""
    return tuple(_table)


def describe(name: str) -> tuple[str, dict[str, float]]:
    """Help, and the options with their defaults; raises DataError for an unknown name."""
    function = _get(name)
    parameters = inspect.signature(function).parameters.values()
    help_ = inspect.cleandoc(function.__doc__ or "").split("\n", 1)[0]
    return help_, {p.name: p.default for p in parameters if p.default is not p.empty}


def check(name: str, strength: float) -> None:
    """Raise DataError for an unknown name, or a strength that is none."""
    _get(name)
    number = isinstance(strength, int | float) and not isinstance(strength, bool)
    if not number or not 0 <= strength < np.inf:
        shown = repr(strength)[:60]
        raise DataError(f"The augmentation {name} takes a strength from 0 on, not {shown}.")


def apply(chosen: Mapping[str, float], images: Array, rng: np.random.Generator) -> Array:
    """Apply augmentations in the order given: name -> strength.

    Raises:
        DataError: an unknown name, a negative strength, or inputs that are no images.
    """
    if images.ndim != 4:
        raise DataError(
            f"Augmentation needs images of shape (n, C, H, W), got inputs of shape {images.shape}."
        )
    for name, strength in chosen.items():
        check(name, strength)
        images = _get(name)(images, rng, strength)
    return np.ascontiguousarray(images, np.float32)


def apply_normalised(
    chosen: Mapping[str, float], images: Array, rng: np.random.Generator, scale: Normalization
) -> Array:
    """``apply`` to normalised images: what comes in at the rim is the data set's black."""
    return scale.apply(apply(chosen, scale.invert(images), rng))


def _get(name: str) -> Augmentation:
    if name not in _table:
        listed = ", ".join(_table)
        raise DataError(f"There is no augmentation called {name!r}; there are: {listed}.")
    return _table[name]


@augmentation
def shift(images: Array, rng: np.random.Generator, pixels: float = 2.0) -> Array:
    """Shift each image by up to ``pixels`` whole pixels in both directions, filled with 0."""
    reach = int(pixels)
    n, _, h, w = images.shape
    moves = rng.integers(-reach, reach + 1, (n, 2))
    rows = np.arange(h) - moves[:, :1]
    columns = np.arange(w) - moves[:, 1:]
    inside = _inside(rows, h)[:, None, :, None] & _inside(columns, w)[:, None, None, :]
    moved = _pick(images, rows[:, :, None], columns[:, None, :])
    return np.where(inside, moved, np.float32(0)).astype(np.float32)


@augmentation
def rotate(images: Array, rng: np.random.Generator, degrees: float = 10.0) -> Array:
    """Rotate each image around its centre by up to ``degrees``, bilinearly, filled with 0."""
    n, _, h, w = images.shape
    angle = np.deg2rad(rng.uniform(-degrees, degrees, n))[:, None, None]
    y, x = np.meshgrid(np.arange(h) - (h - 1) / 2, np.arange(w) - (w - 1) / 2, indexing="ij")
    rows = np.cos(angle) * y - np.sin(angle) * x + (h - 1) / 2
    columns = np.sin(angle) * y + np.cos(angle) * x + (w - 1) / 2
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    turned = np.zeros(images.shape)
    for down in (0, 1):
        for right in (0, 1):
            r, c = top + down, left + right
            weight = (1 - np.abs(rows - r)) * (1 - np.abs(columns - c))
            weight = np.where(_inside(r, h) & _inside(c, w), weight, 0)
            turned += weight[:, None] * _pick(images, r, c)
    return turned.astype(np.float32)


@augmentation
def noise(images: Array, rng: np.random.Generator, std: float = 0.1) -> Array:
    """Add normal noise with this standard deviation to every pixel."""
    noisy: Array = images + np.float32(std) * rng.standard_normal(images.shape, np.float32)
    return noisy.astype(np.float32)


def _inside(places: Array, size: int) -> Array:
    inside: Array = (places >= 0) & (places < size)
    return inside


def _pick(images: Array, rows: Array, columns: Array) -> Array:
    """Pixels at places (n, H, W) of every channel; places outside are moved to the edge."""
    n, channels, h, w = images.shape
    rows, columns = np.clip(rows, 0, h - 1)[:, None], np.clip(columns, 0, w - 1)[:, None]
    image, channel = np.arange(n)[:, None, None, None], np.arange(channels)[:, None, None]
    picked: Array = images[image, channel, rows, columns]
    return picked
