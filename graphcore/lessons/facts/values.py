"""Facts of the numbers in a net: values, gradients, weights and how healthy they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.engine.reading import size_of
from graphcore.errors import GradscapeError, LessonError
from graphcore.late import torch
from graphcore.lessons.functions import fact
from graphcore.lessons.state import State

if TYPE_CHECKING:
    from torch import Tensor

FLAT = 0.01
"""Slope below which an activation counts as saturated."""


@fact
def value(state: State, node: str, place: int = 0) -> float:
    """One number that a node gives: the only one, or that at a place, counted through all axes.

    A formula is run on its inputs' own values, a net on the first training samples.
    Example: value("y") < 0.003
    """
    return _at(state.passes().value(_checked(state, node)), place, node)


@fact
def grad(state: State, name: str, place: int = 0) -> float:
    """One number of the gradient of a node, or of a parameter such as "fc1.weight".

    Example: grad("b") == 6
    """
    try:
        found = state.passes().grad(name)
    except GradscapeError as error:
        raise LessonError(str(error)) from None
    if found is None:
        raise LessonError(f"No gradient reaches {name}.")
    return _at(found, place, name)


@fact
def weight(state: State, parameter: str, place: int = 0) -> float:
    """One number of a parameter, counted through all axes.

    Example: weight("neuron.bias") > 0
    """
    return _at(state.parameter(parameter), place, parameter)


@fact
def weight_size(state: State, parameter: str) -> float:
    """Root mean square of a parameter."""
    return size_of(state.parameter(parameter))


@fact
def edited(state: State, parameter: str) -> bool:
    """Whether numbers of a parameter were changed by hand."""
    state.parameter(parameter)
    return parameter in state.session.altered


@fact
def moved(state: State, parameter: str) -> float:
    """How far a parameter is from where the step began: norm of the difference.

    Example: moved("features.weight") == 0
    """
    now, before = state.parameter(parameter), state.start.get(parameter)
    if before is None or before.shape != now.shape:
        return float("inf")
    return float(torch.linalg.vector_norm((now.detach() - before.to(now)).double()))


@fact
def gradient(state: State, parameter: str) -> float:
    """Root mean square of a parameter's gradient over the first 200 training samples."""
    state.parameter(parameter)
    return size_of(state.passes().gradients[parameter])


@fact
def gradient_ratio(state: State, first: str = "", last: str = "") -> float:
    """Size of one weight's gradient over that of another; left out, the first and last weight's.

    Names are those of nodes or parameters. Example: gradient_ratio("first", "last") < 1e-3
    """
    plan = state.passes()
    order = {step.name: i for i, step in enumerate(plan.steps)}
    wide = [p for p in plan.layout if len(p.shape) >= 2]
    wide.sort(key=lambda p: order.get(p.node, -1))
    sizes = []
    for name, fallback in ((first, 0), (last, -1)):
        found = [p for p in wide if name in (p.name, p.node)] if name else wide[fallback:][:1]
        if not found:
            raise LessonError(f"There is no weight {name!r} in this net.")
        sizes.append(size_of(plan.gradients[found[0].name]))
    return sizes[0] / sizes[1] if sizes[1] else float("inf")


@fact
def saturated(state: State, node: str) -> float:
    """Share of an activation's values whose slope is below 0.01, over 200 training samples."""
    return float((_slopes(state, node) < FLAT).double().mean())


@fact
def dead(state: State, node: str) -> float:
    """Share of an activation's units whose slope is 0 for every one of 200 training samples."""
    slopes = _slopes(state, node)
    axes = (0, 2, 3) if slopes.dim() == 4 else (0,)
    return float((slopes.amax(axes) == 0).double().mean())


@fact
def units_differ(state: State, node: str) -> float:
    """Largest difference between the weights of any two units of a layer.

    Example: units_differ("hidden") == 0
    """
    rows = state.parameter(f"{node}.weight").detach()
    return float((rows.amax(0) - rows.amin(0)).max())


@fact
def spread(state: State, node: str) -> float:
    """Standard deviation of all of a node's values over the first 200 training samples."""
    found = state.passes().value(_checked(state, node))
    return float(found.double().std())


@fact
def largest(state: State, node: str) -> float:
    """The largest number that a node gives over the first 200 training samples."""
    return float(state.passes().value(_checked(state, node)).max())


@fact
def smallest(state: State, node: str) -> float:
    """The smallest number that a node gives over the first 200 training samples."""
    return float(state.passes().value(_checked(state, node)).min())


def _checked(state: State, node: str) -> str:
    state.node(node)
    return node


def _slopes(state: State, node: str) -> Tensor:
    """Slope of an elementwise activation at each of its values."""
    state.node(node)
    plan = state.passes()
    step = next((s for s in plan.steps if s.name == node), None)
    if step is None or step.op.category != "activation":
        raise LessonError(f"{node} is no activation.")
    with torch.inference_mode():
        y = plan.values[step.outputs[0]]
        assert y is not None
        slope = step.backward(plan.values, torch.ones_like(y))[0]
        assert slope is not None
        return slope.abs()


def _at(tensor: Tensor, place: int, name: str) -> float:
    numbers = tensor.detach().reshape(-1)
    if not 0 <= place < len(numbers):
        raise LessonError(f"{name} has {len(numbers)} numbers; place {place} is none of them.")
    return float(numbers[place])
