"""MP4 (H.264) through ffmpeg, where there is one."""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

HOW_TO_GET_IT = "MP4 needs ffmpeg: pip install imageio-ffmpeg brings one; GIF and PNG need nothing."


def ffmpeg() -> str:
    """Path of an ffmpeg, or empty: the system's, else that of the package imageio-ffmpeg."""
    if found := shutil.which("ffmpeg"):
        return found
    if find_spec("imageio_ffmpeg") is None:
        return ""
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        return ""


class FilmError(Exception):
    """A film that cannot be made; the sentence says why."""


class Mp4Writer:
    """Every frame covers the whole picture; a frame that stays is repeated.

    Args:
        path: file to write to; ffmpeg opens it.
    """

    def __init__(self, path: str, width: int, height: int, fps: float) -> None:
        self._fps, self._shown, self._written = fps, 0.0, 0
        if not ffmpeg():
            raise FilmError(HOW_TO_GET_IT)
        self._ffmpeg = subprocess.Popen(
            [
                ffmpeg(), "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
                "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-", "-an", "-c:v", "libx264",
                "-pix_fmt", "yuv420p", "-crf", "18", "-preset", "veryfast",
                "-movflags", "+faststart", "-f", "mp4", path,
            ],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def add(self, image: Image.Image, place: tuple[int, int], seconds: float) -> None:
        """Show the picture for so long."""
        assert self._ffmpeg.stdin is not None
        self._shown += seconds
        wanted = max(self._written + 1, round(self._shown * self._fps))
        data = image.tobytes()
        try:
            while self._written < wanted:
                self._ffmpeg.stdin.write(data)
                self._written += 1
        except OSError:
            self._fail()

    def finish(self) -> None:
        """Wait until ffmpeg is done."""
        assert self._ffmpeg.stdin is not None
        try:
            self._ffmpeg.stdin.close()
        except OSError:
            self._fail()
        if self._ffmpeg.wait() != 0:
            self._fail()

    def _fail(self) -> None:
        assert self._ffmpeg.stderr is not None
        said = self._ffmpeg.stderr.read().decode(errors="replace").strip().splitlines()
        self._ffmpeg.wait()
        raise FilmError(f"ffmpeg gave up: {said[-1] if said else 'it ended early'}.")
