"""What the optimiser makes of every weight: numbers on the widgets, against torch.optim."""

from __future__ import annotations

import msgspec
import pytest
import torch
from PySide6.QtCore import Qt

from app.shell.stepper_view import WalkView
from graphcore import datasets, presets
from graphcore.training.trainer import Trainer
from tests.app.driver import PATIENCE

LEFT = Qt.MouseButton.LeftButton
STEPS = 5
RULES = {
    "momentum": ("SGD", {"momentum": 0.9}, {"velocity": "momentum_buffer"}),
    "adam": ("Adam", {}, {"m": "exp_avg", "v": "exp_avg_sq"}),
    "adamw": ("AdamW", {"weight_decay": 0.1}, {"m": "exp_avg", "v": "exp_avg_sq"}),
}
NAMES = ("line.weight", "line.bias")


def cells(panel) -> dict[str, list[float]]:
    """Rows of the calculation, in full as the tool tips have them."""
    t = panel.quantities.table
    return {
        t.verticalHeaderItem(i).text(): [
            float(t.item(i, j).toolTip()) for j in range(t.columnCount()) if t.item(i, j)
        ]
        for i in range(t.rowCount())
    }


def torchs_step(graph, rule: str, options: dict) -> dict[str, tuple[float, ...]]:
    """Value, gradient, moments and new value, after ``STEPS`` steps and one with sample 0."""
    settings = graph.training
    trainer = Trainer(graph, datasets.load(settings.dataset, options=settings.dataset_options,
                                           seed=settings.seed))  # fmt: skip
    w = {n: trainer.plan.parameters[n].detach().clone().requires_grad_() for n in NAMES}
    theirs = getattr(torch.optim, rule)(w.values(), lr=settings.lr, **options)

    def backward(x: torch.Tensor, t: torch.Tensor) -> None:
        theirs.zero_grad()
        y = torch.nn.functional.linear(x, w["line.weight"], w["line.bias"])
        torch.nn.functional.mse_loss(y, t).backward()

    for _ in range(STEPS):
        rows = trainer.next_rows()
        backward(trainer.train_x[rows], trainer.train_t[rows])
        theirs.step()
        trainer.train_step()
    before = {n: float(p.detach()) for n, p in w.items()}
    x, t = trainer.tensors(trainer.data.test, 1)
    backward(x, t)
    theirs.step()
    return {n: (before[n], float(p.grad), theirs.state[p], float(p.detach())) for n, p in w.items()}


@pytest.mark.parametrize("case", RULES)
def test_moments_and_new_values_are_those_of_torch(qtbot, explain, live_window, case) -> None:
    rule, options, moments = RULES[case]
    graph = presets.load("linear-regression")
    graph.set_training(
        msgspec.structs.replace(graph.training, optimizer=rule, optimizer_options=options)
    )
    panel = explain("expression")
    live_window.document.open_graph(graph)
    engine = live_window.engine

    def there(step: int) -> bool:
        frame = panel.walk.frame
        return frame is not None and "line" in frame.numbers and frame.step == step

    qtbot.waitUntil(lambda: there(0), timeout=PATIENCE)
    engine.run(STEPS)
    qtbot.waitUntil(lambda: there(STEPS), timeout=PATIENCE)
    for button in (panel.finish, panel.finish, panel.step):
        qtbot.mouseClick(button, LEFT)
    assert panel.title.text() == "Update"
    shown, wanted = cells(panel), torchs_step(graph, rule, options)
    chips = [c.text for c in live_window.canvas.findChild(WalkView).overlay.chips]
    for name, (before, gradient, state, after) in wanted.items():
        told = {name: before, f"∂loss/∂{name}": gradient, f"{name} after": after}
        told |= {f"{k} ({name})": float(state[theirs]) for k, theirs in moments.items()}
        for row, number in told.items():
            assert shown[row] == [pytest.approx(number, rel=1e-6, abs=1e-6)], row
        (chip,) = (c for c in chips if c.startswith(name.partition(".")[2]))
        assert "→" in chip
        assert all(f" {k} " in chip for k in moments)
    assert any(r"\leftarrow" in line for line in panel.formula.latex)


def test_a_layers_weights_stand_at_its_backward_step(qtbot, explain) -> None:
    panel = explain("mlp")
    qtbot.mouseClick(panel.finish, LEFT)
    while panel.walk.shown.node != "fc1" or panel.walk.shown.phase != "backward":
        qtbot.mouseClick(panel.step, LEFT)
    rows = cells(panel)
    assert len(rows["∂loss/∂bias"]) == len(rows["bias"]) == len(rows["bias after"]) > 1
    assert any(name.startswith("m (") for name in rows)


def test_of_a_large_net_the_selected_layer_is_shown(qtbot, explain, live_window) -> None:
    panel = explain("lenet5")
    for button in (panel.finish, panel.finish, panel.step):
        qtbot.mouseClick(button, LEFT)
    assert "Select a node to see its numbers." in panel.words.text()
    assert not panel.quantities.isVisible()
    live_window.canvas.select(["conv1"])
    shown = cells(panel)
    update = next(u for u in panel.walk.frame.updates if u.name == "conv1.bias")
    assert len(shown["bias"]) == update.count == 6
    assert len(shown["weight, first 16"]) == 16
