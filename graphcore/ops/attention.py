"""Attention: each element of a sequence looks at the others and takes what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.dims import Batch, Dim, Shape, broadcast, format_shape, size
from graphcore.errors import Fix, ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import REQUIRED, Attr, Case, Context, Operator, register
from graphcore.ops.torch_code import TorchCode, Values

if TYPE_CHECKING:
    from torch import Tensor

_CAUSAL = Attr("is_causal", False, "Whether each place sees only itself and what lies before.")


def onnx_attention(
    call: OnnxCall, inputs: Sequence[str], shapes: Sequence[Shape], is_causal: bool
) -> tuple[str, str]:
    """Add softmax(q kᵀ / √E) v to a file; returns it and the weights of the mean."""
    query, key, value = inputs
    rank = len(shapes[1])
    transposed = call.transposed(key, *range(rank - 2), rank - 1, rank - 2)
    width, places = call.length(shapes[0][-1]), [call.length(shapes[i][-2]) for i in (0, 1)]
    scores = call.node("MatMul", query, transposed)
    scores = call.node("Mul", scores, call.tensor(1 / sqrt(width)))
    if is_causal:
        later = np.triu(np.full(places, -np.inf), 1)
        scores = call.node("Add", scores, call.tensor(later))
    weights = call.node("Softmax", scores, axis=-1)
    return call.node("MatMul", weights, value), weights


def attend(q: Tensor, k: Tensor, v: Tensor, is_causal: bool) -> tuple[Tensor, Tensor]:
    """softmax(q kᵀ / √E) v, and the softmax: how much each place looks at each other."""
    scores = (q @ k.transpose(-1, -2)) * (1 / sqrt(q.shape[-1]))
    if is_causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill_(later, float("-inf"))
    weights = torch.softmax(scores, -1)
    return weights @ v, weights


def attend_backward(
    g: Tensor, g_weights: Tensor | None, q: Tensor, k: Tensor, v: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of q, k and v from those of the two results of ``attend``."""
    by_weights = g @ v.transpose(-1, -2)
    if g_weights is not None:
        by_weights = by_weights + g_weights
    scores = torch.ops.aten._softmax_backward_data(by_weights, weights, -1, weights.dtype)
    scores = scores * (1 / sqrt(q.shape[-1]))
    return scores @ k, scores.transpose(-1, -2) @ q, weights.transpose(-1, -2) @ g


_TORCH_HELPER = '''
def attention(query, key, value, is_causal):
    """A mean of the values for each query, and the weights of that mean."""
    scores = query @ key.mT / query.shape[-1] ** 0.5
    if is_causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).tril() == 0, -torch.inf)
    weights = scores.softmax(-1)
    return weights @ value, weights
'''


_KERAS_HELPER = '''
def attention(query, key, value, is_causal):
    """What query finds, and how much of each place it takes, as rows that sum to 1."""
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / query.shape[-1] ** 0.5
    if is_causal:
        scores = ops.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -float("inf"))
    weights = ops.softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights
'''


def _keras_attention(call: KerasCall) -> str:
    call.helper, call.gives = _KERAS_HELPER, call.made
    return f"attention({', '.join(call.inputs.values())}, {call.attributes['is_causal']})"


