"""RNN, LSTM and GRU, layer by layer."""

from __future__ import annotations

from typing import Any

from graphcore import ops
from graphcore.exchange.lowering.builder import Builder, Port, plain_dim
from graphcore.exchange.lowering.rules.table import rule

_GATES = {"gru": 3, "lstm": 4, "rnn_tanh": 1, "rnn_relu": 1}
_KINDS = {"gru": "GRU", "lstm": "LSTM", "rnn_tanh": "RNN", "rnn_relu": "RNN"}


@rule("gru.input", "lstm.input", "rnn_tanh.input", "rnn_relu.input")
def recurrent(b: Builder, a: dict[str, Any]) -> list[Port]:
    """One node for each layer, whether it goes one way or both."""
    name = b.call.target.split(".")[1]
    x = b.port(a["input"])
    if not a["batch_first"]:
        x = b.add("Transpose", x, dim0=0, dim1=1)
    layers, ways = a["num_layers"], 1 + bool(a.get("bidirectional"))
    starts = _starts(b, a, layers, ways)
    each = len(a["params"]) // layers
    states: list[tuple[Port, ...]] = []
    for layer in range(layers):
        if layer and a.get("dropout"):
            x = b.add("Dropout", x, p=float(a["dropout"]))
        given = [b.port(p) for p in a["params"][layer * each : (layer + 1) * each]]
        made = _layer(b, name, (x, *(s[layer] for s in starts)), given, a["has_biases"], ways)
        made.made.name = f"l{layer}" if layers > 1 else ""
        x, *rest = b.outputs(made)
        states.append(tuple(rest))
    y = x if a["batch_first"] else b.add("Transpose", x, dim0=0, dim1=1)
    return [y, *(_joined(b, [s[i] for s in states], ways) for i in range(len(states[0])))]


@rule("gru_cell", "lstm_cell", "rnn_tanh_cell", "rnn_relu_cell")
def cell(b: Builder, a: dict[str, Any]) -> Port | list[Port]:
    """A layer that makes one step."""
    name = b.call.target.split(".")[1].removesuffix("_cell")
    x = b.add("Unsqueeze", b.port(a["input"]), dim=1)
    given = [b.port(a[n]) for n in ("w_ih", "w_hh", "b_ih", "b_hh") if a.get(n) is not None]
    starts = [b.port(s) for s in (a["hx"] if isinstance(a["hx"], list) else [a["hx"]])]
    if all(_is_zero(s) for s in starts):
        starts = []
    _, *states = b.outputs(_layer(b, name, (x, *starts), given, len(given) == 4, 1))
    return states if len(states) > 1 else states[0]


def _layer(
    b: Builder, name: str, inputs: tuple[Port, ...], given: list[Port], biased: bool, ways: int
) -> Port:
    a: dict[str, Any] = {
        "hidden_size": plain_dim(given[0].shape[0]) // _GATES[name], "bias": biased,
        "bidirectional": ways == 2,
    }  # fmt: skip
    if name.startswith("rnn"):
        a["nonlinearity"] = name.removeprefix("rnn_")
    if len(given) // ways == 3 + 2 * biased:
        a["proj_size"] = plain_dim(given[1].shape[1])
    operator = ops.get(_KINDS[name])
    fed = dict(zip(operator.parameter_names(a), given, strict=True))
    return b.add(operator.name, *inputs, parameters=fed, **a)


def _starts(b: Builder, a: dict[str, Any], layers: int, ways: int) -> list[list[Port]]:
    """For h0 and c0, what each layer starts from; nothing where all of it is zeros."""
    given = [b.port(s) for s in (a["hx"] if isinstance(a["hx"], list) else [a["hx"]])]
    if all(_is_zero(s) for s in given):
        return []
    found = []
    for whole in map(_for_all_samples, given):
        each = [
            b.add("Slice", whole, dim=0, start=i * ways, end=(i + 1) * ways)
            if layers > 1 else whole
            for i in range(layers)
        ]  # fmt: skip
        found.append([_side_by_side(b, start, ways) for start in each])
    return found


def _for_all_samples(port: Port) -> Port:
    """States that are one and the same for all samples, as they are before they are spread."""
    made = port.made
    while made.operator == "Aten" and made.attributes["overload"] == "aten.clone.default":
        made = made.inputs["x0"].made
    if made.operator == "Aten" and made.attributes["overload"] == "aten.expand.default":
        before = made.inputs["x0"]
        if len(before.shape) == 3 and before.shape[1] == 1 and before.shape[0] == port.shape[0]:
            return before
    return port


def _side_by_side(b: Builder, start: Port, ways: int) -> Port:
    """States with an axis for the directions in front, (D, N, H), as (N, D·H)."""
    if ways == 1:
        return b.add("Squeeze", start, dim=0)
    return b.add("Flatten", b.add("Transpose", start, dim0=0, dim1=1), start_dim=1)


def _joined(b: Builder, states: list[Port], ways: int) -> Port:
    """The last states of all layers with an axis for layers and directions in front."""
    if ways == 1:
        if len(states) == 1:
            return b.add("Unsqueeze", states[0], dim=0)
        return b.add("Stack", *states, dim=0)
    each = [
        b.add("Transpose", b.add("Reshape", s, shape=(0, 2, plain_dim(s.shape[1]) // 2)),
              dim0=0, dim1=1)
        for s in states
    ]  # fmt: skip
    return b.add("Concat", *each, dim=0) if len(each) > 1 else each[0]


def _is_zero(port: Port) -> bool:
    """Whether a port is zeros, spread over the batch or not."""
    made = port.made
    while made.operator in ("Expand", "Aten") and made.inputs:
        if made.operator == "Aten" and made.attributes["overload"] != "aten.expand.default":
            return False
        made = next(iter(made.inputs.values())).made
    return made.operator == "Constant" and made.attributes["value"] == 0
