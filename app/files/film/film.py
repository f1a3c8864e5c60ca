"""What the window and the encoder agree on."""

from __future__ import annotations

import struct

import msgspec

FORMATS = (".gif", ".png", ".mp4")
TIME = struct.Struct("<d")
"""Before each picture: when it was grabbed, in seconds."""


class Film(msgspec.Struct, frozen=True):
    """What is to be made: where, how large, and how many pictures a second at most."""

    path: str
    width: int
    height: int
    fps: float
