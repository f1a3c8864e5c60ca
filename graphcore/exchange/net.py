"""A net that came from elsewhere: its graph, its weights, its ends, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.exchange.lowering.lower import lower
from graphcore.exchange.nesting import nest
from graphcore.exchange.program import Program
from graphcore.exchange.report import ImportReport
from graphcore.graph.graph import Graph

if TYPE_CHECKING:
    from graphcore.datasets import Dataset
    from graphcore.engine.plan import Mode, Plan
    from graphcore.graph.training_settings import TrainingSettings
    from graphcore.training.trainer import Trainer


@dataclass
class ImportedNet:
    """A net of another program.

    Attributes:
        weights: name in the plan -> numbers: parameters, running statistics, tables.
        inputs, outputs: names of the nodes that are fed and that answer, in the file's order.
        report: what became what.
        double: whether its numbers are float64.
    """

    graph: Graph
    weights: dict[str, np.ndarray[Any, Any]]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    report: ImportReport
    double: bool = False

    def compile(
        self, *, device: str = "cpu", dtype: str | None = None, mode: Mode = "inspect",
        seed: int = 0,
    ) -> Plan:  # fmt: skip
        """Return a plan with the weights in.

        Args:
            dtype: "float32" or "float64"; left out, float64 where the net's own numbers are that.
        """
        from graphcore.engine.compiler import compile

        if dtype is None:
            double = self.double or any(a.dtype == np.float64 for a in self.weights.values())
            dtype = "float64" if double else "float32"
        plan = compile(self.graph, device, dtype, mode, seed)
        self.fill(plan)
        return plan

    def trainer(
        self, data: Dataset, settings: TrainingSettings | None = None, *, device: str = "cpu"
    ) -> Trainer:
        """Return a run that starts with the weights; raises as ``Trainer`` does.

        The graph needs a loss and a target first.
        """
        from graphcore.training.trainer import Trainer

        trainer = Trainer(self.graph, data, settings, device=device)
        self.fill(trainer.plan)
        return trainer

    def fill(self, plan: Plan) -> None:
        """Put the weights into a plan of the graph; resetting it brings them back."""
        plan.begin_with(self.weights)


def net_of(program: Program, source: str) -> ImportedNet:
    """Make a net of a program; raises FileError, and Opaque as ``lower`` does."""
    lowered = lower(program)
    nested = nest(lowered, program.named)
    tensors = {m.tensor.key: m.tensor for m in lowered.made if m.tensor is not None}
    parameters = [t for t in tensors.values() if t.role == "parameter"]
    names = dict(nested.names)
    for tensor in program.tensors.values():  # tied parameters have several names
        same = next((names[t.name] for t in parameters if t.key == tensor.key), None)
        if same is not None:
            names[tensor.name] = same
    report = ImportReport(
        source, lowered.calls, count_nodes(nested.graph)[0], nested.composites,
        sum(t.array.size for t in parameters), sum(a.nbytes for a in nested.weights.values()),
        lowered.aten, lowered.placeholders, names, notes=program.notes,
    )  # fmt: skip
    return ImportedNet(nested.graph, nested.weights, nested.inputs, nested.outputs, report,
                       program.double)  # fmt: skip


def count_nodes(graph: Graph) -> tuple[int, int]:
    """Return how many nodes a graph has, those inside composites too, and how many composites."""
    total, composites, stack = 0, 0, [graph]
    while stack:
        inner = stack.pop()
        top = inner is graph
        for node in inner:
            total += top or node.operator not in ("Input", "Output")
            if node.subgraph is not None:
                composites += 1
                stack.append(node.subgraph)
    return total, composites
