"""Both passes of a net over one sample, taken apart: what each node and each edge contributes.

The backward pass is the chain rule applied edge by edge. At every edge the gradient of the
target's output (upstream) is multiplied by the derivative of that output by this input (local),
which gives what goes back (downstream); where an output feeds several nodes, what comes back
along its edges is added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphcore.engine.execute import Step
from graphcore.engine.pictures import batched_node
from graphcore.engine.plan import Plan
from graphcore.engine.reading import size_of
from graphcore.errors import GradscapeError
from graphcore.graph.composites import levels
from graphcore.graph.elements import Edge
from graphcore.graph.graph import Graph
from graphcore.late import torch
from graphcore.ops import Context
from graphcore.records.arrays import Array, pack
from graphcore.views.stepper import Curve, Quantity, Term, Update

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.engine.parameters import ParameterInfo
    from graphcore.training.optimizers import Optimizer
    from graphcore.training.parameter_groups import Group
    from graphcore.training.trainer import Trainer


def orders(plan: Plan, end: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Nodes in the order of the forward and of the backward pass, composites opened up.

    Sources of the top level come first; nodes that the gradient does not reach are left out of
    the backward order.
    """
    flat = [n.name for n in plan.flat_graph.nodes if n.node.operator != "Output"]
    computed = {step.name for step in plan.steps}
    sources = [n for n in flat if n not in computed and "/" not in n]
    forward = (*sources, *(n for n in flat if n not in set(sources)))
    if end is None:
        return forward, ()
    reached = [name for name in reversed(forward) if gradient(plan, name) is not None]
    return forward, tuple(reached)


def aliases(plan: Plan) -> dict[str, str]:
    """Ports of composites, composites and bypassed nodes -> the node whose value is theirs."""
    flat = plan.flat_graph
    return {name: flat.resolve((name, output))[0] for name, output in flat.aliases}


def value(plan: Plan, name: str) -> Tensor | None:
    """A node's value; None for one that has none of its own."""
    try:
        return plan.value(name)
    except GradscapeError:
        return None


def gradient(plan: Plan, name: str) -> Tensor | None:
    """A node's gradient; None where there is none."""
    try:
        return plan.grad(name)
    except GradscapeError:
        return None


def one_number(tensor: Tensor | None) -> float | None:
    """The number of a tensor that holds one."""
    return float(tensor) if tensor is not None and tensor.numel() == 1 else None


def terms(plan: Plan, graph: Graph) -> tuple[Term, ...]:
    """What every edge of every level hands back; names begin with those of their composites."""
    steps = {step.name: step for step in plan.steps}
    found = []
    for prefix, level in levels(graph):
        for edge in level.edges:
            g = _edge_gradient(plan, prefix, level, edge)
            if g is None:
                continue
            source, target = prefix + edge.source, prefix + edge.target
            step = steps.get(target)
            upstream, down = one_number(gradient(plan, target)), one_number(g)
            local = None
            if step is not None and upstream is not None and down is not None:
                local = local_derivative(plan, step, edge.input)
            found.append(Term(source, target, edge.input, upstream, local, down, size_of(g)))
    return tuple(found)


def _edge_gradient(plan: Plan, prefix: str, level: Graph, edge: Edge) -> Tensor | None:
    """What comes back along an edge; into a composite, along all the edges that go on from it."""
    total, stack = None, [(prefix, level, edge)]
    while stack:
        prefix, level, edge = stack.pop()
        target, path = level.node(edge.target), prefix + edge.target
        if target.subgraph is not None:
            inside = target.subgraph
            stack += [(f"{path}/", inside, e) for e in inside.edges_from(edge.input)]
            continue
        try:
            g = plan.edge_grad(prefix + edge.source, path, input=edge.input)
        except GradscapeError:  # on to the next level: its gradient is that of the value
            g = gradient(plan, path)
        if g is not None:
            total = g if total is None else total + g
    return total


def local_derivative(plan: Plan, step: Step, input: str) -> float | None:
    """∂output/∂input of a node whose output and input are single numbers, by its own vjp."""
    if len(step.outputs) > 1:
        return None
    y = plan.values[step.outputs[0]]
    place = step.input_names.index(input)
    if y is None:
        return None
    with torch.inference_mode():
        gx = step.backward(plan.values, torch.ones_like(y))[place]
    return one_number(gx)


JACOBIAN_ROWS, JACOBIAN = 32, 1024
"""Outputs and numbers of the largest Jacobian that is written out."""


def jacobians(plan: Plan, graph: Graph) -> dict[str, tuple[Quantity, ...]]:
    """∂output/∂input of every node where it is small, row by row out of the node's own vjp.

    Of samples that go through together, that of the first one.
    """
    found = {}
    alone = {
        slot for (name, _), slot in plan.slots.items()
        if (x := plan.values[slot]) is not None and batched_node(graph, name, x)
    }  # fmt: skip
    for step in plan.steps:
        y = plan.values[step.outputs[0]] if len(step.outputs) == 1 else None
        one = y[:1] if y is not None and step.outputs[0] in alone else y
        if one is None or not 1 <= one.numel() <= JACOBIAN_ROWS:
            continue
        told = [
            Quantity(f"∂{step.name}/∂{name}", _packed(j))
            for name, slot in zip(step.input_names, step.inputs, strict=True)
            if (j := _jacobian(plan, step, name, one.numel(), slot in alone)) is not None
        ]
        if told:
            found[step.name] = tuple(told)
    return found


