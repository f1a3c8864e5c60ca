"""Whatever stands for a net in a script: a graph, a run, its folder, a file; with its weights."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from graphcore import datasets, files
from graphcore.datasets.learned import Learned, learned
from graphcore.datasets.probe import NAME as PROBE
from graphcore.engine.compiler import compile
from graphcore.engine.plan import Mode, Plan
from graphcore.errors import DataError, FileError, GradscapeError, GraphError, short
from graphcore.exchange import ENDINGS
from graphcore.exchange.opening import open_net
from graphcore.files import state_dict, weights
from graphcore.graph.binding import Binding, bind, bind_forward
from graphcore.graph.graph import Graph
from graphcore.graph.runnable import runnable_part
from graphcore.late import torch
from graphcore.runs import folder as run_folder
from graphcore.runs.run_file import read_runs
from graphcore.runs.runs import Run
from graphcore.training.trainer import Trainer

if TYPE_CHECKING:
    from torch import Tensor

RUN_SUFFIX = ".gradrun"
GRAPH_SUFFIX = ".graph.json"


@dataclass(frozen=True)
class AskedNet:
    """A net that questions are put to.

    Attributes:
        weights: parameters and running statistics by name; None for those a graph starts with.
        data: what is known of its data; None where nothing was kept of them.
        path: weights along the run as the plan's flat buffer, the earliest first; may be empty.
        samples: the data themselves, where they travel with the run; None where they do not.
    """

    graph: Graph
    weights: Mapping[str, Any] | None = None
    data: Learned | None = None
    path: tuple[Any, ...] = ()
    samples: datasets.Dataset | None = None

    @property
    def binding(self) -> Binding:
        """Where samples go in and the answer comes out."""
        try:
            return bind(self.graph)
        except GraphError:
            return bind_forward(runnable_part(self.graph))

    def forward_plan(self, graph: Graph | None = None, mode: Mode = "inspect") -> Plan:
        """Compile the part that needs no target, or another part, with the net's weights."""
        part = runnable_part(self.graph) if graph is None else graph
        plan = compile(part, mode=mode, seed=self.graph.training.seed)
        self.fill(plan)
        return plan

    def fill(self, plan: Plan) -> None:
        """Give a plan of the net or of a part of it the weights; raises FileError."""
        if self.weights is None:
            return
        with torch.inference_mode():
            for name, tensor in weights.state(plan).items():
                given = self.weights.get(name)
                if given is None and weights.is_table(name):
                    continue
                if given is None or tuple(given.shape) != tuple(tensor.shape):
                    raise FileError(f"The weights hold nothing that fits {short(name)}.")
                tensor.copy_(torch.as_tensor(given))

    def with_weights(self, file: Path) -> AskedNet:
        """Return the net with the weights of a state dict; raises FileError."""
        tensors = state_dict.read_state_dict(file)
        wanted = weights.state(self.forward_plan(mode="train"))
        fit = weights.match_weights(wanted, tensors, state_dict.is_of_torch(file))
        return replace(self, weights=fit.given(tensors))

    def known_data(self) -> Learned:
        """Return what is known of the data; of a bare graph, what its data set says.

        Numbers go in as they are where that does not fit the net's input.
        """
        if self.data is not None:
            return self.data
        shape = self.input_shape
        try:
            info = datasets.describe(self.graph.training.dataset)
            fits = info.input_shape is None or _size(info.input_shape) == _size(shape)
            found = learned(load_data(self.graph)) if fits else None
        except DataError:
            found = None
        if found is None or _size(found.input_shape) != _size(shape):
            return Learned(input_shape=shape, coding="numbers")
        return found if self.binding.loss else msgspec.structs.replace(found, coding="numbers")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample as the net takes it; raises GraphError if it takes none."""
        name = self.binding.input
        if not name:
            raise GraphError("This graph takes no data: its inputs have their own values.")
        return tuple(self.graph.node(name).attributes["shape"])

    def trainer(self, data: datasets.Dataset | None = None) -> Trainer:
        """Return a trainer that holds the weights, on the graph's own data or on others."""
        given = self.samples if data is None else data
        trainer = Trainer(self.graph, load_data(self.graph) if given is None else given)
        self.fill(trainer.plan)
        return trainer


def _size(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


def load_data(graph: Graph) -> datasets.Dataset:
    """Load the data set that a graph is set to be trained on; raises DataError."""
    s = graph.training
    data = datasets.load(
        s.dataset, options=s.dataset_options, normalization=s.normalization, seed=s.seed
    )
    return datasets.called(data, s.class_names)


def net_of(source: Any) -> AskedNet:
    """Return the net that is meant.

    Args:
        source: a Graph (with the weights it starts with), a Trainer, the path of a run's folder,
            of saved runs (.gradrun), of a graph file (with NAME.safetensors beside it, if it is
            there) or of another program's net; the name of a preset; or an imported net.

    Raises:
        FileError: it cannot be read, or its weights do not fit.
    """
    if isinstance(source, Graph):
        return AskedNet(source)
    if isinstance(source, Trainer):
        known = None if not source.binding.input else learned(source.data)
        return AskedNet(source.graph, weights.state(source.plan), known)
    if isinstance(source, str | os.PathLike):
        return _from_path(Path(source))
    graph = getattr(source, "graph", None)
    if not isinstance(graph, Graph):
        raise GradscapeError(
            f"A graph, a trainer or the path of a run is asked, not {type(source).__name__}."
        )
    return AskedNet(graph, weights.state(source.compile(mode="train", dtype="float32")))


def _from_path(path: Path) -> AskedNet:
    if path.suffix == RUN_SUFFIX:
        return _from_runs(path)
    if path.suffix in ENDINGS:
        known = run_folder.read_data(path.parent, f"{path.stem}.data.json")  # of an export of ours
        return replace(net_of(open_net(path)), data=known)
    net = run_folder.named_net(path)
    if net.folder is not None:
        tensors = state_dict.read_tensors(net.folder / run_folder.WEIGHTS)
        return AskedNet(net.graph, tensors, run_folder.read_data(net.folder))
    beside = path.with_name(path.name.removesuffix(GRAPH_SUFFIX) + ".safetensors")
    if path.name.endswith(GRAPH_SUFFIX) and os.path.isfile(beside):
        return AskedNet(net.graph, state_dict.read_tensors(beside))
    return AskedNet(net.graph)


def _from_runs(path: Path) -> AskedNet:
    """The newest weights of the run that was the current one."""
    current, runs = read_runs(path)
    run = next(r for r in runs if r.number == current)
    graph = files.loads(run.graph)
    plan = compile(graph, mode="train", transposed=True)
    states = [moment.tensors() for moment in run.timeline.moments]
    if states[-1]["flat"].shape != plan.flat.shape:
        raise FileError(f"{short(path.name)}: its states are of another net than its graph.")
    plan.load_state(states[-1])
    path_of_weights = tuple(s["flat"] for s in states)
    return AskedNet(graph, _copies(plan), run.data, path_of_weights, samples_of(run))


def samples_of(run: Run) -> datasets.Dataset | None:
    """Return the data that travel with a run; None where it names data that lie elsewhere."""
    if run.probe is None or run.settings.dataset != PROBE:
        return None
    return run.probe.dataset(run.settings.dataset_options.get("classes", 0))


def _copies(plan: Plan) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in weights.state(plan).items()}
