"""Surfaces that the helper process computes beside the training, and what its end costs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphcore as gc
from graphcore import files, presets
from graphcore.engine.compiler import compile as compile_plan
from graphcore.landscapes.planes import random_plane
from graphcore.landscapes.surface import Surface
from graphcore.records.arrays import unpack
from graphcore.records.requests import Reply, Request
from graphcore.records.tasks import Up
from graphcore.session import messages as m
from graphcore.system import slots
from graphcore.training.trainer import Trainer
from graphcore.views.landscape import LandscapeFrame, LandscapeRequest, compute
from graphcore.views.landscape.beside import SurfaceBeside
from graphcore.views.landscape.compute import Landscape
from graphcore.worker import background
from graphcore.worker.background import Background
from graphcore.worker.protocol import encode
from graphcore.worker.serve import _Server

PATIENCE = 60.0
NETS = ("xor", "circle", "gan-2d", "tiny-conv", "lstm-rows", "running statistics")
"""Of the kinds that differ: data in the graph, many points at once, two losses and noise,
convolutions, a recurrent layer."""
REQUEST = LandscapeRequest(resolution=9, samples=40)


@pytest.fixture(scope="module")
def helper() -> Iterator[Background]:
    found = Background()
    until(found.ready)
    with_others(found)
    yield found
    found.end()


def with_others(helper: Background) -> None:
    """Give the process a normal priority: other tests take all the time there is."""
    if hasattr(os, "SCHED_IDLE"):
        assert helper.process is not None
        os.sched_setscheduler(helper.process, os.SCHED_OTHER, os.sched_param(0))


def until(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def graph_of(net: str) -> gc.Graph:
    if net != "running statistics":
        return presets.load(net)
    graph = presets.load("circle")
    graph.disconnect(graph.edge_into("hidden2", "x"))
    norm = graph.add("BatchNorm1d")
    graph.connect("tanh1", norm)
    graph.connect(norm, "hidden2", input="x")
    return graph


class Engine:
    """An engine in this process with a helper beside it."""

    def __init__(self, helper: Background | None, net: str) -> None:
        self.said: list[Reply] = []
        self.server = _Server(self.said.append)
        self.session = self.server.session
        self.session.helper = helper
        self.ask(m.Load(files.dumps(graph_of(net))), REQUEST)

    @property
    def trainer(self) -> Trainer:
        return self.session.need_trainer()

    def ask(self, *requests: Request) -> None:
        for request in requests:
            self.server._handle(request)

    @property
    def surfaces(self) -> list[LandscapeFrame]:
        return [reply for reply in self.said if isinstance(reply, LandscapeFrame)]

    @property
    def beside(self) -> bool:
        return isinstance(self.session.part(Landscape)._surface, SurfaceBeside)

    def train(self, until: Callable[[], object]) -> None:
        """Train, a step at a time, until there is what is waited for."""
        end = time.monotonic() + PATIENCE
        if not self.session.running:
            self.ask(m.Run(None))
        while not until():
            assert time.monotonic() < end
            self.session.train()
            time.sleep(0.002)
            self.server.views.work()
            if self.trainer.finished:
                self.ask(m.Run(None))


def alone(run: Trainer, frame: LandscapeFrame) -> np.ndarray:
    """The same surface, around the weights that the same run has at the frame's step."""
    trainer = Trainer(run.graph, run.data, dtype=run.plan.made_for["dtype"])
    list(trainer.steps(frame.step))
    plan = compile_plan(trainer.graph, mode="train", **trainer.plan.made_for)
    plan.copy_state(trainer.plan)
    b = trainer.binding
    feeds = b.feeds(*trainer.tensors(trainer.data.test, frame.samples))
    points = REQUEST.resolution
    surface = Surface(plan, random_plane(trainer.plan), feeds, b.loss, (-1, 1, -1, 1), points)
    surface.work(PATIENCE)
    stride = (points - 1) // (len(unpack(frame.a)) - 1)
    return surface.values[::stride, ::stride]


@pytest.mark.parametrize("net", NETS)
def test_every_surface_is_that_of_the_same_step_computed_alone(
    net: str, helper: Background
) -> None:
    engine = Engine(helper, net)
    engine.train(lambda: len(engine.surfaces) >= 2)
    assert engine.beside
    assert not [reply for reply in engine.said if isinstance(reply, m.Failure)]
    for frame in engine.surfaces:
        np.testing.assert_array_equal(unpack(frame.values), alone(engine.trainer, frame))


@pytest.mark.parametrize("fault", ["no room", "another net"])
def test_what_the_helper_cannot_compute_is_computed_between_the_steps(
    fault: str, helper: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(helper, "circle")
    if fault == "no room":
        monkeypatch.setattr(slots, "LARGEST", 100)
    else:
        other = files.dumps(presets.load("xor"))
        monkeypatch.setattr(compute.files, "dumps", lambda _: other)
    engine.train(lambda: engine.surfaces)
    assert not engine.beside
    assert not [reply for reply in engine.said if isinstance(reply, m.Failure)]


def test_a_helper_that_is_killed_costs_nothing(
    helper: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "REST_S", PATIENCE)
    engine = Engine(helper, "circle")
    engine.train(lambda: engine.surfaces)
    killed, step = helper.process, engine.trainer.step
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    engine.train(lambda: not engine.beside)
    engine.said.clear()
    engine.train(lambda: engine.surfaces and engine.trainer.step > step + 20)
    assert not [reply for reply in engine.said if isinstance(reply, m.Failure)]
    assert helper.process is None  # it rests before another is started
    monkeypatch.setattr(helper, "_not_before", 0.0)
    engine.train(lambda: helper.process)
    assert helper.process != killed


SAYS_UP = "import sys, time; sys.stdout.buffer.write({!r}); sys.stdout.flush(); time.sleep(60)"


def test_a_helper_that_gets_no_time_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", SAYS_UP.format(encode(Up()))]
    monkeypatch.setattr(background.start, "command", lambda *_: command)
    monkeypatch.setattr(background, "SILENT_S", 0.1)
    monkeypatch.setattr(background, "REST_S", PATIENCE)
    silent = Background()
    until(silent.ready)
    engine = Engine(silent, "circle")
    engine.train(lambda: engine.surfaces)
    assert not engine.beside
    assert silent.process is None
    silent.end()


def test_the_helper_ends_with_its_engine() -> None:
    code = (
        "import time; from graphcore.worker.background import Background\n"
        "helper = Background(); helper.ready(); print(helper.process, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as engine:
        assert engine.stdout is not None
        process = int(engine.stdout.readline())
        assert lives(process)
        engine.kill()
    until(lambda: not lives(process))


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("choice", "processors", "device", "expected"),
    [
        ("auto", 2, "cpu", False), ("auto", 3, "cpu", True), ("always", 2, "cpu", True),
        ("never", 8, "cpu", False), ("always", 8, "cuda:0", False),
    ],
)  # fmt: skip
def test_there_is_a_helper_where_a_processor_is_spare_or_it_is_chosen(
    choice: Any, processors: int, device: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "processors", lambda: processors)
    assert background.wanted(choice, device) == expected
