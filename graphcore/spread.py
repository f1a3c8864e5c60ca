"""Histograms of a node's weights, gradient, update and activation, from the running step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from graphcore.errors import GradscapeError
from graphcore.training import Trainer
from graphcore.worker.arrays import pack
from graphcore.worker.spread_messages import Spread, SpreadFrame

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

BINS = 48
SAMPLES = 16


def spread(trainer: Trainer, node: str) -> SpreadFrame:
    """How the numbers of a node are spread just now."""
    name = next((n for n in (f"{node}.weight", node) if n in trainer.plan.parameters), "")
    weights = trainer.plan.parameters.get(name)
    gradient = trainer.plan.gradients[name] if name and trainer.step else None
    return SpreadFrame(
        node=node, step=trainer.step, weights=_histogram(weights), gradient=_histogram(gradient),
        update=_histogram(_update(trainer, name)) if gradient is not None else None,
        activation=_histogram(_activation(trainer, node)),
    )  # fmt: skip


def _update(trainer: Trainer, name: str) -> Tensor | None:
    plan = trainer.plan
    for group in trainer.groups:
        for info in plan.layout:
            if info.name == name and group.trains(info):
                new = group.preview(plan.flat, plan.flat_grad, trainer.current_lr()).w
                return group.part(info, new) - plan.parameters[name]
    return None


def _activation(trainer: Trainer, node: str) -> Tensor | None:
    try:
        value = trainer.recorded.value(node, first=SAMPLES)
    except GradscapeError:
        return None
    return value if value.is_floating_point() else None


def _histogram(numbers: Tensor | None) -> Spread | None:
    """Counts between the smallest and the largest finite number; None if there are none."""
    if numbers is None or not numbers.numel():
        return None
    flat = numbers.detach().reshape(-1).to("cpu", torch.float32)
    flat = flat[torch.isfinite(flat)]
    if not len(flat):
        return None
    low, high = (float(v) for v in torch.aminmax(flat))
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts = torch.histc(flat, BINS, low, high)
    edges = torch.linspace(low, high, BINS + 1)
    return Spread(pack(counts.numpy()), pack(edges.numpy()))
