"""The arguments of PyTorch's functions and layers, and what becomes of them here.

A call is right only if every argument says the same here: it is an attribute of the operator, it
follows from the input, or it has the value that PyTorch takes by default. Else it is refused.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from graphcore import ops
from graphcore.files.torch.values import refuse
from graphcore.late import torch
from graphcore.ops.registry import OperatorClass

_RECURRENT = "bias=True, batch_first=False, dropout=0.0, bidirectional=False"
_LAYERS = {
    "Sigmoid": "", "Tanh": "", "Softsign": "",
    "RNN": f"input_size, hidden_size, num_layers=1, nonlinearity='tanh', {_RECURRENT}",
    "GRU": f"input_size, hidden_size, num_layers=1, {_RECURRENT}",
    "LSTM": f"input_size, hidden_size, num_layers=1, {_RECURRENT}, proj_size=0",
}  # fmt: skip
"""Layers whose signature says nothing in torch."""
_POOL = "x, kernel_size, stride=None, padding=0"
_REDUCE = "x, dim=None, keepdim=False, *, dtype=None"
_LOSS = "x, target, size_average=None, reduce=None, reduction='mean'"
_CLASS_LOSS = "x, target, weight=None, size_average=None, ignore_index=-100, reduce=None"
_BINARY = "x, target, weight=None, size_average=None, reduce=None, reduction='mean'"
FUNCTIONS: dict[str, tuple[str, str]] = {
    **{name.lower(): (name, "x, inplace=False") for name in ("ReLU", "SELU", "SiLU")},
    **{
        name.lower(): (name, "x")
        for name in ("Sigmoid", "Tanh", "Softsign", "Exp", "Log", "Abs", "Sqrt", "Sin", "Cos",
                     "Neg")
    },
    "detach": ("StopGradient", "x"),
    "leaky_relu": ("LeakyReLU", "x, negative_slope=0.01, inplace=False"),
    "elu": ("ELU", "x, alpha=1.0, inplace=False"),
    "gelu": ("GELU", "x, *, approximate='none'"),
    "softplus": ("Softplus", "x, beta=1.0, threshold=20.0"),
    "hardtanh": ("Hardtanh", "x, min_val=-1.0, max_val=1.0, inplace=False"),
    "softmax": ("Softmax", "x, dim, dtype=None"),
    "log_softmax": ("LogSoftmax", "x, dim, dtype=None"),
    "add": ("Add", "a, b, *, alpha=1"), "sub": ("Sub", "a, b, *, alpha=1"),
    "subtract": ("Sub", "a, b, *, alpha=1"), "mul": ("Mul", "a, b"), "multiply": ("Mul", "a, b"),
    "div": ("Div", "a, b, *, rounding_mode=None"), "divide": ("Div", "a, b, *, rounding_mode=None"),
    "pow": ("Pow", "a, b"), "matmul": ("MatMul", "a, b"), "mm": ("MatMul", "a, b"),
    "bmm": ("MatMul", "a, b"), "maximum": ("Maximum", "a, b"), "minimum": ("Minimum", "a, b"),
    "where": ("Where", "condition, a, b"),
    "clamp": ("Clip", "x, min=None, max=None"), "clip": ("Clip", "x, min=None, max=None"),
    "clamp_min": ("Clip", "x, min, max=None"),
    "transpose": ("Transpose", "x, dim0, dim1"), "permute": ("Permute", "x, dims"),
    "squeeze": ("Squeeze", "x, dim"), "unsqueeze": ("Unsqueeze", "x, dim"),
    "expand": ("Expand", "x, shape"), "flatten": ("Flatten", "x, start_dim=0, end_dim=-1"),
    "split": ("Split", "x, split_sizes, dim=0"),
    "pad": ("Pad", "x, pad, mode='constant', value=0.0"),
    "sum": ("Sum", _REDUCE), "mean": ("Mean", _REDUCE),
    "amax": ("Max", "x, dim=None, keepdim=False"), "amin": ("Min", "x, dim=None, keepdim=False"),
    "max": ("Max", "x, dim=None, keepdim=False"), "min": ("Min", "x, dim=None, keepdim=False"),
    "argmax": ("ArgMax", "x, dim, keepdim=False"),
    "var": ("Var", "x, dim=None, *, correction=1, keepdim=False"),
    "dropout": ("Dropout", "x, p=0.5, training=True, inplace=False"),
    "dropout2d": ("Dropout2d", "x, p=0.5, training=True, inplace=False"),
    "max_pool1d": ("MaxPool1d", f"{_POOL}, dilation=1, ceil_mode=False, return_indices=False"),
    "max_pool2d": ("MaxPool2d", f"{_POOL}, dilation=1, ceil_mode=False, return_indices=False"),
    "avg_pool1d": ("AvgPool1d", f"{_POOL}, ceil_mode=False, count_include_pad=True"),
    "avg_pool2d": (
        "AvgPool2d", f"{_POOL}, ceil_mode=False, count_include_pad=True, divisor_override=None",
    ),
    "adaptive_avg_pool2d": ("AdaptiveAvgPool2d", "x, output_size"),
    "interpolate": (
        "Upsample", "x, size=None, scale_factor=None, mode='nearest', align_corners=None, "
        "recompute_scale_factor=None, antialias=False",
    ),
    "mse_loss": ("MSELoss", f"{_LOSS}, weight=None"),
    "l1_loss": ("L1Loss", f"{_LOSS}, weight=None"),
    "huber_loss": ("HuberLoss", "x, target, reduction='mean', delta=1.0, weight=None"),
    "cross_entropy": ("CrossEntropyLoss", f"{_CLASS_LOSS}, reduction='mean', label_smoothing=0.0"),
    "nll_loss": ("NLLLoss", f"{_CLASS_LOSS}, reduction='mean'"),
    "binary_cross_entropy": ("BCELoss", _BINARY),
    "binary_cross_entropy_with_logits": ("BCEWithLogitsLoss", f"{_BINARY}, pos_weight=None"),
    "kl_div": ("KLDivLoss", f"{_LOSS}, log_target=False"),
    "scaled_dot_product_attention": (
        "ScaledDotProductAttention", "query, key, value, attn_mask=None, dropout_p=0.0, "
        "is_causal=False, scale=None, enable_gqa=False",
    ),
}  # fmt: skip
"""Name of a function or a tensor's method -> the operator, and what PyTorch calls its arguments."""
HELPERS = {
    "attention": ("ScaledDotProductAttention", "query, key, value, is_causal"),
    "positional_encoding": ("PositionalEncoding", "x, base"),
    "hold": ("Hold", "x, unit, value, batch"),
}
"""Functions that an exported script brings along."""
_IGNORED = ("device", "inplace", "training", "batch_first")
"""Arguments that are dealt with elsewhere, or say nothing about what is computed."""
_GATHERED = {"Permute": "dims", "Expand": "shape"}
"""Attributes whose numbers a method may be given one by one."""


