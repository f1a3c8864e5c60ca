"""Finding and fetching MNIST, against a real server on the loopback interface."""

from __future__ import annotations

import gzip
import hashlib
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from graphcore import datasets
from graphcore.datasets import fetch, mnist
from graphcore.errors import DataError

NAMES = tuple(mnist.FILES)


def idx_bytes(array: np.ndarray) -> bytes:
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes((0, 0, 8, array.ndim)) + shape + array.astype(np.uint8).tobytes()


def small_set(train: int = 30, test: int = 10) -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    contents = []
    for n in (train, test):
        contents += [rng.integers(0, 256, (n, 28, 28)), np.arange(n) % 10]
    return {name: idx_bytes(c) for name, c in zip(NAMES, contents, strict=True)}


CONTENT = small_set()
HASHES = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()}


class Mirror:
    """A server that gives ``files``.

    ``cut`` are promised whole and sent by half, ``endless`` never end; a ``rude`` server hangs up.
    """

    def __init__(self) -> None:
        self.files = {f"{name}.gz": gzip.compress(data) for name, data in CONTENT.items()}
        self.cut: set[str] = set()
        self.endless: set[str] = set()
        self.rude = False
        self.asked: list[str] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[-1]
                mirror.asked.append(name)
                mirror.answer(self, name)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/mnist/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def answer(self, handler: BaseHTTPRequestHandler, name: str) -> None:
        if self.rude:
            handler.close_connection = True
            return
        if name in self.endless:
            handler.send_response(200)
            handler.end_headers()
            try:
                while True:
                    handler.wfile.write(bytes(1 << 16))
            except OSError:
                return
        if name not in self.files:
            handler.send_error(404)
            return
        data = self.files[name]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2] if name in self.cut else data)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(autouse=True)
def _own_machine_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy, an empty cache, no shared folder, and no mirror on the real network."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.delenv("GRADSCAPE_DATA", raising=False)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    server = Mirror()
    yield server
    server.close()


@pytest.fixture
def other() -> Iterator[Mirror]:
    server = Mirror()
    yield server
    server.close()


def dead_mirror() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/mnist/"


def put(folder: Path, contents: dict[str, bytes], zipped: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        path = folder / (f"{name}.gz" if zipped else name)
        path.write_bytes(gzip.compress(data) if zipped else data)
    return folder


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# -- fetching ---------------------------------------------------------------------------------


def test_fetched_unpacked_and_nothing_else_left(tmp_path: Path, mirror: Mirror) -> None:
    seen: list[tuple[str, int, int]] = []
    fetch.fetch(HASHES, [mirror.url], tmp_path / "a", lambda *report: seen.append(report))
    assert names_in(tmp_path / "a") == set(NAMES)
    for name, data in CONTENT.items():
        assert (tmp_path / "a" / name).read_bytes() == data
        size = len(mirror.files[f"{name}.gz"])
        assert (name, size, size) in seen
    assert all(done <= total for _, done, total in seen)


def test_what_is_there_is_not_fetched_again(tmp_path: Path, mirror: Mirror) -> None:
    put(tmp_path, {NAMES[0]: CONTENT[NAMES[0]]}, zipped=False)
    put(tmp_path, {NAMES[1]: b"something else"}, zipped=False)
    fetch.fetch(HASHES, [mirror.url], tmp_path)
    assert mirror.asked == [f"{name}.gz" for name in NAMES[1:]]
    mirror.asked.clear()
    fetch.fetch(HASHES, [mirror.url], tmp_path)
    assert mirror.asked == []


def test_first_mirror_down(tmp_path: Path, mirror: Mirror) -> None:
    fetch.fetch(HASHES, [dead_mirror(), mirror.url], tmp_path)
    assert names_in(tmp_path) == set(NAMES)


def test_a_mirror_that_hangs_up_is_asked_once(
    tmp_path: Path, mirror: Mirror, other: Mirror
) -> None:
    mirror.rude = True
    fetch.fetch(HASHES, [mirror.url, other.url], tmp_path)
    assert names_in(tmp_path) == set(NAMES)
    assert mirror.asked == [f"{NAMES[0]}.gz"]


@pytest.mark.parametrize("fault", ["damaged", "other content", "cut", "missing", "not packed"])
def test_the_next_mirror_makes_good(
    tmp_path: Path, mirror: Mirror, other: Mirror, fault: str
) -> None:
    spoil(mirror, fault)
    fetch.fetch(HASHES, [mirror.url, other.url], tmp_path)
    assert names_in(tmp_path) == set(NAMES)
    assert (tmp_path / NAMES[0]).read_bytes() == CONTENT[NAMES[0]]
    assert other.asked == [f"{NAMES[0]}.gz"]


def spoil(mirror: Mirror, fault: str) -> None:
    name = f"{NAMES[0]}.gz"
    whole = mirror.files[name]
    if fault == "damaged":
        mirror.files[name] = whole[:-100] + bytes(50) + whole[-50:]
    elif fault == "other content":
        mirror.files[name] = gzip.compress(CONTENT[NAMES[0]][:-1] + b"?")
    elif fault == "not packed":
        mirror.files[name] = b"<html>Sign in to this network</html>"
    elif fault == "cut":
        mirror.cut.add(name)
    elif fault == "missing":
        del mirror.files[name]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("damaged", "the file is damaged"),
        ("other content", "other content than the published one"),
        ("not packed", "other content than the published one"),
        ("cut", "the transfer was cut off"),
        ("missing", "the server answered 404"),
    ],
)
def test_no_other_mirror(tmp_path: Path, mirror: Mirror, fault: str, reason: str) -> None:
    spoil(mirror, fault)
    with pytest.raises(fetch.FetchError, match=f"^{NAMES[0]} could not be fetched .*{reason}") as e:
        fetch.fetch(HASHES, [mirror.url], tmp_path)
    assert e.value.reason == "no mirror had the right files"
    assert names_in(tmp_path) == set()


