"""Several calls that are one layer: Linear with its bias, SiLU, GELU, normalisation, attention.

A pattern looks at one call and what comes before it, and writes another call in its place where
both compute the same; what nothing reads afterwards is left out when nodes are made.
"""

from __future__ import annotations

from graphcore.exchange.onnx.patterns import activations, attention, axes, norms, weights
from graphcore.exchange.onnx.patterns.calls import PATTERNS, Calls
from graphcore.exchange.program import Program

__all__ = ["activations", "attention", "axes", "norms", "simplify", "weights"]

MOST_STEPS = 8
"""How often one call may become another."""


def simplify(program: Program) -> None:
    """Rewrite the calls of a program in place."""
    calls = Calls(program)
    for call in program.calls:
        for _ in range(MOST_STEPS):
            if not any(pattern(calls, call) for pattern in PATTERNS.get(call.target, ())):
                break
            calls.changed(call)
    program.calls = calls.ordered()
