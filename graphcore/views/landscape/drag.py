"""Weights that are carried over the shown landscape by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.late import torch
from graphcore.session.messages import Run
from graphcore.session.session import Session
from graphcore.training.trainer import Trainer
from graphcore.views.landscape import SetPlanePoint
from graphcore.views.landscape.compute import Landscape
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor


@view(SetPlanePoint)
def drag(session: Session, request: SetPlanePoint) -> None:
    """Give the net the weights where the dot is dragged to."""
    session.part(_Drag).move(request, session)


class _Drag:
    """From the first place that the dot is dragged to, until it is released or put back."""

    def __init__(self) -> None:
        self._before: tuple[Trainer, int, Tensor] | None = None
        self._going = False
        self._left: int | None = None

    def move(self, request: SetPlanePoint, session: Session) -> None:
        """Give the net other weights; training rests meanwhile, and goes on with the release."""
        trainer, landscape = session.trainer, session.part(Landscape)
        if trainer is None:
            return
        if request.back:
            self._put_back(trainer, session)
        else:
            if not landscape.held:
                self._begin(trainer, session)
            with session.changed_by_hand():
                landscape.move_to(trainer, request.a, request.b)
        if (request.release or request.back) and landscape.held:
            landscape.held = False
            if self._going:
                session.run(Run(self._left))

    def _begin(self, trainer: Trainer, session: Session) -> None:
        self._before = trainer, trainer.step, trainer.plan.flat.clone()
        self._going, self._left = session.running, session.loop.steps_left
        session.part(Landscape).held = True
        session.pause()

    def _put_back(self, trainer: Trainer, session: Session) -> None:
        """The weights of before, unless the net has learned since."""
        if self._before is None or self._before[:2] != (trainer, trainer.step):
            return
        with session.changed_by_hand(), torch.inference_mode():
            trainer.plan.flat.copy_(self._before[2])
