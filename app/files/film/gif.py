"""Animated GIF, written frame by frame: Pillow alone would hold all of them until the end."""

from __future__ import annotations

import io
import struct
from typing import IO

from PIL import Image

_TRAILER, _IMAGE, _EXTENSION = 0x3B, 0x2C, 0x21
_HEADER, _DESCRIPTOR = 13, 10
_COLOR_TABLE = 0x80
"""Flag: a table of 2^(n + 1) colours follows, n in the three lowest bits."""


class GifWriter:
    """Each frame has its own colours and covers what has changed.

    Source:
        GIF89a specification (CompuServe, 1990); the loop: Netscape application extension.
    """

    def __init__(self, file: IO[bytes], width: int, height: int) -> None:
        self._file, self._shown = file, 0.0
        file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0))
        file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")

    def add(self, image: Image.Image, place: tuple[int, int], seconds: float) -> None:
        """Show a part of the picture at ``place`` (left, top) for so long."""
        before = round(self._shown * 100)
        self._shown += seconds
        hundredths = max(2, min(65535, round(self._shown * 100) - before))
        self._file.write(b"\x21\xf9\x04" + struct.pack("<BHBB", 1 << 2, hundredths, 0, 0))
        self._file.write(_block(image, place))

    def finish(self) -> None:
        """Write the end."""
        self._file.write(bytes([_TRAILER]))


def _block(image: Image.Image, place: tuple[int, int]) -> bytes:
    """The image block of a frame, its colours with it."""
    single = io.BytesIO()
    few = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(single, "GIF", interlace=0)
    data = single.getvalue()
    flags = data[10]
    colors = data[_HEADER : _HEADER + 3 * (2 << (flags & 7))]
    at = _HEADER + len(colors)
    while data[at] == _EXTENSION:
        at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    assert data[at] == _IMAGE
    head = struct.pack("<BHHHHB", _IMAGE, *place, *image.size, _COLOR_TABLE | flags & 7)
    return head + colors + data[at + _DESCRIPTOR : -1]
