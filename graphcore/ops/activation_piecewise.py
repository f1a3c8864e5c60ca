"""Activation functions made of straight pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphcore.dims import Batch, Shape, axis, format_shape
from graphcore.errors import Fix, ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import Attr, Case, Operator, register, same_shape
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor


def _keras_prelu(call: KerasCall) -> Layer:
    """The slopes of Keras have all axes of a sample; they are shared along those of length 1."""
    own = call.attributes["num_parameters"] > 1
    shared = list(range(1, call.rank - 1 if own else call.rank))
    slopes = call.values["weight"]
    call.weigh(alpha=slopes.reshape([1] * (call.rank - 2) + [-1] * (call.rank > 1)))
    return call.layer("PReLU", shared_axes=shared or None)


@register
class PReLU(Operator):
    """LeakyReLU whose slope below zero is learned: y = x or weight · x.

    Inputs:
        x: shape (N, C, *).
        weight: the slope, shape (num_parameters,).
    Attributes:
        num_parameters: 1 (one slope for all) or C (a slope per channel).
    Output:
        y: same shape as x.
    Gradient:
        ∂L/∂x = g where x > 0, else weight · g; ∂L/∂weight = Σ g x over x ≤ 0.
    Source:
        torch.nn.PReLU; ONNX PRelu-16; He et al., ICCV 2015.
    """

    units = "each"
    category, steady = "activation", True
    onnx, aliases = "PRelu", ("parametric relu", "learned leaky relu")
    attrs = (Attr("num_parameters", 1, "One slope for all, or one per channel.", minimum=1),)
    initializers = {"weight": "constant(0.25)"}
    formula = r"y = x\ \text{if } x > 0 \text{, else } a x"
    derivative = (
        r"\partial y/\partial x = 1\ \text{if } x > 0 \text{, else } a,\ "
        r"\partial y/\partial a = \min(0, x)"
    )
    keras = KerasCode(_keras_prelu, "last")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        x, weight = call.inputs
        if call.attributes["num_parameters"] > 1 and call.rank > 2:
            weight = call.reshaped(weight, (-1, *[1] * (call.rank - 2)))
        return call.node("PRelu", x, weight)

    @staticmethod
    def infer_shape(x: Shape, *, num_parameters: int) -> Shape:
        channels = x[1] if len(x) > 1 else 1
        if num_parameters not in (1, channels):
            raise ShapeError(
                f"PReLU: num_parameters={num_parameters} must be 1 or the number of channels, "
                f"{channels}, of x with shape {format_shape(x)}.",
                Fix("set", "Use one slope", attributes={"num_parameters": 1}),
            )
        return x

    @staticmethod
    def parameter_shapes(x: Shape, *, num_parameters: int) -> dict[str, Any]:
        return {"weight": (num_parameters,)}

    @staticmethod
    def forward(x: Tensor, weight: Tensor, *, num_parameters: int) -> Tensor:
        return torch.where(x > 0, x, _per_channel(weight, x) * x)

    @staticmethod
    def vjp(
        g: Tensor, y: Tensor, x: Tensor, weight: Tensor, *, num_parameters: int
    ) -> tuple[Tensor, Tensor]:
        positive, slope = x > 0, _per_channel(weight, x)
        gx = torch.where(positive, g, slope * g)
        per_element = torch.where(positive, torch.zeros_like(x), g * x)
        others = [i for i in range(x.dim()) if i != 1 or num_parameters == 1]
        gw = per_element.sum(others) if others else per_element
        return gx, gw.reshape(weight.shape)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        prelu = torch.nn.functional.prelu

        def case(shape: tuple[int, ...], count: int) -> Case:
            return Case((shape,), {"num_parameters": count}, prelu, "away")

        return case((3, 4), 1), case((3, 4), 4), case((2, 3, 4, 5), 3), case((5,), 1)


def _per_channel(weight: Tensor, x: Tensor) -> Tensor:
    """The slopes, laid along axis 1 of x."""
    if weight.numel() == 1:
        return weight.reshape(())
    return weight.reshape(-1, *[1] * (x.dim() - 2))


@register
class Hardtanh(Operator):
    """Tanh made of three straight lines: x held between min_val and max_val.

    Inputs:
        x: any shape.
    Attributes:
        min_val: lowest output.
        max_val: highest output, above min_val.
    Output:
        y: same shape, from min_val to max_val.
    Gradient:
        ∂L/∂x = g where min_val < x < max_val, else 0 (also at the corners, unlike Clip).
    Source:
        torch.nn.Hardtanh; Collobert, 2004. With 0 and 6 it is ReLU6.
    """

    category, steady = "activation", True
    aliases = ("hard tanh", "relu6", "clipped linear")
    attrs = (
        Attr("min_val", -1.0, "Lowest output."),
        Attr("max_val", 1.0, "Highest output."),
    )
    formula = r"y = \min(\max(x, l), u)"
    derivative = r"\partial y/\partial x = 1\ \text{if } l < x < u \text{, else } 0"
    keras = KerasCode("ops.clip({x}, {min_val}, {max_val})", "any")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        limits = (call.tensor(call.attributes[n]) for n in ("min_val", "max_val"))
        return call.node("Clip", call.x, *limits)

    @staticmethod
    def infer_shape(x: Shape, *, min_val: float, max_val: float) -> Shape:
        if min_val >= max_val:
            raise ShapeError(f"Hardtanh: min_val={min_val:g} must be below max_val={max_val:g}.")
        return x

    @staticmethod
    def forward(x: Tensor, *, min_val: float, max_val: float) -> Tensor:
        return torch.nn.functional.hardtanh(x, min_val, max_val)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, min_val: float, max_val: float) -> tuple[Tensor]:
        return (torch.ops.aten.hardtanh_backward(g, x, min_val, max_val),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(low: float, high: float) -> Case:
            hardtanh = torch.nn.functional.hardtanh
            a = {"min_val": low, "max_val": high}
            return Case(((3, 4),), a, lambda x: hardtanh(x, low, high))

        return case(-1.0, 1.0), case(0.0, 0.5)


@register
class BinaryStep(Operator):
    """Rosenblatt's threshold unit: y = 1 if x ≥ 0, else 0.

    Inputs:
        x: any shape.
    Output:
        y: same shape, 0 or 1.
    Gradient:
        0 everywhere: a small change of x changes nothing, so nothing before it learns by
        gradient descent. That is why Sigmoid took its place.
    Source:
        Rosenblatt, Psychological Review 65 (1958); torch.heaviside with value 1 at 0.
    """

    category, steady = "activation", True
    aliases = ("step", "heaviside", "threshold", "perceptron", "sign")
    formula, derivative = (
        r"y = 1\ \text{if } x \geq 0 \text{, else } 0",
        r"\partial y/\partial x = 0",
    )
    infer_shape = staticmethod(same_shape)
    torch_code = TorchCode("({x} >= 0).to({x}.dtype)")
    keras = KerasCode("ops.cast({x} >= 0, {x}.dtype)", "any")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        reached = call.node("GreaterOrEqual", call.x, call.tensor(0))
        return call.node("CastLike", reached, call.x)

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return (x >= 0).to(x.dtype)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (torch.zeros_like(x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(x: Tensor) -> Tensor:
            return torch.heaviside(x.detach(), torch.ones((), dtype=x.dtype)) + 0 * x

        return (Case(((3, 4),), reference=reference, domain="away"),)


@register
class Maxout(Operator):
    """The largest of each group of neighbouring features: a learned, convex activation.

    Inputs:
        x: shape (*, C · num_pieces, *), the features along ``dim``.
    Attributes:
        num_pieces: features per group; a Linear before it has that many times the outputs.
        dim: the axis of the features; 1 for (N, C) and for images (N, C, H, W).
    Output:
        y: as x, with C features along ``dim``.
    Gradient:
        g goes to the largest of each group; features that tie share it equally.
    Source:
        Goodfellow et al., Maxout networks, ICML 2013.
    """

    units = "mixed"
    category, steady = "activation", True
    aliases = ("max out", "max feature map")
    attrs = (
        Attr("num_pieces", 2, "Features per group.", minimum=1),
        Attr("dim", 1, "Axis of the features."),
    )
    formula = r"y_i = \max_{j < k}\ x_{k i + j}"
    derivative = r"\partial y_i/\partial x_j = 1\ \text{if } x_j = y_i \text{, else } 0"
    torch_code = TorchCode("{x}.unflatten({dim}, (-1, {num_pieces})).amax({dim} % {x}.dim() + 1)")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        at, pieces = call.axis(call.attributes["dim"]), call.attributes["num_pieces"]
        after = [0] * at
        behind = [call.fixed(i) for i in range(at + 1, call.rank)]
        groups = call.reshaped(call.x, (*after, call.fixed(at) // pieces, pieces, *behind))
        return call.node("ReduceMax", groups, call.ints(at + 1), keepdims=0)

    @staticmethod
    def infer_shape(x: Shape, *, num_pieces: int, dim: int) -> Shape:
        place = axis(dim, x, "Maxout")
        features = x[place]
        if isinstance(features, Batch) or features % num_pieces:
            raise ShapeError(
                f"Maxout: num_pieces={num_pieces} must divide the {features} features along "
                f"dim={dim} of x with shape {format_shape(x)}."
            )
        return (*x[:place], features // num_pieces, *x[place + 1 :])

    @staticmethod
    def forward(x: Tensor, *, num_pieces: int, dim: int) -> Tensor:
        return _groups(x, num_pieces, dim).amax(dim % x.dim() + 1)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, num_pieces: int, dim: int) -> tuple[Tensor]:
        inside = dim % x.dim() + 1
        winners = (_groups(x, num_pieces, dim) == y.unsqueeze(inside)).to(x.dtype)
        share = g.unsqueeze(inside) / winners.sum(inside, keepdim=True)
        return ((winners * share).reshape(x.shape),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], pieces: int, dim: int = 1) -> Case:
            def reference(x: Tensor) -> Tensor:
                place = dim % x.dim()
                return torch.stack(
                    [x[(slice(None),) * place + (slice(i, None, pieces),)] for i in range(pieces)]
                ).amax(0)

            return Case((shape,), {"num_pieces": pieces, "dim": dim}, reference, "distinct")

        return case((3, 6), 2), case((2, 6, 3, 3), 3), case((2, 5, 4), 4, -1)


def _groups(x: Tensor, num_pieces: int, dim: int) -> Tensor:
    """x with the features' axis split into (groups, pieces)."""
    place = dim % x.dim()
    groups = x.shape[place] // num_pieces
    return x.reshape(*x.shape[:place], groups, num_pieces, *x.shape[place + 1 :])
