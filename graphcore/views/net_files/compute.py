"""The net as files: written for another process, filled from another program's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graphcore.datasets.learned import learned
from graphcore.engine.plan import Plan
from graphcore.errors import EngineError, GradscapeError
from graphcore.files import weights
from graphcore.files.state_dict import is_of_torch, read_state_dict
from graphcore.graph.graph import Graph
from graphcore.runs.folder import write_data, write_net
from graphcore.session.session import Session
from graphcore.views.net_files import LoadWeights, NetSaved, SaveNet, WeightsLoaded
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor


@view(SaveNet)
def save_net(session: Session, request: SaveNet) -> NetSaved:
    """Write graph and weights."""
    folder = Path(request.folder)
    try:
        graph, plan = _net(session)
        write_net(folder, graph, plan)
        trainer = session.trainer
        if trainer is not None and trainer.binding.input:
            write_data(folder, learned(trainer.data))
    except GradscapeError as error:
        return NetSaved(request.folder, str(error))
    return NetSaved(request.folder)


@view(LoadWeights)
def load_weights(session: Session, request: LoadWeights) -> WeightsLoaded:
    """Fill the net, all or nothing unless a part will do.

    Before its first step the net starts with these weights, after it they are changed by hand;
    the optimiser goes on as it is.
    """
    own, tensors = dict[str, "Tensor"](), dict[str, "Tensor"]()
    path = Path(request.path)
    ordered = is_of_torch(path)
    try:
        _, plan = _net(session)
        own, tensors = weights.state(plan), read_state_dict(path)
        fit = weights.match_weights(own, tensors, ordered, request.partly or request.again)
        given = {k: tensors[v].to(own[k].dtype).clone() for k, v in fit.sources.items()}
        start = session.start_with(given, later=request.again)
        if not start:
            with session.changed_by_hand():
                weights.fill(plan, fit, tensors)
                session.altered.update(plan.parameters.keys() & fit.sources.keys())
    except GradscapeError as error:
        fitting = _fitting(own, tensors, ordered)
        return WeightsLoaded(
            path=request.path, problem=str(error), fitting=fitting, wanted=len(own),
            again=request.again,
        )  # fmt: skip
    pairs = ((own[name], tensors[source]) for name, source in fit.sources.items())
    kinds = sorted({weights.kind_of(t) for mine, t in pairs if t.dtype != mine.dtype})
    return WeightsLoaded(
        path=request.path, loaded=tuple(fit.sources), by_shape=fit.by_shape,
        by_order=fit.by_order, unused=fit.unused, kinds=tuple(kinds),
        left_out=tuple(f"{why}." for why in fit.left_out.values()), wanted=len(own),
        start=start, again=request.again,
    )  # fmt: skip


def _fitting(own: dict[str, Tensor], tensors: dict[str, Tensor], ordered: bool) -> int:
    """How many tensors of a net something of a file would fit."""
    try:
        return len(weights.match_weights(own, tensors, ordered, partly=True).sources)
    except GradscapeError:
        return 0


def _net(session: Session) -> tuple[Graph, Plan]:
    if session.trainer is not None:
        graph = session.graph.copy()
        graph.training = session.trainer.settings
        return graph, session.trainer.plan
    if session.calculation is not None:
        plan, graph, _ = session.calculation
        return graph, plan
    raise EngineError("There is no net in the engine yet: load a graph first.")
