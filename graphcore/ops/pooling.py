"""Pooling: a summary of each window of an image or a sequence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from graphcore.dims import Dim, Shape, format_shape, overhang, pair, window
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer, shortest
from graphcore.ops.kernels.buffered import Closure, Kernels
from graphcore.ops.kernels.device import on_accelerator
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import REQUIRED, Attr, Case, Context, Operator, register

if TYPE_CHECKING:
    from torch import Tensor

_IMAGE_WINDOW = (
    Attr("kernel_size", REQUIRED, "Height and width of the window.", "size", minimum=1, unit="px"),
    Attr("stride", None, "Pixels between windows; left out, the window's own size.", "size",
         minimum=1, unit="px", optional=True),
    Attr("padding", 0, "Border put around the image, at most half a window.", "size", minimum=0,
         unit="px"),
)  # fmt: skip
_SEQUENCE_WINDOW = (
    Attr("kernel_size", REQUIRED, "Length of the window.", "int", minimum=1),
    Attr("stride", None, "Steps between windows; left out, the window's own length.", "int",
         minimum=1, optional=True),
    Attr("padding", 0, "Border put at both ends, at most half a window.", minimum=0),
)  # fmt: skip


SMALL = 8
"""Rows and columns of a window, together, up to which it is taken row by row."""
_CEIL = Attr("ceil_mode", False, "Whether a last window may stand out over the edge.")
_COUNTED = Attr("count_include_pad", True, "Whether the border's zeros count in the average.")


def _dilation(kind: Literal["int", "size"]) -> Attr:
    return Attr("dilation", 1, "Steps between the elements of a window.", kind, minimum=1)


def keras_pooled(call: KerasCall) -> str | Layer | Sequence[Layer]:
    """Return MaxPooling or AveragePooling, behind a border where there is one."""
    a, rank = call.attributes, call.rank - 2
    kernel, padding = (sizes_of(a[n], rank) for n in ("kernel_size", "padding"))
    stride = kernel if a["stride"] is None else sizes_of(a["stride"], rank)
    if max(sizes_of(a.get("dilation", 1), rank)) > 1:
        call.refuse("pooling with dilation")
    average, ends = "count_include_pad" in a, padding
    if a["ceil_mode"]:
        sizes = zip(call.shapes[0][2:], kernel, stride, padding, strict=True)
        ends = tuple(p + overhang(n, k, s, p) for n, k, s, p in sizes)
        if average and ends != padding:
            call.refuse("an average whose last window stands out over the edge")
    made = call.layer(
        f"{'Average' if average else 'Max'}Pooling{rank}D", shortest(kernel),
        strides=None if stride == kernel else shortest(stride),
    )  # fmt: skip
    if not any(ends):
        return made
    if not average:
        border = [(0, 0), *zip(padding, ends, strict=True), (0, 0)]
        padded = f'ops.pad({call.inputs["x"]}, {border}, constant_values=-float("inf"))'
        return f"{made}({padded})"
    if not a["count_include_pad"]:
        call.refuse("an average that leaves out the border")
    return call.unnamed(f"ZeroPadding{rank}D", shortest(padding)), made


def sizes_of(value: Any, rank: int) -> tuple[int, ...]:
    """One number for each axis that a window slides along."""
    return tuple(value) if isinstance(value, tuple) else (value,) * rank


class _Pool(Operator):
    """A window slides over images; a sequence is an image of height 1.

    Attributes:
        rank: how many axes the window slides along.
    """

    category, rowwise = "pooling", True
    rank: ClassVar[int] = 2
    attrs: ClassVar[tuple[Attr, ...]] = _IMAGE_WINDOW
    keras = KerasCode(keras_pooled, "last")

    @classmethod
    def onnx_form(cls, call: OnnxCall) -> str:
        sizes = *cls.as_image(**call.attributes), cls.spread(call.attributes.get("dilation", 1))
        return call.pooled(cls.onnx, *(n[2 - cls.rank :] for n in sizes))

    @classmethod
    def infer_shape(
        cls, x: Shape, *, kernel_size: Any, stride: Any, padding: Any, dilation: Any = 1,
        ceil_mode: bool = False, count_include_pad: bool = True,
    ) -> Shape:  # fmt: skip
        if len(x) != cls.rank + 2:
            wanted = "images (N, C, H, W)" if cls.rank == 2 else "sequences (N, C, L)"
            raise ShapeError(f"{cls.name} expects {wanted}, gets {format_shape(x)}.")
        kernel, step, pad = cls.as_image(kernel_size, stride, padding)
        if any(2 * p > k for p, k in zip(pad, kernel, strict=True)):
            raise ShapeError(
                f"{cls.name}: padding={padding} is more than half of the window {kernel_size}."
            )
        skipped, apart = 2 - cls.rank, cls.spread(dilation)
        count = _windows if ceil_mode else window
        out = tuple(
            count(x[2 + i - skipped], kernel[i], step[i], pad[i], apart[i])
            for i in range(skipped, 2)
        )
        if min(out) < 1:
            raise ShapeError(
                f"{cls.name}: a window of {kernel_size} does not fit into x {format_shape(x)}."
            )
        return (*x[:2], *out)

    @classmethod
    def as_image(
        cls, kernel_size: Any, stride: Any, padding: Any, **_: Any
    ) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Kernel, stride and padding for height and width."""
        stride = kernel_size if stride is None else stride
        if cls.rank == 1:
            return (1, kernel_size), (1, stride), (0, padding)
        return pair(kernel_size, cls.name), pair(stride, cls.name), pair(padding, cls.name)

    @classmethod
    def spread(cls, dilation: Any) -> tuple[int, int]:
        """Steps between a window's elements, for height and width."""
        return (1, dilation) if cls.rank == 1 else pair(dilation, cls.name)

    @classmethod
    def image(cls, x: Tensor) -> Tensor:
        return x.unsqueeze(2) if cls.rank == 1 else x

    @classmethod
    def back(cls, y: Tensor) -> Tensor:
        return y.squeeze(2) if cls.rank == 1 else y


