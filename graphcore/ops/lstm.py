"""Long short-term memory, run by torch's own kernel.

In float32 on a CPU that is oneDNN's, which no loop of ours came within 0.85x of; on CUDA it is
cuDNN's. The other recurrent layers are in ``recurrent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graphcore.late import torch
from graphcore.ops.keras_code import KerasCode
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.recurrent import Recurrent, keras_recurrent, onnx_recurrent, recurrent_cases
from graphcore.ops.registry import Case, Context, register

if TYPE_CHECKING:
    from torch import Tensor


@register
class LSTM(Recurrent):
    """Long short-term memory: gates decide what the cell c keeps, takes in and shows.

    Inputs:
        x: sequences, shape (N, L, E): L steps of E numbers.
        weight_ih: from x to the gates, shape (4H, E), in the order i, f, g, o.
        weight_hh: from the last state to the gates, shape (4H, H).
        bias_ih: shape (4H,).
        bias_hh: shape (4H,); it adds to bias_ih, and is kept apart as in torch.
    Attributes:
        hidden_size: length H of state and cell.
        bias: whether the biases are added.
    Output:
        y: the state after each step, shape (N, L, H).
        h: the state after the last step, shape (N, H).
        c: the cell after the last step, shape (N, H).
    Gradient:
        back through time; along the cell it is only multiplied by the forget gate,
        ∂c_t/∂c_{t−1} = f_t, and so survives many steps.
    Source:
        torch.nn.LSTM (batch_first, one layer); ONNX LSTM-14; Hochreiter & Schmidhuber, Neural
        Computation 9 (1997). Starts as Keras does: Glorot for weight_ih, orthogonal for
        weight_hh, biases 0.
    """

    onnx, outputs = "LSTM", ("y", "h", "c")
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
        return onnx_recurrent(call, "LSTM", (0, 3, 1, 2), 2)

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, *parameters: Tensor, hidden_size: int, bias: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        if not any(ctx.needs):
            return _lstm(x, parameters, hidden_size)
        ctx.saved = _recorded_lstm(ctx, (x, *parameters), hidden_size)
        y, h, c = (t.detach() for t in ctx.saved[1])
        return y, h, c

    @staticmethod
    def vjp(
        ctx: Context, g: Any, y: Any, x: Tensor, *parameters: Tensor, hidden_size: int, bias: bool
    ) -> tuple[Tensor | None, ...]:
        # A graph serves once: to keep it for a second call would copy all that it holds (8 %).
        leaves, outputs = ctx.saved or _recorded_lstm(ctx, (x, *parameters), hidden_size)
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
        def reference(
            x: Tensor, p: list[Tensor], hidden: int, **_: Any
        ) -> tuple[Tensor, Tensor, Tensor]:
            """The recurrence spelled out."""
            h = c = torch.zeros(x.shape[0], hidden, dtype=x.dtype)
            states = []
            for step in x.unbind(1):
                sums = step @ p[0].t() + h @ p[1].t() + sum(p[2:])
                i, f, new, o = sums.chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * new.tanh()
                h = o.sigmoid() * c.tanh()
                states.append(h)
            return torch.stack(states, 1), h, c

        return recurrent_cases(reference, {"hidden_size": 4}, {"hidden_size": 1, "bias": False})


def _recorded_lstm(
    ctx: Context, inputs: tuple[Tensor, ...], hidden_size: int
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
        return leaves, _lstm(leaves[0], leaves[1:], hidden_size)


def _lstm(
    x: Tensor, parameters: Sequence[Tensor], hidden_size: int
) -> tuple[Tensor, Tensor, Tensor]:
    start = torch.zeros((1, x.shape[0], hidden_size), dtype=x.dtype, device=x.device)
    biases = len(parameters) == 4
    y, h, c = torch.lstm(x, (start, start), tuple(parameters), biases, 1, 0.0, False, False, True)
    return y, h[0], c[0]
