"""Recurrent layers: a state is carried along a sequence, one step after the other.

Inside, time is the first axis. What does not depend on the state (the product of x with its
weights, the slopes of the gates, the sums of the weights' gradients) is computed for all steps
at once; only the state itself goes through the loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from graphcore.dims import Batch, Dim, Shape, format_shape, size
from graphcore.errors import Fix, ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import REQUIRED, Attr, Case, Context, Operator, register
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor

_HIDDEN = Attr("hidden_size", REQUIRED, "Length H of the state.", "int", minimum=1)
_BIAS = Attr("bias", True, "Whether both products have a bias.")


_TORCH_HELPER = '''
def last_state(result):
    """What a recurrent layer returns, the axis of its states that counts layers left out."""
    y, state = result
    return (y, *(s[0] for s in (state if isinstance(state, tuple) else (state,))))
'''


def onnx_recurrent(
    call: OnnxCall, operator: str, order: Sequence[int], states: int, **attributes: Any
) -> tuple[str, ...]:
    """Add a recurrent layer to a file: ONNX has the steps first and its gates in another order.

    Args:
        order: place of each of ONNX's gates among ours.
        states: how many states it ends with.
    """
    hidden, values = call.attributes["hidden_size"], call.values

    def ordered(name: str) -> Any:
        parts = np.split(np.asarray(values[name]), len(order))
        return np.concatenate([parts[i] for i in order])[None]

    weights = [call.parameter(n, ordered(n)) for n in ("weight_ih", "weight_hh")]
    if "bias_ih" in values:
        both = np.concatenate([ordered("bias_ih"), ordered("bias_hh")], 1)
        weights.append(call.tensor(both))
    steps = call.transposed(call.x, 1, 0, 2)
    y, *ends = call.several(
        operator, (steps, *weights), 1 + states, hidden_size=hidden, **attributes
    )
    rows = call.transposed(call.node("Squeeze", y, call.ints(1)), 1, 0, 2)
    return (rows, *(call.node("Squeeze", end, call.ints(0)) for end in ends))


def keras_recurrent(call: KerasCall, kind: str, order: Sequence[int], **more: Any) -> Layer:
    """Return a recurrent layer; its weights lie column by column, the gates in their own order.

    Args:
        order: place of each of Keras's gates among ours.
    """

    def ordered(name: str) -> Any:
        parts = np.split(np.asarray(call.values[name]), len(order))
        return np.concatenate([parts[i] for i in order])

    cell = {"SimpleRNN": "simple_rnn_cell"}.get(kind, f"{kind.lower()}_cell")
    call.weights[f"{cell}/kernel"] = ordered("weight_ih").T
    call.weights[f"{cell}/recurrent_kernel"] = ordered("weight_hh").T
    if "bias_ih" in call.values:
        both = np.stack([ordered("bias_ih"), ordered("bias_hh")])
        call.weights[f"{cell}/bias"] = both if kind == "GRU" else both.sum(0)
    states = call.read not in ({"y"}, {"h"}, set())
    call.gives = call.made if states else tuple(call.read)
    return call.layer(
        kind, call.attributes["hidden_size"], **more,
        use_bias=None if "bias_ih" in call.values else False,
        return_sequences=True if states or "y" in call.read else None,
        return_state=states or None,
    )  # fmt: skip


class Recurrent(Operator):
    """What RNN, LSTM and GRU share.

    Attributes:
        gates: how many vectors of length H are computed in each step.
    """

    category = "recurrent"
    outputs: ClassVar[tuple[str, ...]] = ("y", "h")
    attrs: ClassVar[tuple[Attr, ...]] = (_HIDDEN, _BIAS)
    initializers = {
        "weight_ih": "xavier_uniform", "weight_hh": "orthogonal",
        "bias_ih": "zeros", "bias_hh": "zeros",
    }  # fmt: skip
    gates: ClassVar[int]
    torch_code = TorchCode(
        "last_state({layer}({x}))",
        layer=True,
        arguments={"input_size": "{weight_ih[1]}", "batch_first": "True"},
        names={n: f"{n}_l0" for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
        helper=_TORCH_HELPER,
    )

    @classmethod
    def parameter_names(cls, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        names = tuple(cls.initializers)
        return names if attributes.get("bias", True) else names[:2]

    @classmethod
    def infer_shape(cls, x: Shape, *, hidden_size: int, **_: Any) -> Any:
        if len(x) != 3 or any(isinstance(d, Batch) or d == 0 for d in x[1:]):
            raise ShapeError(
                f"{cls.name} expects sequences (N, L, E), gets {format_shape(x)}.", _fix(x)
            )
        state = (x[0], hidden_size)
        return ((x[0], x[1], hidden_size), *[state] * (len(cls.outputs) - 1))

    @classmethod
    def parameter_shapes(
        cls, x: Shape, *, hidden_size: int, bias: bool, **_: Any
    ) -> dict[str, Any]:
        rows = cls.gates * hidden_size
        shapes = {"weight_ih": (rows, x[2]), "weight_hh": (rows, hidden_size)}
        return {**shapes, "bias_ih": (rows,), "bias_hh": (rows,)} if bias else shapes

    @classmethod
    def multiply_adds(cls, shapes: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> Dim:
        n, length, features = shapes[0]
        hidden: int = attributes["hidden_size"]
        return size((n, length, cls.gates, hidden)) * (features + hidden)


def _fix(x: Shape) -> Fix | None:
    """What would turn x into sequences: rows of an image, or single numbers."""
    if len(x) == 4 and x[1] == 1:
        return Fix("insert", "Read the image row by row", "Squeeze", attributes={"dim": 1})
    if len(x) == 2:
        return Fix("insert", "Read one number per step", "Unsqueeze", attributes={"dim": 2})
    return None


def _product(x: Tensor, weight_ih: Tensor, *biases: Tensor) -> Tensor:
    """x W_ihᵀ plus biases, for all steps at once: (L, N, gates · H)."""
    bias = biases[0] + biases[1] if len(biases) == 2 else (biases[0] if biases else None)
    rows: Tensor = x.transpose(0, 1).contiguous()
    return torch.nn.functional.linear(rows, weight_ih, bias)


def _states(x: Tensor, hidden_size: int) -> Tensor:
    """Room for the state before the first step (zeros) and after each: (L + 1, N, H)."""
    n, length, _ = x.shape
    states = torch.empty((length + 1, n, hidden_size), dtype=x.dtype, device=x.device)
    states[0] = 0
    return states


def _outputs(states: Tensor) -> tuple[Tensor, Tensor]:
    """y (N, L, H) and the last state (N, H)."""
    return states[1:].transpose(0, 1), states[-1]


def _arriving(g: Any, states: Tensor) -> Tensor:
    """Gradient that arrives at each step's state from outside: (L, N, H), free to write in."""
    arriving = torch.zeros_like(states[1:]) if g[0] is None else g[0].transpose(0, 1).clone(
        memory_format=torch.contiguous_format
    )  # fmt: skip
    if g[1] is not None:
        arriving[-1] += g[1]
    return arriving