class _MaxPool(_Pool):
    """The largest of each window."""

    onnx, aliases = "MaxPool", ("pool", "max pooling", "subsampling", "downsample")

    @classmethod
    def geometry(cls, a: Mapping[str, Any]) -> tuple[Any, ...]:
        """Kernel, stride, padding, dilation and ceil_mode, as aten wants them."""
        return *cls.as_image(**a), cls.spread(a["dilation"]), a["ceil_mode"]

    @classmethod
    def forward(cls, ctx: Context, x: Tensor, **a: Any) -> Tensor:
        image, geometry, ctx.saved = cls.image(x), cls.geometry(a), None
        y = _largest(image, *geometry)
        if y is None:
            y, ctx.saved = torch.ops.aten.max_pool2d_with_indices(image, *geometry)
        return cls.back(y)

    @classmethod
    def vjp(cls, ctx: Context, g: Tensor, y: Tensor, x: Tensor, **a: Any) -> tuple[Tensor]:
        image, geometry, places = cls.image(x), cls.geometry(a), ctx.saved
        if places is None:
            places = torch.ops.aten.max_pool2d_with_indices(image, *geometry)[1]
        gx = torch.ops.aten.max_pool2d_with_indices_backward(cls.image(g), image, *geometry, places)
        return (cls.back(gx),)

    @classmethod
    def lower(cls, ctx: Context, x: Tensor, **a: Any) -> Kernels | None:
        if cls.rank == 1 or not ctx.training:  # without a way back, ``forward`` is the faster
            return None
        geometry = cls.geometry(a)
        y, places = torch.ops.aten.max_pool2d_with_indices(x, *geometry)
        pool = torch.ops.aten.max_pool2d_with_indices.out
        unpool = torch.ops.aten.max_pool2d_with_indices_backward.grad_input

        def forward() -> object:
            return pool(x, *geometry, out=y, indices=places)

        def backward(g: Tensor, gx: Tensor) -> Closure:
            return lambda: unpool(g, x, *geometry, places, grad_input=gx)

        return Kernels(y, forward, backward)


