"""Reductions: many numbers to one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from graphcore.dims import Shape, axes, axis, format_shape, reduced, size
from graphcore.errors import EngineError, Fix, ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import Attr, Case, Operator, register
from graphcore.ops.torch_code import TorchCode, Values

if TYPE_CHECKING:
    from torch import Tensor

_AXES = (
    Attr("dim", None, "Axis or axes to reduce; left out: all of them, batch included.", "axes",
         optional=True),
    Attr("keepdim", False, "Whether reduced axes stay, with length 1."),
)  # fmt: skip


def onnx_axes(call: OnnxCall) -> list[str]:
    """Name of the list of axes of a reduction; nothing where it goes over all of them."""
    dim = call.attributes["dim"]
    dims = (dim,) if isinstance(dim, int) else tuple(dim or ())
    return [call.ints(*dims)] if dims else []


def onnx_reduced(call: OnnxCall, operator: str) -> str:
    """Add a reduction to a file."""
    keep = int(call.attributes["keepdim"])
    return call.node(operator, call.x, *onnx_axes(call), keepdims=keep)


def keras_reduced(function: str) -> KerasCode:
    """Return how a reduction is written in Keras."""

    def form(call: KerasCall) -> str | Layer:
        dim, keep = call.attributes["dim"], call.attributes["keepdim"]
        if dim in (None, ()):
            call.refuse("works along the batch")
        if call.attributes.get("correction"):
            call.refuse(f"a variance with correction={call.attributes['correction']}")
        dims = [d % call.rank for d in ((dim,) if isinstance(dim, int) else dim)]
        call.graph_order = 1 in dims and not keep
        if function == "mean" and call.last and dims == list(range(2, call.rank)):
            kind = f"GlobalAveragePooling{call.rank - 2}D"
            return call.layer(kind, keepdims=keep or None)
        places = sorted(call.axis(d) for d in dims)
        named = places[0] if len(places) == 1 else tuple(places)
        kept = ", keepdims=True" if keep else ""
        return f"ops.{function}({call.inputs['x']}, axis={named}{kept})"

    return KerasCode(form, "any")


class _Reduction(Operator):
    """Reduces the axes ``dim``; no axis named, or an empty list, means all of them."""

    category, steady = "reduction", True
    attrs: ClassVar[tuple[Attr, ...]] = _AXES

    @classmethod
    def infer_shape(cls, x: Shape, *, dim: Any, keepdim: bool) -> Shape:
        return reduced(x, None if dim == () else dim, keepdim, cls.name)


def _spread(g: Tensor, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    """Lay a reduced tensor out over x again: each number of x sees that of its reduction."""
    if dim not in (None, ()) and not keepdim:
        for d in sorted(d % x.dim() for d in ((dim,) if isinstance(dim, int) else dim)):
            g = g.unsqueeze(d)
    return g.expand_as(x)


def _cases(function: Any, domain: str = "any") -> tuple[Case, ...]:
    """Everything, one axis, two axes, kept axes and a single number."""

    def case(shape: tuple[int, ...], **a: Any) -> Case:
        full = {"dim": None, "keepdim": False, **a}
        return Case((shape,), a, lambda x: function(x, **full), domain)

    return (
        case((3, 4)), case((3, 4), dim=1), case((3, 4), dim=-2, keepdim=True),
        case((2, 3, 4), dim=(0, 2)), case((2, 3, 4), dim=(1, 2), keepdim=True), case(()),
        case((3, 4), dim=()),
    )  # fmt: skip


@register
class Sum(_Reduction):
    """Add up along axes: y = Σ x.

    Inputs:
        x: any shape.
    Attributes:
        dim: axis or axes to add up; None adds up everything, the batch included.
        keepdim: whether the axes stay, with length 1.
    Output:
        y: x's shape without ``dim``.
    Gradient:
        ∂L/∂x = g, handed to every summand.
    Source:
        torch.sum; ONNX ReduceSum-13.
    """

    sums = "inputs"
    onnx, aliases = "ReduceSum", ("add up", "total")
    formula, derivative = r"y = \sum_i x_i", r"\partial y/\partial x_i = 1"
    keras = keras_reduced("sum")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return onnx_reduced(call, "ReduceSum")

    @staticmethod
    def forward(x: Tensor, *, dim: Any, keepdim: bool) -> Tensor:
        return torch.sum(x, dim, keepdim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim: Any, keepdim: bool) -> tuple[Tensor]:
        return (_spread(g, x, dim, keepdim),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(torch.sum)


@register
class Mean(_Reduction):
    """Average along axes: y = Σ x / n.

    Inputs:
        x: any shape.
    Attributes:
        dim: axis or axes to average; None averages everything, the batch included.
        keepdim: whether the axes stay, with length 1.
    Output:
        y: x's shape without ``dim``.
    Gradient:
        ∂L/∂x = g / n, n the number of values averaged.
    Source:
        torch.mean; ONNX ReduceMean-13.
    """

    sums = "inputs"
    onnx, aliases = "ReduceMean", ("average", "global average pooling")
    formula, derivative = r"y = \frac{1}{n}\sum_i x_i", r"\partial y/\partial x_i = \frac{1}{n}"
    keras = keras_reduced("mean")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return onnx_reduced(call, "ReduceMean")

    @staticmethod
    def forward(x: Tensor, *, dim: Any, keepdim: bool) -> Tensor:
        return torch.mean(x, dim, keepdim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim: Any, keepdim: bool) -> tuple[Tensor]:
        return (_spread(g, x, dim, keepdim) * (y.numel() / max(x.numel(), 1)),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(torch.mean)


def _extreme_code(function: str) -> TorchCode:
    def code(v: Values) -> str:
        dim = () if v["dim"] is None else v["dim"]
        return f"torch.{function}({v['x']}, {dim}, keepdim={v['keepdim']})"

    return TorchCode(code)


class _Extreme(_Reduction):
    """The largest or the smallest value; ties share the gradient equally, as torch.amax does."""

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim: Any, keepdim: bool) -> tuple[Tensor]:
        winners = (x == _spread(y, x, dim, keepdim)).to(x.dtype)
        count = torch.sum(winners, dim, keepdim)
        return (winners * _spread(g / count, x, dim, keepdim),)


@register
class Max(_Extreme):
    """The largest value along axes: y = max x.

    Inputs:
        x: any shape.
    Attributes:
        dim: axis or axes to reduce; None takes the largest of all, the batch included.
        keepdim: whether the axes stay, with length 1.
    Output:
        y: x's shape without ``dim``.
    Gradient:
        g goes to the largest value; values that tie share it equally.
    Source:
        torch.amax; ONNX ReduceMax-18. (Maximum compares two tensors.)
    """

    onnx, aliases = "ReduceMax", ("largest", "amax", "global max pooling")
    formula = r"y = \max_i x_i"
    derivative = r"\partial y/\partial x_i = 1\ \text{if } x_i = y \text{, else } 0"
    torch_code = _extreme_code("amax")
    keras = keras_reduced("max")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return onnx_reduced(call, "ReduceMax")

    @staticmethod
    def forward(x: Tensor, *, dim: Any, keepdim: bool) -> Tensor:
        return torch.amax(x, () if dim is None else dim, keepdim)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def amax(x: Tensor, dim: Any, keepdim: bool) -> Tensor:
            return torch.amax(x, () if dim is None else dim, keepdim)

        return _cases(amax, "distinct")


@register
class Min(_Extreme):
    """The smallest value along axes: y = min x.

    Inputs:
        x: any shape.
    Attributes:
        dim: axis or axes to reduce; None takes the smallest of all, the batch included.
        keepdim: whether the axes stay, with length 1.
    Output:
        y: x's shape without ``dim``.
    Gradient:
        g goes to the smallest value; values that tie share it equally.
    Source:
        torch.amin; ONNX ReduceMin-18. (Minimum compares two tensors.)
    """

    onnx, aliases = "ReduceMin", ("smallest", "amin")
    formula = r"y = \min_i x_i"
    derivative = r"\partial y/\partial x_i = 1\ \text{if } x_i = y \text{, else } 0"
    torch_code = _extreme_code("amin")
    keras = keras_reduced("min")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return onnx_reduced(call, "ReduceMin")

    @staticmethod
    def forward(x: Tensor, *, dim: Any, keepdim: bool) -> Tensor:
        return torch.amin(x, () if dim is None else dim, keepdim)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def amin(x: Tensor, dim: Any, keepdim: bool) -> Tensor:
            return torch.amin(x, () if dim is None else dim, keepdim)

        return _cases(amin, "distinct")


def _count(shape: Shape, dim: Any) -> Any:
    """How many values meet in one result."""
    return size(shape[i] for i in axes(None if dim == () else dim, shape, "Var"))


@register
class Var(_Reduction):
    """The variance along axes: how far the values lie from their mean.

    Inputs:
        x: any shape.
    Attributes:
        dim: axis or axes to reduce; None takes all values, the batch included.
        keepdim: whether the axes stay, with length 1.
        correction: taken off the number of values n: 1 for a sample (unbiased), 0 for a
            population.
    Output:
        y: x's shape without ``dim``, ≥ 0.
    Gradient:
        ∂L/∂x = 2 g (x − mean(x)) / (n − correction).
    Source:
        torch.var; Bessel's correction.
    """

    aliases = ("variance", "spread", "standard deviation")
    attrs = (
        *_AXES,
        Attr("correction", 1, "Taken off the number of values in the divisor.", minimum=0),
    )
    formula = r"y = \frac{1}{n - c}\sum_i (x_i - \overline{x})^2"
    derivative = r"\partial y/\partial x_i = \frac{2}{n - c}(x_i - \overline{x})"
    keras = keras_reduced("var")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        dim, correction = call.attributes["dim"], call.attributes["correction"]
        axes = onnx_axes(call)
        listed = range(call.rank) if not axes else [dim] if isinstance(dim, int) else dim
        mean = call.node("ReduceMean", call.x, *axes, keepdims=1)
        apart = call.node("Sub", call.x, mean)
        keep = int(call.attributes["keepdim"])
        if correction == 0:
            return call.node("ReduceMean", call.node("Mul", apart, apart), *axes, keepdims=keep)
        count = math.prod(call.fixed(i) for i in listed)
        total = call.node("ReduceSum", call.node("Mul", apart, apart), *axes, keepdims=keep)
        return call.node("Div", total, call.tensor(count - correction))

    @classmethod
    def infer_shape(cls, x: Shape, *, dim: Any, keepdim: bool, correction: int = 1) -> Shape:
        y = super().infer_shape(x, dim=dim, keepdim=keepdim)
        count = _count(x, dim)
        if isinstance(count, int) and count <= correction:
            raise ShapeError(
                f"Var of {count} value with correction={correction} would divide by 0 in x of "
                f"shape {format_shape(x)}.",
                Fix("set", "Set correction to 0", attributes={"correction": 0}),
            )
        return y

    @staticmethod
    def forward(x: Tensor, *, dim: Any, keepdim: bool, correction: int) -> Tensor:
        if _count(tuple(x.shape), dim) <= correction:
            raise EngineError(
                f"Var with correction={correction} needs more than {correction} values, gets x "
                f"of shape {tuple(x.shape)}."
            )
        return torch.var(x, dim, correction=correction, keepdim=keepdim)

    @staticmethod
    def vjp(
        g: Tensor, y: Tensor, x: Tensor, *, dim: Any, keepdim: bool, correction: int
    ) -> tuple[Tensor]:
        n = _count(tuple(x.shape), dim)
        mean = _spread(torch.mean(x, dim, keepdim), x, dim, keepdim)
        return (_spread(g, x, dim, keepdim) * (2 / (n - correction)) * (x - mean),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], **a: Any) -> Case:
            full = {"dim": None, **a}
            return Case((shape,), a, lambda x: torch.var(x, **full))

        return (
            case((3, 4)), case((3, 4), dim=1), case((3, 4), dim=-2, keepdim=True),
            case((2, 3, 4), dim=(0, 2), correction=0), case((3, 4), dim=0, correction=0),
            case((5,), dim=0, correction=2), case((), correction=0),
        )  # fmt: skip


@register
class ArgMax(Operator):
    """Where the largest value stands along an axis: the class that scores highest.

    Inputs:
        x: any shape, at least one axis.
    Attributes:
        dim: the axis that is searched; None searches everything, laid out as one row.
        keepdim: whether the axis stays, with length 1.
    Output:
        y: whole numbers (int64) counted from 0; x's shape without ``dim``. The first in a tie.
    Gradient:
        None: an index jumps, it has no slope. That is why nets learn through Softmax.
    Source:
        torch.argmax; ONNX ArgMax-13.
    """

    category, onnx, differentiable = "reduction", "ArgMax", False
    aliases = ("prediction", "predicted class", "index of the largest")
    attrs = (
        Attr("dim", -1, "Axis that is searched; empty searches everything.", "int", optional=True),
        Attr("keepdim", False, "Whether the axis stays, with length 1."),
    )
    formula = r"y = \mathrm{argmax}_i\ x_i"
    derivative = r"\partial y/\partial x_i\ \text{does not exist}"
    keras = keras_reduced("argmax")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        dim, keep = call.attributes["dim"], int(call.attributes["keepdim"])
        if dim is not None:
            return call.node("ArgMax", call.x, axis=dim, keepdims=keep)
        y = call.node("ArgMax", call.reshaped(call.x, (-1,)), axis=0, keepdims=0)
        return call.reshaped(y, [1] * call.rank) if keep else y

    @staticmethod
    def infer_shape(x: Shape, *, dim: int | None, keepdim: bool) -> Shape:
        place = None if dim is None else axis(dim, x, "ArgMax")
        if 0 in (x if place is None else x[place : place + 1]):
            raise ShapeError(f"ArgMax: x of shape {format_shape(x)} has nothing to search.")
        return reduced(x, place, keepdim, "ArgMax")

    @staticmethod
    def forward(x: Tensor, *, dim: int | None, keepdim: bool) -> Tensor:
        return torch.argmax(x, dim, keepdim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim: int | None, keepdim: bool) -> tuple[None]:
        return (None,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(dim: int | None, keepdim: bool = False) -> Case:
            a = {"dim": dim, "keepdim": keepdim}
            return Case(((3, 4),), a, lambda x: torch.argmax(x, dim, keepdim), "distinct")

        return case(-1), case(0, True), case(None)
