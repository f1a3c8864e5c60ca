"""Long short-term memory, run by torch's own kernel.

In float32 on a CPU that is oneDNN's, which no loop of ours came within 0.85x of; on CUDA it is
cuDNN's. The other recurrent layers are in ``recurrent``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphcore.late import torch
from graphcore.ops.keras_code import KerasCode
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.recurrent import (
    BIAS,
    BOTH_WAYS,
    HIDDEN,
    Recurrent,
    keras_recurrent,
    onnx_recurrent,
    recurrent_cases,
)
from graphcore.ops.registry import Attr, Case, Context, register

if TYPE_CHECKING:
    from torch import Tensor


@register
class LSTM(Recurrent):
    """Long short-term memory: gates decide what the cell c keeps, takes in and shows.

    Inputs:
        x: sequences, shape (N, L, E): L steps of E numbers.
        h0: the state before the first step, shape (N, D·P), or (1, D·P) for all samples; zeros
            where nothing is connected.
        c0: the cell before the first step, shape (N, D·H) or (1, D·H).
        weight_ih: from x to the gates, shape (4H, E), in the order i, f, g, o.
        weight_hh: from the last state to the gates, shape (4H, P).
        bias_ih: shape (4H,).
        bias_hh: shape (4H,); it adds to bias_ih, and is kept apart as in torch.
        weight_hr: makes the state of the cell's output if ``proj_size`` is given, shape (P, H).
        weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse,
            weight_hr_reverse: the same for the layer that reads from the end, if ``bidirectional``.
    Attributes:
        hidden_size: length H of the cell.
        bias: whether the biases are added.
        bidirectional: whether a second layer reads the sequence from its end; the states of
            both stand side by side, D = 2 (else D = 1).
        proj_size: length P of the state where it is a projection; 0 for none: P = H.
    Output:
        y: the state after each step, shape (N, L, D·P).
        h: the state after the last step (of the way back: the first), shape (N, D·P).
        c: the cell after the last step (of the way back: the first), shape (N, D·H).
    Gradient:
        back through time; along the cell it is only multiplied by the forget gate,
        ∂c_t/∂c_{t−1} = f_t, and so survives many steps.
    Source:
        torch.nn.LSTM (batch_first, one layer); ONNX LSTM-14; Hochreiter & Schmidhuber, Neural
        Computation 9 (1997). Starts as Keras does: Glorot for weight_ih, orthogonal for
        weight_hh, biases 0.
    """

    onnx, outputs = "LSTM", ("y", "h", "c")
    inputs, optional_inputs = ("x", "h0", "c0"), frozenset({"h0", "c0"})
    attrs = (
        HIDDEN, BIAS, BOTH_WAYS,
        Attr("proj_size", 0, "Length P of a projected state; 0 for none.", minimum=0),
    )  # fmt: skip
    initializers = {
        **Recurrent.initializers,
        "weight_hr": "xavier_uniform", "weight_hr_reverse": "xavier_uniform",
    }  # fmt: skip
    aliases = ("long short-term memory", "lstm cell", "recurrent", "sequence")
    gates = 4
    formula = (
        r"c_t = f_t c_{t-1} + i_t \tanh(g_t),\quad h_t = o_t \tanh(c_t),\quad "
        r"i, f, o = \sigma(x_t W_{ih}^\top + h_{t-1} W_{hh}^\top + b)"
    )
    derivative = (
        r"\partial c_t/\partial c_{t-1} = f_t,\ \partial h_t/\partial c_t = o_t (1 - \tanh^2 c_t)"
    )
    keras = KerasCode(lambda call: keras_recurrent(call, "LSTM", (0, 1, 2, 3)))

    @staticmethod
    def onnx_form(call: OnnxCall) -> tuple[str, ...]:
        return onnx_recurrent(call, "LSTM", (0, 3, 1, 2))

    @classmethod
    def forward(
        cls, ctx: Context, x: Tensor, *inputs: Tensor, **attributes: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        if not any(ctx.needs):
            return _lstm(x, inputs, attributes)
        ctx.saved = _recorded_lstm(ctx, (x, *inputs), attributes)
        y, h, c = (t.detach() for t in ctx.saved[1])
        return y, h, c

    @classmethod
    def vjp(
        cls, ctx: Context, g: Any, y: Any, x: Tensor, *inputs: Tensor, **attributes: Any
    ) -> tuple[Tensor | None, ...]:
        # A graph serves once: to keep it for a second call would copy all that it holds (8 %).
        leaves, outputs = ctx.saved or _recorded_lstm(ctx, (x, *inputs), attributes)
        ctx.saved = None
        with torch.inference_mode(False):
            wanted = [t for t in leaves if t.requires_grad]
            reached = [(t, gt.clone()) for t, gt in zip(outputs, g, strict=True) if gt is not None]
            found = iter(
                torch.autograd.grad([t for t, _ in reached], wanted, [gt for _, gt in reached])
            )
        return tuple(next(found) if t.requires_grad else None for t in leaves)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return recurrent_cases(
            _spelled_out, 2, {"hidden_size": 4}, {"hidden_size": 1, "bias": False},
            {"hidden_size": 4, "proj_size": 2, "bidirectional": True, "bias": False},
        )  # fmt: skip


def _spelled_out(
    x: Tensor, starts: list[Tensor], p: list[Tensor], bidirectional: bool = False,
    proj_size: int = 0, **_: Any,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The recurrence, one way after the other."""
    ways, each = 1 + bidirectional, len(p) // (1 + bidirectional)
    found = []
    for way in range(ways):
        w_ih, w_hh, *rest = p[way * each : (way + 1) * each]
        h, c = (s[way] for s in starts)
        steps, states = (x.flip(1) if way else x).unbind(1), []
        for step in steps:
            sums = step @ w_ih.t() + h @ w_hh.t() + sum(rest[: 2 * (len(rest) > 1)])
            i, f, new, o = sums.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * new.tanh()
            h = o.sigmoid() * c.tanh()
            h = h @ rest[-1].t() if proj_size else h
            states.append(h)
        found.append((torch.stack(states[::-1] if way else states, 1), h, c))
    ys, hs, cs = zip(*found, strict=True)
    return torch.cat(ys, 2), torch.stack(hs), torch.stack(cs)


