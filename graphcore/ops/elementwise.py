"""Arithmetic element by element, with broadcasting."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from graphcore.dims import Shape, broadcast
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCode
from graphcore.ops.kernels.buffered import Closure, Kernels, run_all
from graphcore.ops.registry import Case, Context, Operator, register, same_shape
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor


class _Binary(Operator):
    """Two inputs that broadcast; the engine sums gradients over broadcast axes."""

    category, inputs, steady = "elementwise", ("a", "b"), True

    @classmethod
    def infer_shape(cls, a: Shape, b: Shape) -> Shape:
        return broadcast(a, b, cls.name)


def _binary_cases(reference: Any, domain: str = "any") -> tuple[Case, ...]:
    pairs = (((3, 4), (3, 4)), ((2, 3, 4), (4,)), ((3, 1), (1, 4)), ((), (3,)), ((), ()))
    return tuple(Case(p, reference=reference, domain=domain) for p in pairs)


@register
class Add(_Binary):
    """Sum of two tensors: y = a + b.

    Inputs:
        a, b: shapes that broadcast.
    Output:
        y: the broadcast shape.
    Gradient:
        ∂L/∂a = g, ∂L/∂b = g: an addition hands the gradient on unchanged.
    Source:
        torch.add; ONNX Add-14.
    """

    units, adds = "joined", True
    onnx, aliases = "Add", ("+", "plus", "sum", "skip", "residual")
    formula, derivative = r"y = a + b", r"\partial y/\partial a = 1,\ \partial y/\partial b = 1"
    torch_code = TorchCode("{a} + {b}")
    keras = KerasCode("{a} + {b}", "any")

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        return a + b

    @staticmethod
    def vjp(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return g, g

    @staticmethod
    def lower(ctx: Context, a: Tensor, b: Tensor) -> Kernels | None:
        if a.shape != b.shape or a.dtype != b.dtype:
            return None
        y = torch.empty_like(a)

        def backward(g: Tensor, *targets: Tensor | None) -> Closure:
            return run_all(*(partial(t.copy_, g) for t in targets if t is not None))

        return Kernels(y, lambda: torch.add(a, b, out=y), backward)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _binary_cases(lambda a, b: a + b)


@register
class Sub(_Binary):
    """Difference of two tensors: y = a − b.

    Inputs:
        a, b: shapes that broadcast.
    Output:
        y: the broadcast shape.
    Gradient:
        ∂L/∂a = g, ∂L/∂b = −g.
    Source:
        torch.sub; ONNX Sub-14.
    """

    units, adds = "joined", True
    onnx, aliases = "Sub", ("-", "minus", "subtract")
    formula, derivative = r"y = a - b", r"\partial y/\partial a = 1,\ \partial y/\partial b = -1"
    torch_code = TorchCode("{a} - {b}")
    keras = KerasCode("{a} - {b}", "any")

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        return a - b

    @staticmethod
    def vjp(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return g, -g

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _binary_cases(lambda a, b: a - b)


@register
class Mul(_Binary):
    """Product element by element: y = a · b.

    Inputs:
        a, b: shapes that broadcast.
    Output:
        y: the broadcast shape.
    Gradient:
        ∂L/∂a = g · b, ∂L/∂b = g · a: each side gets the other as its local derivative.
    Source:
        torch.mul; ONNX Mul-14.
    """

    units = "joined"
    onnx, aliases = "Mul", ("*", "times", "multiply", "product")
    formula, derivative = r"y = a \cdot b", r"\partial y/\partial a = b,\ \partial y/\partial b = a"
    torch_code = TorchCode("{a} * {b}")
    keras = KerasCode("{a} * {b}", "any")

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        return a * b

    @staticmethod
    def vjp(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return g * b, g * a

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _binary_cases(lambda a, b: a * b)


@register
class Div(_Binary):
    """Quotient element by element: y = a / b.

    Inputs:
        a, b: shapes that broadcast; division by 0 gives ±∞ or NaN.
    Output:
        y: the broadcast shape.
    Gradient:
        ∂L/∂a = g / b, ∂L/∂b = −g · a / b².
    Source:
        torch.div; ONNX Div-14.
    """

    units = "joined"
    onnx, aliases = "Div", ("/", "divide")
    formula = r"y = \frac{a}{b}"
    derivative = r"\partial y/\partial a = \frac{1}{b},\ \partial y/\partial b = -\frac{a}{b^2}"
    torch_code = TorchCode("{a} / {b}")
    keras = KerasCode("{a} / {b}", "any")

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        return a / b

    @staticmethod
    def vjp(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return g / b, -g * (y / b)  # (g / b) · y would overflow where b is tiny and y is 0

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _binary_cases(lambda a, b: a / b, "away")


@register
class Pow(_Binary):
    """Power element by element: y = a ** b.

    Inputs:
        a: base; b: exponent. Shapes that broadcast. A negative base needs a whole exponent.
    Output:
        y: the broadcast shape.
    Gradient:
        ∂L/∂a = g · b · a^(b−1) (0 where b = 0); ∂L/∂b = g · y · ln a (0 where a = 0 and b ≥ 0).
    Source:
        torch.pow, whose conventions at 0 are taken over; ONNX Pow-15.
    """

    onnx, aliases = "Pow", ("^", "**", "power", "square")
    formula = r"y = a^b"
    derivative = r"\partial y/\partial a = b\,a^{b-1},\ \partial y/\partial b = a^b \ln a"
    torch_code = TorchCode("{a} ** {b}")
    keras = KerasCode("ops.power({a}, {b})", "any")

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        return torch.pow(a, b)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        zero = y.new_zeros(())
        ga = torch.where(b == 0, zero, g * (b * torch.pow(a, b - 1)))
        gb = torch.where((a == 0) & (b >= 0), zero, g * (y * torch.log(a)))
        return ga, gb

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _binary_cases(torch.pow, "positive")


@register
class Neg(Operator):
    """Negation: y = −x.

    Inputs:
        x: any shape.
    Output:
        y: same shape.
    Gradient:
        ∂L/∂x = −g.
    Source:
        torch.neg; ONNX Neg-13.
    """

    category, onnx, aliases = "elementwise", "Neg", ("-", "minus", "negate")
    steady = True
    formula, derivative = r"y = -x", r"\partial y/\partial x = -1"
    infer_shape = staticmethod(same_shape)
    torch_code = TorchCode("-{x}")
    keras = KerasCode("-{x}", "any")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return -x

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (-g,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=lambda x: -x),)


@register
class Exp(Operator):
    """The exponential function: y = eˣ.

    Inputs:
        x: any shape; above 88 a float32 result is infinite.
    Output:
        y: same shape, > 0.
    Gradient:
        ∂L/∂x = g · y: the exponential is its own derivative.
    Source:
        torch.exp; ONNX Exp-13.
    """

    category, onnx, steady = "elementwise", "Exp", True
    formula, derivative = r"y = e^x", r"\partial y/\partial x = y"
    infer_shape = staticmethod(same_shape)
    keras = KerasCode("ops.exp({x})", "any")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.exp(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (g * y,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.exp),)


@register
class Log(Operator):
    """The natural logarithm: y = ln x.

    Inputs:
        x: any shape, > 0 (0 gives −∞, less gives NaN).
    Output:
        y: same shape.
    Gradient:
        ∂L/∂x = g / x.
    Source:
        torch.log; ONNX Log-13.
    """

    category, onnx, aliases, steady = "elementwise", "Log", ("ln",), True
    formula, derivative = r"y = \ln x", r"\partial y/\partial x = \frac{1}{x}"
    infer_shape = staticmethod(same_shape)
    keras = KerasCode("ops.log({x})", "any")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.log(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (g / x,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.log, domain="positive"),)
