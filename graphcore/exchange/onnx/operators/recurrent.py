"""LSTM, GRU and RNN: gates in torch's order, biases apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphcore.exchange.onnx.operators.shapes import permuted, reshaped
from graphcore.exchange.onnx.operators.table import OnnxNode, operator
from graphcore.exchange.onnx.tracing import Traced, Tracer, Untraced
from graphcore.late import torch

ORDER = {"LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2], "RNN": [0]}
"""Where in the file each gate of torch's lies: input, output, forget, cell; update, reset, new."""
USUAL = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
TARGETS = {"LSTM": "lstm.input", "GRU": "gru.input"}


@operator("LSTM", "GRU", "RNN")
def recurrent(t: Tracer, n: OnnxNode) -> Any:
    """One layer, one way or both; the outputs of each step, and the last states."""
    target = _target(n)
    x, layout = n.input(0), int(n.get("layout", 0))
    if layout:
        x = permuted(t, x, [1, 0, 2])
    both, back = (n.get("direction", "forward") == w for w in ("bidirectional", "reverse"))
    if back:
        x = t.call("flip", self=x, dims=[0])
    params = [p for d in range(2 if both else 1) for p in _weights(t, n, d)]
    hidden = int(n.get("hidden_size") or params[1].dim(1))
    states = _states(t, n, x, hidden, 2 if both else 1, layout)
    results = t.call(
        target, input=x, hx=states if n.operator == "LSTM" else states[0], params=params,
        has_biases=n.optional(3) is not None, num_layers=1, dropout=0.0, train=False,
        bidirectional=both, batch_first=False,
    )  # fmt: skip
    return _laid_out(t, list(results), hidden, both, back, layout)


def _target(n: OnnxNode) -> str:
    """The overload; raises Untraced for what torch's layers do not compute."""
    names = [str(w) for w in n.get("activations") or USUAL[n.operator]]
    words = names[: len(USUAL[n.operator])]
    if n.get("clip") or n.get("input_forget", 0) or n.optional(7) is not None:
        raise Untraced("a clip, coupled gates or peepholes are not read")
    if n.operator == "RNN" and set(names) in ({"Tanh"}, {"Relu"}):
        return f"rnn_{names[0].lower()}.input"
    if words != USUAL[n.operator] or names != words * (len(names) // len(words)):
        raise Untraced(f"gates with {', '.join(names)} are not read")
    if n.operator == "GRU" and not n.get("linear_before_reset", 0):
        raise Untraced("linear_before_reset=0 is another cell than the GRU here")
    return TARGETS[n.operator]


def _weights(t: Tracer, n: OnnxNode, direction: int) -> list[Traced]:
    order = ORDER[n.operator]

    def transposed(stack: Traced) -> Traced:
        def gates(whole: Any) -> Any:
            parts = whole[direction].chunk(len(order))
            return torch.cat([parts[i] for i in order])

        return t.worked_out(gates, stack)

    found = [transposed(n.input(1)), transposed(n.input(2))]
    biases = n.optional(3)
    if biases is not None:
        halves = [t.worked_out(lambda b, i=i: b.chunk(2, 1)[i], biases) for i in (0, 1)]
        found += [transposed(h) for h in halves]
    ends = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    for made, end in zip(found, ends, strict=False):
        made.origin = f"{n.input(1).origin or n.operator.lower()}.{end}" + "_reverse" * direction
    return found


def _states(
    t: Tracer, n: OnnxNode, x: Traced, hidden: int, directions: int, layout: int
) -> list[Traced]:
    """Where it starts: zeros unless the file says otherwise."""
    lengths = n.optional(4)
    if lengths is not None and not (lengths.known and _all_of(lengths, x.dim(0))):
        raise Untraced("sequences of different lengths are not read")
    found = []
    for place in (5, 6) if n.operator == "LSTM" else (5,):
        given = n.optional(place)
        zero = given is None or (given.known and not any(bool(v.any()) for v in given.at))
        if zero:
            zeros = t.known(np.zeros((), np.float32))
            given = t.call("expand", self=zeros, size=[directions, x.dims[1], hidden])
        elif layout:
            given = permuted(t, given, [1, 0, 2])
        found.append(given)
    return found


def _all_of(lengths: Traced, steps: int) -> bool:
    return all(bool((v == steps).all()) for v in lengths.at)


def _laid_out(
    t: Tracer, results: list[Traced], hidden: int, both: bool, back: bool, layout: int
) -> list[Traced]:
    """Results with an axis for the directions, as ONNX has them."""
    y, *states = results
    if back:
        y = t.call("flip", self=y, dims=[0])
    if both:
        y = permuted(t, reshaped(t, y, [*y.dims[:2], 2, hidden]), [0, 2, 1, 3])
    else:
        y = t.call("unsqueeze", self=y, dim=1)
    if layout:
        y = permuted(t, y, [2, 0, 1, 3])
        states = [permuted(t, s, [1, 0, 2]) for s in states]
    return [y, *states]
