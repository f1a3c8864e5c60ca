"""The net as files: written for another process, filled from another program's."""

from __future__ import annotations

from pathlib import Path

from graphcore.datasets.learned import learned
from graphcore.engine.plan import Plan
from graphcore.errors import EngineError, GradscapeError
from graphcore.files import weights
from graphcore.graph.graph import Graph
from graphcore.runs.folder import write_data, write_net
from graphcore.session.session import Session
from graphcore.views.net_files import LoadWeights, NetSaved, SaveNet, WeightsLoaded
from graphcore.views.view import view


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
    """Fill the net, all or nothing; the optimiser goes on with what it knows."""
    try:
        _, plan = _net(session)
        tensors = weights.read_tensors(Path(request.path))
        fit = weights.match_weights(weights.state(plan), tensors)
        with session.changed_by_hand():
            weights.fill(plan, fit, tensors)
            session.altered.update(plan.parameters)
    except GradscapeError as error:
        return WeightsLoaded(path=request.path, problem=str(error))
    return WeightsLoaded(
        path=request.path, loaded=tuple(fit.sources), by_shape=fit.by_shape, unused=fit.unused
    )


def _net(session: Session) -> tuple[Graph, Plan]:
    if session.trainer is not None:
        graph = session.graph.copy()
        graph.training = session.trainer.settings
        return graph, session.trainer.plan
    if session.calculation is not None:
        plan, graph, _ = session.calculation
        return graph, plan
    raise EngineError("There is no net in the engine yet: load a graph first.")
