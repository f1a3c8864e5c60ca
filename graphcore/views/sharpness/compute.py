"""The largest eigenvalue of the Hessian of the loss, by power iteration.

No Hessian is built: its product with a direction v is the change of the gradient along v,
Hv ≈ (∇L(w + hv) − ∇L(w − hv)) / 2h, in double precision. Power iteration finds the eigenvalue
that is largest in size. Where that is negative, or two of opposite sign are alike, the iteration
goes on with H + cI, c the size found, whose eigenvalues have the same order and are not negative.

Sources: Pearlmutter, Neural Computation 1994 (products with the Hessian); Cohen et al., ICLR 2021,
arXiv:2103.00065 (sharpness rises to 2 / learning rate and stays there: the edge of stability).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.errors import GradscapeError
from graphcore.late import torch
from graphcore.runs.runs import Run
from graphcore.runs.snapshots import Moment
from graphcore.session.session import Session
from graphcore.training.trainer import Trainer
from graphcore.views.sharpness import SharpnessFrame, SharpnessPoint, SharpnessRequest
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor

H = 1e-5
"""Length of the step to either side; the weights are of about unit size, in double precision."""
RESIDUAL = 0.01
"""‖Hv − λv‖ / |λ| at which λ is good enough: its own error is about the square of that."""
MOST = 200
"""Products with the Hessian for one eigenvalue, at most."""
BEFORE_SHIFT = 40
"""Products after which two eigenvalues of opposite sign are taken for alike."""
PAST = 16
"""Recorded states of the run whose sharpness is computed while nothing trains."""
NO_LOSS = "This net has no loss: there is nothing that bends."


class Known:
    """What is known of a run: its points by step, and the direction found last.

    Attributes:
        plan: in double precision, of the net ``of``.
    """

    def __init__(self) -> None:
        self.run: Run | None = None
        self.points: dict[int, SharpnessPoint] = {}
        self.of: Trainer | None = None
        self.plan: Plan | None = None
        self.direction: Tensor | None = None


@view(SharpnessRequest)
def sharpness(session: Session, _: SharpnessRequest) -> Iterator[SharpnessFrame | None]:
    """Find the sharpness of the moment; then, while nothing trains, along the recorded run."""
    trainer, run, known = session.need_trainer(), session.runs.current, session.part(Known)
    if not trainer.trains:
        yield SharpnessFrame(step=trainer.step, problem=NO_LOSS)
        return
    if known.run is not run or known.of is not trainer:
        known.run, known.points = run, {}
    plan = _plan_of(trainer, known)
    plan.copy_state(trainer.plan)
    step, lr = trainer.step, trainer.current_lr() * trainer.groups[0].rate
    value, error = yield from _found(trainer, plan, trainer.position, known)
    known.points[step] = SharpnessPoint(step, value, 2 / lr)
    yield _frame(known, step, error)
    for moment in _missing(run, known) if run is not None else ():
        if session.running:
            return
        yield from _at(trainer, plan, moment, known)
        yield _frame(known, step, error)


def _frame(known: Known, step: int, error: float) -> SharpnessFrame:
    points = tuple(point for _, point in sorted(known.points.items()))
    return SharpnessFrame(step=step, points=points, error=error)


def _plan_of(trainer: Trainer, known: Known) -> Plan:
    """Return a plan of the net in double precision, where differences of gradients are exact."""
    if known.plan is None or known.of is not trainer:
        made_for = {**trainer.plan.made_for, "dtype": "float64"}
        known.plan = compile(trainer.graph, mode="train", **made_for)
        known.of, known.direction = trainer, None
    return known.plan


def _missing(run: Run, known: Known) -> list[Moment]:
    """Recorded states about equally far from each other whose sharpness is not known."""
    moments = run.timeline.moments
    apart = max(1, len(moments) // PAST)
    return [m for m in moments[::apart] if m.step not in known.points]


def _at(trainer: Trainer, plan: Plan, moment: Moment, known: Known) -> Iterator[None]:
    """Find the sharpness of a recorded state, if it is of the same net and can be read."""
    try:
        state = moment.tensors()
    except GradscapeError:
        return
    flat, position = state["flat"], trainer.counting_of(state, moment.step).position(moment.step)
    if flat.shape != plan.flat.shape:
        return
    with torch.inference_mode():
        plan.flat.copy_(flat)
    value, _error = yield from _found(trainer, plan, position, known)
    lr = trainer.scheduled(moment.lr, position) * trainer.groups[0].rate
    known.points[moment.step] = SharpnessPoint(moment.step, value, 2 / lr)


def _found(
    trainer: Trainer, plan: Plan, position: int, known: Known
) -> Generator[None, None, tuple[float, float]]:
    """Begin at the direction that was found last, and keep the new one."""
    value, error, known.direction = yield from largest(trainer, plan, position, known.direction)
    return value, error


def largest(
    trainer: Trainer, plan: Plan, position: int, begin: Tensor | None = None
) -> Generator[None, None, tuple[float, float, Tensor]]:
    """Find the largest eigenvalue of the Hessian at the weights of a plan in double precision.

    Args:
        position: in the run, whose batch the loss is taken over.
        begin: direction to begin with, such as the one that was found for a step before.

    Yields:
        None after each product with the Hessian.

    Returns:
        The eigenvalue, how exact it is, (‖Hv − λv‖ / |λ|)², and its direction v.
    """
    times = _Hessian(trainer, plan, position)
    v = begin if begin is not None else _random(times)
    shift, value, error = 0.0, 0.0, 1.0
    for product in range(MOST):
        u = times.times(v)
        value = float(v @ u)
        residual = float(torch.linalg.vector_norm(u - value * v)) / max(abs(value), 1e-300)
        error = residual**2
        good = residual <= RESIDUAL
        if good and (value >= 0 or shift):
            break
        if not shift and (good or product == BEFORE_SHIFT):
            shift = float(torch.linalg.vector_norm(u))
            v = _random(times)
        else:
            u = u + shift * v
            length = float(torch.linalg.vector_norm(u))
            if length == 0.0:  # the loss does not bend at all
                break
            v = u / length
        yield
    return value, error, v


class _Hessian:
    """The Hessian of the first objective's loss over the batch of a step, in evaluation mode."""

    def __init__(self, trainer: Trainer, plan: Plan, position: int) -> None:
        group, rows = trainer.groups[0], trainer.batches.at(position)
        self._plan, self._loss, self._part = plan, group.loss, slice(group.start, group.end)
        x, t = trainer.train_x.index_select(0, rows), trainer.train_t.index_select(0, rows)
        self._feeds: dict[str, Any] = trainer.binding.feeds(*map(_double, (x, t)))

    @property
    def size(self) -> int:
        """How many numbers the objective trains."""
        return self._part.stop - self._part.start

    def times(self, v: Tensor) -> Tensor:
        """Return the product with a direction of length 1."""
        return (self._gradient(v, H) - self._gradient(v, -H)) / (2 * H)

    def _gradient(self, v: Tensor, by: float) -> Tensor:
        plan = self._plan
        with torch.inference_mode():
            before = plan.flat[self._part].clone()
            plan.flat[self._part].add_(v.to(plan.flat), alpha=by)
        try:
            plan.forward(self._feeds)
            plan.backward(self._loss)
            gradient: Tensor = plan.flat_grad[self._part].to("cpu", torch.float64, copy=True)
            return gradient
        finally:
            with torch.inference_mode():
                plan.flat[self._part].copy_(before)


def _double(t: Tensor) -> Tensor:
    return t.double() if t.is_floating_point() else t


def _random(times: _Hessian) -> Tensor:
    """Return a direction that has a part along every other."""
    generator = torch.Generator().manual_seed(0)
    v: Tensor = torch.randn(times.size, generator=generator, dtype=torch.float64)
    v /= torch.linalg.vector_norm(v)
    return v
