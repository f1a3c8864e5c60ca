"""Layers with weights: linear, convolution, embedding, normalisation; and matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphcore.exchange.lowering.builder import Builder, NotOurs, Port, plain_dim
from graphcore.exchange.lowering.rules.axes import reshaped
from graphcore.exchange.lowering.rules.table import rule


@rule("linear")
def linear(b: Builder, a: dict[str, Any]) -> Port:
    x, weight = b.port(a["input"]), b.port(a["weight"])
    if len(weight.shape) != 2:
        raise NotOurs
    fed = {"weight": weight}
    if a.get("bias") is not None:
        fed["bias"] = b.port(a["bias"])
    shape = x.shape
    if len(shape) > 3:
        x = b.add("Flatten", x, start_dim=1, end_dim=len(shape) - 2)
    y = b.add("Linear", x, parameters=fed, out_features=plain_dim(weight.shape[0]),
              bias="bias" in fed)  # fmt: skip
    return reshaped(b, y, (*shape[:-1], weight.shape[0])) if len(shape) > 3 else y


@rule("_weight_norm", "_weight_norm_interface")
def weight_norm(b: Builder, a: dict[str, Any]) -> Port:
    """v scaled to the length g along one axis."""
    v, g = b.port(a["v"]), b.port(a["g"])
    dim = a.get("dim", 0) % len(v.shape)
    others = tuple(i for i in range(len(v.shape)) if i != dim)
    if len(b.call.outputs) != 1 or not others:
        raise NotOurs
    squares = b.add("Sum", b.add("Mul", v, v), dim=others, keepdim=True)
    return b.add("Mul", v, b.add("Div", g, b.add("Sqrt", squares)), name="weight_norm")


@rule("addmm")
def addmm(b: Builder, a: dict[str, Any]) -> Port:
    if a.get("beta", 1) != 1 or a.get("alpha", 1) != 1:
        raise NotOurs
    product = b.add("MatMul", b.port(a["mat1"]), b.port(a["mat2"]))
    return b.add("Add", product, b.port(a["self"]))


@rule("baddbmm")
def baddbmm(b: Builder, a: dict[str, Any]) -> Port:
    if a.get("beta", 1) != 1 or a.get("alpha", 1) != 1:
        raise NotOurs
    product = b.add("MatMul", b.port(a["batch1"]), b.port(a["batch2"]))
    return b.add("Add", b.port(a["self"]), product)


@rule("matmul", "mm", "bmm", "mv", "dot")
def matmul(b: Builder, a: dict[str, Any]) -> Port:
    other = next(a[k] for k in ("other", "mat2", "vec", "tensor") if k in a)
    return b.add("MatMul", b.port(a["self"]), b.port(other))


@rule("einsum")
def einsum(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("Einsum", *[b.port(t) for t in a["tensors"]], equation=a["equation"])


@rule("embedding")
def embedding(b: Builder, a: dict[str, Any]) -> Port:
    if a.get("scale_grad_by_freq") or a.get("sparse"):
        raise NotOurs
    weight, x = b.port(a["weight"]), b.port(a["indices"])
    rows, width = (plain_dim(d) for d in weight.shape)
    padding = a.get("padding_idx", -1)
    return b.add(
        "Embedding", x, number="float", parameters={"weight": weight}, num_embeddings=rows,
        embedding_dim=width, padding_idx=None if padding < 0 else padding,
    )  # fmt: skip


_BAGS = {0: "Sum", 1: "Mean", 2: "Max"}


@rule("embedding_bag", "embedding_bag.padding_idx")
def embedding_bag(b: Builder, a: dict[str, Any]) -> list[Port]:
    """Rows of a table, and over each sample's own their sum, mean or maximum."""
    padding = a.get("padding_idx")
    plain = padding is None or padding < 0
    if not plain or a.get("per_sample_weights") or a.get("scale_grad_by_freq"):
        raise NotOurs
    joined, starts = (b.maker(a[k]) for k in ("indices", "offsets"))
    if joined is None or starts is None or not starts.target.startswith("aten.arange"):
        raise NotOurs
    x = b.port(joined.arguments["self"])
    if len(x.shape) != 2 or starts.arguments.get("step", 1) != x.shape[1]:
        raise NotOurs
    rows = embedding(b, {"weight": a["weight"], "indices": joined.arguments["self"]})
    pooled = b.add(_BAGS[a.get("mode", 0)], rows, dim=1)
    b.call.outputs = (b.call.outputs[0],)  # the others serve its backward pass
    return [pooled]


