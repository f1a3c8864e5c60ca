"""Choosing between numbers, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphcore.dims import Shape, broadcast
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, source
from graphcore.ops.onnx_code import BOOL, OnnxCall
from graphcore.ops.registry import Attr, Case, Operator, register
from graphcore.ops.torch_code import TorchCode, Values

if TYPE_CHECKING:
    from torch import Tensor


class _Choice(Operator):
    """The larger or the smaller of two numbers."""

    units = "joined"
    category, inputs, steady = "elementwise", ("a", "b"), True

    @classmethod
    def infer_shape(cls, a: Shape, b: Shape) -> Shape:
        return broadcast(a, b, cls.name)


def _unless_lost(g: Tensor, loses: Tensor, ties: Tensor) -> Tensor:
    """0 where this side loses, half of g in a tie, else g: so beside NaN, as torch does."""
    return torch.where(loses, torch.zeros_like(g), torch.where(ties, g / 2, g))


def _pairs(reference: Callable[..., Any]) -> tuple[Case, ...]:
    shapes = (((3, 4), (3, 4)), ((2, 3, 4), (4,)), ((3, 1), (1, 4)), ((), (3,)))
    return tuple(Case(s, reference=reference) for s in shapes)


@register
class Maximum(_Choice):
    """The larger of two numbers, element by element: y = max(a, b).

    Inputs:
        a, b: shapes that broadcast.
    Output:
        y: the broadcast shape.
    Gradient:
        g goes to the larger of a and b; in a tie each gets g / 2. Where one is NaN, y is NaN
        and both get g.
    Source:
        torch.maximum; ONNX Max-13. (Max is the reduction: the largest along an axis.)
    """

    onnx, aliases = "Max", ("max", "larger", "elementwise max")
    formula = r"y = \max(a, b)"
    derivative = r"\partial y/\partial a = 1\ \text{if } a > b \text{, else } 0"
    keras = KerasCode("ops.maximum({a}, {b})", "any")

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        return torch.maximum(a, b)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        ties = a == b
        return _unless_lost(g, a < b, ties), _unless_lost(g, a > b, ties)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _pairs(torch.maximum)


@register
class Minimum(_Choice):
    """The smaller of two numbers, element by element: y = min(a, b).

    Inputs:
        a, b: shapes that broadcast.
    Output:
        y: the broadcast shape.
    Gradient:
        g goes to the smaller of a and b; in a tie each gets g / 2. Where one is NaN, y is NaN
        and both get g.
    Source:
        torch.minimum; ONNX Min-13. (Min is the reduction: the smallest along an axis.)
    """

    onnx, aliases = "Min", ("min", "smaller", "elementwise min")
    formula = r"y = \min(a, b)"
    derivative = r"\partial y/\partial a = 1\ \text{if } a < b \text{, else } 0"
    keras = KerasCode("ops.minimum({a}, {b})", "any")

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        return torch.minimum(a, b)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        ties = a == b
        return _unless_lost(g, a > b, ties), _unless_lost(g, a < b, ties)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _pairs(torch.minimum)


def _clip_code(v: Values) -> str:
    if v["min"] is None and v["max"] is None:
        return str(v["x"])
    return "torch.clip({x}, {min}, {max})".format(**v)


def _keras_clip(call: KerasCall) -> str:
    low, high = (call.attributes[n] for n in ("min", "max"))
    x = call.inputs["x"]
    x = x if low is None else f"ops.maximum({x}, {source(low)})"
    return x if high is None else f"ops.minimum({x}, {source(high)})"


@register
class Clip(Operator):
    """Hold the number between two bounds: y = min(max(x, lower), upper).

    Inputs:
        x: any shape.
    Attributes:
        min: lower bound; None is no bound.
        max: upper bound; None is no bound. Below ``min`` it wins everywhere.
    Output:
        y: same shape, from min to max.
    Gradient:
        ∂L/∂x = g where min ≤ x ≤ max (the bounds included), else 0, even if g is not finite:
        √(Clip x) has the gradient 0 where it clips at 0.
    Source:
        torch.clamp; ONNX Clip-13.
    """

    category, steady = "elementwise", True
    onnx, aliases = "Clip", ("clamp", "limit", "bound")
    attrs = (
        Attr("min", 0.0, "Lower bound; empty is no bound.", "float", optional=True),
        Attr("max", 1.0, "Upper bound; empty is no bound.", "float", optional=True),
    )
    formula = r"y = \min(\max(x, l), u)"
    derivative = r"\partial y/\partial x = 1\ \text{if } l \leq x \leq u \text{, else } 0"
    torch_code = TorchCode(_clip_code)
    keras = KerasCode(_keras_clip, "any")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        limits = (call.attributes["min"], call.attributes["max"])
        names = ["" if limit is None else call.tensor(limit) for limit in limits]
        return call.node("Clip", call.x, *names)

    @staticmethod
    def infer_shape(x: Shape, *, min: float | None, max: float | None) -> Shape:
        return x

    @staticmethod
    def forward(x: Tensor, *, min: float | None, max: float | None) -> Tensor:
        return x if min is None and max is None else torch.clamp(x, min, max)

    @staticmethod
    def vjp(
        g: Tensor, y: Tensor, x: Tensor, *, min: float | None, max: float | None
    ) -> tuple[Tensor]:
        # Not y == x: with crossed bounds every value is clipped, though one may lie on a bound.
        inside = torch.ones_like(x, dtype=torch.bool)
        if min is not None:
            inside &= x >= min
        if max is not None:
            inside &= x <= max
        return (torch.where(inside, g, torch.zeros_like(g)),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(low: float | None, high: float | None) -> Case:
            return Case(
                ((3, 4),), {"min": low, "max": high}, lambda x: torch.clamp(x, low, high), "any"
            )

        return case(-0.5, 0.5), case(None, 0.3), case(-0.2, None), case(0.5, -0.5)


@register
class Where(Operator):
    """Choose element by element: y = a where the condition is not 0, else b.

    Inputs:
        condition: 0 (no) or anything else (yes), a shape that broadcasts with a and b.
        a: taken where the condition holds.
        b: taken elsewhere.
    Output:
        y: the broadcast shape.
    Gradient:
        ∂L/∂a = g where the condition holds, ∂L/∂b = g elsewhere, 0 in the other places.
        The condition has none: it is a switch.
    Source:
        torch.where; ONNX Where-16.
    """

    category, steady = "elementwise", True
    onnx, aliases = "Where", ("if", "switch", "select", "mask")
    inputs = ("condition", "a", "b")
    formula = r"y = a\ \text{if } c \neq 0 \text{, else } b"
    derivative = (
        r"\partial y/\partial a = 1\ \text{if } c \neq 0 \text{, else } 0,\ "
        r"\partial y/\partial b = 1 - \partial y/\partial a"
    )
    torch_code = TorchCode("torch.where({condition} != 0, {a}, {b})")
    keras = KerasCode("ops.where({condition} != 0, {a}, {b})", "any")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        condition, a, b = call.inputs
        return call.node("Where", call.node("Cast", condition, to=BOOL), a, b)

    @staticmethod
    def infer_shape(condition: Shape, a: Shape, b: Shape) -> Shape:
        try:
            return broadcast(condition, broadcast(a, b))
        except ShapeError as error:
            raise ShapeError(f"Where: {str(error).removeprefix('Broadcast: ')}") from None

    @staticmethod
    def forward(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return torch.where(condition != 0, a, b)

    @staticmethod
    def vjp(
        g: Tensor, y: Tensor, condition: Tensor, a: Tensor, b: Tensor
    ) -> tuple[None, Tensor, Tensor]:
        holds, zero = condition != 0, torch.zeros_like(g)
        return None, torch.where(holds, g, zero), torch.where(holds, zero, g)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
            return torch.where(condition != 0, a, b)

        domain = ("mask", "any", "any")
        return (
            Case(((3, 4), (3, 4), (3, 4)), reference=reference, domain=domain),
            Case(((3, 1), (1, 4), ()), reference=reference, domain=domain),
        )
