"""The process that encodes a film: pictures come on standard input, progress goes to standard
output.

Input: one line of JSON (``Film``), then for each picture its time (a little-endian double, in
seconds) and its pixels (four bytes each: red, green, blue, nothing), line by line. The end of
the input is the end of the film. A line of output is the number of pictures done; an error is
one sentence on standard error, and nothing is left on the disk.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec
from PIL import Image, ImageChops

from app.files.film.apng import ApngWriter
from app.files.film.film import TIME, Film
from app.files.film.gif import GifWriter
from app.files.film.mp4 import FilmError, Mp4Writer


class Writer(Protocol):
    """What a format offers."""

    def add(self, image: Image.Image, place: tuple[int, int], seconds: float) -> None: ...
    def finish(self) -> None: ...


def main() -> int:
    """Encode one film."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the window says when it is over
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of what tidies up
    if hasattr(os, "nice"):
        os.nice(10)  # the net that is filmed comes first
    stream = sys.stdin.buffer
    film = msgspec.json.decode(stream.readline(), type=Film)
    target = Path(film.path)
    temporary = target.with_name(f".{target.name[:60]}.{secrets.token_hex(4)}.tmp")
    try:
        _encode(film, stream, temporary)
        os.replace(temporary, target)
    except OSError as error:
        print(f"{target.name} cannot be written: {(error.strerror or str(error)).lower()}.",
              file=sys.stderr)  # fmt: skip
        return 1
    except FilmError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return 0


def _encode(film: Film, stream: IO[bytes], path: Path) -> None:
    with path.open("wb") as file:
        writer = _writer(film, file, path)
        whole = film.path.endswith(".mp4")
        pending: tuple[Image.Image, tuple[int, int], float] | None = None
        last: Image.Image | None = None
        at, done = 0.0, 0
        while (frame := _read(stream, film)) is not None:
            at, image = frame
            box = _changed(last, image)
            if box is not None:
                if pending is not None:
                    _add(writer, pending, at)
                part = (image, (0, 0)) if whole else (image.crop(box), box[:2])
                pending, last = (*part, at), image
            done += 1
            print(done, flush=True)
        if pending is not None:
            _add(writer, pending, at + 1 / film.fps)
        writer.finish()
        with contextlib.suppress(OSError):
            os.fsync(file.fileno())


def _add(writer: Writer, pending: tuple[Image.Image, tuple[int, int], float], until: float) -> None:
    image, place, since = pending
    writer.add(image, place, until - since)


def _changed(last: Image.Image | None, image: Image.Image) -> tuple[int, int, int, int] | None:
    """The smallest box around what differs from the last picture; None where nothing does."""
    if last is None:
        return (0, 0, *image.size)
    return ImageChops.difference(last, image).getbbox()


def _read(stream: IO[bytes], film: Film) -> tuple[float, Image.Image] | None:
    head = stream.read(TIME.size)
    pixels = stream.read(film.width * film.height * 4) if len(head) == TIME.size else b""
    if len(pixels) < film.width * film.height * 4:
        return None
    size = (film.width, film.height)
    return TIME.unpack(head)[0], Image.frombytes("RGB", size, pixels, "raw", "RGBX")


def _writer(film: Film, file: Any, path: Path) -> Writer:
    kind = Path(film.path).suffix.lower()
    if kind == ".gif":
        return GifWriter(file, film.width, film.height)
    if kind == ".png":
        return ApngWriter(file, film.width, film.height)
    return Mp4Writer(str(path), film.width, film.height, film.fps)


if __name__ == "__main__":
    sys.exit(main())
