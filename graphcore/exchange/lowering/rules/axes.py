"""Calls that move numbers about: views, cuts, joins."""

from __future__ import annotations

from typing import Any

from graphcore.dims import Batch, Shape, size
from graphcore.exchange.lowering.builder import Builder, NotOurs, Port, known, shape_of
from graphcore.exchange.lowering.rules.table import rule

_END = 2**62
"""What torch writes for the end of an axis is larger."""


def reshaped(b: Builder, x: Port, shape: Shape) -> Port:
    """x under another shape: one axis may follow the batch."""
    if x.shape == shape:
        return x
    start = _flattened_from(x.shape, shape)
    if start is not None:
        end = len(x.shape) - len(shape) + start
        last = -1 if end == len(x.shape) - 1 else end
        return b.add("Flatten", x, start_dim=start, end_dim=last)
    dims: list[int] = []
    for i, d in enumerate(shape):
        same = i < len(x.shape) and x.shape[i] == d and all(v == 0 for v in dims)
        dims.append(0 if same else -1 if isinstance(d, Batch) else d)
    if dims.count(-1) > 1:
        raise NotOurs
    return b.add("Reshape", x, shape=tuple(dims))


def _flattened_from(x: Shape, shape: Shape) -> int | None:
    """The first of some neighbouring axes that are merged into one, if that is all."""
    gone = len(x) - len(shape)
    if gone < 1 or not shape:
        return None
    start = next((i for i, d in enumerate(shape) if d != x[i]), len(shape) - 1)
    if shape[start + 1 :] != x[start + 1 + gone :]:
        return None
    return start if size(x[start : start + 1 + gone]) == shape[start] else None


@rule("view", "reshape", "_unsafe_view", "flatten.using_ints", "unflatten.int", "view_as",
      "reshape_as")  # fmt: skip
def reshape(b: Builder, a: dict[str, Any]) -> Port:
    return reshaped(b, b.port(a["self"]), shape_of(b.value_of()))


@rule("transpose.int", "swapaxes", "swapdims")
def transpose(b: Builder, a: dict[str, Any]) -> Port:
    x = b.port(a["self"])
    dim0, dim1 = a.get("dim0", a.get("axis0")), a.get("dim1", a.get("axis1"))
    return b.add("Transpose", x, dim0=dim0, dim1=dim1) if dim0 != dim1 else x


@rule("t", "numpy_T", "mT")
def turn(b: Builder, a: dict[str, Any]) -> Port:
    x = b.port(a["self"])
    if len(x.shape) < 2:
        return x
    if "numpy_T" in b.call.target and len(x.shape) > 2:
        return b.add("Permute", x, dims=tuple(range(len(x.shape)))[::-1])
    return b.add("Transpose", x, dim0=-2, dim1=-1)


