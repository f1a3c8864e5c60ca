"""One's own gradients against finite differences: on the very sample, with the very weights.

Central differences of step h are off by about h²/6 · |f‴| (the curve within the step) and by
about ε · |f| / h (rounding, ε = 2.2e-16 in double precision): too large a step bends, too small
a one rounds. Where rounding is as large as the gradient itself, nothing can be said of that
gradient. Where a kink of a ReLU or a maximum lies within the step there is no derivative to
compare with: the slopes to the left and to the right differ.

Source: Press et al., Numerical Recipes (2007), §5.7.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from graphcore.engine.compiler import compile
from graphcore.engine.execute import run_backward
from graphcore.engine.plan import Plan
from graphcore.engine.random_feeds import random_feeds
from graphcore.errors import EngineError, GradscapeError
from graphcore.graph.binding import bind
from graphcore.graph.graph import Graph
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

At: TypeAlias = Callable[[int, float], float]
"""A function of a number's place and of how far it is moved."""
Reason = Literal["rounding", "curve", "kink", "wrong", "lost"]
ENTRIES, ENTRIES_OF_VALUE = 32, 8
"""Numbers of a parameter, a fed tensor or an edge, and of a node's value, evenly spread."""
NOISE = 100
"""By what factor a loss is less exact than one operation."""
SHORTEST, LONGEST = 1e-100, 1e100
"""Steps that can be divided by, and their squares multiplied."""
STEP, WIDE = 1e-6, 1e-3
"""Of the check of a whole graph: of plain differences, and of those of higher order."""
CHECKED = 64
"""Numbers of each tensor that the check of a whole graph compares, drawn by its seed."""
SEEN, LOST = 0.01, 0.1
"""Rounding below the first share of a tensor's largest gradient lets that be seen; an error above
the second that may be rounding leaves nothing of it."""
SMALLEST = 1e-6
"""Lower bound of the error's scale, as a share of the loss: two zero gradients agree."""


@dataclass(frozen=True)
class Compared:
    """A tensor's gradient beside its finite difference, where they differ most.

    Attributes:
        error: of the largest gradient of the tensor.
        place: of the number, in row order. own, difference: its gradient both ways.
        reason: what the error comes from; "lost" if the loss is so large that what the step changes
            of it is rounded away, so that nothing was compared.
        kinks: how many more numbers had a kink within the step; they are left out.
    """

    error: float
    place: int
    own: float
    difference: float
    reason: Reason
    kinks: int = 0


@dataclass(frozen=True)
class _Moved:
    """Numbers that are moved: of a slot, for all that read it or along one edge alone.

    Attributes:
        reader: name and input of the node at the edge's end; None for all readers.
    """

    name: str
    slot: int
    gradient: Tensor
    entries: int
    reader: tuple[str, str] | None = None


def compare(
    plan: Plan, feeds: dict[str, Any], loss: str, step: float, part: str = ""
) -> dict[str, Compared]:
    """Compare gradients in evaluation mode: of the whole graph, or of one part of it.

    Args:
        plan: in float64 and inspect mode; its weights are as before afterwards.
        feeds: float64 tensors; they are as before afterwards too.
        step: h, above 0 and finite.
        part: a parameter "node.input", a node's value "node", an edge "source -> target.input",
            or "" for every parameter and the value of every node.

    Raises:
        GradscapeError: there is no such part, the loss does not depend on it, or the step is
            none.
    """
    if not SHORTEST <= step <= LONGEST:
        raise GradscapeError(
            f"The check moves numbers by a step from {SHORTEST:g} to {LONGEST:g}, got {step:g}."
        )
    drawn = _run(plan, feeds, loss)
    found = list(_all(plan, loss)) if not part else [_one(plan, part)]
    size = abs(float(plan.value(loss).sum()))
    end = plan.slot(loss)
    with torch.inference_mode():
        return {m.name: _worst(_losses(plan, m, end, drawn), m, step, size) for m in found}


def _run(plan: Plan, feeds: dict[str, Any], loss: str) -> Tensor:
    """Run both passes; return the random state before them, to draw the same numbers again."""
    state = plan.generator.get_state()
    plan.forward(feeds)
    plan.backward(loss, grad=torch.ones_like(plan.value(loss)))
    return state


def check_graph(graph: Graph, seed: int = 0) -> dict[str, float]:
    """Return the largest relative error of every parameter's and every fed input's gradient.

    In float64, with seeded weights, feeds and choice of numbers. Where a kink (of a ReLU or a
    maximum) lies within the step a number is left out.
    """
    plan, feeds = compile(graph, dtype="float64", seed=seed), random_feeds(graph, seed)
    loss = _result(graph)
    drawn = _run(plan, feeds, loss)
    whole = {*plan.parameters, *plan.feeds.sources}
    found = [m for m in _all(plan, loss) if m.name in whole]
    size = abs(float(plan.value(loss).sum()))
    end, generator = plan.slot(loss), torch.Generator().manual_seed(seed)
    errors = {}
    with torch.inference_mode():
        for moved in found:
            count = moved.gradient.numel()
            places = torch.randperm(count, generator=generator)[:CHECKED].tolist()
            errors[moved.name] = _largest_error(
                _losses(plan, moved, end, drawn), moved, places, size
            )
    return errors


def _result(graph: Graph) -> str:
    """The loss, or the only node that nothing reads."""
    try:
        return bind(graph).loss
    except GradscapeError:
        ends = [n.name for n in graph if not graph.edges_from(n) and graph.edges_into(n)]
        if len(ends) != 1:
            raise GradscapeError(
                f"A gradient check needs one result, found {', '.join(ends) or 'none'}."
            ) from None
        return ends[0]


