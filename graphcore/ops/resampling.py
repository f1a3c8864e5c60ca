"""Images brought to another size without weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.dims import Batch, Shape, format_shape, pair
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import REQUIRED, Attr, Case, Operator, register

if TYPE_CHECKING:
    from torch import Tensor


def _means(length: int, wanted: int) -> Any:
    """Matrix (wanted, length) whose row i takes the mean of rows ⌊i·l/w⌋ to ⌈(i+1)·l/w⌉."""
    found = np.zeros((wanted, length))
    for i in range(wanted):
        first, end = i * length // wanted, -(-(i + 1) * length // wanted)
        found[i, first:end] = 1 / (end - first)
    return found


def _check_image(x: Shape, what: str) -> None:
    if len(x) != 4 or any(isinstance(d, Batch) or d == 0 for d in x[2:]):
        raise ShapeError(f"{what} expects images (N, C, H, W), gets {format_shape(x)}.")


def _keras_adaptive(call: KerasCall) -> Layer:
    size = pair(call.attributes["output_size"])
    if size == (1, 1):
        return call.layer("GlobalAveragePooling2D", keepdims=True)
    return call.layer("AdaptiveAveragePooling2D", size)


def _keras_upsample(call: KerasCall) -> Layer:
    mode = call.attributes["mode"]
    return call.layer(
        "UpSampling2D", pair(call.attributes["scale_factor"]),
        interpolation=None if mode == "nearest" else mode,
    )  # fmt: skip


@register
class AdaptiveAvgPool2d(Operator):
    """Average an image down to a given size, whatever its own size is.

    Inputs:
        x: images, shape (N, C, H, W).
    Attributes:
        output_size: height and width of y; 1 averages each whole feature map.
    Output:
        y: shape (N, C, *output_size). Pixel i is the mean of rows ⌊iH/H'⌋ to ⌈(i+1)H/H'⌉.
    Gradient:
        each pixel of a window gets an equal share of g.
    Source:
        torch.nn.AdaptiveAvgPool2d; with size 1 ONNX GlobalAveragePool-1 (Lin et al., 2013).
    """

    category, onnx = "pooling", "GlobalAveragePool"
    aliases = ("global average pooling", "gap", "adaptive pooling")
    attrs = (
        Attr("output_size", REQUIRED, "Height and width of the result.", "size", minimum=1,
             unit="px"),
    )  # fmt: skip
    formula = r"y_{i,j} = \frac{1}{|R_{i,j}|} \sum_{(u,v) \in R_{i,j}} x_{u,v}"
    derivative = r"\partial y_{i,j}/\partial x_{u,v} = \frac{1}{|R_{i,j}|}"
    keras = KerasCode(_keras_adaptive, "last")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        size = pair(call.attributes["output_size"])
        if size == (1, 1):
            return call.node("GlobalAveragePool", call.x)
        rows, columns = (_means(call.fixed(2 + i), size[i]) for i in (0, 1))
        means = call.node("MatMul", call.tensor(rows), call.x)
        return call.node("MatMul", means, call.tensor(columns.T))

    @staticmethod
    def infer_shape(x: Shape, *, output_size: Any) -> Shape:
        _check_image(x, "AdaptiveAvgPool2d")
        return (*x[:2], *pair(output_size, "AdaptiveAvgPool2d"))

    @staticmethod
    def forward(x: Tensor, *, output_size: Any) -> Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(x, pair(output_size))

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, output_size: Any) -> tuple[Tensor]:
        return (torch.ops.aten._adaptive_avg_pool2d_backward(g, x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(size: Any, *shape: int) -> Case:
            pool = torch.nn.functional.adaptive_avg_pool2d
            return Case((shape,), {"output_size": size}, lambda x: pool(x, size))

        return case(1, 2, 3, 5, 4), case((2, 3), 2, 3, 5, 7), case(3, 1, 2, 2, 2)


@register
class Upsample(Operator):
    """Enlarge an image by whole factors.

    Inputs:
        x: images, shape (N, C, H, W).
    Attributes:
        scale_factor: how many times higher and wider y is.
        mode: "nearest" repeats pixels; "bilinear" draws straight lines between them.
    Output:
        y: shape (N, C, H · scale, W · scale).
    Gradient:
        ∂L/∂x = Σ g over the pixels that a pixel of x went into, with the same weights.
    Source:
        torch.nn.Upsample (align_corners=False); ONNX Resize-13.
    """

    category, onnx = "pooling", "Resize"
    aliases = ("resize", "enlarge", "interpolate", "unpool")
    attrs = (
        Attr("scale_factor", 2, "How many times higher and wider.", "size", minimum=1),
        Attr("mode", "nearest", "Repeat pixels, or draw lines between them.",
             choices=("nearest", "bilinear")),
    )  # fmt: skip
    formula = r"y_{i,j} = x_{\lfloor i/s \rfloor,\, \lfloor j/s \rfloor}"
    derivative = r"\partial L/\partial x_{u,v} = \sum_{i,j \in s \times s} g_{s u + i,\, s v + j}"
    keras = KerasCode(_keras_upsample, "last")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        nearest = call.attributes["mode"] == "nearest"
        scales = call.tensor((1, 1, *pair(call.attributes["scale_factor"])), np.float32)
        return call.node(
            "Resize",
            call.x,
            "",
            scales,
            mode="nearest" if nearest else "linear",
            coordinate_transformation_mode="asymmetric" if nearest else "half_pixel",
            nearest_mode="floor" if nearest else None,
        )

    @staticmethod
    def infer_shape(x: Shape, *, scale_factor: Any, mode: str) -> Shape:
        _check_image(x, "Upsample")
        factors = pair(scale_factor, "Upsample")
        return (*x[:2], *(d * f for d, f in zip(x[2:], factors, strict=True)))

    @staticmethod
    def forward(x: Tensor, *, scale_factor: Any, mode: str) -> Tensor:
        size = [d * f for d, f in zip(x.shape[2:], pair(scale_factor), strict=True)]
        return torch.nn.functional.interpolate(x, size, mode=mode)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, scale_factor: Any, mode: str) -> tuple[Tensor]:
        aten = torch.ops.aten
        if mode == "nearest":
            return (aten.upsample_nearest2d_backward(g, y.shape[2:], x.shape),)
        return (aten.upsample_bilinear2d_backward(g, y.shape[2:], x.shape, False),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(scale: Any, mode: str) -> Case:
            def reference(x: Tensor) -> Tensor:
                return torch.nn.functional.interpolate(
                    x, scale_factor=scale, mode=mode, recompute_scale_factor=True
                )

            return Case(((2, 3, 3, 4),), {"scale_factor": scale, "mode": mode}, reference)

        return (
            case(2, "nearest"),
            case((1, 3), "nearest"),
            case(2, "bilinear"),
            case((3, 2), "bilinear"),
        )
