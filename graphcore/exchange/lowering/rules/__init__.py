"""One rule for each aten call that operators of ours compute; importing a family registers its."""

from graphcore.exchange.lowering.rules import (  # noqa: F401 - importing registers the rules
    attention,
    axes,
    constants,
    elementwise,
    layers,
    losses,
    placeholders,
    pooling,
    recurrent,
    reductions,
)
from graphcore.exchange.lowering.rules.table import RULES

__all__ = ["RULES"]