@cache
def of_text(text: str) -> inspect.Signature:
    """The signature that a text as ``x, dim=0`` stands for."""
    parsed = ast.parse(f"def f({text}): ...").body[0]
    assert isinstance(parsed, ast.FunctionDef)
    found = parsed.args
    required = len(found.args) - len(found.defaults)
    defaults = [inspect.Parameter.empty] * required + [literal(d) for d in found.defaults]
    kinds = inspect.Parameter
    made = [
        kinds(a.arg, kinds.POSITIONAL_OR_KEYWORD, default=d)
        for a, d in zip(found.args, defaults, strict=True)
    ]
    for a, default in zip(found.kwonlyargs, found.kw_defaults, strict=True):
        assert default is not None
        made.append(kinds(a.arg, kinds.KEYWORD_ONLY, default=literal(default)))
    return inspect.Signature(made)


def of_layer(name: str) -> inspect.Signature:
    """The signature of a layer's constructor."""
    if name in _LAYERS:
        return of_text(_LAYERS[name])
    made = getattr(torch.nn, name, None)
    if made is None:  # a layer that exported scripts bring along
        attributes = ops.get(name).attrs
        return of_text(", ".join(f"{a.name}={a.default!r}" for a in attributes))
    return inspect.signature(made)


def literal(e: ast.AST) -> Any:
    """The plain value that is written out; raises ValueError for anything else."""
    try:
        return ast.literal_eval(e)
    except (TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from None


def bound(
    where: ast.AST, name: str, signature: inspect.Signature, given: Sequence[Any],
    named: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Every argument by name, those left out as PyTorch takes them; refuses what does not fit."""
    try:
        found = signature.bind(*given, **named)
    except TypeError as error:
        refuse(where, f"{name}: {error}")
    found.apply_defaults()
    return dict(found.arguments)


def attributes(
    where: ast.AST, op: OperatorClass, signature: inspect.Signature, given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes of the operator, and what follows from its inputs; refuses the rest."""
    known = {a.name for a in op.attrs}
    taken: dict[str, Any] = {}
    declared: dict[str, Any] = {}
    for name, value in given.items():
        if name in op.inputs:
            continue
        if name in known:
            taken[name] = plain(where, op, name, value)
        elif name in op.torch_code.arguments or name in _IGNORED or _stacks(op, name):
            declared[name] = value
        elif not _same(value, signature.parameters[name].default):
            refuse(where, f"{op.name} has nothing here for {name}={shown(value)}")
    return taken, declared


def _stacks(op: OperatorClass, name: str) -> bool:
    """Whether an argument says how many recurrent layers there are, and what lies between."""
    return op.category == "recurrent" and name in ("num_layers", "dropout")


def gathered(op: OperatorClass, values: Sequence[Any]) -> list[Any]:
    """The arguments of a method, numbers that were given one by one put into one tuple."""
    count = len(op.inputs)
    rest = list(values[count:])
    if op.name in _GATHERED and rest and not isinstance(rest[0], tuple | list):
        rest = [tuple(rest)]
    return [*values[:count], *rest]


def plain(where: ast.AST, op: OperatorClass, name: str, value: Any) -> Any:
    """A value that an attribute can have; refuses one that is known only when the net runs."""
    if isinstance(value, list | tuple):
        return tuple(plain(where, op, name, v) for v in value)
    if not isinstance(value, bool | int | float | str | None):
        refuse(where, f"{op.name} takes {name} from something that is not written out")
    if isinstance(value, bool) and name in ("dim", "stride", "padding", "kernel_size"):
        refuse(where, f"{op.name} takes no {name}={value}")
    return value


def shown(value: Any) -> str:
    """A value for a sentence: plain ones as they are written."""
    plain_ones = bool | int | float | str | None
    if isinstance(value, plain_ones):
        return repr(value)
    if isinstance(value, list | tuple) and all(isinstance(v, plain_ones) for v in value):
        return repr(value)
    return "what is given"


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)
