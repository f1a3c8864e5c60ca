"""Histograms of a node's weights, gradient, update and activation, from the running step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from graphcore.engine.parameters import ParameterInfo
from graphcore.errors import GradscapeError
from graphcore.late import torch
from graphcore.records.arrays import pack
from graphcore.runs.snapshots import Moment, Timeline
from graphcore.session.session import Session
from graphcore.training.trainer import Trainer
from graphcore.views.histograms import Spread, SpreadFrame, SpreadRequest
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor

BINS = 48
SAMPLES = 16
PAST = 24
"""Earlier steps that are shown of a run, at most."""


class _Told:
    """The request, the run and the changes by hand that the earlier steps were sent of."""

    of: tuple[object, ...] = ()


@view(SpreadRequest)
def histograms(session: Session, request: SpreadRequest) -> Iterator[SpreadFrame | None]:
    """Send the history too when the view is new or a step was skipped."""
    trainer, run, told = session.need_trainer(), session.runs.current, session.part(_Told)
    now = id(request), id(run), session.weights_moved
    if run is None or told.of == now:
        yield spread(trainer, request.node)
        return
    for frame in spread_since_start(trainer, request.node, run.timeline):
        if frame is not None:
            told.of = now
        yield frame


def spread_since_start(
    trainer: Trainer, node: str, timeline: Timeline
) -> Iterator[SpreadFrame | None]:
    """``spread``, and how the weights were spread at earlier steps of the run.

    Yields:
        None after each of the earlier steps, the frame at last.
    """
    past, name = [], _parameter(trainer, node)
    for info in (p for p in trainer.plan.layout if p.name == name):
        for moment in _chosen(timeline, trainer.step):
            found = _histogram(_as_it_was(trainer, info, moment))
            if found is not None:
                past.append((moment.step, found))
            yield None
    yield msgspec.structs.replace(spread(trainer, node), past=tuple(past))


def _chosen(timeline: Timeline, step: int) -> list[Moment]:
    """Recorded states before a step, about equally far from each other."""
    places = [i * step // PAST for i in range(PAST)]
    found = {m.step: m for m in map(timeline.at, places)} if timeline.moments else {}
    return [m for at, m in sorted(found.items()) if at < step]


def _as_it_was(trainer: Trainer, info: ParameterInfo, moment: Moment) -> Tensor | None:
    try:
        flat = moment.tensors()["flat"]
    except GradscapeError:
        return None
    return info.within(flat) if flat.shape == trainer.plan.flat.shape else None


def _parameter(trainer: Trainer, node: str) -> str:
    """The weight of a node, or a Parameter node itself; empty where there is none."""
    return next((n for n in (f"{node}.weight", node) if n in trainer.plan.parameters), "")


def spread(trainer: Trainer, node: str) -> SpreadFrame:
    """How the numbers of a node are spread just now."""
    name = _parameter(trainer, node)
    weights = trainer.plan.parameters.get(name)
    known = bool(name) and trainer.step > 0 and trainer.plan.finds_gradient(name)
    gradient = trainer.plan.gradients[name] if known else None
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
    flat = numbers.detach().reshape(-1).to("cpu", torch.float64)  # a span may pass float32's end
    flat = flat[torch.isfinite(flat)]
    if not len(flat):
        return None
    low, high = (float(v) for v in torch.aminmax(flat))
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts = torch.histc(flat, BINS, low, high)
    edges = torch.linspace(low, high, BINS + 1, dtype=torch.float64)
    return Spread(pack(counts.float().numpy()), pack(edges.float().numpy()))
