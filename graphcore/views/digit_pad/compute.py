"""What the net makes of a drawing, with the weights of the moment in evaluation mode."""

from __future__ import annotations

import numpy as np

from graphcore.engine import pictures as recording
from graphcore.late import torch
from graphcore.records.arrays import pack, unpack
from graphcore.session.session import Session
from graphcore.training.class_shares import NO_CLASSES, class_names, class_shares
from graphcore.training.sample import drawn_input
from graphcore.training.trainer import Trainer
from graphcore.views.digit_pad import DigitFrame, DigitRequest
from graphcore.views.view import view


@view(DigitRequest, share=0.05, rest=1 / 30, without_run=True)
def drawing(session: Session, request: DigitRequest) -> DigitFrame:
    """Show what the net makes of a drawing, as often as one can see it while it learns."""
    if session.trainer is None:
        return DigitFrame(problem="There is no net to show the drawing to.")
    return digit(session.trainer, unpack(request.pixels), request.centred, request.watch)


def _without_target(trainer: Trainer, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those that an unlabelled drawing has a value for."""
    graph, target = trainer.graph, trainer.binding.target
    judged = {target, *graph.descendants([target])} if target else set()
    return tuple(name for name in names if name not in judged)


def digit(
    trainer: Trainer, pixels: np.ndarray, centred: bool, watch: tuple[str, ...]
) -> DigitFrame:
    """Run a drawing through the net."""
    drawn = drawn_input(trainer, pixels, centred)
    if drawn is None:
        return DigitFrame(problem="The digit pad is for nets whose input holds 28x28 numbers.")
    b, data, (seen, x) = trainer.binding, trainer.data, drawn
    _, t = trainer.tensors(data.test, 1)
    plan = trainer.looking_plan()
    plan.forward(b.feeds(x, t))
    shares = class_shares(plan.value(b.output), b.loss_kind, t) if b.target else None
    if shares is None:
        return DigitFrame(problem=NO_CLASSES)
    return DigitFrame(
        classes=class_names(data.classes, shares.shape[1]),
        shares=pack(shares[0].to("cpu", torch.float32).numpy()),
        seen=pack(seen.astype(np.float32)),
        values=recording.value_pictures(plan, trainer.graph, _without_target(trainer, watch)),
    )  # fmt: skip
