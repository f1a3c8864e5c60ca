"""RNN, GRU and LSTM of a source: a node for each layer, and the states that come and go."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from graphcore import ops
from graphcore.files.torch.values import (
    Held,
    Layer,
    Numbers,
    State,
    Tensor,
    Value,
    Zeros,
    refuse,
    source,
)

if TYPE_CHECKING:
    from graphcore.files.torch.nodes import Nodes

KINDS = ("RNN", "GRU", "LSTM")


def called(
    nodes: Nodes, layer: Layer, given: Sequence[Value], named: Mapping[str, Value],
    wished: str, where: ast.AST,
) -> Value:  # fmt: skip
    """Call a recurrent layer: ``y, h`` or ``y, (h, c)``, as torch returns it."""
    nodes.check_unused(layer, where)
    values = [*given, *([named["hx"]] if "hx" in named else [])]
    if set(named) - {"hx"} or not 1 <= len(values) <= 2:
        refuse(where, f"{source(where)}: {layer.operator} takes a sequence and a state")
    count = layer.declared.get("num_layers", 1)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        refuse(where, f"{source(where)}: num_layers is not written out")
    if count > 1 and (layer.tied or layer.frozen):
        refuse(where, f"{source(where)}: shared or frozen weights of several layers")
    begun = _begun(layer, values[1] if len(values) == 2 else None, count, where)
    y = nodes.tensor(values[0], where)
    ends: list[list[Tensor]] = []
    for place in range(count):
        if place and (dropped := float(layer.declared.get("dropout") or 0.0)):
            y = nodes.add("Dropout", "", {"p": dropped}, {"x": y}, where)
        wished = f"{layer.path}_l{place}" if count > 1 else layer.path or wished
        one = replace(layer, declared={}) if place else layer
        y = nodes.placed_layer(one, wished, [y, *begun[place]], where)
        ends.append([Tensor(y.node, o) for o in nodes.graph.node(y.node).outputs[1:]])
    ways, hidden = 1 + bool(layer.attributes.get("bidirectional")), layer.attributes["hidden_size"]
    lengths = (layer.attributes.get("proj_size") or hidden, hidden)
    states = tuple(State(tuple(e[i] for e in ends), ways, lengths[i]) for i in range(len(ends[0])))
    return y, (states if layer.operator == "LSTM" else states[0])


def _begun(layer: Layer, value: Value, count: int, where: ast.AST) -> list[list[Tensor]]:
    """For each layer the states that it starts from; none where they are zeros."""
    wanted = len(ops.get(layer.operator).inputs) - 1
    states = list(value) if isinstance(value, tuple | list) else [value]
    if value is None or all(map(_is_zero, states)):
        return [[] for _ in range(count)]
    ways = 1 + bool(layer.attributes.get("bidirectional"))
    if len(states) != wanted or not all(
        isinstance(s, State) and len(s.tensors) == count and s.ways == ways for s in states
    ):
        refuse(where, f"{source(where)}: the state that {layer.operator} starts from must be "
               "zeros, or the state of a layer like it")  # fmt: skip
    return [[s.tensors[i] for s in states] for i in range(count)]


def _is_zero(value: Value) -> bool:
    if isinstance(value, Held):
        return False
    return isinstance(value, Zeros) or (isinstance(value, Numbers) and value.initializer == "zeros")


def part(nodes: Nodes, state: State, index: Value, where: ast.AST) -> Tensor:
    """``h[-1]``: the last state of one layer in one direction."""
    count = len(state.tensors) * state.ways
    if not isinstance(index, int) or isinstance(index, bool) or not -count <= index < count:
        refuse(where, f"{source(where)}: a state has one place for each layer and direction")
    layer, way = divmod(index % count, state.ways)
    whole = state.tensors[layer]
    if state.ways == 1:
        return whole
    ends = {"start": way * state.length, "end": (way + 1) * state.length}
    return nodes.add("Slice", "", {"dim": 1, **ends, "step": 1}, {"x": whole}, where)
