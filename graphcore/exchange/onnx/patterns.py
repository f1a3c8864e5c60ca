"""Several calls that are one layer: Linear with its bias, SiLU, GELU, normalisation, attention."""

from __future__ import annotations

from graphcore.exchange.program import Program


def simplify(program: Program) -> None:
    """Rewrite calls of a program in place."""
