"""The numbers of one parameter for the window, and numbers that were changed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphcore.engine.plan import Plan
from graphcore.errors import EngineError
from graphcore.late import torch
from graphcore.records.arrays import Array, pack
from graphcore.session.session import Session
from graphcore.views.view import view
from graphcore.views.weights import SetNumbers, TensorFrame, TensorRequest

if TYPE_CHECKING:
    from torch import Tensor


@view(TensorRequest)
def tensor(session: Session, request: TensorRequest) -> TensorFrame:
    """A parameter as it is now."""
    plan = _plan(session)
    if plan is None or request.name not in plan.parameters:
        return TensorFrame(
            name=request.name, problem=f"The engine has no parameter {request.name} just now."
        )
    step = session.trainer.step if session.trainer else 0
    known = (step > 0 or session.trainer is None) and plan.finds_gradient(request.name)
    return TensorFrame(
        name=request.name, step=step, values=_packed(plan.parameters[request.name]),
        gradient=_packed(plan.gradients[request.name]) if known else None,
    )  # fmt: skip


@view(SetNumbers)
def set_numbers(session: Session, request: SetNumbers) -> None:
    """Change numbers of a parameter; raises EngineError and changes nothing if they do not fit."""
    plan = _plan(session)
    if plan is None or request.name not in plan.parameters:
        raise EngineError(f"The engine has no parameter {request.name} just now.")
    numbers = plan.parameters[request.name]
    if len(request.places) != len(request.values) or not all(
        0 <= p < numbers.numel() for p in request.places
    ):
        raise EngineError(f"{request.name} has {numbers.numel()} numbers; those are others.")
    with session.changed_by_hand(), torch.inference_mode():
        for place, value in zip(request.places, request.values, strict=True):
            numbers[np.unravel_index(place, numbers.shape)] = value
        session.altered.add(request.name)


def _plan(session: Session) -> Plan | None:
    if session.trainer is not None:
        return session.trainer.plan
    return session.calculation[0] if session.calculation is not None else None


def _packed(t: Tensor) -> Array:
    return pack(np.asarray(t.detach().to("cpu", torch.float32)))
