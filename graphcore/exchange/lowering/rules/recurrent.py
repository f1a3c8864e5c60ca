"""RNN, LSTM and GRU, layer by layer."""

from __future__ import annotations

from typing import Any

from graphcore.exchange.lowering.builder import Builder, NotOurs, Port, plain_dim
from graphcore.exchange.lowering.rules.table import rule

_KINDS = {"gru": "GRU", "lstm": "LSTM", "rnn_tanh": "RNN", "rnn_relu": "RNN"}


@rule("gru.input", "lstm.input", "rnn_tanh.input", "rnn_relu.input")
def recurrent(b: Builder, a: dict[str, Any]) -> list[Port]:
    """Layers that go one way and start at 0, one node each."""
    name = b.call.target.split(".")[1]
    x = b.port(a["input"])
    starts = a["hx"] if isinstance(a["hx"], list) else [a["hx"]]
    if a.get("bidirectional") or not all(_is_zero(b.port(s)) for s in starts):
        raise NotOurs
    if not a["batch_first"]:
        x = b.add("Transpose", x, dim0=0, dim1=1)
    layers, biased = a["num_layers"], a["has_biases"]
    each = 4 if biased else 2
    states: list[tuple[Port, ...]] = []
    for layer in range(layers):
        if layer and a.get("dropout"):
            x = b.add("Dropout", x, p=float(a["dropout"]))
        given = [b.port(p) for p in a["params"][layer * each : (layer + 1) * each]]
        x, *rest = _layer(b, name, x, given, biased, f"l{layer}" if layers > 1 else "")
        states.append(tuple(rest))
    y = x if a["batch_first"] else b.add("Transpose", x, dim0=0, dim1=1)
    return [y, *(_joined(b, [s[i] for s in states]) for i in range(len(states[0])))]


def _layer(
    b: Builder, name: str, x: Port, given: list[Port], biased: bool, called: str
) -> tuple[Port, ...]:
    roles = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    a: dict[str, Any] = {"hidden_size": plain_dim(given[1].shape[1]), "bias": biased}
    if name.startswith("rnn"):
        a["nonlinearity"] = name.removeprefix("rnn_")
    fed = dict(zip(roles, given, strict=False))
    return b.outputs(b.add(_KINDS[name], x, parameters=fed, name=called, **a))


def _joined(b: Builder, states: list[Port]) -> Port:
    """The last states of all layers with an axis for the layers in front."""
    if len(states) == 1:
        return b.add("Unsqueeze", states[0], dim=0)
    return b.add("Stack", *states, dim=0)


def _is_zero(port: Port) -> bool:
    """Whether a port is zeros, spread over the batch or not."""
    made = port.made
    while made.operator in ("Expand", "Aten") and made.inputs:
        if made.operator == "Aten" and made.attributes["overload"] != "aten.expand.default":
            return False
        made = next(iter(made.inputs.values())).made
    return made.operator == "Constant" and made.attributes["value"] == 0
