"""The pixels of one image file, whatever its kind: upright, on black, scaled, from 0 to 1."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from graphcore.datasets.dataset import Array
from graphcore.errors import DataError, short
from graphcore.system import reading

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm",
                      ".pgm"})  # fmt: skip
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""All that Pillow is let try: each is data. EPS, for one, is a program that it would run."""
MOST_PIXELS = 1 << 24
LARGEST_FILE = 256 << 20
MODES = {"grey": "L", "rgb": "RGB"}


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
    if image.mode == "I" and values.max() <= 255:  # bytes that a program wrote as 32 bits
        return Image.fromarray(values.astype(np.uint8))
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