def test_a_mirror_packed_in_transit_only(tmp_path: Path, mirror: Mirror) -> None:
    mirror.files = {f"{name}.gz": data for name, data in CONTENT.items()}
    fetch.fetch(HASHES, [mirror.url], tmp_path)
    assert names_in(tmp_path) == set(NAMES)


@pytest.mark.parametrize("kind", ["sent", "unpacked"])
def test_a_file_without_end(
    tmp_path: Path, mirror: Mirror, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "LARGEST", 1 << 20)
    name = f"{NAMES[0]}.gz"
    mirror.files[name] = gzip.compress(bytes(5 << 20))
    if kind == "sent":
        mirror.endless.add(name)
    # Even the right content is not unpacked past the bound.
    digest = hashlib.sha256(bytes(5 << 20)).hexdigest()
    with pytest.raises(DataError, match="not end" if kind == "sent" else "other content"):
        fetch.fetch({NAMES[0]: digest}, [mirror.url], tmp_path)
    assert names_in(tmp_path) == set()


def test_stopping_from_the_progress_callback_leaves_nothing(tmp_path: Path, mirror: Mirror) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch(HASHES, [mirror.url], tmp_path, stop)
    assert names_in(tmp_path) == set()


def test_a_folder_that_cannot_be_written(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"Files cannot be written to .*: not a directory"):
        fetch.fetch(HASHES, [mirror.url], tmp_path / "file" / "mnist")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes")
@pytest.mark.parametrize("limit", [1000, 25_000])
def test_a_full_disk(tmp_path: Path, mirror: Mirror, limit: int) -> None:
    """The packed file (1000 bytes) or the unpacked one (25,000) does not fit: one try, no rest."""
    mirror.files = {
        f"{n}.gz": gzip.compress(d, compresslevel=9) for n, d in sparse_content().items()
    }
    hashes = {n: hashlib.sha256(d).hexdigest() for n, d in sparse_content().items()}
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from graphcore.datasets import fetch\n"
        "from graphcore.errors import DataError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "try:\n"
        f"    fetch.fetch({hashes!r}, [{mirror.url!r}] * 2, Path({str(tmp_path)!r}))\n"
        "except DataError as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert run.stdout == f"DataError Files cannot be written to {tmp_path}: file too large.\n"
    assert names_in(tmp_path) == set()
    assert mirror.asked == [f"{NAMES[0]}.gz"]


def sparse_content() -> dict[str, bytes]:
    images = np.zeros((60, 28, 28))
    images[:, ::3, ::5] = np.random.default_rng(0).integers(0, 256, images[:, ::3, ::5].shape)
    return {NAMES[0]: idx_bytes(images)}


# -- finding and reading ----------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [True, False])
def test_found_in_the_data_folder(tmp_path: Path, zipped: bool) -> None:
    for folder in (tmp_path / "a", tmp_path / "b" / "mnist"):
        put(folder, CONTENT, zipped)
    for given in (tmp_path / "a", tmp_path / "b"):
        data = datasets.load("mnist", data_dir=given)
        assert (len(data.train), len(data.test)) == (30, 10)
        assert data.train.inputs.shape == (30, 1, 28, 28)
        pixels = np.frombuffer(CONTENT[NAMES[0]], np.uint8, offset=16)
        assert np.array_equal(data.train.inputs.reshape(-1), pixels.astype(np.float32) / 255)
        assert data.train.targets.tolist() == [i % 10 for i in range(30)]


def test_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADSCAPE_DATA", str(tmp_path / "shared"))
    places = (tmp_path / "given", tmp_path / "shared" / "mnist", mnist.cache_folder())
    for count, place in zip((3, 2, 1), reversed(places), strict=True):
        put(place, small_set(train=count))
        assert len(datasets.load("mnist", data_dir=tmp_path / "given").train) == count


