"""What is shown is what is true: one step everywhere, and the numbers of that step's weights."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from PySide6.QtWidgets import QApplication

from graphcore import datasets
from graphcore.records.arrays import unpack
from graphcore.training.trainer import Trainer
from graphcore.views.weights import TensorFrame, TensorRequest
from tests.app.driver import PATIENCE

CAPTIONS = {
    "training": lambda panel: panel.figures.labels["step"].text(),
    "decision": lambda panel: panel.stamp.text(),
    "results": lambda panel: panel.stamp.text(),
    "health": lambda panel: panel.stamp.text(),
    "embedding": lambda panel: panel.stamp.text(),
    "landscape": lambda panel: panel.contour.stamp.text(),
}
"""Where a panel says of which step it is."""
SHOWN = {
    "xor": ("training", "decision", "health", "landscape"),
    "circle": ("training", "decision", "results", "health", "landscape"),
    "lenet5": ("training", "health", "embedding"),
}


class Watched:
    """A window and the newest words of its engine."""

    def __init__(self, window, qtbot) -> None:
        self.window, self.engine, self.qtbot = window, window.engine, qtbot
        self.frames = []
        self.engine.frame.connect(self.frames.append)

    def open(self, preset: str) -> None:
        self.window.start(preset)
        self.window.layouts.show("Train")
        QApplication.processEvents()
        self.window.canvas.camera.fit_all()
        self.qtbot.waitUntil(lambda: self.engine.state == "idle", timeout=PATIENCE)

    def train_freely(self, at_least: int) -> None:
        """Train as from the Play button, and pause in the midst of it."""
        self.engine.set_speed(100.0)
        self.engine.play()
        self.qtbot.waitUntil(lambda: self.engine.step >= at_least, timeout=PATIENCE)
        self.engine.pause()
        self.settle()

    def train(self, steps: int) -> None:
        to = self.engine.moment.shown + steps
        self.engine.run(steps)
        self.qtbot.waitUntil(
            lambda: self.engine.moment.newest == to and not self.engine.moment.visiting,
            timeout=PATIENCE,
        )
        self.settle()

    def scrub(self, step: int | None) -> None:
        self.engine.scrub(step)
        self.qtbot.waitUntil(lambda: self.engine.moment.visiting == (step is not None),
                             timeout=PATIENCE)  # fmt: skip
        self.settle()

    def settle(self) -> None:
        """Wait until nothing trains and the timeline, the frame and the strip are of one step."""
        self.qtbot.waitUntil(
            lambda: self.engine.state in ("idle", "done")
            and self.engine.moment.shown == self.engine.step == self.strip_step,
            timeout=PATIENCE,
        )  # fmt: skip

    @property
    def strip_step(self) -> int:
        return _step_in(self.window.time.words.text())

    def parameters(self, names) -> dict[str, np.ndarray]:
        """The weights as the engine tells them, each of the step that the strip names."""
        found = {}
        for name in names:
            with self.qtbot.waitSignal(self.engine.replies(TensorFrame), timeout=PATIENCE) as sent:
                self.engine.ask(TensorRequest(name))
            assert sent.args[0].step == self.strip_step
            found[name] = unpack(sent.args[0].values)
        return found

    def true_loss(self, loss: str) -> float:
        """The loss of the batch that comes next, computed here from the engine's weights."""
        graph = self.window.document.root
        settings = graph.training
        data = datasets.load(
            settings.dataset, options=settings.dataset_options, seed=settings.seed,
            normalization=settings.normalization,
        )  # fmt: skip
        trainer = Trainer(graph, data)
        with torch.inference_mode():
            for name, numbers in self.parameters(trainer.plan.parameters).items():
                trainer.plan.parameters[name].copy_(torch.from_numpy(numbers.copy()))
        trainer.step = self.strip_step
        plan = trainer.looking_plan()
        plan.forward(trainer.next_feeds())
        return float(plan.value(loss))

    def shown_number(self, node: str) -> float:
        picture = self.window.canvas.items_by_name[node].value
        assert picture.kind == "number"
        return float(picture.array)


def _step_in(text: str) -> int:
    found = re.search(r"[Ss]tep ([\d,]+)", text) or re.fullmatch(r"([\d,]+)", text)
    return int(found[1].replace(",", "")) if found else 0


@pytest.fixture
def watched(qtbot, live_window):
    return Watched(live_window, qtbot)


def check(watched: Watched, preset: str) -> None:
    """One step is named everywhere, and the loss on its node is that of the weights."""
    step = watched.strip_step
    assert watched.engine.moment.shown == step
    for name in SHOWN[preset]:
        panel = watched.window.show_panel(name).fill()
        watched.qtbot.waitUntil(
            lambda p=panel, n=name: _step_in(CAPTIONS[n](p)) == step, timeout=PATIENCE
        )
    assert watched.frames[-1].step == step
    assert watched.frames[-1].state != "running"
    pictured = [f for f in watched.frames if f.values][-1]
    assert pictured.pictured_step == max(1, step)
    np.testing.assert_allclose(
        watched.shown_number("loss"), watched.true_loss("loss"), rtol=2e-6, atol=1e-7
    )


@pytest.mark.parametrize("preset", ["xor", "circle", "lenet5"])
def test_one_step_is_named_and_the_loss_is_that_of_its_weights(watched, preset) -> None:
    watched.open(preset)
    watched.train_freely(15)
    check(watched, preset)
    middle = int(watched.window.time.steps[len(watched.window.time.steps) // 2])
    watched.scrub(middle)
    assert watched.strip_step == middle
    check(watched, preset)
    watched.train(2)
    assert len(watched.engine.moment.runs) == 2
    check(watched, preset)
    watched.scrub(0)
    watched.scrub(None)
    check(watched, preset)