def _largest(
    x: Tensor, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int],
    dilation: Sequence[int], ceil_mode: bool,
) -> Tensor | None:  # fmt: skip
    """The largest of each small window, by rows and columns of the image taken as a whole.

    On a CPU many times faster than a kernel that looks for the largest one's place as well.
    Returns None where the window is another.
    """
    other = ceil_mode or kernel[1] == 1 or sum(kernel) > SMALL or not x.is_floating_point()
    if other or on_accelerator(x):
        return None
    if any(padding):
        x = torch.nn.functional.pad(x, (padding[1],) * 2 + (padding[0],) * 2, value=-math.inf)
    for axis, size, step, apart in zip((2, 3), kernel, stride, dilation, strict=True):
        end = (window(x.shape[axis], size, step, 0, apart) - 1) * step + 1
        parts = [
            x.narrow(axis, i * apart, end)[(slice(None),) * axis + (slice(None, None, step),)]
            for i in range(size)
        ]
        x = reduce(torch.maximum, parts)
    return x


class _AvgPool(_Pool):
    """The average of each window."""

    onnx, aliases = "AveragePool", ("pool", "average pooling", "subsampling", "downsample")

    @classmethod
    def geometry(cls, a: Mapping[str, Any]) -> tuple[Any, ...]:
        """Kernel, stride, padding, ceil_mode and what counts, as aten wants them."""
        return *cls.as_image(**a), a["ceil_mode"], a["count_include_pad"]

    @classmethod
    def forward(cls, x: Tensor, **a: Any) -> Tensor:
        return cls.back(torch.nn.functional.avg_pool2d(cls.image(x), *cls.geometry(a)))

    @classmethod
    def vjp(cls, g: Tensor, y: Tensor, x: Tensor, **a: Any) -> tuple[Tensor]:
        gx = torch.ops.aten.avg_pool2d_backward(cls.image(g), cls.image(x), *cls.geometry(a), None)
        return (cls.back(gx),)


