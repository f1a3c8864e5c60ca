"""What would the net say if a neuron, a channel or an edge had another value?

The held net is a copy of the graph with ``Hold`` nodes in it, so both passes, every view and
every figure come from the same engine as always; the net that is trained is not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.errors import EngineError
from graphcore.graph.elements import Edge, Node
from graphcore.graph.graph import Graph
from graphcore.late import torch
from graphcore.ops import get
from graphcore.training.trainer import Trainer
from graphcore.views.decision_map.compute import class_names, class_shares
from graphcore.views.what_if import Hold, WhatIfFrame

if TYPE_CHECKING:
    from torch import Tensor

FREE = "__free"
"""Ends the name of a node whose value is held further on under its own name."""
SAMPLES, BATCH = 2000, 200


def held_graph(graph: Graph, holds: Sequence[Hold], values: Sequence[Any]) -> Graph:
    """A copy of the graph in which values are held.

    A node that is held goes on under its own name with the held value; what it computed itself is
    found under its name with ``FREE``. A held edge changes what its target gets, and nothing else.

    Args:
        values: what each hold sets: a number, or numbers of the shape of what is held.

    Raises:
        GraphError: a node or an edge is not there.
    """
    held = graph.copy()
    for i, (hold, value) in enumerate(zip(holds, values, strict=True)):
        node = held.node(hold.node)
        batch = not (node.operator in ("Parameter", "Constant") or (
            node.operator == "Input" and not node.attributes["batch"]
        ))  # fmt: skip
        given = {"unit": hold.unit, "value": value, "batch": batch}
        attributes = get("Hold").complete(given)
        if hold.target:
            edge = held.edge_into(hold.target, hold.input)
            if edge is None or edge.source != hold.node:
                raise EngineError(f"There is no edge from {hold.node} to {hold.target}.")
            _insert(held, Node(f"hold{i}{FREE}", "Hold", attributes), edge)
        else:
            _hold_node(held, hold.node, attributes, i)
    return held


def _insert(graph: Graph, node: Node, edge: Edge) -> None:
    graph.disconnect(edge)
    graph.insert(node)
    graph.connect_edge(Edge(edge.source, edge.output, node.name, "x"))
    graph.connect_edge(Edge(node.name, "y", edge.target, edge.input))


def _hold_node(graph: Graph, name: str, attributes: dict[str, Any], number: int) -> None:
    """Let a held copy of the value go on under the node's name."""
    readers = graph.edges_from(name)
    output = graph.node(name).outputs[0]
    free = f"{name}{FREE}"
    again = free in graph  # held already: one more hold behind the first
    inner = f"{name}_{number}{FREE}" if again else free
    graph.rename(name, inner)
    graph.insert(Node(name, "Hold", attributes))
    for edge in readers:
        moved = Edge(inner, edge.output, edge.target, edge.input)
        if edge.output == output:
            graph.disconnect(moved)
            graph.connect_edge(Edge(name, "y", edge.target, edge.input))
    graph.connect_edge(Edge(inner, output, name, "x"))


def values_of(holds: Sequence[Hold], trainer: Trainer | None) -> list[Any]:
    """What each hold sets; a value from a sample is computed with the weights of the moment."""
    found: list[Any] = []
    for hold in holds:
        if hold.value is not None:
            found.append(hold.value)
        elif trainer is None:
            raise EngineError("A value can come from a sample only where there are samples.")
        else:
            found.append(_from_sample(hold, trainer))
    return found


def _from_sample(hold: Hold, trainer: Trainer) -> Any:
    plan, test = trainer.looking_plan(), trainer.data.test
    x, t = trainer.tensors(test)
    i = min(max(0, hold.sample), len(x) - 1)
    plan.forward(trainer.binding.feeds(x[i : i + 1], t[i : i + 1]))
    value = plan.value(hold.node)[0]
    return value[tuple(hold.unit)].tolist() if hold.unit else value.tolist()


def held_plan(graph: Graph, like: Plan, mode: Any = "inspect") -> Plan:
    """A plan of a held graph with the weights and statistics of a plan of the free one."""
    plan = compile(graph, mode=mode, seed=like.seed, **like.made_for)
    with torch.inference_mode():
        for name, parameter in plan.parameters.items():
            parameter.copy_(like.parameters[_free_name(name, like.parameters)])
        for name, buffer in plan.buffers.items():
            buffer.copy_(like.buffers[_free_name(name, like.buffers)])
    return plan


def _free_name(name: str, known: Any) -> str:
    """What a parameter of a held node is called in the free net."""
    if name in known:
        return name
    node, _, rest = name.partition(FREE)
    if node + rest in known:
        return node + rest
    return node.rpartition("_")[0] + rest


def compare(trainer: Trainer, graph: Graph) -> WhatIfFrame:
    """Loss and accuracy per class on the test split, free and held."""
    if not trainer.trains:
        return WhatIfFrame(problem="This net has no loss: there are no figures to compare.")
    b = trainer.binding
    x, t = trainer.tensors(trainer.data.test, SAMPLES)
    figures = []
    free = trainer.evaluation_plan()
    for plan in (free, held_plan(graph, free, "train")):
        losses, shares = [], []
        for i in range(0, len(x), BATCH):
            xs, ts = x[i : i + BATCH], t[i : i + BATCH]
            plan.forward(b.feeds(xs, ts))
            losses.append(float(plan.value(b.loss).mean()) * len(xs))
            said = class_shares(plan.value(b.output), b.loss_kind, t) if b.target else None
            shares.append(said)
        figures.append((sum(losses) / max(1, len(x)), _per_class(shares, t)))
    (free_loss, before), (held_loss, after) = figures
    return WhatIfFrame(
        step=trainer.step, samples=len(x), loss=(free_loss, held_loss),
        classes=class_names(trainer.data.classes, len(before)) if before else (),
        before=before, after=after,
    )  # fmt: skip


def _per_class(shares: Sequence[Tensor | None], target: Tensor) -> tuple[float, ...]:
    """Share of right answers in each class; empty where there are no classes."""
    known = [s for s in shares if s is not None]
    if not known or target.reshape(-1).shape[0] != target.shape[0]:
        return ()
    answers = torch.cat(known).argmax(1).cpu().numpy()
    labels = target.reshape(-1).cpu().numpy()
    labels = (labels > 0).astype(np.int64) if labels.dtype.kind == "f" else labels
    count = int(known[0].shape[1])
    return tuple(
        float((answers[labels == k] == k).mean()) if (labels == k).any() else float("nan")
        for k in range(count)
    )
