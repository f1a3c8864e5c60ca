"""Matrix products and fully connected layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphcore.dims import Batch, Dim, Shape, broadcast, format_shape, size
from graphcore.errors import Fix, ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer
from graphcore.ops.kernels.buffered import Closure, Kernels
from graphcore.ops.kernels.cross_entropy import LANES
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import REQUIRED, Attr, Case, Context, Operator, register
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor


def flatten_fix(x: Shape) -> Fix | None:
    """Offer Flatten where it helps: behind the batch axis there are only known lengths."""
    if any(isinstance(d, Batch) or d == 0 for d in x[1:]):
        return None
    return Fix("insert", "Put Flatten between", "Flatten")


def _keras_linear(call: KerasCall) -> Layer:
    a = call.attributes
    call.weigh(kernel=call.values["weight"].T, bias=call.values.get("bias"))
    return call.layer("Dense", a["out_features"], use_bias=None if a["bias"] else False)


@register
class Linear(Operator):
    """A fully connected layer: y = x Wᵀ + b, a weighted sum of all inputs per output.

    Inputs:
        x: shape (*, in_features); in_features is taken from x.
        weight: W, shape (out_features, in_features).
        bias: b, shape (out_features,).
    Attributes:
        out_features: number of outputs (neurons).
        bias: whether b is added.
    Output:
        y: shape (*, out_features).
    Gradient:
        ∂L/∂x = g W, ∂L/∂W = gᵀ x and ∂L/∂b = Σ g, summed over all leading axes.
    Source:
        torch.nn.Linear; ONNX Gemm-13.
    """

    sums, reduced = "row", True
    units = "made"
    category, onnx = "linear", "Gemm"
    aliases = ("dense", "fc", "fully connected", "affine", "perceptron")
    attrs = (
        Attr("out_features", REQUIRED, "Number of outputs (neurons).", "int", minimum=1),
        Attr("bias", True, "Whether a bias is added to each output."),
    )
    initializers = {"weight": "uniform_fan_in", "bias": "uniform_fan_in"}
    transposed = frozenset({"weight"})
    formula = r"y = x W^\top + b"
    derivative = (
        r"\partial L/\partial x = g W,\ \partial L/\partial W = g^\top x,"
        r"\ \partial L/\partial b = \sum g"
    )
    torch_code = TorchCode(arguments={"in_features": "{weight[1]}"})
    keras = KerasCode(_keras_linear, rows="takes")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        if call.rank == 2:
            return call.node("Gemm", *call.inputs, transB=1)
        x, weight, *bias = call.inputs
        y = call.node("MatMul", x, call.transposed(weight, 1, 0))
        return call.node("Add", y, *bias) if bias else y

    @staticmethod
    def infer_shape(x: Shape, *, out_features: int, bias: bool) -> Shape:
        if not x or isinstance(x[-1], Batch) or x[-1] == 0:
            one_each = Fix("insert", "Make it one feature", "Unsqueeze", attributes={"dim": 1})
            raise ShapeError(
                f"Linear expects (*, in_features), gets {format_shape(x)}.",
                one_each if len(x) == 1 and isinstance(x[0], Batch) else None,
            )
        if len(x) > 3:
            raise ShapeError(
                f"Linear expects (N, in_features), gets {format_shape(x)}: put Flatten between.",
                flatten_fix(x),
            )
        return (*x[:-1], out_features)

    @staticmethod
    def parameter_shapes(x: Shape, *, out_features: int, bias: bool) -> dict[str, Any]:
        shapes = {"weight": (out_features, x[-1])}
        return {**shapes, "bias": (out_features,)} if bias else shapes

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, bias_: Tensor | None = None, *, out_features: int, bias: bool
    ) -> Tensor:
        return torch.nn.functional.linear(x, weight, bias_)

    @staticmethod
    def vjp(
        ctx: Context, g: Tensor, y: Tensor, x: Tensor, weight: Tensor, *_: Tensor, **__: Any
    ) -> tuple[Tensor | None, ...]:
        rows = g.reshape(-1, g.shape[-1])
        gx = g @ weight if ctx.needs[0] else None
        gw = rows.t() @ x.reshape(-1, x.shape[-1]) if ctx.needs[1] else None
        return (gx, gw, rows.sum(0)) if len(ctx.needs) > 2 else (gx, gw)

    @staticmethod
    def lower(
        ctx: Context, x: Tensor, weight: Tensor, bias_: Tensor | None = None, **_: Any
    ) -> Kernels | None:
        inside = x.shape[-1]
        laid = weight.is_contiguous() or weight.t().is_contiguous()
        x_turned = x.dim() == 2 and x.t().is_contiguous()
        if x.dim() < 2 or not ((x.is_contiguous() or x_turned) and laid):
            return None
        y = x.new_empty(*x.shape[:-1], len(weight))
        if x.dim() == 2 and len(weight) < LANES <= len(x):  # as cross-entropy reads few classes
            y = x.new_empty(len(weight), len(x)).t()
        rows = y.view(-1, len(weight))
        ones = x.new_ones(len(rows))

        def forward() -> object:
            if bias_ is None:
                return torch.mm(x.view(-1, inside), weight.t(), out=rows)
            return torch.addmm(bias_, x.view(-1, inside), weight.t(), out=rows)

        def backward(g: Tensor, *targets: Tensor | None) -> Closure:
            gx, gw, gb = (*targets, None)[:3]

            def run() -> None:
                g_rows = g.reshape(rows.shape)
                turned_g = g_rows.t()
                if gw is not None:
                    torch.mm(turned_g, x.view(-1, inside), out=gw)
                if gb is not None:
                    torch.mv(turned_g, ones, out=gb)
                if gx is not None:
                    torch.mm(g_rows, weight, out=gx.view(-1, inside))

            return run

        return Kernels(y, forward, backward)

    @classmethod
    def multiply_adds(cls, shapes: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> Dim:
        return size(y) * shapes[0][-1]

    @staticmethod
    def cases() -> tuple[Case, ...]:
        linear = torch.nn.functional.linear
        return (
            Case(((5, 3),), {"out_features": 4}, linear),
            Case(((5, 3),), {"out_features": 4, "bias": False}, linear),
            Case(((2, 5, 3),), {"out_features": 1}, linear),
            Case(((3,),), {"out_features": 2}, linear),
            Case(((0, 3),), {"out_features": 2}, linear),
        )


@register
class MatMul(Operator):
    """Matrix product of two tensors: yᵢⱼ = Σₖ aᵢₖ bₖⱼ.

    Inputs:
        a: shape (*, n, k), or (k,).
        b: shape (*, k, m), or (k,). Leading axes broadcast.
    Output:
        y: shape (*, n, m); an axis of a one-dimensional input is left out.
    Gradient:
        ∂L/∂a = g bᵀ, ∂L/∂b = aᵀ g.
    Source:
        torch.matmul; ONNX MatMul-13.
    """

    sums, reduced = "product", True
    category, onnx, inputs = "linear", "MatMul", ("a", "b")
    aliases = ("@", "dot", "matrix product")
    formula = r"y = a\,b"
    derivative = r"\partial L/\partial a = g\,b^\top,\ \partial L/\partial b = a^\top g"
    torch_code = TorchCode("{a} @ {b}")
    keras = KerasCode("ops.matmul({a}, {b})")

    @staticmethod
    def infer_shape(a: Shape, b: Shape) -> Shape:
        if not a or not b:
            raise ShapeError("MatMul expects tensors with an axis, gets a single number: use Mul.")
        inner = b[-2] if len(b) > 1 else b[0]
        if a[-1] != inner:
            raise ShapeError(
                f"MatMul: {format_shape(a)} times {format_shape(b)} does not fit; the last axis "
                f"of a ({a[-1]}) must equal the last but one of b ({inner})."
            )
        leading = broadcast(a[:-2], b[:-2], "MatMul")
        return leading + a[-2:-1] + (b[-1:] if len(b) > 1 else ())

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        return torch.matmul(a, b)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        row, column = a.dim() == 1, b.dim() == 1
        a2 = a.unsqueeze(0) if row else a
        b2 = b.unsqueeze(1) if column else b
        g = g.unsqueeze(-1) if column else g
        g = g.unsqueeze(-2) if row else g
        ga, gb = g @ b2.transpose(-1, -2), a2.transpose(-1, -2) @ g
        return ga.squeeze(-2) if row else ga, gb.squeeze(-1) if column else gb

    @classmethod
    def multiply_adds(cls, shapes: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> Dim:
        return size(y) * shapes[0][-1]

    @staticmethod
    def cases() -> tuple[Case, ...]:
        pairs = (
            ((3, 4), (4, 2)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)),
            ((4,), (4, 2)), ((3, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4,)),
        )  # fmt: skip
        return tuple(Case(p, reference=torch.matmul) for p in pairs)