def _windows(length: Dim, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """Positions of a window that may stand out over the end, but begins inside."""
    inside = window(length, kernel, 1, padding, dilation) - 1
    count = -(-inside // stride) + 1
    assert isinstance(length, int)
    return count - 1 if (count - 1) * stride >= length + padding else count


def _cases(reference: Any, rank: int, domain: str = "any") -> tuple[Case, ...]:
    def case(shape: tuple[int, ...], **a: Any) -> Case:
        return Case((shape,), a, lambda x: reference(x, **a), domain)

    further: dict[str, Any] = {"ceil_mode": True}
    further |= {"dilation": 2} if domain == "distinct" else {"count_include_pad": False}
    if rank == 1:
        return (
            case((2, 3, 6), kernel_size=2),
            case((2, 3, 7), kernel_size=3, stride=2, padding=1),
            case((1, 1, 5), kernel_size=3, stride=1),
            case((2, 3, 8), kernel_size=3, stride=2, padding=1, **further),
        )
    return (
        case((2, 3, 6, 6), kernel_size=2),
        case((2, 3, 7, 5), kernel_size=(3, 2), stride=2, padding=1),
        case((1, 1, 5, 5), kernel_size=3, stride=1),
        case((2, 3, 8, 6), kernel_size=3, stride=2, padding=1, **further),
        case((2, 2, 6, 7), kernel_size=2, stride=(2, 3), ceil_mode=True),
    )


@register
class MaxPool1d(_MaxPool):
    """Keep the largest value of each window of a sequence.

    Inputs:
        x: sequences, shape (N, C, L).
    Attributes:
        kernel_size: length of the window.
        stride: steps between windows; None is the window's own length.
        padding: border that never wins (−∞), at both ends.
        dilation: steps between the elements of a window.
        ceil_mode: whether a last window may stand out over the end.
    Output:
        y: shape (N, C, L') with L' = ⌊(L + 2p − k)/s⌋ + 1.
    Gradient:
        g goes to the position of the largest value; to the first of them in a tie.
    Source:
        torch.nn.MaxPool1d; ONNX MaxPool-12.
    """

    rank, attrs = 1, (*_SEQUENCE_WINDOW, _dilation("int"), _CEIL)
    formula = r"y_i = \max_u\ x_{s i + u - p}"
    derivative = r"\partial y/\partial x = 1\ \text{where } x \text{ is the maximum, else } 0"

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(torch.nn.functional.max_pool1d, 1, "distinct")


@register
class MaxPool2d(_MaxPool):
    """Keep the largest value of each window.

    Inputs:
        x: images, shape (N, C, H, W).
    Attributes:
        kernel_size: height and width of the window.
        stride: pixels between windows; None is the window's own size.
        padding: border that never wins (−∞).
        dilation: pixels between the elements of a window.
        ceil_mode: whether a last window may stand out over the edge.
    Output:
        y: shape (N, C, H', W') with H' = ⌊(H + 2p − k)/s⌋ + 1.
    Gradient:
        g goes to the position of the largest value; to the first of them in a tie.
    Source:
        torch.nn.MaxPool2d; ONNX MaxPool-12.
    """

    window = "largest"
    attrs = (*_IMAGE_WINDOW, _dilation("size"), _CEIL)
    formula = r"y_{i,j} = \max_{u,v}\ x_{s i + u - p,\, s j + v - p}"
    derivative = r"\partial y/\partial x = 1\ \text{where } x \text{ is the maximum, else } 0"

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(torch.nn.functional.max_pool2d, 2, "distinct")


@register
class AvgPool1d(_AvgPool):
    """Average each window of a sequence.

    Inputs:
        x: sequences, shape (N, C, L).
    Attributes:
        kernel_size: length of the window.
        stride: steps between windows; None is the window's own length.
        padding: zeros put at both ends.
        ceil_mode: whether a last window may stand out over the end.
        count_include_pad: whether the zeros at both ends count in the average.
    Output:
        y: shape (N, C, L') with L' = ⌊(L + 2p − k)/s⌋ + 1.
    Gradient:
        g is shared equally: each of the k inputs of a window gets g / k.
    Source:
        torch.nn.AvgPool1d; ONNX AveragePool-11.
    """

    rank, attrs = 1, (*_SEQUENCE_WINDOW, _CEIL, _COUNTED)
    formula = r"y_i = \frac{1}{k} \sum_u x_{s i + u - p}"
    derivative = r"\partial y/\partial x = \frac{1}{k}"

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(torch.nn.functional.avg_pool1d, 1)


@register
class AvgPool2d(_AvgPool):
    """Average each window.

    Inputs:
        x: images, shape (N, C, H, W).
    Attributes:
        kernel_size: height and width of the window.
        stride: pixels between windows; None is the window's own size.
        padding: zeros put around the image.
        ceil_mode: whether a last window may stand out over the edge.
        count_include_pad: whether the zeros around the image count in the average.
    Output:
        y: shape (N, C, H', W') with H' = ⌊(H + 2p − k)/s⌋ + 1.
    Gradient:
        g is shared equally: each of the k·k inputs of a window gets g / (k·k).
    Source:
        torch.nn.AvgPool2d; ONNX AveragePool-11.
    """

    window = "mean"
    attrs = (*_IMAGE_WINDOW, _CEIL, _COUNTED)
    formula = r"y_{i,j} = \frac{1}{k^2} \sum_{u,v} x_{s i + u - p,\, s j + v - p}"
    derivative = r"\partial y/\partial x = \frac{1}{k^2}"

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(torch.nn.functional.avg_pool2d, 2)
