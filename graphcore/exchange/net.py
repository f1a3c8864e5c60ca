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
from graphcore.late import torch

if TYPE_CHECKING:
    from graphcore.engine.plan import Mode, Plan


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

    def fill(self, plan: Plan) -> None:
        """Put the weights into a plan of the graph."""
        with torch.inference_mode():
            for tensors in (plan.parameters, plan.buffers):
                for name, tensor in tensors.items():
                    if name not in self.weights:
                        continue  # read from source alone: it starts by its rule
                    tensor.copy_(torch.from_numpy(np.array(self.weights[name])))


def net_of(program: Program, source: str) -> ImportedNet:
    """Make a net of a program; raises FileError, and Opaque as ``lower`` does."""
    lowered = lower(program)
    nested = nest(lowered)
    tensors = {m.tensor.key: m.tensor for m in lowered.made if m.tensor is not None}
    parameters = [t for t in tensors.values() if t.role == "parameter"]
    names = dict(nested.names)
    for tensor in program.tensors.values():  # tied parameters have several names
        same = next((names[t.name] for t in parameters if t.key == tensor.key), None)
        if same is not None:
            names[tensor.name] = same
    report = ImportReport(
        source, lowered.calls, _count(nested.graph), nested.composites,
        sum(t.array.size for t in parameters), sum(a.nbytes for a in nested.weights.values()),
        lowered.aten, {}, names, program.notes,
    )  # fmt: skip
    return ImportedNet(nested.graph, nested.weights, nested.inputs, nested.outputs, report,
                       program.double)  # fmt: skip


def _count(graph: Graph) -> int:
    """Nodes of a graph, those inside composites too, ports left out."""
    total, stack = 0, [graph]
    while stack:
        inner = stack.pop()
        top = inner is graph
        for node in inner:
            total += top or node.operator not in ("Input", "Output")
            if node.subgraph is not None:
                stack.append(node.subgraph)
    return total
