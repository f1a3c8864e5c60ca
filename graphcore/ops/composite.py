"""The operator of a node that holds a sub-graph, and the marker of its outputs."""

from __future__ import annotations

from typing import Any

from graphcore.errors import ShapeError
from graphcore.ops.keras_code import layer
from graphcore.ops.onnx_code import plain
from graphcore.ops.registry import Attr, Case, Operator, register, same_shape
from graphcore.ops.torch_code import TorchCode


@register
class Composite(Operator):
    """A sub-graph shown as one node, such as a residual block or an attention head.

    Its inputs are the Input and Target nodes inside, its outputs the Output nodes. The engine
    sees the flattened graph; a parameter inside is called ``composite/node.input``.

    Attributes:
        title: what it is, such as the class of an imported module; shown under its name.
    """

    category, inputs, outputs = "composite", (), ()
    aliases = ("group", "block", "subgraph")
    attrs = (Attr("title", "", "What it is: the class of an imported module."),)

    @staticmethod
    def infer_shape(**attributes: Any) -> Any:
        raise ShapeError("A composite needs a graph inside: group nodes to make one (Ctrl+G).")

    @staticmethod
    def forward() -> Any:
        raise AssertionError("the engine runs the flattened graph")

    @staticmethod
    def vjp(g: Any, y: Any) -> tuple[Any, ...]:
        raise AssertionError("the engine runs the flattened graph")

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return ()


@register
class Output(Operator):
    """Names a value as an output of the composite it stands in; passes it through.

    Inputs:
        x: any shape.
    Output:
        y: x unchanged.
    Gradient:
        ∂L/∂x = g.
    Source:
        ONNX graph output.
    """

    category = "composite"
    infer_shape = staticmethod(same_shape)
    torch_code = TorchCode("{x}")
    onnx_form = staticmethod(plain("Identity"))
    keras = layer("Identity")

    @staticmethod
    def forward(x: Any) -> Any:
        return x

    @staticmethod
    def vjp(g: Any, y: Any, x: Any) -> tuple[Any, ...]:
        return (g,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 2),), reference=lambda x: x),)
