"""Matrix products."""

from __future__ import annotations

from typing import Any

from graphcore.exchange.onnx.operators.elementwise import scaled
from graphcore.exchange.onnx.operators.table import OnnxNode, operator
from graphcore.exchange.onnx.tracing import Traced, Tracer


def transposed(t: Tracer, x: Traced) -> Traced:
    """A matrix with rows and columns exchanged."""
    found: Traced = t.call("transpose.int", self=x, dim0=0, dim1=1)
    return found


@operator("Gemm")
def gemm(t: Tracer, n: OnnxNode) -> Any:
    """alpha · A · B + beta · C; a Linear where B holds weights."""
    a, b, c = n.input(0), n.input(1), n.optional(2)
    alpha, beta = float(n.get("alpha", 1.0)), float(n.get("beta", 1.0))
    turn_a, turn_b = bool(n.get("transA", 0)), bool(n.get("transB", 0))
    if b.fixed and (b.origin or not a.known) and not turn_a and alpha == 1:
        weight = b if turn_b else transposed(t, b)
        bias = None if c is None or beta != 1 else _bias(t, c, weight.dim(0))
        y = t.call("linear", input=a, weight=weight, bias=bias)
        if bias is not None or c is None:
            return y
    else:
        left, right = (transposed(t, m) if turn else m for m, turn in ((a, turn_a), (b, turn_b)))
        y = scaled(t, t.call("mm", self=left, mat2=right), alpha)
    if c is None or not beta:
        return y
    return t.call("add.Tensor", self=y, other=scaled(t, c, beta))


def _bias(t: Tracer, c: Traced, width: int) -> Traced | None:
    """C as a bias for each column, where it is one."""
    if not c.fixed or c.array().size != width or (c.rank == 2 and c.dims[0] != 1):
        return None
    found: Traced = c if c.rank == 1 else t.call("reshape", self=c, shape=[width])
    return found


@operator("MatMul")
def matmul(t: Tracer, n: OnnxNode) -> Any:
    a, b = n.input(0), n.input(1)
    if (
        b.fixed
        and b.rank == 2
        and a.rank >= 2
        and b.number == "float"
        and (b.origin or not a.known)
    ):
        return t.call("linear", input=a, weight=transposed(t, b))
    return t.call("matmul", self=a, other=b)


@operator("Einsum")
def einsum(t: Tracer, n: OnnxNode) -> Any:
    equation = n.get("equation", "").replace(" ", "")
    return t.call("einsum", equation=equation, tensors=list(n.inputs))
