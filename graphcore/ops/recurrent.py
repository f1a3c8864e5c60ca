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
from graphcore.errors import ExportError, Fix, ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import REQUIRED, Attr, Case, Context, Operator, register
from graphcore.ops.torch_code import TorchCode, Values

if TYPE_CHECKING:
    from torch import Tensor

HIDDEN = Attr("hidden_size", REQUIRED, "Length H of the state.", "int", minimum=1)
BIAS = Attr("bias", True, "Whether both products have a bias.")
BOTH_WAYS = Attr(
    "bidirectional", False,
    "Whether a second layer reads from the end; its states stand behind the first one's.",
)  # fmt: skip

_TORCH_HELPER = '''
def last_state(result):
    """What a recurrent layer returns, the last states of both directions side by side."""
    y, state = result
    states = state if isinstance(state, tuple) else (state,)
    return (y, *(torch.cat(tuple(s), -1) for s in states))


def first_state(state, x, directions):
    """States that stand side by side, with an axis for the directions in front."""
    state = state.expand(x.shape[0], -1)
    return torch.stack(state.chunk(directions, -1)).contiguous()
'''


def _torch_call(v: Values) -> str:
    starts = [
        f"first_state({v[name]}, {v['x']}, {1 + v['bidirectional']})"
        for name in ("h0", "c0") if name in v
    ]  # fmt: skip
    if "c0" in v:
        starts = [f"({', '.join(starts)})"]
    return f"last_state({v['layer']}({', '.join([v['x'], *starts])}))"


def onnx_recurrent(
    call: OnnxCall, operator: str, order: Sequence[int], **attributes: Any
) -> tuple[str, ...]:
    """Add a recurrent layer to a file: ONNX has the steps first and its gates in another order.

    Args:
        order: place of each of ONNX's gates among ours.
    """
    if call.attributes.get("proj_size"):
        raise ExportError(f"{call.name}: ONNX has no recurrent layer with a projection.")
    hidden, values = call.attributes["hidden_size"], call.values
    both = call.attributes["bidirectional"]

    def ordered(name: str) -> Any:
        ways = []
        for way in ("", "_reverse")[: 1 + both]:
            parts = np.split(np.asarray(values[name + way]), len(order))
            ways.append(np.concatenate([parts[i] for i in order]))
        return np.stack(ways)

    names = ("weight_ih", "weight_hh")
    weights = [call.tensor(ordered(n)) if both else call.parameter(n, ordered(n)) for n in names]
    starts = call.inputs[1 : len(call.inputs) - len(values)]
    biased = "bias_ih" in values
    if biased:
        weights.append(call.tensor(np.concatenate([ordered("bias_ih"), ordered("bias_hh")], 1)))
    if starts:
        ways = [_onnx_start(call, i + 1, hidden) for i in range(len(starts))]
        weights += [*([] if biased else [""]), "", *ways]
    steps = call.transposed(call.x, 1, 0, 2)
    count = 1 + len(call.outputs[1:])
    y, *ends = call.several(
        operator, (steps, *weights), count, hidden_size=hidden,
        direction="bidirectional" if both else None, **attributes,
    )  # fmt: skip
    if not both:
        rows = call.transposed(call.node("Squeeze", y, call.ints(1)), 1, 0, 2)
        return (rows, *(call.node("Squeeze", end, call.ints(0)) for end in ends))
    rows = call.reshaped(call.transposed(y, 2, 0, 1, 3), (0, 0, 2 * hidden))
    return (
        rows, *(call.reshaped(call.transposed(end, 1, 0, 2), (0, 2 * hidden)) for end in ends),
    )  # fmt: skip


def _onnx_start(call: OnnxCall, place: int, hidden: int) -> str:
    """A state that is given, with an axis for the directions in front."""
    start = call.transposed(call.reshaped(call.inputs[place], (0, -1, hidden)), 1, 0, 2)
    if call.shapes[place][0] == call.shapes[0][0]:
        return start
    samples = call.node("Shape", call.x, start=0, end=1)
    sizes = call.node("Concat", call.ints(1), samples, call.ints(1), axis=0)
    return call.node("Expand", start, sizes)