def test_a_folder_with_some_of_the_files_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "some", {NAMES[0]: CONTENT[NAMES[0]]})
    put(mnist.cache_folder(), CONTENT)
    found = mnist.find_mnist(tmp_path / "some")
    assert found is not None
    assert found[0].parent == mnist.cache_folder()


def test_relatives_of_mnist_are_said_to_be_that(tmp_path: Path) -> None:
    data = datasets.load("mnist", data_dir=put(tmp_path, CONTENT))
    assert data.note == f"The files in {tmp_path} are not the published MNIST."


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (NAMES[0], CONTENT[NAMES[0]][:-1], "ends after 23,519 of 23,520 bytes"),
        (NAMES[0], CONTENT[NAMES[0]] + b"!", "goes on after 30 x 28 x 28 numbers"),
        (NAMES[0], b"", "is not an IDX file: it starts with nothing"),
        (NAMES[0], b"\1\2\3\4" + bytes(100), "is not an IDX file: it starts with 01 02 03 04"),
        (NAMES[1], CONTENT[NAMES[3]], "has 30 samples, but .* 10 labels"),
        (NAMES[2], idx_bytes(np.zeros((10, 14, 14))), r"shape \(1, 14, 14\); MNIST's are 28 x 28"),
        (NAMES[3], idx_bytes(np.full(10, 11)), "has the label 11; MNIST's are 0 to 9"),
        (NAMES[3], CONTENT[NAMES[2]], "class numbers are a row"),
    ],
)
def test_damage_is_named_and_no_fallback_hides_it(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    put(tmp_path, {**CONTENT, name: content})
    with pytest.raises(DataError, match=rf"\.gz .*{message}"):
        datasets.load("mnist", data_dir=tmp_path)


def test_fetched_when_it_is_nowhere(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mnist, "FILES", HASHES)
    assert datasets.fetch_mnist(tmp_path / "own", mirrors=[mirror.url]) == tmp_path / "own"
    assert datasets.fetch_mnist(mirrors=[mirror.url]) == mnist.cache_folder()
    data = datasets.load("mnist")
    assert len(data.train) == 30
    assert data.note == ""


def test_without_network_the_digits_stand_in_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "MIRRORS", (dead_mirror(), dead_mirror()))
    data = datasets.load("mnist", normalization="standardize")
    assert data.name == "digits"
    assert data.note == (
        "MNIST could not be fetched (no network): training on scikit-learn's 1,797 digits."
    )
    assert data.input_shape == (1, 28, 28)
    assert np.array_equal(
        data.test.inputs, datasets.load("digits", normalization="standardize").test.inputs
    )
    with pytest.raises(DataError, match=r"could not be fetched .*no connection"):
        datasets.load("mnist", options={"fallback": False})


def test_damage_in_the_cache_is_mended_by_fetching(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist, "FILES", HASHES)
    put(mnist.cache_folder(), {**CONTENT, NAMES[2]: b"oops"}, zipped=False)
    with pytest.raises(DataError, match="'gradscape data fetch mnist' downloads it again"):
        datasets.load("mnist")
    datasets.fetch_mnist(mirrors=[mirror.url])
    assert mirror.asked == [f"{NAMES[2]}.gz"]
    assert len(datasets.load("mnist").test) == 10


# -- the official files -----------------------------------------------------------------------

OFFICIAL = Path(os.environ.get("GRADSCAPE_DATA") or "nowhere") / "mnist"
needs_mnist = pytest.mark.skipif(
    not OFFICIAL.is_dir(), reason="$GRADSCAPE_DATA/mnist is not there: no official MNIST files"
)


@pytest.mark.mnist
@needs_mnist
def test_official_files_have_the_published_content() -> None:
    for name, digest in mnist.FILES.items():
        path = mnist._find(OFFICIAL, name)
        assert path is not None
        assert fetch.has_content(path, digest)


@pytest.mark.mnist
@needs_mnist
def test_official_files_are_read_right() -> None:
    data = datasets.load("mnist", data_dir=OFFICIAL, normalization="standardize")
    assert (len(data.train), len(data.test)) == (60_000, 10_000)
    assert data.note == ""
    assert data.train.targets[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(data.test.targets).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    # The numbers that every MNIST tutorial normalises with.
    assert float(data.normalization.shift) == pytest.approx(0.1307, abs=5e-5)
    assert float(data.normalization.scale) == pytest.approx(0.3081, abs=5e-5)


@pytest.mark.mnist
@needs_mnist
def test_official_files_are_fetched_and_checked(tmp_path: Path, mirror: Mirror) -> None:
    mirror.files = {}
    for name in NAMES:
        path = mnist._find(OFFICIAL, name)
        assert path is not None
        mirror.files[f"{name}.gz"] = path.read_bytes()
    datasets.fetch_mnist(tmp_path, mirrors=[mirror.url])
    assert names_in(tmp_path) == set(NAMES)
    assert datasets.load("mnist", data_dir=tmp_path).note == ""
