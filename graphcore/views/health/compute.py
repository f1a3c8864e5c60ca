"""Examine a net: data, loss, gradients, units and updates on one batch, and its test curve.

Sources: Glorot and Bengio, AISTATS 2010 (gradients through deep sigmoid nets); He et al., ICCV
2015 (initialisation for ReLU); Lu et al., 2019 (dying ReLU); Karpathy, CS231n notes, "Babysitting
the learning process" (updates of about a thousandth of the weights); LeCun et al., "Efficient
BackProp", 1998 (inputs and targets near unit size); Goodfellow, Bengio and Courville, 2016, 6.2
(a saturated output under squared error) and 7.8 (a test loss that rises while training falls).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore import ops
from graphcore.engine.execute import Step
from graphcore.engine.non_finite import finite, first_non_finite
from graphcore.engine.plan import Plan
from graphcore.engine.reading import size_of
from graphcore.late import torch
from graphcore.runs.curves import Curves
from graphcore.session.session import Session
from graphcore.training.trainer import Trainer
from graphcore.views.health import Finding, HealthFrame, HealthRequest, LayerHealth, UnitHealth
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 200
NO_LOSS = "This net has no loss: there is nothing to minimise."
VANISHING, EXPLODING = 1e-3, 1e3
"""Gradient of the first weight over that of the last."""
LARGE_GRADIENT = 10.0
DEAD, SATURATED, FLAT = 0.4, 0.5, 0.01
LARGE_CHANGE, SMALL_CHANGE = 0.1, 1e-6
"""Size of an update over that of the weight."""
LOWERED = 0.1
"""Share of its learning rate that a schedule leaves when the steps are small on purpose."""
LARGE, SMALL = 10.0, 0.05
"""Root mean square above which, and largest number below which, data are not of unit size."""
RISEN, RISING = 1.1, 3
"""Test loss over its smallest, and tests since then, from which the net overfits."""
WRONG = 0.1
"""Share of the outputs that may lie at the wrong flat end of their curve."""


@view(HealthRequest)
def health(session: Session, _: HealthRequest) -> HealthFrame:
    """Examine the net that is trained."""
    run = session.runs.current
    return examine(session.need_trainer(), None if run is None else run.curves)


def examine(trainer: Trainer, curves: Curves | None = None) -> HealthFrame:
    """Run both passes of one batch with the weights of the moment and judge them.

    Args:
        curves: of the run, for what shows only over time.
    """
    if not trainer.trains:
        return HealthFrame(step=trainer.step, findings=(Finding("", NO_LOSS),))
    plan, b = trainer.looking_plan(), trainer.binding
    x, t = trainer.tensors(trainer.data.train, trainer.at_once(BATCH))
    plan.forward(b.feeds(x, t))
    loss = plan.value(b.loss)
    plan.backward(b.loss, grad=torch.ones_like(loss))
    layers = _layers(trainer, plan)
    answers = _answers(plan)
    units = tuple(_unit(plan, s) for s in plan.steps
                  if s.op.category == "activation" and s.op.units != "mixed")  # fmt: skip
    ratio = None
    if len(layers) >= 2 and layers[-1].gradient > 0:
        ratio = layers[0].gradient / layers[-1].gradient
    findings = (
        *_of_numbers(plan, b.feeds(x, t), b.loss),
        *_of_squashing(answers), *_of_inputs(trainer, x), *_of_targets(trainer, t),
        *_of_gradients(layers, ratio),
        *_of_units(plan, [u for u in units if u.node not in {a.name for _, a in answers}]),
        *_of_answers(plan, answers),
        *_of_updates(trainer, plan, layers, b.feeds(x, t)),
        *(_of_curves(curves, trainer.step) if curves is not None else ()),
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


def _answers(plan: Plan) -> list[tuple[Step, Step]]:
    """Each loss, and what it judges: the step before it that changes more than the shape."""
    makers = {slot: step for step in plan.steps for slot in step.outputs}
    found = []
    for loss in plan.steps:
        if loss.op.category != "loss" or "x" not in loss.input_names:
            continue
        maker = makers.get(loss.inputs[loss.input_names.index("x")])
        while maker is not None and maker.op.passes:
            maker = makers.get(maker.inputs[0])
        if maker is not None:
            found.append((loss, maker))
    return found


def _of_squashing(answers: list[tuple[Step, Step]]) -> list[Finding]:
    """Find losses that take a softmax or sigmoid of what is one already."""
    return [
        Finding(answer.name, (
            f"{answer.name} is a {answer.op.name} before {loss.name}, and {loss.op.name} takes "
            "one itself: the loss cannot become small and its gradient is weak."), "bare")
        for loss, answer in answers if loss.op.normalises and answer.op.probabilities
    ]  # fmt: skip


def _of_inputs(trainer: Trainer, x: Tensor) -> list[Finding]:
    standard = trainer.settings.normalization == "standardize"
    size, name = _far_from_one(x), trainer.binding.input
    if not size:
        return []
    return [Finding(name, (
        f"The inputs are far from unit size: those of {name} are of size {size}. Weights "
        "are initialised for numbers near 1."), "" if standard else "standardize")]  # fmt: skip


def _of_targets(trainer: Trainer, t: Tensor) -> list[Finding]:
    b = trainer.binding
    size = _far_from_one(t) if b.target and ops.get(b.loss_kind).sums == "squares" else ""
    if not size:
        return []
    return [Finding(b.target, (
        f"The targets are far from unit size: those of {b.target} are of size {size}. The error "
        "and its gradient have that size, too: divide the targets by it."))]  # fmt: skip


def _far_from_one(numbers: Tensor) -> str:
    """Return the size of what is too large or too small, or ""; whole numbers are names."""
    if not numbers.is_floating_point() or not numbers.numel():
        return ""
    columns = numbers if numbers.dim() == 2 else numbers.reshape(-1, 1)
    largest = float(columns.double().square().mean(0).max().sqrt())
    if largest > LARGE:
        return f"{largest:.3g}"
    most = float(numbers.abs().max())
    return f"{most:.3g} at most" if 0 < most < SMALL else ""


def _of_answers(plan: Plan, answers: list[tuple[Step, Step]]) -> list[Finding]:
    """Find outputs at the wrong flat end of their curve, where a squared error has no gradient."""
    found = []
    for loss, answer in answers:
        if loss.op.sums != "squares" or not answer.op.flat_ends:
            continue
        y, t = (plan.values[i] for i in loss.inputs[:2])
        slope = _slope(plan, answer)
        if y is None or t is None or slope is None:
            continue
        if not slope.numel() == y.numel() == t.numel():
            continue
        wrong = (y.reshape(-1) - t.reshape(-1)).abs() > answer.op.flat_ends / 2
        share = float((wrong & (slope.reshape(-1) < FLAT)).double().mean())
        if share > WRONG:
            found.append(Finding(answer.name, (
                f"{share:.0%} of the outputs of {answer.name} are wrong and saturated: under "
                f"{loss.op.name} hardly any gradient gets through to correct them."),
                "logits" if answer.op.probabilities else "xavier"))  # fmt: skip
    return found


def _slope(plan: Plan, step: Step) -> Tensor | None:
    """Return the derivative of every number of an activation by its input."""
    x, y = plan.values[step.inputs[0]], plan.values[step.outputs[0]]
    if x is None or y is None:
        return None
    with torch.inference_mode():
        slopes: tuple[Tensor | None, ...] = step.op.run_vjp(
            step.context, torch.ones_like(y), y, [x], step.attributes
        )
    return slopes[0]


def _of_curves(curves: Curves, step: int) -> list[Finding]:
    """Find a test loss that rises while the training loss falls."""
    tests = [e for e in curves.validations or curves.tests if e.step <= step]
    whole = [e for e in tests if e.whole]
    tests = whole if len(whole) > RISING else [e for e in tests if not e.whole]
    if len(tests) <= RISING:
        return []
    best = min(tests, key=lambda e: e.loss)
    since = [e.loss for e in tests if e.step > best.step]
    if len(since) < RISING or min(since[-2:]) < RISEN * best.loss:
        return []
    before, now = _training_loss(curves, best.step), _training_loss(curves, step)
    if not now < before:
        return []
    return [Finding("", (
        f"The net overfits: since step {best.step:,} the test loss has risen from {best.loss:.3g} "
        f"to {since[-1]:.3g}, while the training loss fell from {before:.3g} to {now:.3g}."),
        "decay")]  # fmt: skip


def _training_loss(curves: Curves, step: int) -> float:
    """Return the training loss at a step as the curve shows it."""
    at = int(np.searchsorted(curves.rows[:, 0], step, "right")) - 1
    return float(curves.smoothed[at]) if at >= 0 else float("nan")


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
    slope = _slope(plan, step)
    with torch.inference_mode():
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


def _of_units(plan: Plan, units: Sequence[UnitHealth]) -> list[Finding]:
    operators = {step.name: step.op for step in plan.steps}
    found = []
    for unit in units:
        operator = operators[unit.node]
        if operator.dies and unit.dead > DEAD:
            found.append(Finding(unit.node, (
                f"{unit.dead:.0%} of the units of {unit.node} are dead: they answer 0 to every "
                "sample, and no gradient gets through them."), "leaky"))  # fmt: skip
        elif operator.flat_ends and unit.saturated > SATURATED:
            found.append(Finding(unit.node, (
                f"{unit.saturated:.0%} of the values of {unit.node} lie where the curve is flat: "
                "it is saturated."), "xavier"))  # fmt: skip
    return found


def _of_updates(
    trainer: Trainer, plan: Plan, layers: tuple[LayerHealth, ...], feeds: Mapping[str, Any]
) -> list[Finding]:
    """Find steps of a wrong size; the last to look at ``plan``, as it may take one in it.

    A step that is large beside weights near 0 is none too large if the loss falls by it. Steps
    that a schedule has made small are so on purpose.
    """
    if trainer.current_lr() == 0:
        return [Finding("", "The learning rate is 0 at this step: it changes nothing.")]
    lowered = trainer.current_lr() < LOWERED * trainer.lr
    shares = [(layer.change / layer.weight, layer) for layer in layers if layer.weight > 0]
    if not shares:
        return []
    share, layer = max(shares, key=lambda s: s[0])
    if share > LARGE_CHANGE and _rises(trainer, plan, feeds):
        return [Finding(layer.node, (
            f"The steps are too large: one changes {layer.node} by {share:.0%} of its size."),
            "slower")]  # fmt: skip
    if share < SMALL_CHANGE and not lowered:
        return [Finding(layer.node, (
            f"The steps are too small: the largest changes {layer.node} by {share:.0e} of its "
            "size."), "faster")]  # fmt: skip
    return []


def _rises(trainer: Trainer, plan: Plan, feeds: Mapping[str, Any]) -> bool:
    """Whether the next update makes the loss of this batch larger; it is made in ``plan``."""
    loss = trainer.binding.loss
    before = float(plan.value(loss).sum())
    for group in trainer.groups:
        new = group.preview(plan.flat, plan.flat_grad, trainer.current_lr()).w
        with torch.inference_mode():
            for info in plan.layout:
                if group.trains(info):
                    plan.parameters[info.name].copy_(group.part(info, new))
    plan.forward(feeds)
    return not float(plan.value(loss).sum()) <= before