@register
class ScaledDotProductAttention(Operator):
    """Each query takes a mean of the values, weighted by how well the keys match it.

    Inputs:
        query: what each place looks for, shape (*, L, E).
        key: what each place offers, shape (*, S, E).
        value: what is handed over, shape (*, S, V).
    Attributes:
        is_causal: whether place i sees only the places 0 to i.
    Output:
        y: shape (*, L, V).
        weights: softmax(query · keyᵀ / √E), shape (*, L, S); rows sum to 1.
    Gradient:
        with A the weights: ∂L/∂value = Aᵀ g; g valueᵀ goes back through the softmax to S, and
        ∂L/∂query = S key / √E, ∂L/∂key = Sᵀ query / √E.
    Source:
        torch.nn.functional.scaled_dot_product_attention; ONNX Attention-23; Vaswani et al.,
        Attention is all you need, NeurIPS 2017, §3.2.1.
    """

    category, onnx, inputs = "attention", "Attention", ("query", "key", "value")
    reduced = True
    outputs = ("y", "weights")
    aliases = ("attention", "sdpa", "query key value", "transformer")
    attrs = (_CAUSAL,)
    formula = r"y = \mathrm{softmax}\left(\frac{q k^\top}{\sqrt{E}}\right) v"
    derivative = r"\partial L/\partial v = A^\top g,\ A = \mathrm{softmax}(q k^\top / \sqrt{E})"
    torch_code = TorchCode("attention({query}, {key}, {value}, {is_causal})", helper=_TORCH_HELPER)
    keras = KerasCode(_keras_attention)

    @staticmethod
    def onnx_form(call: OnnxCall) -> tuple[str, ...]:
        return onnx_attention(call, call.inputs, call.shapes, call.attributes["is_causal"])

    @staticmethod
    def infer_shape(query: Shape, key: Shape, value: Shape, *, is_causal: bool) -> Any:
        shown = ", ".join(format_shape(s) for s in (query, key, value))
        if min(len(query), len(key), len(value)) < 2:
            raise ShapeError(
                f"ScaledDotProductAttention expects query, key and value (*, L, E), gets {shown}."
            )
        if query[-1] != key[-1] or key[-2] != value[-2] or not isinstance(query[-1], int):
            raise ShapeError(
                "ScaledDotProductAttention: query and key must have vectors of one length E, key "
                f"and value the same number of places; gets {shown}."
            )
        leading = broadcast(
            broadcast(query[:-2], key[:-2], "ScaledDotProductAttention"), value[:-2],
            "ScaledDotProductAttention",
        )  # fmt: skip
        weights = broadcast(query[:-2], key[:-2])
        return (*leading, query[-2], value[-1]), (*weights, query[-2], key[-2])

    @staticmethod
    def forward(
        query: Tensor, key: Tensor, value: Tensor, *, is_causal: bool
    ) -> tuple[Tensor, Tensor]:
        return attend(query, key, value, is_causal)

    @staticmethod
    def vjp(
        g: Any, y: Any, query: Tensor, key: Tensor, value: Tensor, *, is_causal: bool
    ) -> tuple[Tensor, ...]:
        gy = torch.zeros_like(y[0]) if g[0] is None else g[0]
        return attend_backward(gy, g[1], query, key, value, y[1])

    @staticmethod
    def quantities(ctx: Context, y: Any, *_: Tensor, **__: Any) -> dict[str, Tensor]:
        return {"attention weights": y[1][0]}

    @classmethod
    def multiply_adds(cls, shapes: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> Dim:
        query, key = shapes[0], shapes[1]
        return size((*y[:-2], query[-2])) * key[-2] * (query[-1] + y[-1])

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(*shapes: tuple[int, ...], is_causal: bool = False) -> Case:
            def reference(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
                scores = q @ k.mT / sqrt(q.shape[-1])
                if is_causal:
                    seen = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
                    scores = torch.where(seen, scores, -torch.inf)
                y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
                return y, scores.softmax(-1)

            return Case(shapes, {"is_causal": is_causal}, reference)

        square = ((2, 4, 3),) * 3
        return (
            case(*square), case(*square, is_causal=True),
            case((2, 2, 4, 3), (2, 2, 5, 3), (2, 2, 5, 6)), case((2, 4, 3), (4, 3), (4, 3)),
        )  # fmt: skip


def _multihead_code(v: Values) -> str:
    x, length = v["x"], v["shapes"]["x"][1]
    mask = f"nn.Transformer.generate_square_subsequent_mask({length}, dtype={x}.dtype)"
    masked = f", attn_mask={mask}, is_causal=True" if v["is_causal"] else ""
    return f"{v['layer']}({x}, {x}, {x}{masked}, average_attn_weights=False)"


def _keras_multihead(call: KerasCall) -> str:
    a, v, x = call.attributes, call.values, call.inputs["x"]
    heads, width = a["num_heads"], call.shapes[0][-1]
    assert isinstance(width, int)
    split, each = (heads, width // heads), ("query", "key", "value")
    for name, weight in zip(each, np.split(v["in_proj_weight"], 3), strict=True):
        call.weights[f"{name}/kernel"] = weight.T.reshape(width, *split)
    call.weights["attention_output/kernel"] = v["out_proj_weight"].T.reshape(*split, width)
    if a["bias"]:
        for name, bias in zip(each, np.split(v["in_proj_bias"], 3), strict=True):
            call.weights[f"{name}/bias"] = bias.reshape(split)
        call.weights["attention_output/bias"] = v["out_proj_bias"]
    made = call.layer("MultiHeadAttention", *split, use_bias=None if a["bias"] else False)
    more = ", use_causal_mask=True" if a["is_causal"] else ""
    if "weights" in call.read:
        more, call.gives = f"{more}, return_attention_scores=True", call.made
    return f"{made}({x}, {x}{more})"


@register
class MultiheadAttention(Operator):
    """Self-attention in several heads: each looks at the sequence in a way of its own.

    Inputs:
        x: sequences, shape (N, L, E).
        in_proj_weight: makes query, key and value of x, shape (3E, E).
        in_proj_bias: shape (3E,).
        out_proj_weight: mixes the heads' results, shape (E, E).
        out_proj_bias: shape (E,).
    Attributes:
        num_heads: number of heads; it divides E.
        is_causal: whether place i sees only the places 0 to i.
        bias: whether both projections have a bias.
    Output:
        y: shape (N, L, E).
        weights: how much each place looks at each other, in each head, shape
            (N, num_heads, L, L); rows sum to 1.
    Gradient:
        back through the output projection, through each head as in ScaledDotProductAttention,
        and through the projection of x, to all weights and to x.
    Source:
        torch.nn.MultiheadAttention with query = key = value and batch_first=True (its weights
        are averaged over heads, ours are not); Vaswani et al., NeurIPS 2017, §3.2.2.
    """

    category, reduced = "attention", True
    outputs = ("y", "weights")
    aliases = ("self attention", "multi-head", "mha", "transformer")
    attrs = (
        Attr("num_heads", REQUIRED, "Number of heads; it divides E.", "int", minimum=1),
        _CAUSAL,
        Attr("bias", True, "Whether both projections have a bias."),
    )
    initializers = {
        "in_proj_weight": "xavier_uniform",
        "in_proj_bias": "zeros",
        "out_proj_weight": "uniform_fan_in",
        "out_proj_bias": "zeros",
    }
    formula = (
        r"y = [\,h_1, \ldots, h_n\,]\,W_o^\top + b_o,\quad "
        r"h = \mathrm{softmax}\left(\frac{q k^\top}{\sqrt{E/n}}\right) v"
    )
    derivative = r"\partial L/\partial h = g\,W_o,\ \partial L/\partial W_o = g^\top h"
    torch_code = TorchCode(
        _multihead_code,
        layer=True,
        arguments={"embed_dim": "{out_proj_weight[0]}", "batch_first": "True"},
        names={"out_proj_weight": "out_proj.weight", "out_proj_bias": "out_proj.bias"},
    )
    keras = KerasCode(_keras_multihead)

    @staticmethod
    def onnx_form(call: OnnxCall) -> tuple[str, ...]:
        a, e, places = call.attributes, call.fixed(-1), call.fixed(-2)
        heads = a["num_heads"]
        parts = dict(zip(("x", *MultiheadAttention.parameter_names(a)), call.inputs, strict=True))

        def linear(x: str, kind: str) -> str:
            y = call.node("MatMul", x, call.transposed(parts[f"{kind}_weight"], 1, 0))
            return call.node("Add", y, parts[f"{kind}_bias"]) if a["bias"] else y

        cut = call.several("Split", (linear(call.x, "in_proj"), call.ints(e, e, e)), 3, axis=-1)
        lead = [0] * (call.rank - 2)
        order = (*range(call.rank - 2), call.rank - 1, call.rank - 2, call.rank)
        split = [
            call.transposed(call.reshaped(c, (*lead, places, heads, e // heads)), *order)
            for c in cut
        ]
        one = (*call.shapes[0][:-2], heads, places, e // heads)
        y, weights = onnx_attention(call, split, (one, one, one), a["is_causal"])
        joined = call.reshaped(call.transposed(y, *order), (*lead, places, e))
        return linear(joined, "out_proj"), weights

    @classmethod
    def parameter_names(cls, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        names = tuple(cls.initializers)
        return names if attributes.get("bias", True) else names[::2]

    @staticmethod
    def infer_shape(x: Shape, *, num_heads: int, is_causal: bool, bias: bool) -> Any:
        if len(x) != 3 or any(isinstance(d, Batch) for d in x[1:]):
            raise ShapeError(
                f"MultiheadAttention expects sequences (N, L, E), gets {format_shape(x)}."
            )
        features = x[2]
        assert isinstance(features, int)
        if features % num_heads or features == 0:
            fitting = gcd(features, num_heads)
            raise ShapeError(
                f"MultiheadAttention: num_heads={num_heads} must divide the {features} features "
                f"of x {format_shape(x)}.",
                Fix("set", f"Use {fitting} heads", attributes={"num_heads": fitting})
                if features
                else None,
            )
        return x, (x[0], num_heads, x[1], x[1])

    @staticmethod
    def parameter_shapes(x: Shape, *, bias: bool, **_: Any) -> dict[str, Any]:
        e: Any = x[2]
        shapes: dict[str, Any] = {
            "in_proj_weight": (3 * e, e), "in_proj_bias": (3 * e,),
            "out_proj_weight": (e, e), "out_proj_bias": (e,),
        }  # fmt: skip
        return shapes if bias else {n: s for n, s in shapes.items() if n.endswith("weight")}

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, *parameters: Tensor, num_heads: int, is_causal: bool, bias: bool
    ) -> tuple[Tensor, Tensor]:
        w_in, b_in, w_out, b_out = _projections(parameters)
        n, length, features = x.shape
        qkv = torch.nn.functional.linear(x, w_in, b_in)
        heads = qkv.view(n, length, 3, num_heads, features // num_heads).permute(2, 0, 3, 1, 4)
        y, weights = attend(heads[0], heads[1], heads[2], is_causal)
        joined = y.transpose(1, 2).reshape(n, length, features)
        ctx.saved = (heads, joined)
        return torch.nn.functional.linear(joined, w_out, b_out), weights

    @staticmethod
    def vjp(
        ctx: Context, g: Any, y: Any, x: Tensor, *parameters: Tensor, num_heads: int,
        is_causal: bool, bias: bool,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        w_in, _, w_out, _ = _projections(parameters)
        heads, joined = ctx.saved
        n, length, features = x.shape
        gy = (torch.zeros_like(y[0]) if g[0] is None else g[0]).reshape(-1, features)
        by_head = (gy @ w_out).view(n, length, num_heads, features // num_heads).transpose(1, 2)
        parts = attend_backward(by_head, g[1], heads[0], heads[1], heads[2], y[1])
        # (3, N, heads, L, E/heads) -> rows of (N·L, 3E), as the projection made them.
        g_qkv = torch.stack(parts).permute(1, 3, 0, 2, 4).reshape(-1, 3 * features)
        gx = (g_qkv @ w_in).view(x.shape) if ctx.needs[0] else None
        gw_in = g_qkv.t() @ x.reshape(-1, features)
        gw_out = gy.t() @ joined.reshape(-1, features)
        if not bias:
            return gx, gw_in, gw_out
        return gx, gw_in, g_qkv.sum(0), gw_out, gy.sum(0)

    quantities = staticmethod(ScaledDotProductAttention.quantities)

    @classmethod
    def multiply_adds(cls, shapes: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> Dim:
        n, length, features = shapes[0]
        return size((n, length, features)) * (4 * features + 2 * length)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(*shape: int, **a: Any) -> Case:
            return Case((shape,), a, lambda x, *p: _torch_attention(x, p, **a))

        return (
            case(2, 4, 6, num_heads=2), case(2, 4, 6, num_heads=3, is_causal=True),
            case(1, 3, 4, num_heads=1, bias=False),
        )  # fmt: skip


def _projections(parameters: tuple[Tensor, ...]) -> tuple[Any, Any, Any, Any]:
    """Weight and bias of the projection in, weight and bias of the projection out."""
    if len(parameters) == 4:
        return parameters[0], parameters[1], parameters[2], parameters[3]
    return parameters[0], None, parameters[1], None


def _torch_attention(
    x: Tensor, parameters: tuple[Tensor, ...], num_heads: int, is_causal: bool = False,
    bias: bool = True,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The same by torch.nn.functional, which wants (L, N, E)."""
    w_in, b_in, w_out, b_out = _projections(parameters)
    length, sequence = x.shape[1], x.transpose(0, 1)
    mask = torch.ones(length, length, dtype=torch.bool).triu(1) if is_causal else None
    y, weights = torch.nn.functional.multi_head_attention_forward(
        sequence, sequence, sequence, x.shape[2], num_heads, w_in, b_in, None, None, False, 0.0,
        w_out, b_out, attn_mask=mask, average_attn_weights=False,
    )  # fmt: skip
    assert weights is not None
    return y.transpose(0, 1), weights
