"""Our own processes start from our own folder, and take nothing from the current one."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphcore.session import messages as m
from graphcore.system import start
from graphcore.views.embedding.tsne_task import begin
from graphcore.worker.protocol import FrameReader, decode_reply, encode

ROOT = Path(__file__).resolve().parents[3]
PLANTED = ("signal", "random", "string", "app", "resources", "graphcore", "networkx", "sklearn")


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with modules that leave a marker when they are run."""
    mark = f"open({str(tmp_path / 'marker')!r}, 'a').write(__name__ + ' ')\n"
    for name in PLANTED:
        (tmp_path / f"{name}.py").write_text(mark)
    for name in ("resources", "app"):
        (tmp_path / f"{name}.py").unlink()
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(mark)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(folder: Path) -> str:
    """Which of the planted modules were run."""
    marker = folder / "marker"
    return marker.read_text() if marker.exists() else ""


def test_the_engine(planted: Path) -> None:
    sent = encode(m.Hello(threads=1)) + encode(m.Quit())
    done = subprocess.run(
        start.command("graphcore.worker.serve"), input=sent, capture_output=True, check=False
    )
    assert ran(planted) == ""
    assert done.returncode == 0, done.stderr.decode()
    (body,) = FrameReader().feed(done.stdout)
    assert isinstance(decode_reply(body), m.Ready)


def test_t_sne(planted: Path) -> None:
    child, news = begin(np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32))
    while isinstance(found := news.get(), float):
        pass
    assert ran(planted) == ""
    assert child.returncode == 0, found[1]


def test_several_processes(planted: Path) -> None:
    done = subprocess.run(
        start.command(
            "graphcore.cli.main", "train", "xor", "--epochs", "1", "--nproc-per-node", "2"
        ),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran(planted) == ""
    assert done.returncode == 0, done.stderr


def test_packages_of_others_that_are_called_as_ours(planted: Path) -> None:
    code = "import app, resources, graphcore; print(app.__file__, resources.__file__)"
    (planted / "asked.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(planted)}
    for name in PLANTED:
        (planted / f"{name}.py").unlink(missing_ok=True)
    done = subprocess.run(
        start.command("asked"), capture_output=True, text=True, env=environment, check=True
    )
    assert ran(planted) == ""
    assert done.stdout.count(str(ROOT)) == 2
    assert sys.executable == start.command("asked")[0]


def test_t_sne_ends_with_the_engine_that_asked_for_it() -> None:
    values = io.BytesIO()
    np.save(values, np.random.default_rng(0).normal(size=(1500, 64)).astype(np.float32))
    child = subprocess.Popen(
        start.command("graphcore.views.embedding.tsne"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with child:
        child.stdin.write(len(values.getvalue()).to_bytes(8) + values.getvalue())
        child.stdin.flush()
        while b"Iteration 50" not in child.stderr.readline():
            pass
        child.stdin.close()  # as when the engine is killed
        assert child.wait(60) == 1
        assert child.stdout.read() == b"", "it did not go on to its end"
