"""Films as other programs see them: frames, times, colours; and what is left when one fails."""

import io
import os
import struct
import subprocess
import sys

import msgspec
import numpy as np
import pytest
from PIL import Image

from app.files.film import mp4
from app.files.film.film import Film

WIDTH, HEIGHT = 64, 40


def frames(count: int) -> list[np.ndarray]:
    """A square that moves over a gradient; the third picture is the second again."""
    found = []
    for i in range(count):
        pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        pixels[..., 0] = np.linspace(0, 200, WIDTH).astype(np.uint8)
        at = 4 * (1 if i == 2 else i)
        pixels[10:20, at : at + 10, :3] = (255, 40, 10)
        found.append(pixels)
    return found


def encode(path, pictures, fps: float = 10) -> subprocess.CompletedProcess:
    stream = io.BytesIO()
    stream.write(msgspec.json.encode(Film(str(path), WIDTH, HEIGHT, fps)) + b"\n")
    for i, pixels in enumerate(pictures):
        stream.write(struct.pack("<d", i / fps) + pixels.tobytes())
    return subprocess.run(
        [sys.executable, "-m", "app.files.film.encode"],
        input=stream.getvalue(), capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("ending", "tolerance"), [(".gif", 12), (".png", 0)])
def test_a_film_shows_what_was_shown_for_as_long(tmp_path, ending, tolerance) -> None:
    pictures = frames(6)
    path = tmp_path / f"film{ending}"
    done = encode(path, pictures)
    assert (done.returncode, done.stdout.split()[-1], done.stderr) == (0, b"6", b"")
    with Image.open(path) as film:
        assert film.is_animated
        assert film.n_frames == 5
        assert film.info.get("loop") == 0
        seen = []
        for i in range(film.n_frames):
            film.seek(i)
            seen.append((np.asarray(film.convert("RGB")).astype(int), film.info["duration"]))
    assert [ms for _, ms in seen] == [100, 200, 100, 100, 100]
    for (shown, _), i in zip(seen, (0, 1, 3, 4, 5), strict=True):
        assert np.abs(shown - pictures[i][..., :3]).max() <= tolerance
    assert os.listdir(tmp_path) == [path.name]


def test_a_film_that_cannot_be_written_says_so_and_leaves_nothing(tmp_path) -> None:
    gone = encode(tmp_path / "missing" / "film.gif", frames(2))
    assert gone.returncode == 1
    assert gone.stderr.decode().strip() == (
        "film.gif cannot be written: no such file or directory."
    )
    assert not os.listdir(tmp_path)


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch) -> None:
    """/dev/full takes nothing: the encoder's temporary file is made to lie there."""
    code = (
        "import sys, app.files.film.encode as e, pathlib;"
        "real = pathlib.Path.open;"
        "pathlib.Path.open = lambda self, *a: real(pathlib.Path('/dev/full'), *a);"
        "sys.exit(e.main())"
    )
    head = msgspec.json.encode(Film(str(tmp_path / "film.png"), WIDTH, HEIGHT, 10)) + b"\n"
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (HEIGHT, WIDTH, 4), np.uint8) for _ in range(9)]
    body = b"".join(struct.pack("<d", i / 10) + p.tobytes() for i, p in enumerate(noise))
    done = subprocess.run(
        [sys.executable, "-c", code], input=head + body, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.decode().strip() == "film.png cannot be written: no space left on device."
    assert not os.listdir(tmp_path)


def test_a_film_that_is_cut_off_in_a_picture_keeps_the_rest(tmp_path) -> None:
    path = tmp_path / "film.png"
    pictures = frames(4)
    stream = msgspec.json.encode(Film(str(path), WIDTH, HEIGHT, 10)) + b"\n"
    for i, pixels in enumerate(pictures):
        stream += struct.pack("<d", i / 10) + pixels.tobytes()
    done = subprocess.run(
        [sys.executable, "-m", "app.files.film.encode"], input=stream[:-50], capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0
    with Image.open(path) as film:
        assert film.n_frames == 2


def test_without_ffmpeg_an_mp4_is_refused_with_the_way_to_get_it(tmp_path) -> None:
    done = encode(tmp_path / "film.mp4", frames(3))
    if mp4.ffmpeg():
        assert done.returncode == 0
        assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"
    else:
        assert done.returncode == 1
        assert "pip install imageio-ffmpeg" in done.stderr.decode()
        assert not os.listdir(tmp_path)
