"""Operators that move numbers about and compute nothing."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from graphcore.dims import Batch, Dim, Shape, axis, format_shape, size
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer, same_numbers
from graphcore.ops.kernels.buffered import Kernels, reshaped
from graphcore.ops.onnx_code import OnnxCall, plain
from graphcore.ops.registry import REQUIRED, Attr, Case, Context, Operator, register
from graphcore.ops.torch_code import TorchCode, Values

if TYPE_CHECKING:
    from torch import Tensor

_MOVED = (r"y_k = x_k", r"\partial L/\partial x_k = g_k")
"""Formula and derivative of what keeps every number and its place in the row."""


def _reshape_code(v: Values) -> str:
    """A 0 keeps the length of the input's axis."""
    dims = (f"{v['x']}.shape[{i}]" if d == 0 else str(d) for i, d in enumerate(v["shape"]))
    return f"{v['x']}.reshape({', '.join(dims) or '()'})"


@register
class Reshape(Operator):
    """The same numbers in the same order under another shape.

    Inputs:
        x: any shape.
    Attributes:
        shape: the new shape; 0 keeps x's axis at that place, one −1 is worked out.
    Output:
        y: the new shape, with as many numbers as x.
    Gradient:
        ∂L/∂x = g, reshaped back.
    Source:
        torch.reshape; ONNX Reshape-14 (whose 0 is taken over).
    """

    passes = True
    category, onnx, aliases = "shape", "Reshape", ("view",)
    attrs = (Attr("shape", REQUIRED, "New shape: 0 keeps an axis, one −1 is worked out.", "ints",
                  minimum=-1),)  # fmt: skip
    formula, derivative = _MOVED
    torch_code = TorchCode(_reshape_code)
    keras = KerasCode(same_numbers)

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return call.reshaped(call.x, call.attributes["shape"])

    @staticmethod
    def infer_shape(x: Shape, *, shape: tuple[int, ...]) -> Shape:
        wanted = f"Reshape: {format_shape(x)} cannot take the shape {shape}"
        if shape.count(-1) > 1:
            raise ShapeError(f"{wanted}: only one axis can be -1.")
        if any(d == 0 and i >= len(x) for i, d in enumerate(shape)):
            raise ShapeError(f"{wanted}: there is no axis to keep at a place with 0.")
        dims: list[Dim] = [x[i] if d == 0 else d for i, d in enumerate(shape)]
        total = size(x)
        if -1 in dims:
            place = dims.index(-1)
            dims[place] = _quotient(total, size(dims[:place] + dims[place + 1 :]), wanted)
        elif size(dims) != total:
            raise ShapeError(f"{wanted}: {total} numbers are not {size(dims)}.")
        return tuple(dims)

    @staticmethod
    def forward(x: Tensor, *, shape: tuple[int, ...]) -> Tensor:
        dims = [x.shape[i] if d == 0 else d for i, d in enumerate(shape)]
        if -1 in dims and x.numel() == 0:
            place = dims.index(-1)
            dims[place] = 0 if prod(d for d in dims if d != -1) else 1
        return x.reshape(dims)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, shape: tuple[int, ...]) -> tuple[Tensor]:
        return (g.reshape(x.shape),)

    @classmethod
    def lower(cls, ctx: Context, x: Tensor, **a: Any) -> Kernels:
        return reshaped(x, tuple(cls.forward(x, **a).shape), ctx.moving[0])

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(x: tuple[int, ...], shape: tuple[int, ...], y: tuple[int, ...]) -> Case:
            return Case((x,), {"shape": shape}, lambda t: t.reshape(y))

        return (
            case((2, 6), (0, 2, 3), (2, 2, 3)),
            case((2, 3, 4), (-1, 4), (6, 4)),
            case((2, 3, 4), (0, -1), (2, 12)),
            case((2, 3), (6,), (6,)),
        )


def _quotient(total: Dim, known: Dim, wanted: str) -> Dim:
    """total / known, where both may be multiples of N; raises ShapeError."""
    a = total.count if isinstance(total, Batch) else total
    b = known.count if isinstance(known, Batch) else known
    if isinstance(known, Batch) and not isinstance(total, Batch):
        raise ShapeError(f"{wanted}: {total} is not a multiple of {known}.")
    if b == 0 or a % b:
        raise ShapeError(f"{wanted}: {total} is not a multiple of {known}.")
    both = isinstance(total, Batch) == isinstance(known, Batch)
    return a // b if both else Batch(a // b)


def _flatten_code(v: Values) -> str:
    if len(v["shapes"]["x"]) == 1 and (v["start_dim"], v["end_dim"]) == (1, -1):
        return f"{v['x']}.unsqueeze(1)"
    end = "" if v["end_dim"] == -1 else f", {v['end_dim']}"
    return f"torch.flatten({v['x']}, {v['start_dim']}{end})"


def _keras_flatten(call: KerasCall) -> Layer:
    ends = call.attributes["start_dim"] % max(call.rank, 2), call.attributes["end_dim"] % call.rank
    return call.layer("Flatten") if ends == (1, call.rank - 1) else same_numbers(call)


