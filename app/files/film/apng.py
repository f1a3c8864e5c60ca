"""Animated PNG, written frame by frame: Pillow alone would hold all of them until the end."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import IO

from PIL import Image

_COMPRESSION = 4
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COUNT_AT = len(_SIGNATURE) + 25
"""Where the number of frames is written in the end: behind the signature and IHDR."""


class ApngWriter:
    """Each frame covers what has changed; the file has to be one that can be sought in.

    Source:
        PNG specification, third edition (W3C, 2025), §4.9 and §11.3.6.
    """

    def __init__(self, file: IO[bytes], width: int, height: int) -> None:
        self._file, self._frames, self._sequence = file, 0, 0
        file.write(_SIGNATURE)
        file.write(_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        file.write(_chunk(b"acTL", struct.pack(">II", 0, 0)))

    def add(self, image: Image.Image, place: tuple[int, int], seconds: float) -> None:
        """Show a part of the picture at ``place`` (left, top) for so long."""
        thousandths = max(1, min(65535, round(seconds * 1000)))
        control = struct.pack(">IIIIHHBB", *image.size, *place, thousandths, 1000, 0, 0)
        self._file.write(_chunk(b"fcTL", self._number() + control))
        for data in _pixels(image):
            if self._frames:
                self._file.write(_chunk(b"fdAT", self._number() + data))
            else:
                self._file.write(_chunk(b"IDAT", data))
        self._frames += 1

    def finish(self) -> None:
        """Write the end, and how many frames there are."""
        self._file.write(_chunk(b"IEND", b""))
        self._file.seek(_COUNT_AT)
        self._file.write(_chunk(b"acTL", struct.pack(">II", self._frames, 0)))

    def _number(self) -> bytes:
        self._sequence += 1
        return struct.pack(">I", self._sequence - 1)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pixels(image: Image.Image) -> Iterator[bytes]:
    """Contents of the IDAT chunks of a picture."""
    single = io.BytesIO()
    image.save(single, "PNG", compress_level=_COMPRESSION)
    data, at = single.getvalue(), len(_SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += 12 + length