def _recorded_lstm(
    ctx: Context, inputs: tuple[Tensor, ...], attributes: Mapping[str, Any]
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Copies of the inputs, and the outputs with a local autograd graph behind them.

    The kernel (oneDNN, cuDNN) has no public backward but this one, and autograd takes only
    tensors that were made outside inference mode.
    """
    with torch.inference_mode(False), torch.enable_grad():
        leaves = tuple(
            t.clone().detach().requires_grad_(need)
            for t, need in zip(inputs, ctx.needs, strict=True)
        )
        return leaves, _lstm(leaves[0], leaves[1:], attributes)


def _lstm(
    x: Tensor, inputs: Sequence[Tensor], attributes: Mapping[str, Any]
) -> tuple[Tensor, Tensor, Tensor]:
    starts, parameters = LSTM.given(inputs, attributes)
    hidden, both = attributes["hidden_size"], attributes["bidirectional"]
    lengths = (attributes["proj_size"] or hidden, hidden)
    n, ways = x.shape[0], 1 + both
    begin = [torch.stack(t.expand(n, -1).chunk(ways, 1)) for t in starts]
    begin += [x.new_zeros((ways, n, length)) for length in lengths[len(begin) :]]
    with warnings.catch_warnings():
        if attributes["proj_size"]:  # oneDNN has no projection, which torch says by a warning
            warnings.simplefilter("ignore")
        y, h, c = torch.lstm(
            x, begin, tuple(parameters), attributes["bias"], 1, 0.0, False, both, True
        )
    if ways == 1:
        return y, h[0], c[0]
    return y, h.transpose(0, 1).flatten(1), c.transpose(0, 1).flatten(1)
