"""Operators: one class each, one family per file, one table (``registry``)."""

from graphcore.ops import (  # noqa: F401 - importing a family registers its operators
    activation,
    activation_piecewise,
    activation_smooth,
    composite,
    convolution,
    dropout,
    elementwise,
    elementwise_choice,
    elementwise_math,
    formula,
    linear,
    loss,
    normalization,
    pooling,
    reduction,
    shape,
    source,
)
from graphcore.ops.registry import (
    CATEGORIES,
    REQUIRED,
    Attr,
    Case,
    Context,
    Operator,
    OperatorClass,
    all_operators,
    get,
    names,
    register,
)

__all__ = [
    "CATEGORIES",
    "REQUIRED",
    "Attr",
    "Case",
    "Context",
    "Operator",
    "OperatorClass",
    "all_operators",
    "get",
    "names",
    "register",
]
