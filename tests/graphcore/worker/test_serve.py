"""The real engine process on real pipes."""

import os
import select
import subprocess
import sys
import time

import numpy as np
import pytest

from graphcore import files, presets
from graphcore.records.arrays import unpack
from graphcore.records.requests import Reply, Request
from graphcore.session import messages as m
from graphcore.worker.protocol import FrameReader, decode_reply, encode


class Worker:
    """A running engine process, and what it said."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.reader = FrameReader()
        self.said: list[Reply] = []
        self.seen = 0  # replies up to the last that was waited for; others may come with it

    def send(self, *messages: Request) -> None:
        for message in messages:
            self.process.stdin.write(encode(message))
        self.process.stdin.flush()

    def wait_for(self, kind: type, where=lambda reply: True, seconds: float = 60):
        """The next reply of a kind for which ``where`` holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for reply in self.said[self.seen :]:
                self.seen += 1
                if isinstance(reply, m.Frame):
                    self.send(m.NextFrame())
                if isinstance(reply, kind) and where(reply):
                    return reply
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                data = os.read(self.process.stdout.fileno(), 1 << 16)
                assert data, "the engine ended"
                self.said += [decode_reply(b) for b in self.reader.feed(data)]
        raise AssertionError(f"no {kind.__name__} came")


@pytest.fixture
def start(engine_command):
    """Starts engines, which end with the test."""
    started = []

    def worker() -> Worker:
        w = Worker(engine_command or [sys.executable, "-m", "graphcore.worker.serve"])
        started.append(w)
        w.send(m.Hello(threads=1))
        return w

    yield worker
    for w in started:
        w.process.kill()
        w.process.wait()
        w.process.stdin.close()
        w.process.stdout.close()


@pytest.fixture
def worker(start):
    return start()


def load(name: str = "circle", **changes) -> m.Load:
    return m.Load(files.dumps(presets.load(name)), **changes)


def losses(worker: Worker, steps: int) -> np.ndarray:
    """Losses of the next steps, in order."""
    worker.said.clear()
    worker.seen = 0
    worker.send(m.Run(steps), m.NextFrame())
    worker.wait_for(m.Frame, lambda f: f.state != "running" and f.step > 0)
    frames = [f for f in worker.said if isinstance(f, m.Frame)]
    return np.concatenate([unpack(f.losses) for f in frames])


def test_it_trains_and_reports_every_step(worker: Worker) -> None:
    worker.send(load())
    loaded = worker.wait_for(m.Loaded)
    assert loaded.dataset == "circle"
    assert len(losses(worker, 30)) == 30


def test_reset_gives_the_same_losses_again(worker: Worker) -> None:
    worker.send(load())
    worker.wait_for(m.Loaded)
    first = losses(worker, 12)
    worker.send(m.Reset())
    np.testing.assert_array_equal(losses(worker, 12), first)


def test_pictures_come_only_for_what_is_watched(worker: Worker) -> None:
    graph = presets.load("circle")
    hidden = next(n.name for n in graph if n.operator == "Linear")
    worker.send(load(), m.Watch((hidden,), (hidden,)))
    worker.wait_for(m.Loaded)
    worker.send(m.Run(3), m.NextFrame())
    frame = worker.wait_for(m.Frame, lambda f: f.pictured_step > 0)
    assert set(frame.values) == {hidden, f"{hidden}.weight", f"{hidden}.bias"}
    assert frame.gradients[hidden].high != 0
    assert {f.target for f in frame.flow} == {e.target for e in graph.edges}


def test_a_formula_shows_every_number_at_once(worker: Worker) -> None:
    names = ("a", "b", "c", "J")
    worker.send(load("expression"), m.Watch(names, names), m.NextFrame())
    assert worker.wait_for(m.Loaded).train_samples == 0
    frame = worker.wait_for(m.Frame, lambda f: "J" in f.values)
    assert unpack(frame.values["J"].array) == 33
    assert [float(unpack(frame.gradients[n].array)) for n in "abc"] == [3, 6, 9]


def test_pause_is_heard_between_steps(worker: Worker) -> None:
    worker.send(load())
    worker.wait_for(m.Loaded)
    worker.send(m.SetSpeed(100.0), m.Run(), m.NextFrame())  # it is not over before the pause
    worker.wait_for(m.Frame, lambda f: f.step > 0)
    worker.send(m.Pause())
    paused = worker.wait_for(m.Frame, lambda f: f.state == "idle")
    assert 0 < paused.step < paused.total_steps


def test_after_a_refused_graph_nothing_trains_and_what_was_learned_goes_on(
    worker: Worker,
) -> None:
    worker.send(load())
    worker.wait_for(m.Loaded)
    assert len(losses(worker, 5)) == 5
    worker.send(m.Load(b'{"format_version": 1, "nodes": 3}', keep=True))
    failure = worker.wait_for(m.Failure)
    assert failure.kind == "load"
    assert "\n" not in failure.message
    worker.send(m.Run(1))
    assert worker.wait_for(m.Failure).kind == "untrainable"
    worker.send(load(keep=True))
    loaded = worker.wait_for(m.Loaded)
    assert (loaded.step, loaded.kept) == (5, loaded.parameters)


def test_a_checkpoint_is_gone_on_from(worker: Worker, start, tmp_path) -> None:
    worker.send(load(checkpoints=str(tmp_path)))
    steps = worker.wait_for(m.Loaded).steps_per_epoch
    straight = losses(worker, steps + 6)
    second = start()
    second.send(load(resume=str(tmp_path)))
    assert second.wait_for(m.Loaded).step == steps
    np.testing.assert_array_equal(losses(second, 6), straight[-6:])


@pytest.mark.cold
def test_it_ends_with_the_window(worker: Worker) -> None:
    worker.wait_for(m.Ready)
    worker.process.stdin.close()
    assert worker.process.wait(20) == 0


def test_a_print_cannot_get_into_the_stream() -> None:
    code = (
        "import builtins, graphcore.worker.serve as s; take = s._take_standard_output\n"
        "def noisy():\n    pipe = take(); print('noise'); return pipe\n"
        "s._take_standard_output = noisy; s.serve()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=encode(m.Hello()) + encode(m.Quit()),
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    (body,) = FrameReader().feed(done.stdout)
    assert isinstance(decode_reply(body), m.Ready)
    assert b"noise" in done.stderr


def test_torch_is_imported_before_the_first_request_comes(tmp_path) -> None:
    """The window hands that over once it has been painted; torch takes longer than its paint."""
    (tmp_path / "torch.py").write_text("import sys\nprint('imported', file=sys.stderr, flush=True)")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    process = subprocess.Popen(
        [sys.executable, "-m", "graphcore.worker.serve"], env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert select.select([process.stderr], [], [], 20)[0]
        assert process.stderr.readline() == b"imported\n"
    finally:
        process.kill()
        process.communicate()


def test_the_engine_never_imports_qt() -> None:
    code = (
        "import graphcore.worker.serve, graphcore.cli.main, sys\n"
        "print([m for m in sys.modules if 'PySide' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
