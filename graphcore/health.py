"""Is the net fit to learn? Gradients, units and updates on one batch, and what is wrong with them.

Sources: Glorot and Bengio, AISTATS 2010 (gradients through deep sigmoid nets); He et al., ICCV
2015 (initialisation for ReLU); Lu et al., 2019 (dying ReLU); Karpathy, CS231n notes, "Babysitting
the learning process" (updates of about a thousandth of the weights).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphcore.blame import finite, first_non_finite
from graphcore.execute import Step
from graphcore.late import torch
from graphcore.plan import Plan
from graphcore.training import Trainer
from graphcore.walk import size_of
from graphcore.worker.health_messages import Finding, HealthFrame, LayerHealth, UnitHealth

BATCH = 200
NO_LOSS = "This net has no loss: nothing tells it how to learn."
VANISHING, EXPLODING = 1e-3, 1e3
"""Gradient of the first weight over that of the last."""
LARGE_GRADIENT = 10.0
DEAD, SATURATED, FLAT = 0.4, 0.5, 0.01
LARGE_CHANGE, SMALL_CHANGE = 0.1, 1e-6
"""Size of an update over that of the weight."""
LOWERED = 0.1
"""Share of its learning rate that a schedule leaves when the steps are small on purpose."""


def examine(trainer: Trainer) -> HealthFrame:
    """Both passes of one batch with the weights of the moment."""
    if not trainer.trains:
        return HealthFrame(step=trainer.step, findings=(Finding("", NO_LOSS),))
    plan, b = trainer.looking_plan(), trainer.binding
    x, t = trainer.tensors(trainer.data.train, BATCH)
    plan.forward(b.feeds(x, t))
    loss = plan.value(b.loss)
    plan.backward(b.loss, grad=torch.ones_like(loss))
    layers = _layers(trainer, plan)
    units = tuple(_unit(plan, s) for s in plan.steps if s.op.category == "activation"
                  and s.op.name not in ("Softmax", "LogSoftmax"))  # fmt: skip
    ratio = None
    if len(layers) >= 2 and layers[-1].gradient > 0:
        ratio = layers[0].gradient / layers[-1].gradient
    findings = (
        *_of_numbers(plan, b.feeds(x, t), b.loss),
        *_of_gradients(layers, ratio), *_of_units(plan, units),
        *_of_updates(layers, lowered=trainer.current_lr() < LOWERED * trainer.lr),
    )  # fmt: skip
    return HealthFrame(
        step=trainer.step, layers=layers, units=units, ratio=ratio, findings=findings
    )


def _of_numbers(plan: Plan, feeds: Mapping[str, Any], loss: str) -> list[Finding]:
    """Where a number is not finite; both passes have been run over ``feeds``."""
    if finite(float(plan.value(loss).sum()), torch.dot(plan.flat_grad, plan.flat_grad)):
        return []
    node, phase = first_non_finite(plan, feeds, loss)
    what = "value" if phase == "forward" else "gradient"
    return [Finding(node, f"The {what} of {node or loss} is NaN or infinite.", "again")]


def _layers(trainer: Trainer, plan: Plan) -> tuple[LayerHealth, ...]:
    """The weights with two axes or more, in the order of the forward pass."""
    changes = _changes(trainer, plan)
    order = {step.name: i for i, step in enumerate(plan.steps)}
    wide = [p for p in plan.layout if len(p.shape) >= 2 and not p.frozen]
    wide.sort(key=lambda p: order.get(p.node, -1))
    return tuple(
        LayerHealth(
            p.name, p.node, size_of(plan.gradients[p.name]),
            size_of(plan.parameters[p.name]), changes[p.name],
        )
        for p in wide
    )  # fmt: skip


def _changes(trainer: Trainer, plan: Plan) -> dict[str, float]:
    """Size of what the optimisers would do to each parameter now."""
    found = {}
    for group in trainer.groups:
        new = group.preview(plan.flat, plan.flat_grad, trainer.current_lr()).w
        for info in plan.layout:
            if group.trains(info):
                found[info.name] = size_of(group.part(info, new) - plan.parameters[info.name])
    return found


def _unit(plan: Plan, step: Step) -> UnitHealth:
    """Where an activation's slope is 0, by its own vjp."""
    y = plan.values[step.outputs[0]]
    assert y is not None
    with torch.inference_mode():
        slope = step.backward(plan.values, torch.ones_like(y))[0]
        if slope is None or not slope.numel():
            return UnitHealth(step.name, 0.0, 0.0, step.op.name)
        size = slope.abs()
        per_unit = size.reshape(len(size), -1).amax(0) if size.dim() > 1 else size
        if size.dim() == 4:  # a feature map is one unit
            per_unit = size.amax((0, 2, 3))
        return UnitHealth(
            step.name, float((per_unit == 0).double().mean()),
            float((size < FLAT).double().mean()), step.op.name,
        )  # fmt: skip


def _of_gradients(layers: tuple[LayerHealth, ...], ratio: float | None) -> list[Finding]:
    if ratio is None:
        return []
    first, last = layers[0], layers[-1]
    if ratio < VANISHING:
        return [Finding(first.node, (
            f"The gradient vanishes: at {first.node} it is {ratio:.1e} times as large as at "
            f"{last.node}, so the first layers hardly learn."), "relu")]  # fmt: skip
    largest = max(layers, key=lambda layer: layer.gradient)
    if ratio > EXPLODING or largest.gradient > LARGE_GRADIENT:
        return [Finding(largest.node, (
            f"The gradient explodes: at {largest.node} it has the size "
            f"{largest.gradient:.3g}."), "clip")]  # fmt: skip
    return []


def _of_units(plan: Plan, units: tuple[UnitHealth, ...]) -> list[Finding]:
    operators = {step.name: step.op.name for step in plan.steps}
    found = []
    for unit in units:
        operator = operators[unit.node]
        if operator == "ReLU" and unit.dead > DEAD:
            found.append(Finding(unit.node, (
                f"{unit.dead:.0%} of the units of {unit.node} are dead: they answer 0 to every "
                "sample, and no gradient gets through them."), "leaky"))  # fmt: skip
        elif operator in ("Sigmoid", "Tanh") and unit.saturated > SATURATED:
            found.append(Finding(unit.node, (
                f"{unit.saturated:.0%} of the values of {unit.node} lie where the curve is flat: "
                "it is saturated."), "xavier"))  # fmt: skip
    return found


def _of_updates(layers: tuple[LayerHealth, ...], lowered: bool) -> list[Finding]:
    """What is wrong with the sizes of the steps.

    Args:
        lowered: whether a schedule has them small on purpose.
    """
    shares = [(layer.change / layer.weight, layer) for layer in layers if layer.weight > 0]
    if not shares:
        return []
    share, layer = max(shares, key=lambda s: s[0])
    if share > LARGE_CHANGE:
        return [Finding(layer.node, (
            f"The steps are too large: one changes {layer.node} by {share:.0%} of its size."),
            "slower")]  # fmt: skip
    if share < SMALL_CHANGE and not lowered:
        return [Finding(layer.node, (
            f"The steps are too small: the largest changes {layer.node} by {share:.0e} of its "
            "size."), "faster")]  # fmt: skip
    return []
