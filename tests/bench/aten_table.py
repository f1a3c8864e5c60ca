"""Writes ``graphcore/ops/aten_table.json``: which aten overloads a graph may name.

    python tests/bench/aten_table.py            # print what would be written
    python tests/bench/aten_table.py --write
    python tests/bench/aten_table.py --try 1000 # call each so often in a process of its own

The list of names is kept by hand: plain functions of tensors without state, chance, private names
or results of free size. Arguments come from torch's own schemas.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import random
from pathlib import Path
from typing import Any

import torch

TABLE = Path(__file__).resolve().parents[2] / "graphcore" / "ops" / "aten_table.json"
NAMES = """
abs acos acosh add addbmm addcdiv addcmul addmm addmv addr adaptive_avg_pool1d adaptive_avg_pool2d
adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
affine_grid_generator alias all amax amin aminmax any argmax argmin argsort asin asinh atan atan2
atanh atleast_1d atleast_2d atleast_3d avg_pool1d avg_pool2d avg_pool3d baddbmm batch_norm bilinear
binary_cross_entropy binary_cross_entropy_with_logits bitwise_and bitwise_not bitwise_or
bitwise_xor bmm broadcast_to cat cdist ceil celu chain_matmul channel_shuffle chunk clamp
clamp_max clamp_min clone col2im column_stack constant_pad_nd contiguous conv1d conv2d conv3d
conv_transpose1d conv_transpose2d conv_transpose3d copy copysign cos cosh cosine_embedding_loss
cosine_similarity count_nonzero cross cross_entropy_loss cummax cummin cumprod cumsum deg2rad
detach diag diag_embed diagonal diagonal_scatter diff digamma div dot dstack elu embedding eq erf
erfc erfinv exp exp2 expand expand_as expm1 fill flatten flip fliplr flipud floor floor_divide
fmax fmin fmod frac full_like gather ge gelu glu grid_sampler group_norm gru gru_cell gt
hardshrink hardsigmoid hardswish hardtanh heaviside hinge_embedding_loss hstack huber_loss hypot
im2col index index_add index_copy index_fill index_put index_select inner instance_norm isfinite
isinf isnan isneginf isposinf kl_div kron l1_loss layer_norm le leaky_relu lerp lgamma linalg_cross
linalg_norm linalg_vector_norm linear log log10 log1p log2 log_sigmoid log_softmax logaddexp
logaddexp2 logcumsumexp logical_and logical_not logical_or logical_xor logit logsumexp lstm
lstm_cell lt mT margin_ranking_loss masked_fill matmul max max_pool1d max_pool1d_with_indices
max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool2d maximum
mean median meshgrid min minimum mish mm mode moveaxis movedim mse_loss mul multi_margin_loss
multilabel_margin_loss mv nan_to_num nanmean nansum narrow ne neg nll_loss nll_loss2d nll_loss_nd
norm ones_like one_hot outer pad pairwise_distance permute pixel_shuffle pixel_unshuffle
poisson_nll_loss positive pow prelu prod rad2deg reciprocal reflection_pad1d reflection_pad2d
reflection_pad3d relu relu6 remainder repeat repeat_interleave replication_pad1d replication_pad2d
replication_pad3d reshape rms_norm rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell roll rot90 round
rsqrt rsub scaled_dot_product_attention scatter scatter_add scatter_reduce select select_scatter
selu sgn sigmoid sign silu sin sinc sinh slice slice_scatter smooth_l1_loss soft_margin_loss
softmax softplus softshrink sort split split_with_sizes sqrt square squeeze stack std std_mean sub
sum swapaxes t take_along_dim tan tanh tensor_split tensordot threshold tile to topk trace
transpose tril triplet_margin_loss triu trunc type_as unbind unflatten unfold unsqueeze
upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
upsample_nearest3d upsample_trilinear3d var var_mean vdot view view_as vstack where xlogy zero
zeros_like
""".split()  # noqa: SIM905 - a list of names is read best as text
WORDS = {
    "approximate": ["none", "tanh"], "rounding_mode": ["trunc", "floor"], "indexing": ["ij", "xy"],
    "mode": ["constant", "reflect", "replicate", "circular"],
    "reduce": ["sum", "prod", "mean", "amax", "amin", "add", "multiply"],
}  # fmt: skip
ONLY = {"dropout_p": [0.0], "dropout": [0.0], "train": [False], "sparse": [False]}
"""Values of arguments that would draw random numbers, or make tensors of another kind."""
LEFT_OUT = {"Device", "Layout", "MemoryFormat", "Generator", "bool pin_memory", "bool non_blocking"}
TYPES = {
    "Tensor": "Tensor", "Optional[Tensor]": "Tensor?", "List[Tensor]": "Tensor[]",
    "List[Optional[Tensor]]": "Tensor?[]", "int": "int", "Optional[int]": "int?",
    "List[int]": "int[]", "Optional[List[int]]": "int[]?", "float": "float",
    "Optional[float]": "float?", "Optional[List[float]]": "float[]?", "List[float]": "float[]",
    "bool": "bool", "Optional[bool]": "bool?", "number": "Scalar", "Optional[number]": "Scalar?",
    "str": "str", "Optional[str]": "str?", "ScalarType": "dtype", "Optional[ScalarType]": "dtype?",
    "SymInt": "int", "Optional[SymInt]": "int?", "List[SymInt]": "int[]",
    "Optional[List[SymInt]]": "int[]?", "Scalar": "Scalar", "Optional[Scalar]": "Scalar?",
}  # fmt: skip
RESULTS = {"Tensor": "Tensor", "List[Tensor]": "Tensor[]"}
REFUSED = {
    "aten.view.dtype", "aten.repeat_interleave.Tensor", "aten.repeat_interleave.self_Tensor",
    "aten.to.device", "aten.to.other", "aten.to.dtype_layout", "aten.to.prim_Device",
    "aten.to.prim_dtype", "aten.to.prim_other", "aten.norm.names_ScalarOpt_dim",
    "aten.lstm.data", "aten.gru.data", "aten.rnn_tanh.data", "aten.rnn_relu.data",
    "aten.tensor_split.tensor_indices_or_sections", "aten.where.default",
}  # fmt: skip


def rows() -> dict[str, Any]:
    """The table: overload -> its arguments and results."""
    found = {}
    for name in NAMES:
        packet = getattr(torch.ops.aten, name)
        for overload in sorted(packet.overloads()):
            key, row = f"aten.{name}.{overload}", None
            with contextlib.suppress(KeyError):
                row = _row(getattr(packet, overload)._schema)
            if row is not None and key not in REFUSED:
                found[key] = row
    return found


def _row(schema: Any) -> dict[str, Any] | None:
    if schema.is_mutable or any(a.alias_info and a.alias_info.is_write for a in schema.arguments):
        return None
    arguments = []
    for a in schema.arguments:
        plain = str(a.real_type).removeprefix("Optional[").removesuffix("]")
        if plain in LEFT_OUT or f"{plain} {a.name}" in LEFT_OUT:
            if not a.has_default_value():
                return None
            continue
        if "Dimname" in str(a.real_type):
            return None
        arguments.append(_argument(a))
    results = [RESULTS[str(r.type)] for r in schema.returns]
    if not results or not any(a["type"].startswith("Tensor") for a in arguments):
        return None
    return {"arguments": arguments, "results": results}


def _argument(a: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"name": a.name, "type": TYPES[str(a.real_type)]}
    if not a.has_default_value():
        row["needed"] = True
    if row["type"].startswith("str"):
        row["words"] = WORDS[a.name]
    if a.name in ONLY:
        row["only"] = ONLY[a.name]
    return row


def text(table: dict[str, Any]) -> str:
    """The table as it lies in the project: one overload a line."""
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(table.items())]
    return "{\n" + ",\n".join(lines) + "\n}\n"


# -- trying ---------------------------------------------------------------------------------------

NUMBERS = [0, 1, -1, 2, 3, 5, -7, 64, 2**31 - 1, -(2**31), 2**40]
SHAPES = [(), (0,), (1,), (3,), (2, 3), (0, 3), (2, 0), (1, 1, 1), (2, 3, 4), (1, 2, 5, 5),
          (2, 2, 3, 3, 3)]  # fmt: skip


def drawn(kind: str, row: dict[str, Any], r: random.Random) -> Any:
    """A random or extreme argument of a type."""
    if "only" in row:
        return r.choice(row["only"])
    if kind.endswith("?") and r.random() < 0.3:
        return None
    base = kind.removesuffix("?")
    if base.endswith("[]"):
        return [drawn(base[:-2], row, r) for _ in range(r.randrange(5))]
    if base == "Tensor":
        x = torch.randn(r.choice(SHAPES)) * r.choice([1, 1, 100, float("inf")])
        return x if r.random() < 0.75 else torch.randint(-3, 5, x.shape)
    choices = {
        "int": r.choice(NUMBERS), "float": r.choice([0.0, 1.0, -1.5, 1e30, float("nan")]),
        "bool": r.random() < 0.5, "Scalar": r.choice([0, 1, -2, 0.5, 1e30]),
        "str": r.choice(row.get("words", ["x"])),
        "dtype": r.choice([torch.float32, torch.int64, torch.bool]),
    }  # fmt: skip
    return choices[base]


def try_one(overload: str, calls: int) -> None:
    """Call an overload so often with what is drawn; the process ends by itself or by a signal."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
    _, name, kind = overload.split(".")
    op = getattr(getattr(torch.ops.aten, name), kind)
    row, r = rows()[overload], random.Random(overload)
    for _ in range(calls):
        given = {
            a["name"]: drawn(a["type"], a, r)
            for a in row["arguments"]
            if a.get("needed") or a["type"].startswith("Tensor") or r.random() < 0.5
        }
        first = next(iter(given))
        inside = given.pop(first)
        if _is_huge(op, inside, given):
            continue
        with contextlib.suppress(Exception):
            op(inside, **given)