def keras_recurrent(call: KerasCall, kind: str, order: Sequence[int], **more: Any) -> Layer:
    """Return a recurrent layer; its weights lie column by column, the gates in their own order.

    Args:
        order: place of each of Keras's gates among ours.
    """

    def ordered(name: str) -> Any:
        parts = np.split(np.asarray(call.values[name]), len(order))
        return np.concatenate([parts[i] for i in order])

    if call.attributes["bidirectional"] or call.attributes.get("proj_size") or len(call.inputs) > 1:
        raise ExportError(
            f"{call.name}: a recurrent layer that goes both ways, projects or starts at a given "
            "state is not written for Keras."
        )
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


ROLES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Recurrent(Operator):
    """What RNN, LSTM and GRU share.

    Attributes:
        gates: how many vectors of length H are computed in each step.
    """

    category = "recurrent"
    inputs: ClassVar[tuple[str, ...]] = ("x", "h0")
    optional_inputs: ClassVar[frozenset[str]] = frozenset({"h0"})
    outputs: ClassVar[tuple[str, ...]] = ("y", "h")
    attrs: ClassVar[tuple[Attr, ...]] = (HIDDEN, BIAS, BOTH_WAYS)
    initializers: ClassVar[Mapping[str, str]] = {
        role + way: {"weight_ih": "xavier_uniform", "weight_hh": "orthogonal"}.get(role, "zeros")
        for way in ("", "_reverse") for role in ROLES
    }  # fmt: skip
    gates: ClassVar[int]
    torch_code = TorchCode(
        _torch_call,
        layer=True,
        arguments={"input_size": "{weight_ih[1]}", "batch_first": "True"},
        names={
            f"{role}{way}": f"{role}_l0{way}"
            for way in ("", "_reverse") for role in (*ROLES, "weight_hr")
        },
        helper=_TORCH_HELPER,
    )  # fmt: skip

    @classmethod
    def roles(cls, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the parameters of one direction, in torch's order."""
        projected = ("weight_hr",) if attributes.get("proj_size") else ()
        return (*(ROLES if attributes.get("bias", True) else ROLES[:2]), *projected)

    @classmethod
    def parameter_names(cls, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        ways = ("", "_reverse") if attributes.get("bidirectional") else ("",)
        return tuple(role + way for way in ways for role in cls.roles(attributes))

    @classmethod
    def infer_shape(
        cls, x: Shape, *starts: Shape, hidden_size: int, bidirectional: bool, proj_size: int = 0,
        **_: Any,
    ) -> Any:  # fmt: skip
        if len(x) != 3 or any(isinstance(d, Batch) or d == 0 for d in x[1:]):
            raise ShapeError(
                f"{cls.name} expects sequences (N, L, E), gets {format_shape(x)}.", _fix(x)
            )
        if proj_size >= hidden_size:
            raise ShapeError(f"{cls.name}: proj_size must be smaller than hidden_size.")
        directions = 1 + bidirectional
        shown = directions * (proj_size or hidden_size)
        lengths = [shown, *[directions * hidden_size] * (len(cls.outputs) - 2)]
        for name, start, length in zip(cls.inputs[1:], starts, lengths, strict=False):
            if start not in ((x[0], length), (1, length)):
                raise ShapeError(
                    f"{cls.name}: {name} must have the shape {format_shape((x[0], length))}, "
                    f"gets {format_shape(start)}."
                )
        return ((x[0], x[1], shown), *((x[0], length) for length in lengths))

    @classmethod
    def parameter_shapes(
        cls, x: Shape, *starts: Shape, hidden_size: int, proj_size: int = 0, **rest: Any
    ) -> dict[str, Any]:
        rows = cls.gates * hidden_size
        shapes = {
            "weight_ih": (rows, x[2]), "weight_hh": (rows, proj_size or hidden_size),
            "bias_ih": (rows,), "bias_hh": (rows,), "weight_hr": (proj_size, hidden_size),
        }  # fmt: skip
        names = cls.parameter_names({"proj_size": proj_size, **rest})
        return {name: shapes[name.removesuffix("_reverse")] for name in names}

    @classmethod
    def multiply_adds(cls, shapes: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> Dim:
        n, length, features = shapes[0]
        hidden, shown = attributes["hidden_size"], attributes.get("proj_size", 0)
        each = cls.gates * hidden * (features + (shown or hidden)) + shown * hidden
        found: Dim = size((n, length, 1 + attributes["bidirectional"])) * each
        return found

    @classmethod
    def given(
        cls, inputs: Sequence[Tensor], attributes: Mapping[str, Any]
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """The states that it starts from, if any, and the parameters."""
        count = len(inputs) - len(cls.parameter_names(attributes))
        return inputs[:count], inputs[count:]


class Loop(Recurrent):
    """A recurrent layer whose loop over the steps is written here.

    A subclass has ``one_way(x, start, weights, kind)``, which returns the state before the first
    step and after each, (L + 1, N, H), and what else its ``back`` wants; and ``back(g, x, start,
    weights, states, kept, kind)``, which returns the gradients of x, start and weights.
    """

    one_way: ClassVar[Any]
    back: ClassVar[Any]

    @classmethod
    def ways(
        cls, x: Tensor, inputs: Sequence[Tensor], attributes: Mapping[str, Any]
    ) -> list[tuple[Tensor, Tensor | None, Sequence[Tensor]]]:
        """For each direction: what it reads, its start and its weights."""
        starts, parameters = cls.given(inputs, attributes)
        count = 1 + attributes["bidirectional"]
        begin = starts[0].chunk(count, 1) if starts else (None,) * count
        each = len(parameters) // count
        return [
            (x.flip(1) if way else x, begin[way], parameters[way * each : (way + 1) * each])
            for way in range(count)
        ]

    @classmethod
    def forward(
        cls, ctx: Context, x: Tensor, *inputs: Tensor, **attributes: Any
    ) -> tuple[Tensor, Tensor]:
        kind = attributes.get("nonlinearity", "")
        ctx.saved = [cls.one_way(*way, kind) for way in cls.ways(x, inputs, attributes)]
        ends = [(states[1:].transpose(0, 1), states[-1]) for states, *_ in ctx.saved]
        if len(ends) == 1:
            return ends[0]
        (y, h), (y_back, h_back) = ends
        return torch.cat((y, y_back.flip(1)), 2), torch.cat((h, h_back), 1)

    @classmethod
    def vjp(
        cls, ctx: Context, g: Any, y: Any, x: Tensor, *inputs: Tensor, **attributes: Any
    ) -> tuple[Tensor | None, ...]:
        kind, ways = attributes.get("nonlinearity", ""), cls.ways(x, inputs, attributes)
        parts = zip(*(_halved(t, len(ways)) for t in g), strict=True)
        found = []
        for way, (given, (states, kept), (gy, gh)) in enumerate(
            zip(ways, ctx.saved, parts, strict=True)
        ):
            arriving = _arriving(gy.flip(1) if way and gy is not None else gy, gh, states)
            found.append(cls.back(arriving, *given, states, kept, kind))
        gx, starts, weights = zip(*found, strict=True)
        total = None
        if ctx.needs[0]:
            total = gx[0] if len(gx) == 1 else gx[0] + gx[1].flip(1)
        begun = cls.given(inputs, attributes)[0]
        return (total, *([torch.cat(starts, 1)] if begun else []), *(t for w in weights for t in w))


def _halved(t: Tensor | None, count: int) -> Sequence[Tensor | None]:
    return (None,) * count if t is None else t.chunk(count, -1)


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


def _states(x: Tensor, hidden_size: int, start: Tensor | None) -> Tensor:
    """Room for the state before the first step and after each: (L + 1, N, H)."""
    n, length, _ = x.shape
    states = torch.empty((length + 1, n, hidden_size), dtype=x.dtype, device=x.device)
    states[0] = 0 if start is None else start
    return states


def _arriving(gy: Tensor | None, gh: Tensor | None, states: Tensor) -> Tensor:
    """Gradient that arrives at each step's state from outside: (L, N, H), free to write in."""
    arriving = torch.zeros_like(states[1:]) if gy is None else gy.transpose(0, 1).clone(
        memory_format=torch.contiguous_format
    )  # fmt: skip
    if gh is not None:
        arriving[-1] += gh
    return arriving


def _gradients(
    x: Tensor, weights: Sequence[Tensor], states: Tensor, by_ih: Tensor, by_hh: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Gradients of x and the weights from those of x W_ihᵀ and h W_hhᵀ, (L, N, rows) each."""
    ih, hh = by_ih.flatten(0, 1), by_hh.flatten(0, 1)
    gx = (by_ih @ weights[0]).transpose(0, 1)
    g_weight_ih = ih.t() @ x.transpose(0, 1).reshape(-1, x.shape[2])
    g_weight_hh = hh.t() @ states[:-1].flatten(0, 1)
    if len(weights) == 2:
        return gx, (g_weight_ih, g_weight_hh)
    return gx, (g_weight_ih, g_weight_hh, ih.sum(0), hh.sum(0))


def recurrent_cases(function: Any, states: int, *options: dict[str, Any]) -> tuple[Case, ...]:
    """Cases for each of the options, and of a layer that goes both ways from given states.

    Args:
        function: the same in torch: ``function(x, starts, parameters, **attributes)``.
    """

    def case(a: dict[str, Any], *starts: tuple[int, ...]) -> Case:
        def reference(x: Tensor, *rest: Tensor) -> Any:
            both, shown = 1 + a.get("bidirectional", False), a.get("proj_size", 0)
            zeros = [
                torch.zeros(x.shape[0], both * n, dtype=x.dtype)
                for n in (shown or a["hidden_size"], a["hidden_size"])
            ]
            begin = rest[: len(starts)] or zeros[:states]
            begun = [torch.stack(s.expand(x.shape[0], -1).chunk(both, 1)) for s in begin]
            y, *ends = function(x, begun, list(rest[len(starts) :]), **a)
            return y, *(torch.cat(tuple(e), 1) for e in ends)

        return Case(((2, 5, 3), *starts), a, reference)

    def begun(a: dict[str, Any], rows: int) -> Case:
        both, shown = 1 + a.get("bidirectional", False), a.get("proj_size", 0)
        lengths = (shown or a["hidden_size"], a["hidden_size"])[:states]
        return case(a, *((rows, both * n) for n in lengths))

    ways = {"hidden_size": 3, "bidirectional": True}
    return (
        *(case(a) for a in options), case(ways), begun(ways, 2), begun(options[0], 2),
        begun(options[0], 1),
    )  # fmt: skip


def _keras_rnn(call: KerasCall) -> Layer:
    kind = call.attributes["nonlinearity"]
    return keras_recurrent(call, "SimpleRNN", (0,), activation=None if kind == "tanh" else kind)


@register
class RNN(Loop):
    """The plain recurrent layer: h ← tanh(x W_ihᵀ + h W_hhᵀ + b), from h0 or 0.

    Inputs:
        x: sequences, shape (N, L, E): L steps of E numbers.
        h0: the state before the first step, shape (N, D·H), or (1, D·H) for all samples; zeros
            where nothing is connected.
        weight_ih: from x to the state, shape (H, E).
        weight_hh: from the last state to the next, shape (H, H).
        bias_ih: shape (H,).
        bias_hh: shape (H,); it adds to bias_ih, and is kept apart as in torch.
        weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse: the same for the
            layer that reads from the end, if ``bidirectional``.
    Attributes:
        hidden_size: length H of the state.
        nonlinearity: "tanh" or "relu".
        bias: whether the biases are added.
        bidirectional: whether a second layer reads the sequence from its end; the states of
            both stand side by side, D = 2 (else D = 1).
    Output:
        y: the state after each step, shape (N, L, D·H).
        h: the state after the last step (of the way back: the first), shape (N, D·H).
    Gradient:
        back through time: δ_t = (g_t + δ_{t+1} W_hh) · slope_t; ∂L/∂W_ih = Σ δ_tᵀ x_t,
        ∂L/∂W_hh = Σ δ_tᵀ h_{t−1}. The repeated W_hh makes it vanish or explode.
    Source:
        torch.nn.RNN (batch_first, one layer); ONNX RNN-14; Elman, Cognitive Science 14 (1990).
        Starts as Keras does: Glorot for weight_ih, orthogonal for weight_hh, biases 0.
    """

    onnx, aliases = "RNN", ("recurrent", "elman", "vanilla rnn", "sequence")
    attrs = (
        HIDDEN,
        Attr("nonlinearity", "tanh", "What the state goes through.", choices=("tanh", "relu")),
        BIAS,
        BOTH_WAYS,
    )
    gates = 1
    formula = r"h_t = \tanh(x_t W_{ih}^\top + b_{ih} + h_{t-1} W_{hh}^\top + b_{hh})"
    derivative = r"\delta_t = (g_t + \delta_{t+1} W_{hh})\,(1 - h_t^2)"
    keras = KerasCode(_keras_rnn)

    @staticmethod
    def onnx_form(call: OnnxCall) -> tuple[str, ...]:
        kind = "Tanh" if call.attributes["nonlinearity"] == "tanh" else "Relu"
        both = 1 + call.attributes["bidirectional"]
        return onnx_recurrent(call, "RNN", (0,), activations=[kind] * both)

    @staticmethod
    def one_way(
        x: Tensor, start: Tensor | None, weights: Sequence[Tensor], kind: str
    ) -> tuple[Tensor, None]:
        weight_ih, weight_hh, *biases = weights
        products, states = _product(x, weight_ih, *biases), _states(x, weight_hh.shape[1], start)
        activation = torch.tanh if kind == "tanh" else torch.relu
        transposed = weight_hh.t()
        for t in range(x.shape[1]):
            torch.addmm(products[t], states[t], transposed, out=states[t + 1])
            states[t + 1] = activation(states[t + 1])
        return states, None

    @staticmethod
    def back(
        arriving: Tensor, x: Tensor, start: Tensor | None, weights: Sequence[Tensor],
        states: Tensor, kept: None, kind: str,
    ) -> tuple[Tensor, Tensor | None, tuple[Tensor, ...]]:  # fmt: skip
        after = states[1:]
        slope: Any = torch.ops.aten.tanh_backward.grad_input
        if kind == "relu":
            slope = partial(torch.ops.aten.threshold_backward.grad_input, threshold=0)
        deltas = torch.empty_like(arriving)
        for t in range(x.shape[1] - 1, -1, -1):
            slope(arriving[t], after[t], grad_input=deltas[t])
            if t:
                arriving[t - 1].addmm_(deltas[t], weights[1])
        gx, found = _gradients(x, weights, states, deltas, deltas)
        return gx, None if start is None else deltas[0] @ weights[1], found

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(
            x: Tensor, starts: list[Tensor], p: list[Tensor], nonlinearity: str = "tanh",
            bias: bool = True, bidirectional: bool = False, **_: Any,
        ) -> Any:  # fmt: skip
            run = torch.rnn_tanh if nonlinearity == "tanh" else torch.rnn_relu
            return run(x, starts[0], p, bias, 1, 0.0, False, bidirectional, True)

        return recurrent_cases(
            reference, 1, {"hidden_size": 4}, {"hidden_size": 1, "bias": False},
            {"hidden_size": 4, "nonlinearity": "relu"},
        )  # fmt: skip


@register
class GRU(Loop):
    """Gated recurrent unit: one gate mixes the old state with a new one, another resets it.

    Inputs:
        x: sequences, shape (N, L, E): L steps of E numbers.
        h0: the state before the first step, shape (N, D·H), or (1, D·H) for all samples; zeros
            where nothing is connected.
        weight_ih: from x to the gates, shape (3H, E), in the order r, z, n.
        weight_hh: from the last state to the gates, shape (3H, H).
        bias_ih: shape (3H,).
        bias_hh: shape (3H,); its part for n is reset too, so that it is not bias_ih's double.
        weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse: the same for the
            layer that reads from the end, if ``bidirectional``.
    Attributes:
        hidden_size: length H of the state.
        bias: whether the biases are added.
        bidirectional: whether a second layer reads the sequence from its end; the states of
            both stand side by side, D = 2 (else D = 1).
    Output:
        y: the state after each step, shape (N, L, D·H).
        h: the state after the last step (of the way back: the first), shape (N, D·H).
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
        return onnx_recurrent(call, "GRU", (1, 0, 2), linear_before_reset=1)

    @staticmethod
    def one_way(
        x: Tensor, start: Tensor | None, weights: Sequence[Tensor], kind: str
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        weight_ih, weight_hh, *biases = weights
        n, length, rows = x.shape[0], x.shape[1], weight_hh.shape[0]
        hidden = rows // 3
        gates, states = _product(x, weight_ih, *biases[:1]), _states(x, hidden, start)
        inner = torch.empty((length, n, rows), dtype=x.dtype, device=x.device)
        bias = biases[1] if biases else torch.zeros(rows, dtype=x.dtype, device=x.device)
        transposed, reset_update = weight_hh.t(), 2 * hidden
        r, z, new = gates.view(length, n, 3, hidden).unbind(2)
        for t in range(length):
            torch.addmm(bias, states[t], transposed, out=inner[t])
            gates[t, :, :reset_update].add_(inner[t, :, :reset_update]).sigmoid_()
            new[t].addcmul_(r[t], inner[t, :, reset_update:]).tanh_()
            torch.lerp(new[t], states[t], z[t], out=states[t + 1])
        return states, (gates, inner[:, :, reset_update:])

    @staticmethod
    def back(
        arriving: Tensor, x: Tensor, start: Tensor | None, weights: Sequence[Tensor],
        states: Tensor, kept: tuple[Tensor, Tensor], kind: str,
    ) -> tuple[Tensor, Tensor | None, tuple[Tensor, ...]]:  # fmt: skip
        gates, inner = kept
        n, length, hidden = x.shape[0], x.shape[1], states.shape[2]
        r, z, new = gates.view(length, n, 3, hidden).unbind(2)
        # Slopes of h_t by the sums in front of r, z and n, and by the part of n that r resets.
        by_new = (1 - z) * (1 - new * new)
        by_reset = by_new * inner * r * (1 - r)
        slopes = torch.stack((by_reset, (states[:-1] - new) * z * (1 - z), by_new * r), 2)
        inner_sums = torch.empty_like(slopes)
        for t in range(length - 1, -1, -1):
            torch.mul(slopes[t], arriving[t].unsqueeze(1), out=inner_sums[t])
            if t:
                arriving[t - 1].addcmul_(arriving[t], z[t])
                arriving[t - 1].addmm_(inner_sums[t].view(n, 3 * hidden), weights[1])
        sums = inner_sums.clone()
        sums[:, :, 2] = arriving * by_new
        by_hh = inner_sums.flatten(2)
        gx, found = _gradients(x, weights, states, sums.flatten(2), by_hh)
        begun = None if start is None else arriving[0] * z[0] + by_hh[0] @ weights[1]
        return gx, begun, found

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(
            x: Tensor, starts: list[Tensor], p: list[Tensor], bias: bool = True,
            bidirectional: bool = False, **_: Any,
        ) -> Any:  # fmt: skip
            return torch.gru(x, starts[0], p, bias, 1, 0.0, False, bidirectional, True)

        return recurrent_cases(reference, 1, {"hidden_size": 4}, {"hidden_size": 1, "bias": False})