def _jacobian(plan: Plan, step: Step, input: str, rows: int, alone: bool) -> Tensor | None:
    """Shape (outputs, inputs), or one row; None where it is large, one number or not there.

    Args:
        rows: of the output, from its first number on.
        alone: whether the input's first axis is that of the samples, of which the first is taken.
    """
    place = step.input_names.index(input)
    y, x = plan.values[step.outputs[0]], plan.values[step.inputs[place]]
    owned = f"{step.name}.{input}" in plan.parameters
    if y is None or x is None or owned or not step.context.needs[place]:
        return None
    columns = x[:1].numel() if alone else x.numel()
    if not 1 < rows * columns <= JACOBIAN:
        return None
    found = []
    with torch.inference_mode():
        for i in range(rows):
            seed = torch.zeros_like(y, memory_format=torch.contiguous_format)
            seed.view(-1)[i] = 1
            g = step.backward(plan.values, seed)[place]
            found.append(torch.zeros(columns) if g is None else g.reshape(-1)[:columns])
    matrix = torch.stack(found)
    return matrix.reshape(-1) if 1 in matrix.shape else matrix


CURVE_POINTS, BINS, FLAT = 161, 40, 0.01


def activation_curves(plan: Plan) -> dict[str, Curve]:
    """Every activation that works number by number, over what goes into it just now."""
    found = {}
    for step in plan.steps:
        x = plan.values[step.inputs[0]] if len(step.inputs) == 1 else None
        by_number = step.op.category == "activation" and "dim" not in step.attributes
        if x is not None and by_number and x.numel() and len(step.outputs) == 1:
            found[step.name] = _curve(step, x)
    return found


def _curve(step: Step, x: Tensor) -> Curve:
    with torch.inference_mode():
        known = x[torch.isfinite(x)]
        low, high = (float(v) for v in torch.aminmax(known)) if known.numel() else (0.0, 0.0)
        span = torch.linspace(min(low, -4.0), max(high, 4.0), CURVE_POINTS, dtype=x.dtype)
        slopes = []
        for at in (span.to(x.device), x.reshape(-1)):
            context = Context(needs=(True,))
            y = step.op.run_forward(context, [at], step.attributes)
            slope = step.op.run_vjp(context, torch.ones_like(y), y, [at], step.attributes)[0]
            slopes.append((y, torch.zeros_like(at) if slope is None else slope))
    numbers = known.to("cpu", torch.float64).numpy()
    counts, edges = np.histogram(numbers, BINS, (float(span[0]), float(span[-1])))
    (y, slope), (_, own) = slopes
    return Curve(
        _packed(span), _packed(y), _packed(slope), pack(edges.astype(np.float32)),
        pack(counts.astype(np.int64)), float((own.abs() < FLAT).double().mean()),
    )  # fmt: skip


def _packed(tensor: Tensor) -> Array:
    return pack(tensor.to("cpu", torch.float32).numpy())


LARGEST = 1 << 16
"""Numbers of a quantity that are sent to be looked at."""


def quantities(plan: Plan) -> dict[str, tuple[Quantity, ...]]:
    """What every node computes on the way to its output, where its operator reports it."""
    found = {}
    for step in plan.steps:
        outputs = [plan.values[slot] for slot in step.outputs]
        inputs = [plan.values[slot] for slot in step.inputs]
        if any(t is None or not t.numel() for t in (*outputs, *inputs)):
            continue
        y = outputs[0] if len(outputs) == 1 else tuple(outputs)
        with torch.inference_mode():
            told = step.op.quantities(step.context, y, *inputs, **step.attributes)
        kept = {n: t for n, t in told.items() if t.numel() <= LARGEST and t.dim() <= 3}
        if kept:
            found[step.name] = tuple(Quantity(n, _packed(t)) for n, t in kept.items())
    return found


FIRST = 64
"""Numbers of a parameter that come with every step; the rest is sent when it is asked for."""


def updates(trainer: Trainer, plan: Plan) -> tuple[Update, ...]:
    """What the optimiser would make of the parameters, given the gradients in ``plan``."""
    return tuple(u for group in trainer.groups for u in _group_updates(trainer, plan, group))


def _group_updates(trainer: Trainer, plan: Plan, group: Group) -> list[Update]:
    rule = group.preview(plan.flat, plan.flat_grad, trainer.current_lr(), trainer.settings)
    found = []
    for info in plan.layout:
        if not group.trains(info):
            continue
        before, g = plan.parameters[info.name], plan.gradients[info.name]
        moments, after = _moments(group, rule, info)
        told = {"value": before, "gradient": g, **moments, "after": after}
        found.append(
            Update(
                info.name, one_number(before), one_number(g), one_number(after),
                size_of(g), size_of(after - before),
                {k: _summary(v) for k, v in moments.items()},
                {k: _packed(v.reshape(-1)[:FIRST]) for k, v in told.items()}, after.numel(),
                group.rate_of(info),
            )
        )  # fmt: skip
    return found


def _moments(
    group: Group, rule: Optimizer, info: ParameterInfo
) -> tuple[dict[str, Tensor], Tensor]:
    """A parameter's moments and its value after the update that ``rule`` has made."""
    state = {k: v for k, v in rule.state.items() if v.shape == rule.w.shape}
    return {k: group.part(info, v) for k, v in state.items()}, group.part(info, rule.w)


def after_update(trainer: Trainer, plan: Plan, name: str) -> dict[str, Tensor]:
    """A parameter's moments and its value after the update, in its shape; empty if it is frozen."""
    for group in trainer.groups:
        for info in plan.layout:
            if info.name == name and group.trains(info):
                rule = group.preview(
                    plan.flat, plan.flat_grad, trainer.current_lr(), trainer.settings
                )
                moments, after = _moments(group, rule, info)
                return {**moments, "after": after}
    return {}


def _summary(tensor: Tensor) -> float:
    number = one_number(tensor)
    return size_of(tensor) if number is None else number