def _is_huge(op: Any, first: Any, given: dict[str, Any]) -> bool:
    """Whether the results would be larger than a run would make them (``Aten`` asks so, too)."""

    def small(x: Any) -> Any:
        if isinstance(x, torch.Tensor):
            return x.to("meta")
        return [small(v) for v in x] if isinstance(x, list) else x

    try:
        out = op(small(first), **{k: small(v) for k, v in given.items()})
    except Exception:
        return False
    tensors = out if isinstance(out, tuple | list) else [out]
    return sum(t.numel() for t in tensors if isinstance(t, torch.Tensor)) > 2**24


def try_all(calls: int) -> None:
    """Print every overload that ended its process or found no end."""
    torch.set_num_threads(1)  # a process that has started no thread can be forked
    forked, bad = multiprocessing.get_context("fork"), 0
    for overload in rows():
        process = forked.Process(target=try_one, args=(overload, calls))
        process.start()
        process.join(120)
        if process.exitcode != 0:
            bad += 1
            print(overload, "no end" if process.exitcode is None else process.exitcode, flush=True)
            process.kill()
    print(f"{bad} of {len(rows())} overloads ended their process")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--try", type=int, dest="calls", metavar="N")
    options = parser.parse_args()
    if options.calls:
        try_all(options.calls)
    elif options.write:
        TABLE.write_text(text(rows()))
    else:
        print(text(rows()))


if __name__ == "__main__":
    main()
