"""Weights beside those of the run at work that a landscape can be looked at towards."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from graphcore.runs.snapshots import Moment
from graphcore.session.session import Session
from graphcore.views.landscape.chosen_plane import Weights, at_hand

if TYPE_CHECKING:
    from torch import Tensor


def kept_weights(session: Session) -> dict[str, Weights]:
    """Where other runs have ended, and weights that the session has by name."""
    found: dict[str, Weights] = {}
    for run in session.runs.all.values():
        if run is not session.runs.current and run.timeline.moments:
            found[f"end of {run.name}"] = partial(_flat, run.timeline.moments[-1], session)
    found.update({name: at_hand(flat) for name, flat in session.named_weights.items()})
    return found


def _flat(moment: Moment, session: Session) -> Tensor:
    flat = moment.tensors()["flat"]
    return flat if session.trainer is None else flat.to(session.trainer.plan.flat)