@rule("permute")
def permute(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("Permute", b.port(a["self"]), dims=tuple(a["dims"]))


@rule("movedim.int", "movedim.intlist", "moveaxis.int", "moveaxis.intlist")
def move(b: Builder, a: dict[str, Any]) -> Port:
    x = b.port(a["self"])
    rank = len(x.shape)
    listed = [v if isinstance(v, list) else [v] for v in (a["source"], a["destination"])]
    source, destination = ([d % rank for d in dims] for dims in listed)
    order: list[int | None] = [None] * rank
    for s, d in zip(source, destination, strict=True):
        order[d] = s
    rest = iter(i for i in range(rank) if i not in source)
    return b.add("Permute", x, dims=tuple(next(rest) if o is None else o for o in order))


@rule("unsqueeze")
def unsqueeze(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("Unsqueeze", b.port(a["self"]), dim=a["dim"])


@rule("squeeze", "squeeze.dim", "squeeze.dims")
def squeeze(b: Builder, a: dict[str, Any]) -> Port:
    x = b.port(a["self"])
    given = a.get("dim", range(len(x.shape)))
    dims = given if isinstance(given, list | range) else [given]
    gone = tuple(d % len(x.shape) for d in dims if x.shape and x.shape[d] == 1)
    if not gone:
        return x
    before = x.made
    if before.operator == "Unsqueeze" and gone == (before.attributes["dim"] % len(x.shape),):
        return before.inputs["x"]
    return b.add("Squeeze", x, dim=gone[0] if len(gone) == 1 else gone)


@rule("expand", "broadcast_to", "expand_as")
def expand(b: Builder, a: dict[str, Any]) -> Port:
    x, shape = b.port(a["self"]), shape_of(b.value_of())
    if x.shape == shape:
        return x
    new = len(shape) - len(x.shape)
    dims = [
        -1 if i >= new and x.shape[i - new] == d else d for i, d in enumerate(shape)
    ]  # a batch axis that x does not have cannot be made here
    if any(isinstance(d, Batch) for d in dims):
        raise NotOurs
    return b.add("Expand", x, shape=tuple(dims))


@rule("select.int")
def select(b: Builder, a: dict[str, Any]) -> Port:
    x, dim, index = b.port(a["self"]), a["dim"], known(a["index"])
    dim %= len(x.shape)
    before = x.made
    if before.operator == "Unsqueeze" and before.attributes["dim"] % len(x.shape) == dim:
        return before.inputs["x"]
    if x.shape[dim] != 1:
        end = index + 1
        x = b.add("Slice", x, dim=dim, start=index, end=None if end == 0 else end)
    return b.add("Squeeze", x, dim=dim)


@rule("slice.Tensor")
def cut(b: Builder, a: dict[str, Any]) -> Port:
    x, step = b.port(a["self"]), a.get("step", 1)
    dim = a.get("dim", 0) % len(x.shape)
    start, end = (None if a.get(k) is None else known(a[k]) for k in ("start", "end"))
    start = start or 0
    end = None if end is None or end > _END else end
    length = x.shape[dim]
    if isinstance(length, int) and end is not None and end >= length:
        end = None
    if (start, end, step) == (0, None, 1):
        return x
    return b.add("Slice", x, dim=dim, start=start, end=end, step=step)


@rule("slice_scatter")
def put_slice(b: Builder, a: dict[str, Any]) -> Port:
    """A whole axis is written over: the new part is all there is."""
    x, source = b.port(a["self"]), b.port(a["src"])
    end = a.get("end")
    if x.shape != source.shape or a.get("start") or (end is not None and known(end) < _END):
        raise NotOurs
    return source


@rule("narrow")
def narrow(b: Builder, a: dict[str, Any]) -> Port:
    start, length = known(a["start"]), known(a["length"])
    end = start + length
    return b.add("Slice", b.port(a["self"]), dim=a["dim"], start=start, end=end or None)


@rule("cat", "concat", "concatenate")
def join(b: Builder, a: dict[str, Any]) -> Port:
    parts = [b.port(t) for t in a["tensors"]]
    if len({p.number for p in parts}) > 1:
        raise NotOurs
    dim = a.get("dim", 0)
    return b.add("Concat", *parts, dim=dim) if len(parts) > 1 else parts[0]


@rule("stack")
def stack(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("Stack", *[b.port(t) for t in a["tensors"]], dim=a.get("dim", 0))


@rule("split.Tensor", "split.sizes", "split_with_sizes", "chunk", "tensor_split.sections")
def split(b: Builder, a: dict[str, Any]) -> list[Port]:
    x = b.port(a["self"])
    dim = a.get("dim", 0) % len(x.shape)
    sizes = [b.value_of(i).shape[dim] for i in range(len(b.call.outputs))]
    if any(not isinstance(s, int) for s in sizes):
        raise NotOurs
    if len(sizes) == 1:
        return [x]
    return list(b.outputs(b.add("Split", x, split_sizes=tuple(sizes), dim=dim)))


@rule("unbind.int")
def unbind(b: Builder, a: dict[str, Any]) -> list[Port]:
    x = b.port(a["self"])
    dim = a.get("dim", 0) % len(x.shape)
    count = len(b.call.outputs)
    parts = [x] if count == 1 else b.outputs(b.add("Split", x, split_sizes=(1,) * count, dim=dim))
    return [b.add("Squeeze", p, dim=dim) for p in parts]


@rule("constant_pad_nd", "pad")
def pad(b: Builder, a: dict[str, Any]) -> Port:
    sizes = [known(s) for s in a["pad"]]
    if a.get("mode", "constant") != "constant" or min(sizes, default=0) < 0:
        raise NotOurs
    return b.add("Pad", b.port(a["self"]), pad=tuple(sizes), value=float(a.get("value") or 0))


@rule("repeat", "tile")
def repeat(b: Builder, a: dict[str, Any]) -> Port:
    """Axes of length 1 repeated, which is all that Expand does."""
    x, shape = b.port(a["self"]), shape_of(b.value_of())
    new = len(shape) - len(x.shape)
    times = a["repeats"] if "repeats" in a else a["dims"]
    for length, count in zip(x.shape, times[new:], strict=True):
        if count != 1 and length != 1:
            raise NotOurs
    dims = [-1 if i >= new and x.shape[i - new] == d else d for i, d in enumerate(shape)]
    if any(isinstance(d, Batch) for d in dims):
        raise NotOurs
    return b.add("Expand", x, shape=tuple(dims))
