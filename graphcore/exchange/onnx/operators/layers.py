"""Convolutions, normalisation, attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphcore.exchange.onnx.operators.cutting import padded
from graphcore.exchange.onnx.operators.elementwise import scaled
from graphcore.exchange.onnx.operators.shapes import permuted, reshaped
from graphcore.exchange.onnx.operators.table import OnnxNode, counted, operator
from graphcore.exchange.onnx.tracing import Traced, Tracer, Untraced, product


def same_padding(
    lengths: list[int], kernel: list[int], stride: list[int], dilation: list[int], *, upper: bool
) -> list[tuple[int, int]]:
    """Pads so that each result is as long as its axis divided by the stride."""
    pairs = []
    for length, k, s, d in zip(lengths, kernel, stride, dilation, strict=True):
        total = max(0, (-(-length // s) - 1) * s + (k - 1) * d + 1 - length)
        small = total // 2
        pairs.append((small, total - small) if upper else (total - small, small))
    return pairs


def windows(
    n: OnnxNode, x: Traced, kernel: list[int]
) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """Stride, dilation and pads before and after each axis, of a convolution or pooling."""
    rank = len(kernel)
    stride = [int(v) for v in n.get("strides") or [1] * rank]
    dilation = [int(v) for v in n.get("dilations") or [1] * rank]
    word = n.get("auto_pad", "NOTSET")
    if word in ("SAME_UPPER", "SAME_LOWER"):
        lengths = [x.dim(i + 2) for i in range(rank)]
        return (
            stride,
            dilation,
            same_padding(lengths, kernel, stride, dilation, upper=word == "SAME_UPPER"),
        )
    pads = [0] * 2 * rank if word == "VALID" else list(n.get("pads") or [0] * 2 * rank)
    if len(pads) != 2 * rank or not len(stride) == len(dilation) == rank:
        raise Untraced("its pads, strides or dilations are of another number than its axes")
    return stride, dilation, list(zip(pads[:rank], pads[rank:], strict=True))


def _bias(n: OnnxNode, place: int) -> Any:
    """The bias; none where exporters write zeros in its place."""
    bias = n.optional(place)
    if bias is not None and bias.fixed and not bias.origin and not bias.array().any():
        return None
    return bias


@operator("Conv")
def convolution(t: Tracer, n: OnnxNode) -> Any:
    x, weight = n.input(0), n.input(1)
    kernel = [weight.dim(i) for i in range(2, weight.rank)]
    if not 1 <= len(kernel) <= 3 or x.rank != weight.rank:
        raise Untraced(f"a convolution over {len(kernel)} axes is not read")
    stride, dilation, pairs = windows(n, x, kernel)
    x, pads = _even(t, x, pairs)
    return t.call(
        f"conv{len(kernel)}d", input=x, weight=weight, bias=_bias(n, 2), stride=stride,
        padding=pads, dilation=dilation, groups=int(n.get("group", 1)),
    )  # fmt: skip


def _even(
    t: Tracer, x: Traced, pairs: list[tuple[int, int]]
) -> tuple[Traced, list[int]]:  # fmt: skip
    """Pads that are the same on both sides; others are a step of their own."""
    if all(a == b >= 0 for a, b in pairs):
        return x, [a for a, _ in pairs]
    return padded(t, x, [(0, 0), (0, 0), *pairs]), [0] * len(pairs)


@operator("ConvTranspose")
def transposed(t: Tracer, n: OnnxNode) -> Any:
    x, weight = n.input(0), n.input(1)
    kernel = [weight.dim(i) for i in range(2, weight.rank)]
    rank = len(kernel)
    if not 1 <= rank <= 3:
        raise Untraced(f"a convolution over {rank} axes is not read")
    stride = [int(v) for v in n.get("strides") or [1] * rank]
    dilation = [int(v) for v in n.get("dilations") or [1] * rank]
    extra = [int(v) for v in n.get("output_padding") or [0] * rank]
    pairs = _cropped(n, x, kernel, stride, dilation, extra)
    even = all(a == b >= 0 for a, b in pairs)
    y = t.call(
        f"conv_transpose{rank}d" + (".input" if rank > 1 else ""), input=x, weight=weight,
        bias=_bias(n, 2), stride=stride, padding=[a for a, _ in pairs] if even else [0] * rank,
        output_padding=extra, groups=int(n.get("group", 1)), dilation=dilation,
    )  # fmt: skip
    if not even:
        y = padded(t, y, [(0, 0), (0, 0), *((-a, -b) for a, b in pairs)])
    return y


def _cropped(
    n: OnnxNode, x: Traced, kernel: list[int], stride: list[int], dilation: list[int],
    extra: list[int],
) -> list[tuple[int, int]]:  # fmt: skip
    """What is cut off before and after each axis of the full result."""
    rank, word = len(kernel), n.get("auto_pad", "NOTSET")
    wanted = n.get("output_shape")
    if wanted is None and word in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [x.dim(i + 2) * stride[i] for i in range(rank)]
    if wanted is None:
        pads = [0] * 2 * rank if word == "VALID" else list(n.get("pads") or [0] * 2 * rank)
        return list(zip(pads[:rank], pads[rank:], strict=True))
    pairs = []
    for i, length in enumerate(list(wanted)[-rank:]):
        full = (x.dim(i + 2) - 1) * stride[i] + extra[i] + (kernel[i] - 1) * dilation[i] + 1
        total = full - length
        small = total // 2
        pairs.append((small, total - small) if word == "SAME_UPPER" else (total - small, small))
    return pairs


# -- normalisation --------------------------------------------------------------------------------


@operator("BatchNormalization")
def batch_norm(t: Tracer, n: OnnxNode) -> Any:
    x, weight, bias, mean, variance = (n.input(i) for i in range(5))
    if n.get("training_mode", 0) or (n.version < 7 and not n.get("is_test", 0)):
        raise Untraced("it measures each batch as in training")
    if n.version < 9 and not n.get("spatial", 1):
        raise Untraced("it measures each place apart (spatial=0)")
    eps, momentum = float(n.get("epsilon", 1e-5)), 1 - float(n.get("momentum", 0.9))
    if x.rank >= 2 and all(v.fixed for v in (weight, bias, mean, variance)):
        return t.call(
            "batch_norm", input=x, weight=weight, bias=bias, running_mean=mean,
            running_var=variance, training=False, momentum=round(momentum, 7), eps=eps,
            cudnn_enabled=False,
        )  # fmt: skip
    shape = [-1, *([1] * (x.rank - 2))]
    columns = [t.call("reshape", self=v, shape=shape) for v in (weight, bias, mean, variance)]
    scale = t.call("rsqrt", self=scaled(t, columns[3], 1.0, eps))
    y = t.call("mul.Tensor", self=t.call("sub.Tensor", self=x, other=columns[2]), other=scale)
    y = t.call("mul.Tensor", self=y, other=columns[0])
    return t.call("add.Tensor", self=y, other=columns[1])


@operator("InstanceNormalization")
def instance_norm(t: Tracer, n: OnnxNode) -> Any:
    return t.call(
        "instance_norm", input=n.input(0), weight=n.input(1), bias=n.input(2), running_mean=None,
        running_var=None, use_input_stats=True, momentum=0.1,
        eps=float(n.get("epsilon", 1e-5)), cudnn_enabled=False,
    )  # fmt: skip


@operator("GroupNormalization")
def group_norm(t: Tracer, n: OnnxNode) -> Any:
    """Before version 21 a scale belongs to a group, since then to a channel."""
    x, groups = n.input(0), int(n.get("num_groups"))
    weight, bias = n.input(1), n.input(2)
    if n.version < 21 and groups:
        each = x.dim(1) // groups
        weight, bias = (
            t.worked_out(lambda v: v.repeat_interleave(each), v) for v in (weight, bias)
        )
    return t.call("group_norm", input=x, num_groups=groups, weight=weight, bias=bias,
                  eps=float(n.get("epsilon", 1e-5)), cudnn_enabled=False)  # fmt: skip


@operator("LayerNormalization")
def layer_norm(t: Tracer, n: OnnxNode) -> Any:
    x, weight, bias = n.input(0), n.input(1), n.optional(2)
    axis = n.axis(x.rank, -1)
    shape = [x.dim(i) for i in range(axis, x.rank)]
    if any(v is not None and v.dims != shape for v in (weight, bias)):
        raise Untraced("its scale is not of the shape that it normalises")
    return t.call("layer_norm", input=x, normalized_shape=shape, weight=weight, bias=bias,
                  eps=float(n.get("epsilon", 1e-5)), cudnn_enable=False)  # fmt: skip


@operator("RMSNormalization")
def rms_norm(t: Tracer, n: OnnxNode) -> Any:
    x, weight = n.input(0), n.input(1)
    shape = [x.dim(i) for i in range(n.axis(x.rank, -1), x.rank)]
    if weight.dims != shape:
        raise Untraced("its scale is not of the shape that it normalises")
    return t.call("rms_norm", input=x, normalized_shape=shape, weight=weight,
                  eps=float(n.get("epsilon", 1e-5)))  # fmt: skip


@operator("LRN")
def local_response_norm(t: Tracer, n: OnnxNode) -> Any:
    """x / (bias + alpha · mean of the squares of neighbouring channels)^beta."""
    x, width = n.input(0), int(n.get("size"))
    places = product(x.dims[2:]) if x.rank > 2 else 1
    squares = t.call("mul.Tensor", self=x, other=x)
    flat = reshaped(t, squares, [x.dims[0], 1, x.dims[1], places])
    around = padded(t, flat, [(0, 0), (0, 0), ((width - 1) // 2, width // 2), (0, 0)])
    mean = t.call("avg_pool2d", self=around, kernel_size=[width, 1], stride=[1, 1])
    below = scaled(t, reshaped(t, mean, x.dims), float(n.get("alpha", 1e-4)),
                   float(n.get("bias", 1.0)))  # fmt: skip
    root = t.call("pow.Tensor_Scalar", self=below, exponent=float(n.get("beta", 0.75)))
    return t.call("div.Tensor", self=x, other=root)


@operator("MeanVarianceNormalization")
def mean_variance(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    axes = [counted(a, x.rank) for a in n.get("axes", [0, 2, 3])]
    centred = t.call("sub.Tensor", self=x, other=t.call("mean.dim", self=x, dim=axes, keepdim=True))
    spread = t.call("mean.dim", self=t.call("square", self=centred), dim=axes, keepdim=True)
    deviation = scaled(t, t.call("sqrt", self=spread), 1.0, 1e-9)
    return t.call("div.Tensor", self=centred, other=deviation)


@operator("LpNormalization")
def normalised(t: Tracer, n: OnnxNode) -> Any:
    x, order = n.input(0), int(n.get("p", 2))
    axis = n.axis(x.rank, -1)
    inner = t.call("abs" if order == 1 else "square", self=x)
    length = t.call("sum.dim_IntList", self=inner, dim=[axis], keepdim=True)
    length = length if order == 1 else t.call("sqrt", self=length)
    nothing = t.call("eq.Scalar", self=length, other=0)
    below = t.call("where.self", condition=nothing, **{"self": t.known(1.0)}, other=length)
    return t.call("div.Tensor", self=x, other=below)


@operator("Attention")
def attention(t: Tracer, n: OnnxNode) -> Any:
    """Scaled dot products of queries with keys, heads apart."""
    if any(n.optional(i) is not None for i in range(4, 7)) or n.get("softcap", 0.0):
        raise Untraced("a cache of keys or a softcap is not read")
    query, key, value = (n.input(i) for i in range(3))
    heads, shared = n.get("q_num_heads"), n.get("kv_num_heads")
    flat = query.rank == 3
    if flat:
        query, key, value = (
            _heads(t, x, h) for x, h in ((query, heads), (key, shared), (value, shared))
        )
    if query.dims[1] != key.dims[1]:
        raise Untraced("heads that share keys are not read")
    scale = n.get("scale")
    y = t.call(
        "scaled_dot_product_attention", query=query, key=key, value=value,
        attn_mask=n.optional(3), dropout_p=0.0, is_causal=bool(n.get("is_causal", 0)),
        scale=None if not scale else float(scale),
    )  # fmt: skip
    mask = n.optional(3)
    if mask is not None and mask.number == "bool" and not mask.fixed:
        y = _nothing_seen(t, y, mask)
    if flat:
        y = permuted(t, y, [0, 2, 1, 3])
        y = reshaped(t, y, [*y.dims[:2], product(y.dims[2:])])
    return y


def _nothing_seen(t: Tracer, y: Traced, mask: Traced) -> Traced:
    """0 for a query that a mask lets see no key at all."""
    some = t.call("any.dim", self=mask, dim=-1, keepdim=True)
    found: Traced = t.call("where.self", condition=some, **{"self": y}, other=t.known(0.0))
    return found


def _heads(t: Tracer, x: Traced, heads: Any) -> Traced:
    width = x.dim(2)
    if not heads or width % int(heads):
        raise Untraced("its width cannot be divided into heads")
    parted = reshaped(t, x, [*x.dims[:2], int(heads), width // int(heads)])
    return permuted(t, parted, [0, 2, 1, 3])


def ones(shape: list[int]) -> np.ndarray[Any, Any]:
    """A table of ones."""
    return np.ones(shape, np.float32)
