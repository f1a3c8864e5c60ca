"""A net that grows without forgetting: what is new changes nothing until it has learned.

Weights out of new neurons start at 0 and those into them from their initialisers (so that they
receive gradients at once); a new layer in the way passes its input on; a new layer on a branch
that is added starts at 0. Source: Chen, Goodfellow & Shlens, "Net2Net" (2016); the zeros of
Goyal et al., "Accurate, Large Minibatch SGD" (2017). Net2Net's own copies: ``widening``.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from graphcore.errors import GradscapeError
from graphcore.graph.flatten import FlatNode
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.engine.parameters import ParameterInfo
    from graphcore.engine.plan import Plan
    from graphcore.training.trainer import Trainer

Growth = Literal["initial", "silent", "copies", "noisy"]
"""What new units and layers start from: their initialisers; nothing that is heard; copies of
old units; copies that differ a little. All but the first leave the net's function as it was."""
SAMPLES = 32
"""Of the test set, on which two nets are compared."""


def grow_quietly(new: Trainer, old: Trainer, part: Collection[str], fresh: Collection[str]) -> None:
    """Let a net that took over another's weights compute what that one did, as far as it can.

    Args:
        part: parameters of which only some numbers came from the old net.
        fresh: parameters that the old net did not have.
    """
    before = {n.name for n in old.plan.flat_graph.nodes}
    theirs = {p.name: p for p in old.plan.layout}
    nodes = {n.name: n for n in new.plan.flat_graph.nodes}
    with torch.inference_mode():
        for info in new.plan.layout:
            weight = new.plan.parameters[info.name]
            node = nodes.get(info.node)
            if info.name in part and info.name in theirs:
                _silence(weight, theirs[info.name], node)
            elif info.name in fresh and node is not None and info.name.endswith(".weight"):
                _pass_on(new.plan, node, before)


def _silence(weight: Tensor, old: ParameterInfo, node: FlatNode | None) -> None:
    """Zero what comes from neurons that are new."""
    axis = 1 if node is None else node.node.op.unit_axis
    if weight.dim() >= 2 and weight.shape[axis] > old.shape[axis]:
        further = weight.shape[axis] - old.shape[axis]
        weight.narrow(axis, old.shape[axis], further).zero_()


def _pass_on(plan: Plan, node: FlatNode, before: Collection[str]) -> None:
    """Initialise a new layer to the identity; to zero if it ends a new residual branch."""
    weight = plan.parameters[f"{node.name}.weight"]
    bias = plan.parameters.get(f"{node.name}.bias")
    branch = _on_new_branch(plan, node.name, before)
    if branch == "inside" or node.node.op.units != "made":
        return
    if branch == "end":
        weight.zero_()
    elif weight.shape[0] != weight.shape[1] or not all(n % 2 for n in weight.shape[2:]):
        return
    elif weight.dim() == 2:
        weight.copy_(torch.eye(len(weight)))
    else:
        weight.zero_()
        middle = tuple(n // 2 for n in weight.shape[2:])
        for i in range(len(weight)):
            weight[(i, i, *middle)] = 1.0
    if bias is not None:
        bias.zero_()


def _on_new_branch(plan: Plan, name: str, before: Collection[str]) -> str:
    """Whether what follows is a new sum: "end" at once, "inside" after another new layer, or ""."""
    owners = {p.node for p in plan.layout}
    inside = False
    for _ in plan.flat_graph.nodes:
        followers = [
            n for n in plan.flat_graph.nodes if any(p[0] == name for p in n.inputs.values())
        ]
        if len(followers) != 1 or (followers[0].name in before and len(followers[0].inputs) > 1):
            return ""
        after = followers[0]
        if after.node.op.adds:
            return "inside" if inside else "end"
        inside = inside or after.name in owners
        name = after.name
    return ""


def difference(new: Trainer, old: Trainer) -> float | None:
    """How much the nets' outputs differ at most, over the largest output of the old one.

    None where they cannot be compared: other data, an old net that does not fit them (the new one
    may be what mends it), or an output of another shape.
    """
    if new.data is not old.data or not new.trains:
        return None
    mine = _output(new)
    try:
        theirs = _output(old)
    except GradscapeError:
        return None
    if mine.shape != theirs.shape:
        return None
    largest = float(theirs.abs().max()) or 1.0
    return float((mine - theirs).abs().max()) / largest


def _output(trainer: Trainer) -> Tensor:
    """What a net answers to the first test samples."""
    plan, b = trainer.evaluation_plan(), trainer.binding
    plan.forward(b.feeds(*trainer.tensors(trainer.data.test, SAMPLES)))
    return plan.value(b.output)