# -- convolution ----------------------------------------------------------------------------------


def _spread(value: Any, rank: int) -> tuple[int, ...]:
    listed = list(value) if isinstance(value, list) else [value]
    return tuple(int(v) for v in (listed * rank if len(listed) == 1 else listed))


def _one(value: tuple[int, ...]) -> Any:
    """One number where all are equal."""
    return value[0] if len(set(value)) == 1 else value


@rule("conv1d", "conv2d", "conv3d", "conv1d.padding", "conv2d.padding", "conv3d.padding")
def convolution(b: Builder, a: dict[str, Any]) -> Port:
    rank = int(b.call.target[len("aten.conv")])
    x, weight = b.port(a["input"]), b.port(a["weight"])
    kernel = tuple(plain_dim(d) for d in weight.shape[2:])
    stride, dilation = (_spread(a.get(k, 1), rank) for k in ("stride", "dilation"))
    padding = a.get("padding", 0)
    if isinstance(padding, str):
        x, pads = _by_word(b, x, padding, kernel, dilation)
    else:
        pads = _spread(padding, rank)
    fed = {"weight": weight}
    if a.get("bias") is not None:
        fed["bias"] = b.port(a["bias"])
    single = len(x.shape) == rank + 1
    if single:
        x = b.add("Unsqueeze", x, dim=0)
    y = b.add(
        f"Conv{rank}d", x, parameters=fed, out_channels=plain_dim(weight.shape[0]),
        kernel_size=_one(kernel), stride=_one(stride), padding=_one(pads),
        dilation=_one(dilation), groups=a.get("groups", 1), bias="bias" in fed,
    )  # fmt: skip
    return b.add("Squeeze", y, dim=0) if single else y


