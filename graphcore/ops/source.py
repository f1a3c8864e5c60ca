"""Where values enter a graph, and where they leave a composite."""

from __future__ import annotations

from typing import Any

from graphcore.dims import N, Shape
from graphcore.errors import ShapeError
from graphcore.ops.registry import REQUIRED, Attr, Case, Operator, register

_DTYPE = Attr("dtype", "float", "Floating-point numbers, whole-number indices, or yes and no.",
              choices=("float", "int", "bool"))  # fmt: skip


class _Source(Operator):
    """A node without inputs; the engine supplies its value."""

    category, inputs = "source", ()

    @staticmethod
    def forward() -> Any:
        raise AssertionError("the engine supplies the value of a source")

    @staticmethod
    def vjp(g: Any, y: Any) -> tuple[Any, ...]:
        return ()

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return ()


@register
class Input(_Source):
    """Data fed into the graph: an image, a row of a table, a number.

    Attributes:
        shape: shape of one sample, without the batch axis.
        batch: whether a batch axis N stands in front; without it the value is one tensor.
        dtype: "float", or "int" for indices (the input of an Embedding).
        value: fed when nothing else is; numbers of the given shape, or None.
    Output:
        y: shape (N, *shape), or shape where batch is off.
    Gradient:
        Shown in inspect mode: the gradient of the loss with respect to the data.
    Source:
        ONNX graph input.
    """

    aliases = ("data", "image", "placeholder")
    attrs = (
        Attr("shape", REQUIRED, "Shape of one sample, without the batch axis.", "shape"),
        Attr("batch", True, "Whether a batch axis stands in front."),
        Attr("dtype", "float", "Floating-point numbers or whole-number indices.",
             choices=("float", "int")),
        Attr("value", None, "Fed when nothing else is.", "array", optional=True),
    )  # fmt: skip

    @staticmethod
    def infer_shape(*, shape: Shape, batch: bool, dtype: str, value: Any) -> Shape:
        return (N, *shape) if batch else shape


@register
class Target(_Source):
    """What the net should answer: class indices, probabilities or numbers.

    Output:
        y: class indices (N,) as int64, or floats of the shape that the loss asks for.
    Gradient:
        None for class indices.
    """

    aliases = ("label", "ground truth", "y")

    @staticmethod
    def infer_shape() -> None:
        return None


@register
class Parameter(_Source):
    """A tensor that training changes, as a node of its own: shared weights, or to teach.

    Attributes:
        shape: shape of the tensor; () is a single number.
    Output:
        y: the tensor itself, without a batch axis.
    Gradient:
        ∂L/∂y, the sum over all that use it.
    Source:
        torch.nn.Parameter; ONNX initializer.
    """

    aliases = ("weight", "variable", "bias")
    initializers = {"value": "uniform_fan_in"}
    attrs = (Attr("shape", REQUIRED, "Shape of the tensor.", "shape"),)

    @staticmethod
    def infer_shape(*, shape: Shape) -> Shape:
        return shape

    @staticmethod
    def parameter_shapes(*, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        return {"value": shape}


@register
class Constant(_Source):
    """Numbers that never change.

    Attributes:
        value: a number, or nested lists of numbers.
        dtype: "float"; "int" for indices; "bool" for a mask.
    Output:
        y: a tensor of the shape of the lists; () for a number.
    Gradient:
        None: nothing to learn.
    Source:
        ONNX Constant-13.
    """

    onnx = "Constant"
    aliases = ("number", "literal")
    attrs = (
        Attr("value", 1.0, "A number, or nested lists of numbers.", "array"),
        _DTYPE,
    )

    @staticmethod
    def infer_shape(*, value: Any, dtype: str) -> Shape:
        shape: list[int] = []
        while isinstance(value, tuple):
            shape.append(len(value))
            value = value[0] if value else 0.0
        return tuple(shape)


@register
class Buffer(_Source):
    """A table of numbers that belongs to the net but is not learned, kept with its weights.

    A positional table or a scale of an imported net, which a file of its weights brings too.

    Attributes:
        shape: shape of the tensor; () is a single number.
        dtype: "float"; "int" for indices; "bool" for a mask.
        start: the numbers that it holds until weights are loaded; left out, zeros.
    Output:
        y: the tensor itself, without a batch axis.
    Gradient:
        None: nothing to learn.
    Source:
        torch.nn.Module.register_buffer.
    """

    aliases = ("table", "mask", "register_buffer")
    attrs = (
        Attr("shape", REQUIRED, "Shape of the tensor.", "shape"),
        _DTYPE,
        Attr("start", None, "Numbers until weights are loaded.", "array", optional=True),
    )

    @staticmethod
    def infer_shape(*, shape: Shape, dtype: str, start: Any) -> Shape:
        if start is not None and Constant.infer_shape(value=start, dtype=dtype) != shape:
            raise ShapeError(f"Buffer: start is not of the shape {shape}.")
        return shape
