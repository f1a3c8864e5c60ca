"""One number of a node's output, written out: the sum that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.engine.execute import Step
from graphcore.engine.pictures import batched_node
from graphcore.engine.plan import Plan
from graphcore.graph.graph import Graph
from graphcore.late import torch
from graphcore.ops import Context
from graphcore.views.stepper import ElementFrame, Factor
from graphcore.views.stepper.trace import gradient

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 64
"""Terms of a sum that are sent; the first ones."""


def element(plan: Plan, graph: Graph, name: str, index: tuple[int, ...]) -> ElementFrame | None:
    """The sum behind one number of a node's output; None where the operator computes none.

    Args:
        plan: both passes were run.
        index: of the number in the output, without the axis of samples; the first one where it
            does not fit.
    """
    step = next((s for s in plan.steps if s.name == name), None)
    if step is None or len(step.outputs) != 1:
        return None
    write = _WRITTEN.get(step.op.sums, _losses if step.op.category == "loss" else None)
    if write is None:
        return None
    y = plan.values[step.outputs[0]]
    inputs = [plan.values[slot] for slot in step.inputs]
    if y is None or not y.numel() or any(t is None or not t.numel() for t in inputs):
        return None
    hidden = 1 if batched_node(graph, name, y) else 0
    shape = tuple(y.shape[hidden:])
    if len(index) != len(shape) or any(not 0 <= i < n for i, n in zip(index, shape, strict=True)):
        index = (0,) * len(shape)
    full = (0,) * hidden + index
    return write(step, [t for t in inputs if t is not None], y, full, hidden)


def weight_gradient(
    plan: Plan, graph: Graph, name: str, index: tuple[int, ...]
) -> ElementFrame | None:
    """∂L/∂W of the first weight of an output: Σ g · x over the samples; None without one."""
    step = next((s for s in plan.steps if s.name == name), None)
    key = f"{name}.weight"
    if step is None or step.op.sums != "row" or key not in plan.parameters:
        return None
    g, whole, x = gradient(plan, name), gradient(plan, key), plan.values[step.inputs[0]]
    if g is None or whole is None or x is None or not g.numel():
        return None
    row = index[-1] if index and index[-1] < g.shape[-1] else 0
    places = [tuple(i) for i in torch.ones(g.shape[:-1]).nonzero().tolist()]
    one = 1 if batched_node(graph, name, g) and len(g) == 1 else 0
    return ElementFrame(
        node=name, backward=True, index=(row, 0), count=len(places),
        left=tuple(_factors("g", g, [(*p, row) for p in places], one)),
        right=tuple(_factors("x", x, [(*p, 0) for p in places], one)), total=float(whole[row, 0]),
    )  # fmt: skip


def _factors(
    letter: str, tensor: Tensor, places: list[tuple[int, ...]], hidden: int
) -> list[Factor]:
    return [Factor(letter, p[hidden:], float(tensor[p])) for p in places[:SHOWN]]


def _linear(
    step: Step, inputs: list[Tensor], y: Tensor, at: tuple[int, ...], hidden: int
) -> ElementFrame:
    x, weight = inputs[:2]
    row, n = at[-1], x.shape[-1]
    left = _factors("W", weight, [(row, k) for k in range(n)], 0)
    right = _factors("x", x, [(*at[:-1], k) for k in range(n)], hidden)
    bias = Factor("b", (row,), float(inputs[2][row])) if len(inputs) > 2 else None
    return ElementFrame(
        node=step.name, index=at[hidden:], left=tuple(left), right=tuple(right), count=n,
        bias=bias, total=float(y[at]),
    )  # fmt: skip


def _matmul(
    step: Step, inputs: list[Tensor], y: Tensor, at: tuple[int, ...], hidden: int
) -> ElementFrame | None:
    a, b = inputs
    if max(a.dim(), b.dim()) > 2 and a.shape[:-2] != b.shape[:-2]:
        return None  # leading axes that are broadcast
    leading = at[: max(0, a.dim() - 2)]
    rest = list(at[len(leading) :])
    row = (rest.pop(0),) if a.dim() > 1 else ()
    column = (rest.pop(0),) if b.dim() > 1 else ()
    n = a.shape[-1]
    left = _factors("a", a, [(*leading, *row, k) for k in range(n)], hidden if leading else 0)
    right = _factors("b", b, [(*leading, k, *column) for k in range(n)], hidden if leading else 0)
    return ElementFrame(
        node=step.name, index=at[hidden:], left=tuple(left), right=tuple(right), count=n,
        total=float(y[at]),
    )  # fmt: skip


def _reduced(
    step: Step, inputs: list[Tensor], y: Tensor, at: tuple[int, ...], hidden: int
) -> ElementFrame:
    """A sum or a mean: its numbers are those that the gradient reaches."""
    (x,) = inputs
    seed = torch.zeros_like(y, memory_format=torch.contiguous_format)
    seed[at] = 1
    with torch.inference_mode():
        (g,) = step.op.run_vjp(step.context, seed, y, [x], step.attributes)
    places = [] if g is None else [tuple(p) for p in g.nonzero().tolist()]
    share = float(g[places[0]]) if g is not None and places else 1.0
    kept = hidden if x.dim() and len(x) == 1 else 0
    return ElementFrame(
        node=step.name, index=at[hidden:], left=tuple(_factors("x", x, places, kept)),
        count=len(places), total=float(y[at]),
        share=1.0 / len(places) if share < 1 else 1.0,
    )  # fmt: skip


def _squares(
    step: Step, inputs: list[Tensor], y: Tensor, at: tuple[int, ...], hidden: int
) -> ElementFrame | None:
    p, t = inputs[:2]
    if y.numel() != 1 or p.numel() != t.numel():
        return None
    t = t.reshape(p.shape)
    places = [tuple(i) for i in torch.ones_like(p).nonzero().tolist()]
    kept = 1 if p.dim() > 1 and len(p) == 1 else 0
    mean = step.attributes.get("reduction", "mean") == "mean"
    return ElementFrame(
        node=step.name, index=(), left=tuple(_factors("x", p, places, kept)),
        right=tuple(_factors("t", t, places, kept)), count=len(places), total=float(y),
        share=1.0 / len(places) if mean else 1.0, squares=True,
    )  # fmt: skip


def _losses(
    step: Step, inputs: list[Tensor], y: Tensor, at: tuple[int, ...], hidden: int
) -> ElementFrame | None:
    """A loss over several samples or numbers: the average of what each of them has alone."""
    if y.numel() != 1 or step.attributes.get("reduction") not in ("mean", "sum"):
        return None
    with torch.inference_mode():
        each = step.op.run_forward(
            Context(needs=step.context.needs), inputs, {**step.attributes, "reduction": "none"}
        )
    share = 1.0 / max(1, each.numel()) if step.attributes["reduction"] == "mean" else 1.0
    total = float(y)
    if each.numel() < 2 or abs(float(each.sum()) * share - total) > 1e-4 * (abs(total) + 1e-9):
        return None  # one alone, or an average with weights
    places = [tuple(i) for i in torch.ones_like(each).nonzero().tolist()]
    return ElementFrame(
        node=step.name, left=tuple(_factors("L", each, places, 0)), count=len(places),
        share=share, total=total,
    )  # fmt: skip


_WRITTEN = {
    "row": _linear, "product": _matmul, "inputs": _reduced, "squares": _squares,
}  # fmt: skip
"""How an output is written out, by the ``sums`` of its operator."""