def _gradients(
    ctx: Context, x: Tensor, states: Tensor, weight_ih: Tensor, by_ih: Tensor, by_hh: Tensor,
    bias: bool,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """Gradients of x and the parameters from those of x W_ihᵀ and h W_hhᵀ, (L, N, rows) each."""
    ih, hh = by_ih.flatten(0, 1), by_hh.flatten(0, 1)
    gx = (by_ih @ weight_ih).transpose(0, 1) if ctx.needs[0] else None
    g_weight_ih = ih.t() @ x.transpose(0, 1).reshape(-1, x.shape[2])
    g_weight_hh = hh.t() @ states[:-1].flatten(0, 1)
    if not bias:
        return gx, g_weight_ih, g_weight_hh
    return gx, g_weight_ih, g_weight_hh, ih.sum(0), hh.sum(0)


def recurrent_cases(function: Any, *options: dict[str, Any]) -> tuple[Case, ...]:
    def case(a: dict[str, Any]) -> Case:
        hidden = a["hidden_size"]
        return Case(((2, 5, 3),), a, lambda x, *p: function(x, list(p), hidden, **a))

    return tuple(case(a) for a in options)


def _keras_rnn(call: KerasCall) -> Layer:
    kind = call.attributes["nonlinearity"]
    return keras_recurrent(call, "SimpleRNN", (0,), activation=None if kind == "tanh" else kind)


@register
class RNN(Recurrent):
    """The plain recurrent layer: h ← tanh(x W_ihᵀ + h W_hhᵀ + b), from h = 0.

    Inputs:
        x: sequences, shape (N, L, E): L steps of E numbers.
        weight_ih: from x to the state, shape (H, E).
        weight_hh: from the last state to the next, shape (H, H).
        bias_ih: shape (H,).
        bias_hh: shape (H,); it adds to bias_ih, and is kept apart as in torch.
    Attributes:
        hidden_size: length H of the state.
        nonlinearity: "tanh" or "relu".
        bias: whether the biases are added.
    Output:
        y: the state after each step, shape (N, L, H).
        h: the state after the last step, shape (N, H).
    Gradient:
        back through time: δ_t = (g_t + δ_{t+1} W_hh) · slope_t; ∂L/∂W_ih = Σ δ_tᵀ x_t,
        ∂L/∂W_hh = Σ δ_tᵀ h_{t−1}. The repeated W_hh makes it vanish or explode.
    Source:
        torch.nn.RNN (batch_first, one layer); ONNX RNN-14; Elman, Cognitive Science 14 (1990).
        Starts as Keras does: Glorot for weight_ih, orthogonal for weight_hh, biases 0.
    """

    onnx, aliases = "RNN", ("recurrent", "elman", "vanilla rnn", "sequence")
    attrs = (
        _HIDDEN,
        Attr("nonlinearity", "tanh", "What the state goes through.", choices=("tanh", "relu")),
        _BIAS,
    )
    gates = 1
    formula = r"h_t = \tanh(x_t W_{ih}^\top + b_{ih} + h_{t-1} W_{hh}^\top + b_{hh})"
    derivative = r"\delta_t = (g_t + \delta_{t+1} W_{hh})\,(1 - h_t^2)"
    keras = KerasCode(_keras_rnn)

    @staticmethod
    def onnx_form(call: OnnxCall) -> tuple[str, ...]:
        kind = "Tanh" if call.attributes["nonlinearity"] == "tanh" else "Relu"
        return onnx_recurrent(call, "RNN", (0,), 1, activations=[kind])

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, weight_ih: Tensor, weight_hh: Tensor, *biases: Tensor,
        hidden_size: int, nonlinearity: str, bias: bool,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        products, states = _product(x, weight_ih, *biases), _states(x, hidden_size)
        activation = torch.tanh if nonlinearity == "tanh" else torch.relu
        transposed = weight_hh.t()
        for t in range(x.shape[1]):
            torch.addmm(products[t], states[t], transposed, out=states[t + 1])
            states[t + 1] = activation(states[t + 1])
        ctx.saved = states
        return _outputs(states)

    @staticmethod
    def vjp(
        ctx: Context, g: Any, y: Any, x: Tensor, weight_ih: Tensor, weight_hh: Tensor,
        *biases: Tensor, hidden_size: int, nonlinearity: str, bias: bool,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        states = ctx.saved
        after = states[1:]
        back: Any = torch.ops.aten.tanh_backward.grad_input
        if nonlinearity == "relu":
            back = partial(torch.ops.aten.threshold_backward.grad_input, threshold=0)
        arriving = _arriving(g, states)
        deltas = torch.empty_like(arriving)
        for t in range(x.shape[1] - 1, -1, -1):
            back(arriving[t], after[t], grad_input=deltas[t])
            if t:
                arriving[t - 1].addmm_(deltas[t], weight_hh)
        return _gradients(ctx, x, states, weight_ih, deltas, deltas, bias)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(
            x: Tensor, p: list[Tensor], hidden: int, nonlinearity: str = "tanh", bias: bool = True,
            **_: Any,
        ) -> tuple[Tensor, Tensor]:  # fmt: skip
            start = torch.zeros(1, x.shape[0], hidden, dtype=x.dtype)
            run = torch.rnn_tanh if nonlinearity == "tanh" else torch.rnn_relu
            y, h = run(x, start, p, bias, 1, 0.0, False, False, True)
            return y, h[0]

        return recurrent_cases(
            reference, {"hidden_size": 4}, {"hidden_size": 1, "bias": False},
            {"hidden_size": 4, "nonlinearity": "relu"},
        )  # fmt: skip


@register
class GRU(Recurrent):
    """Gated recurrent unit: one gate mixes the old state with a new one, another resets it.

    Inputs:
        x: sequences, shape (N, L, E): L steps of E numbers.
        weight_ih: from x to the gates, shape (3H, E), in the order r, z, n.
        weight_hh: from the last state to the gates, shape (3H, H).
        bias_ih: shape (3H,).
        bias_hh: shape (3H,); its part for n is reset too, so that it is not bias_ih's double.
    Attributes:
        hidden_size: length H of the state.
        bias: whether the biases are added.
    Output:
        y: the state after each step, shape (N, L, H).
        h: the state after the last step, shape (N, H).
    Gradient:
        back through time; along the state it is multiplied by z_t where the old state was
        kept, and goes through W_hh for the rest.
    Source:
        torch.nn.GRU (batch_first, one layer); ONNX GRU-14; Cho et al., EMNLP 2014. Starts as
        Keras does: Glorot for weight_ih, orthogonal for weight_hh, biases 0.
    """

    onnx, aliases = "GRU", ("gated recurrent unit", "gru cell", "recurrent", "sequence")
    gates = 3
    formula = (
        r"h_t = (1 - z_t)\,n_t + z_t h_{t-1},\quad "
        r"n_t = \tanh(x_t W_n^\top + r_t (h_{t-1} U_n^\top + b_n))"
    )
    derivative = r"\partial h_t/\partial n_t = 1 - z_t,\ \partial h_t/\partial z_t = h_{t-1} - n_t"
    keras = KerasCode(lambda call: keras_recurrent(call, "GRU", (1, 0, 2)))

    @staticmethod
    def onnx_form(call: OnnxCall) -> tuple[str, ...]:
        return onnx_recurrent(call, "GRU", (1, 0, 2), 1, linear_before_reset=1)

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, weight_ih: Tensor, weight_hh: Tensor, *biases: Tensor,
        hidden_size: int, bias: bool,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        n, length, rows = x.shape[0], x.shape[1], 3 * hidden_size
        gates, states = _product(x, weight_ih, *biases[:1]), _states(x, hidden_size)
        inner = torch.empty((length, n, rows), dtype=x.dtype, device=x.device)
        start = biases[1] if bias else torch.zeros(rows, dtype=x.dtype, device=x.device)
        transposed, reset_update = weight_hh.t(), 2 * hidden_size
        r, z, new = gates.view(length, n, 3, hidden_size).unbind(2)
        for t in range(length):
            torch.addmm(start, states[t], transposed, out=inner[t])
            gates[t, :, :reset_update].add_(inner[t, :, :reset_update]).sigmoid_()
            new[t].addcmul_(r[t], inner[t, :, reset_update:]).tanh_()
            torch.lerp(new[t], states[t], z[t], out=states[t + 1])
        ctx.saved = (states, gates, inner[:, :, reset_update:])
        return _outputs(states)

    @staticmethod
    def vjp(
        ctx: Context, g: Any, y: Any, x: Tensor, weight_ih: Tensor, weight_hh: Tensor,
        *biases: Tensor, hidden_size: int, bias: bool,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        states, gates, inner = ctx.saved
        n, length = x.shape[0], x.shape[1]
        r, z, new = gates.view(length, n, 3, hidden_size).unbind(2)
        # Slopes of h_t by the sums in front of r, z and n, and by the part of n that r resets.
        by_new = (1 - z) * (1 - new * new)
        by_reset = by_new * inner * r * (1 - r)
        slopes = torch.stack((by_reset, (states[:-1] - new) * z * (1 - z), by_new * r), 2)
        arriving = _arriving(g, states)
        inner_sums = torch.empty_like(slopes)
        for t in range(length - 1, -1, -1):
            torch.mul(slopes[t], arriving[t].unsqueeze(1), out=inner_sums[t])
            if t:
                arriving[t - 1].addcmul_(arriving[t], z[t])
                arriving[t - 1].addmm_(inner_sums[t].view(n, 3 * hidden_size), weight_hh)
        sums = inner_sums.clone()
        sums[:, :, 2] = arriving * by_new
        by_ih, by_hh = sums.flatten(2), inner_sums.flatten(2)
        return _gradients(ctx, x, states, weight_ih, by_ih, by_hh, bias)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(
            x: Tensor, p: list[Tensor], hidden: int, bias: bool = True, **_: Any
        ) -> tuple[Tensor, Tensor]:
            start = torch.zeros(1, x.shape[0], hidden, dtype=x.dtype)
            y, h = torch.gru(x, start, p, bias, 1, 0.0, False, False, True)
            return y, h[0]

        return recurrent_cases(reference, {"hidden_size": 4}, {"hidden_size": 1, "bias": False})