def _largest_error(at: tuple[At, At], moved: _Moved, places: Sequence[int], size: float) -> float:
    """Of the tensor's largest gradient; kinks left out.

    Where rounding may be what is seen, a larger step of higher order has less of it (Richardson).
    """
    (loss, slope), g = at, moved.gradient.reshape(-1)
    scale, worst = _scale(g, size), 0.0
    for place in places:
        own, found = float(g[place]), _central(loss, place, STEP)
        error = abs(own - found)
        if error / scale > 1e-7:
            near, far = (_central(loss, place, step) for step in (WIDE, 2 * WIDE))
            error = min(error, abs(own - (4 * near - far) / 3))
        if error / scale > 1e-6 and _reason(loss, slope, place, own, found, STEP, size) == "kink":
            continue
        worst = max(worst, error / scale)
    return worst


def _scale(g: Tensor, size: float) -> float:
    """What errors of a gradient are measured by."""
    return max(float(g.abs().max()), SMALLEST * size, 1e-12)


def _all(plan: Plan, loss: str) -> Iterator[_Moved]:
    computed = {step.name for step in plan.steps if len(step.outputs) == 1}
    fed = set(plan.feeds.sources)
    for name in dict.fromkeys((*plan.parameters, *plan.feeds.sources, *computed)):
        value = plan.values[plan.slot(name)]
        g = plan.grad(name) if name != loss else None
        if g is not None and g.numel() and value is not None and value.is_floating_point():
            whole = name in plan.parameters or name in fed
            yield _Moved(name, plan.slot(name), g, ENTRIES if whole else ENTRIES_OF_VALUE)


def _one(plan: Plan, part: str) -> _Moved:
    source, arrow, target = part.partition(" -> ")
    reader = None
    if arrow:
        node, _, port = target.rpartition(".")
        g, reader = plan.edge_grad(source, node, input=port), (node, port)
    else:
        g = plan.grad(part)
    if g is None or not g.numel():
        raise EngineError(f"The result does not depend on {part}: there is nothing to compare.")
    return _Moved(part, plan.slot(source), g, ENTRIES, reader)


def _losses(plan: Plan, moved: _Moved, end: int, drawn: Tensor) -> tuple[At, At]:
    """The loss, and its slope by the backward pass, where one number is moved by a distance."""
    value = plan.values[moved.slot]
    if value is None:
        raise GradscapeError(f"{moved.name} has no value.")
    values, steps, slot = list(plan.values), list(plan.steps), moved.slot
    if moved.reader is not None:
        name, port = moved.reader
        at = next(i for i, s in enumerate(steps) if s.name == name)
        reader, slot = steps[at], len(values)
        values.append(value)
        inputs = list(reader.inputs)
        inputs[reader.input_names.index(port)] = slot
        steps[at] = replace(reader, inputs=tuple(inputs))
    reads = (i for i, s in enumerate(steps) if slot in s.inputs or s.op.random)
    first = next(reads, len(steps))

    def at_distance(place: int, distance: float) -> float:
        shifted = value.clone(memory_format=torch.contiguous_format)
        shifted.view(-1)[place] += distance
        values[slot] = shifted
        plan.generator.set_state(drawn)
        for step in steps[first:]:
            step.forward(values)
        result = values[end]
        return float(result.sum()) if result is not None else 0.0

    def slope(place: int, distance: float) -> float:
        at_distance(place, distance)
        result = values[end]
        assert result is not None
        grads, _ = run_backward(steps[first:], values, {end: torch.ones_like(result)})
        return float(grads[slot].reshape(-1)[place]) if slot in grads else 0.0

    return at_distance, slope


def _worst(at: tuple[At, At], moved: _Moved, step: float, size: float) -> Compared:
    loss, slope = at
    g = moved.gradient.reshape(-1)
    scale = float(g.abs().max()) or _scale(g, size)
    floor = sys.float_info.epsilon * size / step
    places = torch.linspace(0, len(g) - 1, min(moved.entries, len(g))).long().tolist()
    rows = [(i, float(g[i]), _central(loss, i, step)) for i in places]
    rows.sort(key=lambda row: -abs(row[1] - row[2]))
    for kinks, (place, own, found) in enumerate(rows):
        reason = _reason(loss, slope, place, own, found, step, size)
        off = abs(own - found)
        if reason == "rounding" and (floor > SEEN * scale or off > LOST * scale):
            reason = "lost"
        if reason != "kink":
            return Compared(abs(own - found) / scale, place, own, found, reason, kinks)
    place, own, found = rows[0]
    return Compared(abs(own - found) / scale, place, own, found, "kink")


def _central(loss: At, place: int, step: float) -> float:
    return (loss(place, step) - loss(place, -step)) / (2 * step)


def _reason(
    loss: At, slope: At, place: int, own: float, found: float, step: float, size: float
) -> Reason:  # fmt: skip
    error = abs(own - found)
    noise = NOISE * sys.float_info.epsilon * (size / step + abs(own))
    if error <= noise:
        return "rounding"
    closer = abs(own - _central(loss, place, step / 10))
    if abs(closer - error / 100) <= error / 200 + min(10 * noise, error / 4):
        return "curve"
    # Beside a kink the backward pass is right again: its slopes there are the difference's parts.
    beside = (slope(place, step) + slope(place, -step)) / 2
    return "kink" if abs(beside - found) < error / 2 else "wrong"
