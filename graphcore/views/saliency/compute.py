"""Which part of a picture an answer rests on, and how little it takes to change the answer.

Sources: Simonyan et al., 2014, arXiv:1312.6034 (saliency); Selvaraju et al., ICCV 2017 (Grad-CAM);
Goodfellow et al., ICLR 2015 (the fast gradient sign method).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphcore.engine.plan import Plan
from graphcore.errors import GradscapeError
from graphcore.late import torch
from graphcore.records.arrays import Array, pack
from graphcore.session.session import Session
from graphcore.training.class_shares import NO_CLASSES, class_names, class_shares
from graphcore.training.sample import Sample, fed, split_of
from graphcore.training.trainer import Trainer
from graphcore.views.saliency import AttributionFrame, AttributionRequest
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_NUDGE, HALVINGS = 1.0, 10


@view(AttributionRequest, while_training="once", without_run=True)
def attribution(session: Session, request: AttributionRequest) -> AttributionFrame:
    """Explain the net's answer to a sample."""
    if session.trainer is None:
        return AttributionFrame(problem="There is no net that classifies.")
    return attribute(session.trainer, request.sample, request.node)


def attribute(trainer: Trainer, sample: Sample, node: str = "") -> AttributionFrame:
    """Saliency, Grad-CAM and a nudge for one sample, with today's weights."""
    b, split = trainer.binding, split_of(trainer, sample.split)
    shape = trainer.input_shape
    x, t, i = fed(trainer, sample)
    plan = trainer.looking_plan()
    scores = _scores(plan, b, x, t)
    if len(shape) not in (2, 3) or scores is None or not x.is_floating_point():
        return AttributionFrame(problem="This is for nets that tell classes of pictures apart.")
    shares = class_shares(scores, b.loss_kind, t)
    if shares is None:
        return AttributionFrame(problem=NO_CLASSES)
    best = int(scores.argmax())
    plan.backward(b.output, grad=torch.nn.functional.one_hot(
        torch.tensor([best], device=scores.device), scores.shape[1]).to(scores))  # fmt: skip
    gradient = plan.grad(b.input)
    assert gradient is not None
    places = _convolutions(trainer, plan)
    chosen = node if node in places else places[-1] if places else ""
    cam = _grad_cam(plan, chosen, x.shape[-2:]) if chosen else None
    nudged, size = _nudge(plan, b, x, t, best)
    new = None if nudged is None else _scores(plan, b, nudged, t)
    return AttributionFrame(
        step=trainer.step, sample=i, samples=len(split), image=_packed(x), cam=_packed_map(cam),
        saliency=_packed(gradient), node=chosen, convolutions=places,
        nudged=None if nudged is None else _packed(nudged), size=size,
        label=_name(trainer, int(t[0])) if not t.is_floating_point() else "",
        answer=_name(trainer, best), share=float(shares[0, best]),
        new_answer="" if new is None else _name(trainer, int(new.argmax())),
        new_share=0.0 if new is None else _largest_share(new, b.loss_kind, t),
    )  # fmt: skip


def _largest_share(scores: Tensor, loss_kind: str, target: Tensor) -> float:
    shares = class_shares(scores, loss_kind, target)
    return 0.0 if shares is None else float(shares.max())


def _scores(plan: Plan, binding: Any, x: Tensor, t: Tensor) -> Tensor | None:
    """One score per class; None where the net gives none."""
    plan.forward(binding.feeds(x, t))
    scores = plan.value(binding.output)
    return scores if scores.dim() == 2 and scores.shape[1] > 1 else None


def _convolutions(trainer: Trainer, plan: Plan) -> tuple[str, ...]:
    """Nodes with feature maps that the gradient reaches, in order of the forward pass."""
    found = []
    for step in plan.steps:
        if step.op.window == "sum" and step.name in trainer.graph:
            value = plan.values[step.outputs[0]]
            if value is not None and min(value.shape[-2:]) > 1:
                found.append(step.name)
    return tuple(found)


def _grad_cam(plan: Plan, node: str, size: Any) -> Tensor | None:
    """The maps of a convolution, weighed by how much the answer gains from each."""
    try:
        maps, g = plan.value(node), plan.grad(node)
    except GradscapeError:
        return None
    if g is None:
        return None
    weights = g.mean((2, 3), keepdim=True)
    cam = torch.relu((weights * maps).sum(1, keepdim=True))
    large = torch.nn.functional.interpolate(cam, tuple(size), mode="bilinear")[0, 0]
    top = float(large.max())
    return large / top if top > 0 else large


def _nudge(plan: Plan, b: Any, x: Tensor, t: Tensor, best: int) -> tuple[Tensor | None, float]:
    """The smallest step along the sign of the gradient that changes the answer."""
    scores = _scores(plan, b, x, t)
    assert scores is not None
    share = scores.softmax(1)
    rise = share.clone()
    rise[0, best] -= 1  # gradient of the cross-entropy with the answer as the target
    plan.backward(b.output, grad=rise)
    gradient = plan.grad(b.input)
    assert gradient is not None
    low, high, direction = float(x.min()), float(x.max()), gradient.sign()

    def moved(size: float) -> Tensor:
        return (x + size * direction).clamp(low, high)

    def changes(size: float) -> bool:
        found = _scores(plan, b, moved(size), t)
        return found is not None and int(found.argmax()) != best

    small, large = 0.0, LARGEST_NUDGE * max(high - low, 1e-6)
    if not changes(large):
        return None, 0.0
    for _ in range(HALVINGS):
        middle = (small + large) / 2
        small, large = (small, middle) if changes(middle) else (middle, large)
    return moved(large), large


def _name(trainer: Trainer, i: int) -> str:
    return class_names(trainer.data.classes or ("0",), i + 1)[i]


def _packed(images: Tensor) -> Array:
    image = images[0].detach().to("cpu", torch.float32)
    return pack(image.reshape(-1, *image.shape[-2:]).contiguous().numpy())


def _packed_map(cam: Tensor | None) -> Array | None:
    return None if cam is None else pack(cam.detach().to("cpu", torch.float32).numpy())