def _by_word(
    b: Builder, x: Port, padding: str, kernel: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[Port, tuple[int, ...]]:
    """Padding "same" or "valid"; an odd border goes behind, as torch puts it."""
    if padding != "same":
        return x, (0,) * len(kernel)
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    if not any(t % 2 for t in total):
        return x, tuple(t // 2 for t in total)
    border = [side for t in reversed(total) for side in (t // 2, t - t // 2)]
    return b.add("Pad", x, pad=tuple(border)), (0,) * len(kernel)


@rule("conv_transpose1d", "conv_transpose2d.input", "conv_transpose3d.input")
def transposed(b: Builder, a: dict[str, Any]) -> Port:
    rank = int(b.call.target[len("aten.conv_transpose")])
    x, weight = b.port(a["input"]), b.port(a["weight"])
    groups = a.get("groups", 1)
    fed = {"weight": weight}
    if a.get("bias") is not None:
        fed["bias"] = b.port(a["bias"])
    sizes = {
        k: _spread(a.get(k, d), rank)
        for k, d in (("stride", 1), ("padding", 0), ("output_padding", 0), ("dilation", 1))
    }
    sizes["kernel_size"] = tuple(plain_dim(d) for d in weight.shape[2:])
    if rank == 1:
        return _transposed_sequence(b, x, fed, sizes, groups)
    return b.add(
        f"ConvTranspose{rank}d", x, parameters=fed, groups=groups, bias="bias" in fed,
        out_channels=plain_dim(weight.shape[1]) * groups,
        **{k: _one(v) for k, v in sizes.items()},
    )  # fmt: skip


def _transposed_sequence(
    b: Builder, x: Port, fed: dict[str, Port], sizes: dict[str, tuple[int, ...]], groups: int
) -> Port:
    """A sequence is an image of height 1."""
    neutral: dict[str, Any] = {
        "stride": 1,
        "padding": 0,
        "output_padding": 0,
        "dilation": 1,
        "kernel_size": 1,
    }
    weight = b.add("Unsqueeze", fed["weight"], dim=2)
    laid: dict[str, Any] = {k: (neutral[k], *v) for k, v in sizes.items()}
    y = b.add(
        "ConvTranspose2d", b.add("Unsqueeze", x, dim=2), parameters={**fed, "weight": weight},
        out_channels=plain_dim(weight.shape[1]) * groups, groups=groups, bias="bias" in fed,
        **laid,
    )  # fmt: skip
    return b.add("Squeeze", y, dim=2)


# -- normalisation --------------------------------------------------------------------------------


def _scale(b: Builder, a: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Port]:
    """Weight and bias; ones and zeros where the layer has none."""
    found = {}
    for name, number in (("weight", 1.0), ("bias", 0.0)):
        if a.get(name) is not None:
            found[name] = b.port(a[name])
        else:
            found[name] = b.add("Expand", b.constant(number), shape=shape)
    return found


@rule("batch_norm")
def batch_norm(b: Builder, a: dict[str, Any]) -> Port:
    x = b.port(a["input"])
    mean, variance = b.tensor(a.get("running_mean")), b.tensor(a.get("running_var"))
    momentum = a.get("momentum", 0.1)
    if mean is None or variance is None or momentum is None:
        raise NotOurs
    shape = x.shape
    channels = plain_dim(shape[1])
    if len(shape) > 4:
        x = b.add("Flatten", x, start_dim=2, end_dim=-1)
    y = b.add(
        "BatchNorm2d" if len(shape) == 4 else "BatchNorm1d", x,
        parameters=_scale(b, a, (channels,)), eps=a.get("eps", 1e-5), momentum=momentum,
    )  # fmt: skip
    y.made.buffers = {"running_mean": mean, "running_var": variance}
    return reshaped(b, y, shape) if len(shape) > 4 else y


@rule("layer_norm")
def layer_norm(b: Builder, a: dict[str, Any]) -> Port:
    shape = tuple(a["normalized_shape"])
    return b.add(
        "LayerNorm", b.port(a["input"]), parameters=_scale(b, a, shape), eps=a.get("eps", 1e-5),
        normalized_shape=None if len(shape) == 1 else shape,
    )  # fmt: skip


@rule("group_norm")
def group_norm(b: Builder, a: dict[str, Any]) -> Port:
    x = b.port(a["input"])
    return b.add(
        "GroupNorm", x, parameters=_scale(b, a, (plain_dim(x.shape[1]),)),
        num_groups=a["num_groups"], eps=a.get("eps", 1e-5),
    )  # fmt: skip


@rule("instance_norm")
def instance_norm(b: Builder, a: dict[str, Any]) -> Port:
    """Each channel of each sample is a group of its own."""
    x = b.port(a["input"])
    kept = {n: b.tensor(a.get(n)) for n in ("running_mean", "running_var")}
    tracked = all(t is not None for t in kept.values())
    if not a.get("use_input_stats", True) and not tracked:
        raise NotOurs
    channels, eps = plain_dim(x.shape[1]), a.get("eps", 1e-5)
    if len(x.shape) in (3, 4):
        affine = a.get("weight") is not None
        fed = _scale(b, a, (channels,)) if affine else {}
        operator = f"InstanceNorm{len(x.shape) - 2}d"
        y = b.add(operator, x, parameters=fed, eps=eps, affine=affine,
                  track_running_stats=tracked, momentum=a.get("momentum", 0.1))  # fmt: skip
        y.made.buffers = {n: t for n, t in kept.items() if t is not None}
        return y
    if tracked:
        raise NotOurs
    return b.add("GroupNorm", x, parameters=_scale(b, a, (channels,)), num_groups=channels,
                 eps=a.get("eps", 1e-5), name="instance_norm")  # fmt: skip


@rule("rms_norm")
def rms_norm(b: Builder, a: dict[str, Any]) -> Port:
    """x / √(mean(x²) + eps), scaled; torch takes the smallest step of the type for eps."""
    x = b.port(a["input"])
    axes = tuple(range(-len(a["normalized_shape"]), 0))
    weight = b.tensor(a.get("weight"))
    kind = np.float64 if weight is not None and weight.array.dtype == np.float64 else np.float32
    small = float(np.finfo(kind).eps) if a.get("eps") is None else a["eps"]
    squares = b.add("Mean", b.add("Mul", x, x), dim=axes if len(axes) > 1 else axes[0],
                    keepdim=True)  # fmt: skip
    y = b.add("Div", x, b.add("Sqrt", b.add("Add", squares, b.constant(small))))
    return b.add("Mul", y, b.port(a["weight"])) if a.get("weight") is not None else y