@register
class Flatten(Operator):
    """Lay the axes from start_dim to end_dim out as one: an image becomes a vector.

    Inputs:
        x: shape (N, *).
    Attributes:
        start_dim: first axis to merge; 1 keeps the batch axis.
        end_dim: last axis to merge.
    Output:
        y: with the defaults shape (N, C·H·W).
    Gradient:
        ∂L/∂x = g, reshaped back.
    Source:
        torch.nn.Flatten; ONNX Flatten-13.
    """

    passes = True
    units = "kept"
    category, onnx, aliases = "shape", "Flatten", ("vectorize", "ravel")
    attrs = (
        Attr("start_dim", 1, "First axis to merge; 1 keeps the batch axis."),
        Attr("end_dim", -1, "Last axis to merge."),
    )
    formula, derivative = _MOVED
    torch_code = TorchCode(_flatten_code)
    keras = KerasCode(_keras_flatten, rows="makes")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        start, end = call.attributes["start_dim"], call.attributes["end_dim"]
        if call.rank == 1 and (start, end) == (1, -1):
            return call.node("Unsqueeze", call.x, call.ints(1))
        if call.rank == 0:
            return call.reshaped(call.x, (1,))
        first, last = call.axis(start), call.axis(end)
        if first == 1 and last == call.rank - 1:
            return call.node("Flatten", call.x, axis=1)
        behind = (call.fixed(i) for i in range(last + 1, call.rank))
        return call.reshaped(call.x, (*[0] * first, -1, *behind))

    @staticmethod
    def infer_shape(x: Shape, *, start_dim: int, end_dim: int) -> Shape:
        if len(x) == 1 and (start_dim, end_dim) == (1, -1):
            return (*x, 1)
        first, last = axis(start_dim, x, "Flatten"), axis(end_dim, x, "Flatten")
        if last < first:
            raise ShapeError(f"Flatten: end_dim={end_dim} lies before start_dim={start_dim}.")
        return (*x[:first], size(x[first : last + 1]), *x[last + 1 :])

    @staticmethod
    def forward(x: Tensor, *, start_dim: int, end_dim: int) -> Tensor:
        if x.dim() == 1 and (start_dim, end_dim) == (1, -1):
            return x.unsqueeze(1)
        return torch.flatten(x, start_dim, end_dim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, start_dim: int, end_dim: int) -> tuple[Tensor]:
        return (g.reshape(x.shape),)

    @classmethod
    def lower(cls, ctx: Context, x: Tensor, **a: Any) -> Kernels:
        return reshaped(x, tuple(cls.forward(x, **a).shape), ctx.moving[0])

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(x: tuple[int, ...], start_dim: int = 1, end_dim: int = -1) -> Case:
            a = {"start_dim": start_dim, "end_dim": end_dim}
            return Case((x,), a, lambda t: torch.flatten(t, start_dim, end_dim))

        return case((2, 3, 4)), case((2, 3, 4), 0, 1), case((2, 3, 4, 5), -2), case((0, 3, 4))


def _keras_concat(call: KerasCall) -> str:
    joined = call.layer("Concatenate", axis=call.axis(call.attributes["dim"]))
    return f"{joined}([{', '.join(call.inputs.values())}])"


@register
class Concat(Operator):
    """Join tensors along an axis.

    Inputs:
        x0, x1, ...: tensors that are equal in every axis but ``dim``.
    Attributes:
        dim: axis along which they are joined.
    Output:
        y: the same axes; along ``dim`` the lengths add up.
    Gradient:
        each input gets its own slice of g.
    Source:
        torch.cat; ONNX Concat-13.
    """

    category, onnx, aliases = "shape", "Concat", ("cat", "join", "merge")
    inputs, variadic = (), True
    attrs = (Attr("dim", 1, "Axis along which the inputs are joined."),)
    formula = r"y = [\,x_0,\ x_1,\ \ldots\,]"
    derivative = r"\partial L/\partial x_i = \text{slice } i \text{ of } g"
    torch_code = TorchCode("torch.cat([{inputs}], dim={dim})")
    onnx_form = staticmethod(plain("Concat", dim="axis"))
    keras = KerasCode(_keras_concat, "any")

    @staticmethod
    def infer_shape(*x: Shape, dim: int) -> Shape:
        if not x:
            raise ShapeError("Concat needs at least one input.")
        place = axis(dim, x[0], "Concat")
        for i, other in enumerate(x[1:], 1):
            rest = [s[:place] + s[place + 1 :] for s in (x[0], other)]
            if len(other) != len(x[0]) or rest[0] != rest[1]:
                raise ShapeError(
                    f"Concat along dim={dim}: x{i} of shape {format_shape(other)} does not fit "
                    f"x0 of shape {format_shape(x[0])}; every other axis must be equal."
                )
        total = x[0][place]
        for other in x[1:]:
            total = total + other[place]
        return (*x[0][:place], total, *x[0][place + 1 :])

    @staticmethod
    def forward(*x: Tensor, dim: int) -> Tensor:
        return torch.cat(x, dim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, *x: Tensor, dim: int) -> tuple[Tensor, ...]:
        return tuple(torch.split(g, [t.shape[dim] for t in x], dim))

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(*shapes: tuple[int, ...], dim: int) -> Case:
            return Case(shapes, {"dim": dim}, lambda *x: torch.cat(x, dim))

        return (
            case((2, 3), (2, 1), dim=1),
            case((2, 3, 4), (2, 3, 1), (2, 3, 2), dim=-1),
            case((2, 3), dim=0),
        )
