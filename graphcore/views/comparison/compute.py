"""Two runs on one playhead: the same thing of both nets at the same step, and its difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from graphcore import files
from graphcore.engine import pictures as recording
from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.errors import EngineError, GradscapeError, UnknownNodeError
from graphcore.graph.binding import Binding, bind
from graphcore.late import torch
from graphcore.runs.runs import Run
from graphcore.session.session import Session
from graphcore.training.decision_grid import plane_answers
from graphcore.training.evaluation import evaluate
from graphcore.training.trainer import Trainer
from graphcore.views.comparison import CompareFrame, CompareRequest, Side
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor

TESTED = 200
"""Test samples on which both nets are tested."""


class Counterpart:
    """The net of another run, in a plan of its own, at whichever recorded step is asked for."""

    def __init__(self, run: Run, like: Plan) -> None:
        self.run = run
        graph = files.loads(run.graph)
        self.plan = compile(graph, mode="inspect", **like.made_for)
        self.binding = bind(graph)
        self.step = -1

    def go_to(self, step: int) -> None:
        """Have the state that was recorded last up to a step; raises FileError."""
        moment = self.run.timeline.at(step)
        if moment.step == self.step:
            return
        self.plan.load_state(moment.tensors())
        self.step = moment.step


class _Other:
    """The net that was compared with last."""

    net: Counterpart | None = None


@view(CompareRequest)
def comparison(session: Session, request: CompareRequest) -> CompareFrame:
    """Put another run beside the one at work."""
    trainer, runs, other = session.need_trainer(), session.runs, session.part(_Other)
    try:
        run = runs.get(request.run)
        if other.net is None or other.net.run is not run:
            other.net = Counterpart(run, trainer.plan)
    except GradscapeError as error:
        return CompareFrame(problem=str(error))
    return compare(trainer, runs.current.name if runs.current else "", other.net, request)


def compare(
    trainer: Trainer, name: str, other: Counterpart, request: CompareRequest
) -> CompareFrame:
    """What was asked of both, and how far the nets are from each other.

    Args:
        trainer: of the run at work, which is called ``name``.
        other: its net is put to the step of the trainer, or to the last before it.
    """
    ours = (trainer.looking_plan(), trainer.binding)
    asked = CompareFrame(
        what=request.what, node=request.node or trainer.binding.output,
        sample_count=len(trainer.data.test),
    )  # fmt: skip
    try:
        other.go_to(trainer.step)
        theirs = (other.plan, other.binding)
        a, b = (_shown(*net, trainer, request) for net in (ours, theirs))
        sides = (
            _side(name, trainer.step, a, ours, trainer),
            _side(other.run.name, other.step, b, theirs, trainer),
        )
    except UnknownNodeError as error:
        return replace(asked, problem=f"Not in both runs: {error}")
    except GradscapeError as error:
        return replace(asked, problem=str(error))
    both = replace(asked, ours=sides[0], theirs=sides[1])
    if a.shape != b.shape:
        return replace(both, problem=(
            f"{asked.node} is of shape {tuple(a.shape)} in {name} and of shape "
            f"{tuple(b.shape)} in {other.run.name}: there is no difference to be seen."
        ))  # fmt: skip
    return replace(
        both, difference=recording.picture(a - b, batched=False),
        largest=float((a - b).abs().max()) if a.numel() else 0.0,
        distance=_distance(ours[0], theirs[0]),
    )  # fmt: skip


def _shown(plan: Plan, binding: Binding, trainer: Trainer, request: CompareRequest) -> Tensor:
    """What is compared, of one of the nets; raises GradscapeError where it has no such thing."""
    if request.what == "map":
        return plane_answers(plan, binding, trainer)
    node = request.node or binding.output
    if request.what == "weights":
        mine = [w for key, w in plan.parameters.items() if key.rpartition(".")[0] == node]
        mine += [plan.parameters[node]] if node in plan.parameters else []
        if not mine:
            plan.slot(node)
            raise EngineError(f"{node} has no weights: select a node that has some.")
        return mine[0].detach().clone()
    x, t = trainer.tensors(trainer.data.test)
    if not len(x):
        raise EngineError("The data set has no test samples.")
    i = min(request.sample, len(x) - 1)
    plan.forward(binding.feeds(x[i : i + 1], t[i : i + 1]))
    return recording.one_sample(trainer.graph, node, plan.value(node))


def _side(name: str, step: int, shown: Tensor, net: tuple[Plan, Binding], trainer: Trainer) -> Side:
    score = evaluate(*net, *trainer.tensors(trainer.data.test, TESTED))
    return Side(
        name=name, step=step, picture=recording.picture(shown, batched=False), test=score,
    )  # fmt: skip


def _distance(ours: Plan, theirs: Plan) -> float | None:
    """How far the weights are from each other, as a share of their length."""
    a, b = ours.flat, theirs.flat
    if a.shape != b.shape or not a.numel():
        return None
    return float(torch.dist(a, b) / torch.linalg.vector_norm(a).clamp(min=1e-12))
