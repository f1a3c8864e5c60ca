"""Operators that turn, add and remove axes; no number changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graphcore.dims import Batch, Dim, Shape, axes, axis, format_shape
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer, same_numbers
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import REQUIRED, Attr, Case, Operator, register
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor


def _keras_permute(call: KerasCall, dims: Sequence[int]) -> Layer:
    if dims[0] != 0:
        call.refuse("moves the batch axis")
    return call.layer("Permute", tuple(dims[1:]))


def _keras_transpose(call: KerasCall) -> Layer:
    dims = list(range(call.rank))
    a, b = (call.attributes[n] % call.rank for n in ("dim0", "dim1"))
    dims[a], dims[b] = dims[b], dims[a]
    return _keras_permute(call, dims)


@register
class Transpose(Operator):
    """Swap two axes: rows become columns.

    Inputs:
        x: at least two axes.
    Attributes:
        dim0: one axis.
        dim1: the axis it changes places with.
    Output:
        y: x's shape with the two lengths exchanged.
    Gradient:
        ∂L/∂x = g, transposed back.
    Source:
        torch.transpose; ONNX Transpose-13.
    """

    category, onnx, aliases = "shape", "Transpose", ("swap axes", "swapaxes", "T")
    attrs = (Attr("dim0", -2, "One axis."), Attr("dim1", -1, "The axis it changes places with."))
    formula = r"y_{\ldots j i} = x_{\ldots i j}"
    derivative = r"\partial L/\partial x_{\ldots i j} = g_{\ldots j i}"
    keras = KerasCode(_keras_transpose)

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        dims = list(range(call.rank))
        a, b = (call.axis(call.attributes[n]) for n in ("dim0", "dim1"))
        dims[a], dims[b] = dims[b], dims[a]
        return call.transposed(call.x, *dims)

    @staticmethod
    def infer_shape(x: Shape, *, dim0: int, dim1: int) -> Shape:
        a, b = axis(dim0, x, "Transpose"), axis(dim1, x, "Transpose")
        dims = list(x)
        dims[a], dims[b] = dims[b], dims[a]
        return tuple(dims)

    @staticmethod
    def forward(x: Tensor, *, dim0: int, dim1: int) -> Tensor:
        return x.transpose(dim0, dim1)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim0: int, dim1: int) -> tuple[Tensor]:
        return (g.transpose(dim0, dim1),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], dim0: int, dim1: int) -> Case:
            a = {"dim0": dim0, "dim1": dim1}
            return Case((shape,), a, lambda x: torch.transpose(x, dim0, dim1))

        return case((3, 4), -2, -1), case((2, 3, 4), 0, 2), case((2, 3), 1, 1)


@register
class Permute(Operator):
    """Put the axes into another order.

    Inputs:
        x: any shape.
    Attributes:
        dims: for each axis of y, which axis of x it is; each axis once.
    Output:
        y: x's lengths in the new order.
    Gradient:
        ∂L/∂x = g with the axes put back.
    Source:
        torch.permute; ONNX Transpose-13.
    """

    category, onnx, aliases = "shape", "Transpose", ("reorder axes", "channels last", "rearrange")
    attrs = (Attr("dims", REQUIRED, "For each axis of y, which axis of x it is.", "ints"),)
    formula = r"y_{i_{p(1)}\, i_{p(2)} \ldots} = x_{i_1 i_2 \ldots}"
    derivative = r"\partial L/\partial x_{i_1 i_2 \ldots} = g_{i_{p(1)}\, i_{p(2)} \ldots}"
    keras = KerasCode(
        lambda call: _keras_permute(call, [d % call.rank for d in call.attributes["dims"]])
    )

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return call.transposed(call.x, *(call.axis(d) for d in call.attributes["dims"]))

    @staticmethod
    def infer_shape(x: Shape, *, dims: tuple[int, ...]) -> Shape:
        named = sorted(d % len(x) for d in dims if -len(x) <= d < len(x))
        if len(dims) != len(x) or named != list(range(len(x))):
            raise ShapeError(
                f"Permute: dims={dims} must name each of the {len(x)} axes of x "
                f"{format_shape(x)} once."
            )
        return tuple(x[d] for d in dims)

    @staticmethod
    def forward(x: Tensor, *, dims: tuple[int, ...]) -> Tensor:
        return x.permute(dims)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dims: tuple[int, ...]) -> tuple[Tensor]:
        back = sorted(range(len(dims)), key=lambda i: dims[i] % len(dims))
        return (g.permute(back),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], *dims: int) -> Case:
            return Case((shape,), {"dims": dims}, lambda x: torch.permute(x, dims))

        return case((2, 3, 4), 0, 2, 1), case((2, 3, 4), -1, 0, 1), case((3,), 0)


@register
class Squeeze(Operator):
    """Remove axes of length 1.

    Inputs:
        x: any shape.
    Attributes:
        dim: axis or axes to remove; each must have length 1. (torch leaves others alone and
            would drop the batch axis of a batch of one.)
    Output:
        y: x's shape without these axes.
    Gradient:
        ∂L/∂x = g, reshaped back.
    Source:
        torch.squeeze; ONNX Squeeze-13.
    """

    passes = True
    category, onnx, aliases = "shape", "Squeeze", ("drop axis", "remove axis")
    attrs = (Attr("dim", -1, "Axis or axes of length 1 to remove.", "axes"),)
    formula, derivative = r"y_{i j} = x_{i 1 j}", r"\partial L/\partial x_{i 1 j} = g_{i j}"
    keras = KerasCode(same_numbers)

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        dim = call.attributes["dim"]
        dims = (dim,) if isinstance(dim, int) else tuple(dim or ())
        one = [call.axis(d) for d in dims if call.shapes[0][d] == 1]
        return (
            call.node("Squeeze", call.x, call.ints(*one)) if one else call.node("Identity", call.x)
        )

    @staticmethod
    def infer_shape(x: Shape, *, dim: Any) -> Shape:
        gone = axes(dim, x, "Squeeze")
        for i in gone:
            if x[i] != 1:
                raise ShapeError(
                    f"Squeeze: axis {i} of x {format_shape(x)} has length {x[i]}; only an axis of "
                    "length 1 can go."
                )
        return tuple(d for i, d in enumerate(x) if i not in gone)

    @staticmethod
    def forward(x: Tensor, *, dim: Any) -> Tensor:
        return x.squeeze(dim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim: Any) -> tuple[Tensor]:
        return (g.reshape(x.shape),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], dim: Any) -> Case:
            return Case((shape,), {"dim": dim}, lambda x: torch.squeeze(x, dim))

        return case((3, 1), -1), case((3, 1, 4), 1), case((3, 1, 4, 1), (1, 3)), case((3,), ())


@register
class Unsqueeze(Operator):
    """Insert an axis of length 1.

    Inputs:
        x: any shape.
    Attributes:
        dim: where the new axis stands in y; negative counts from y's end.
    Output:
        y: x's shape with a 1 at ``dim``.
    Gradient:
        ∂L/∂x = g, reshaped back.
    Source:
        torch.unsqueeze; ONNX Unsqueeze-13.
    """

    category, onnx, aliases = "shape", "Unsqueeze", ("add axis", "new axis", "add channel")
    attrs = (Attr("dim", 1, "Where the new axis stands."),)
    formula, derivative = r"y_{i 1 j} = x_{i j}", r"\partial L/\partial x_{i j} = g_{i 1 j}"
    keras = KerasCode(same_numbers)

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return call.node("Unsqueeze", call.x, call.ints(call.attributes["dim"]))

    @staticmethod
    def infer_shape(x: Shape, *, dim: int) -> Shape:
        rank = len(x) + 1
        if not -rank <= dim < rank:
            raise ShapeError(
                f"Unsqueeze: dim={dim} is no place in x of shape {format_shape(x)}; "
                f"it takes {-rank} to {rank - 1}."
            )
        place = dim % rank
        return (*x[:place], 1, *x[place:])

    @staticmethod
    def forward(x: Tensor, *, dim: int) -> Tensor:
        return x.unsqueeze(dim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim: int) -> tuple[Tensor]:
        return (g.reshape(x.shape),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], dim: int) -> Case:
            return Case((shape,), {"dim": dim}, lambda x: torch.unsqueeze(x, dim))

        return case((3, 4), 1), case((3, 4), -1), case((), 0), case((3,), -2)


@register
class Expand(Operator):
    """Repeat axes of length 1, without copying.

    Inputs:
        x: any shape.
    Attributes:
        shape: the new shape; −1 keeps an axis. It may have more axes in front than x.
    Output:
        y: the new shape; every repeat shows the same numbers.
    Gradient:
        ∂L/∂x = Σ g over the repeats.
    Source:
        torch.Tensor.expand; ONNX Expand-13.
    """

    category, onnx, aliases = "shape", "Expand", ("broadcast", "repeat", "tile")
    attrs = (Attr("shape", REQUIRED, "New shape; −1 keeps an axis.", "ints", minimum=-1),)
    formula, derivative = r"y_{i j} = x_{i 1}", r"\partial L/\partial x_{i 1} = \sum_j g_{i j}"
    torch_code = TorchCode("{x}.expand({shape})")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return call.node(
            "Expand", call.x, call.ints(*(max(1, d) for d in call.attributes["shape"]))
        )

    @staticmethod
    def infer_shape(x: Shape, *, shape: tuple[int, ...]) -> Shape:
        new = len(shape) - len(x)
        wanted = f"Expand: {format_shape(x)} cannot become {shape}"
        if new < 0:
            raise ShapeError(f"{wanted}: there are too few axes; −1 keeps one.")
        if any(d == 0 for d in shape) or any(d == -1 for d in shape[:new]):
            raise ShapeError(f"{wanted}: a new axis needs a length of at least 1.")
        dims: list[Dim] = list(shape[:new])
        for length, d in zip(x, shape[new:], strict=True):
            if d not in (-1, length) and length != 1:
                raise ShapeError(f"{wanted}: only an axis of length 1 can be repeated.")
            dims.append(length if d == -1 or isinstance(length, Batch) else d)
        return tuple(dims)

    @staticmethod
    def forward(x: Tensor, *, shape: tuple[int, ...]) -> Tensor:
        return x.expand(shape)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, shape: tuple[int, ...]) -> tuple[Tensor]:
        return (g,)  # the engine sums over what was repeated

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(x: tuple[int, ...], *shape: int) -> Case:
            return Case((x,), {"shape": shape}, lambda t: t.expand(shape))

        return case((3, 1), -1, 4), case((3,), 2, 3), case((), 2), case((3, 1, 4), -1, 5, 4)
