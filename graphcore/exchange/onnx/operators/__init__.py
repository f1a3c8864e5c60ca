"""What each operator of ONNX is in aten calls: one function an operator, by family."""

from graphcore.exchange.onnx.operators import (
    cutting,
    elementwise,
    indexing,
    layers,
    making,
    microsoft,
    pooling,
    products,
    quantised,
    recurrent,
    reductions,
    resizing,
    sequences,
    shapes,
)
from graphcore.exchange.onnx.operators.table import OPERATORS

__all__ = [
    "OPERATORS", "cutting", "elementwise", "indexing", "layers", "making", "microsoft", "pooling",
    "products", "quantised", "recurrent", "reductions", "resizing", "sequences", "shapes",
]  # fmt: skip
