"""Both passes of the test sample that the user chose."""

from __future__ import annotations

from graphcore.engine import pictures as recording
from graphcore.errors import GradscapeError
from graphcore.late import torch
from graphcore.session.session import Session
from graphcore.training.class_shares import class_indices, class_names, class_shares
from graphcore.training.trainer import Trainer
from graphcore.views.samples import SampleFrame, SampleRequest
from graphcore.views.view import view


@view(SampleRequest)
def sample(session: Session, request: SampleRequest) -> SampleFrame:
    """Run the chosen sample through the net that is trained."""
    return chosen_sample(session.need_trainer(), request.nodes, request.sample)


def chosen_sample(trainer: Trainer, nodes: tuple[str, ...], sample: int) -> SampleFrame:
    """Values and gradients of nodes for a test sample, in evaluation mode and without an update."""
    b, data = trainer.binding, trainer.data
    count = len(data.test)
    if not count:
        return SampleFrame(step=trainer.step, problem="The data set has no test samples.")
    i = min(max(0, sample), count - 1)
    x, t = trainer.tensors(data.test)
    plan, own = trainer.looking_plan(), t[i : i + 1]
    try:
        plan.forward(b.feeds(x[i : i + 1], own))
        if b.loss:
            plan.backward(b.loss, grad=torch.ones_like(plan.value(b.loss)))
    except GradscapeError as error:
        return SampleFrame(step=trainer.step, samples=count, problem=str(error))
    shares = class_shares(plan.value(b.output), b.loss_kind, t) if b.target else None
    return SampleFrame(
        step=trainer.step, sample=i, samples=count,
        classes=class_names(data.classes, 0 if shares is None else shares.shape[1]),
        label=-1 if shares is None else int(class_indices(own)[0]),
        answer=-1 if shares is None else int(shares[0].argmax()),
        values=recording.value_pictures(plan, trainer.graph, nodes),
        gradients=recording.gradient_pictures(plan, trainer.graph, nodes),
    )  # fmt: skip
