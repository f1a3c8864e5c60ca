"""What would the net say if a neuron, a channel or an edge had another value?

The held net is a copy of the graph with ``Hold`` nodes in it, so both passes, every view and
every figure come from the same engine as always; the net that is trained is not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from graphcore.errors import GradscapeError
from graphcore.graph.graph import Graph
from graphcore.late import torch
from graphcore.session.holds import held_plan
from graphcore.session.messages import HoldRequest
from graphcore.session.session import Session
from graphcore.training.class_shares import class_names, class_shares
from graphcore.training.trainer import Trainer
from graphcore.views.view import view
from graphcore.views.what_if import WhatIfFrame

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES, BATCH = 2000, 200


@view(HoldRequest, while_training="never")
def what_if(session: Session, _: HoldRequest) -> WhatIfFrame:
    """Compare the held net with the free one."""
    graph = session.held_graph()
    if graph is None:
        return WhatIfFrame(problem=session.holds.problem)
    try:
        return compare(session.need_trainer(), graph)
    except (GradscapeError, IndexError) as error:
        return WhatIfFrame(problem=f"That cannot be held: {error}")


def compare(trainer: Trainer, graph: Graph) -> WhatIfFrame:
    """Loss and accuracy per class on the test split, free and held."""
    if not trainer.trains:
        return WhatIfFrame(problem="This net has no loss: there are no figures to compare.")
    b = trainer.binding
    x, t = trainer.tensors(trainer.data.test, SAMPLES)
    figures, batch = [], trainer.at_once(BATCH)
    free = trainer.evaluation_plan()
    for plan in (free, held_plan(graph, free, "train")):
        losses, shares = [], []
        for i in range(0, len(x), batch):
            xs, ts = x[i : i + batch], t[i : i + batch]
            plan.forward(b.feeds(xs, ts))
            losses.append(float(plan.value(b.loss).mean()) * len(xs))
            said = class_shares(plan.value(b.output), b.loss_kind, t) if b.target else None
            shares.append(said)
        figures.append((sum(losses) / max(1, len(x)), _per_class(shares, t)))
    (free_loss, (right, before)), (held_loss, (held_right, after)) = figures
    return WhatIfFrame(
        step=trainer.step, samples=len(x), loss=(free_loss, held_loss), right=(*right, *held_right),
        classes=class_names(trainer.data.classes, len(before)) if before else (),
        before=before, after=after,
    )  # fmt: skip


def _per_class(
    shares: Sequence[Tensor | None], target: Tensor
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Share of right answers, of all and in each class; empty where there are no classes."""
    known = [s for s in shares if s is not None]
    if not known or target.reshape(-1).shape[0] != target.shape[0]:
        return (), ()
    answers = torch.cat(known).argmax(1).cpu().numpy()
    labels = target.reshape(-1).cpu().numpy()
    labels = (labels > 0).astype(np.int64) if labels.dtype.kind == "f" else labels
    count = int(known[0].shape[1])
    each = tuple(
        float((answers[labels == k] == k).mean()) if (labels == k).any() else float("nan")
        for k in range(count)
    )
    return (float((answers == labels).mean()),), each
