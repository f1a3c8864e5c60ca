"""Sums of products written with index letters."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from graphcore.dims import Dim, Shape, format_shape
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCode
from graphcore.ops.onnx_code import plain
from graphcore.ops.registry import REQUIRED, Attr, Case, Operator, register
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor

_FORM = re.compile(r"[A-Za-z]*(,[A-Za-z]*)*(->[A-Za-z]*)?")


@register
class Einsum(Operator):
    """A sum of products over letters, such as ``nk,mk->nm``: a matrix times a transposed one.

    Inputs:
        x0, x1, ...: one tensor for each part of the equation, with an axis for each letter.
    Attributes:
        equation: letters of each input, then -> and the letters that y keeps; all others are
            summed over. Without ->, y keeps the letters that occur once, in alphabetic order.
    Output:
        y: an axis for each letter after ->.
    Gradient:
        for each input another Einsum: g times the other inputs, summed over all letters that
        the input does not have.
    Source:
        torch.einsum (without "..." and repeated letters in one input); ONNX Einsum-12.
    """

    category, onnx, inputs, variadic = "linear", "Einsum", (), True
    reduced = True
    aliases = ("einstein summation", "tensor product", "contraction", "bilinear")
    attrs = (Attr("equation", REQUIRED, "Letters of each input -> letters of y.", "text"),)
    formula = r"y_{i k} = \sum_j a_{i j}\, b_{j k}"
    derivative = r"\partial L/\partial a_{i j} = \sum_k g_{i k}\, b_{j k}"
    torch_code = TorchCode("torch.einsum({equation!r}, {inputs})")
    onnx_form = staticmethod(plain("Einsum", equation="equation"))
    keras = KerasCode("ops.einsum({equation}, {inputs})")

    @staticmethod
    def infer_shape(*x: Shape, equation: str) -> Shape:
        parts, result = _parse(equation)
        if len(x) != len(parts):
            raise ShapeError(
                f"Einsum: {equation!r} takes {len(parts)} inputs, {len(x)} are connected."
            )
        lengths: dict[str, Dim] = {}
        for i, (letters, shape) in enumerate(zip(parts, x, strict=True)):
            if len(letters) != len(shape):
                raise ShapeError(
                    f"Einsum: {letters!r} in {equation!r} takes {len(letters)} axes, x{i} has "
                    f"the shape {format_shape(shape)}."
                )
            for letter, length in zip(letters, shape, strict=True):
                if lengths.setdefault(letter, length) != length:
                    raise ShapeError(
                        f"Einsum: {letter!r} in {equation!r} is {lengths[letter]} in one input "
                        f"and {length} in x{i} {format_shape(shape)}."
                    )
        return tuple(lengths[letter] for letter in result)

    @staticmethod
    def forward(*x: Tensor, equation: str) -> Tensor:
        return torch.einsum(equation, *x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, *x: Tensor, equation: str) -> tuple[Tensor, ...]:
        parts, result = _parse(equation)
        gradients = []
        for i, letters in enumerate(parts):
            others = [(p, t) for j, (p, t) in enumerate(zip(parts, x, strict=True)) if j != i]
            known = set(result).union(*(p for p, _ in others))
            reached = "".join(c for c in letters if c in known)
            sources = ",".join((result, *(p for p, _ in others)))
            gx = torch.einsum(f"{sources}->{reached}", g, *(t for _, t in others))
            # A letter that only this input has was summed over: g is the same all along it.
            for place, letter in enumerate(letters):
                if letter not in known:
                    gx = gx.unsqueeze(place)
            gradients.append(gx.expand_as(x[i]))
        return tuple(gradients)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(equation: str, *shapes: tuple[int, ...]) -> Case:
            return Case(shapes, {"equation": equation}, lambda *x: torch.einsum(equation, *x))

        return (
            case("nk,mk->nm", (3, 4), (2, 4)),
            case("nhqd,nhkd->nhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
            case("ij->", (3, 4)),
            case("ij,jk", (3, 4), (4, 2)),
            case("i,j->ij", (3,), (4,)),
            case("ni,ijk,nj->nk", (2, 3), (3, 4, 5), (2, 4)),
            case("ij,k->ik", (3, 4), (2,)),
        )


@lru_cache(maxsize=256)
def _parse(equation: str) -> tuple[tuple[str, ...], str]:
    """Letters of each input and of the output; raises ShapeError."""
    text = equation.replace(" ", "")
    if not text or not _FORM.fullmatch(text):
        raise ShapeError(f"Einsum: {equation!r} is no equation; write letters such as 'nk,mk->nm'.")
    left, arrow, result = text.partition("->")
    parts = tuple(left.split(","))
    if not arrow:
        result = "".join(sorted(c for c in set(left) - {","} if left.count(c) == 1))
    for letters in (*parts, result):
        if len(set(letters)) < len(letters):
            raise ShapeError(f"Einsum: {letters!r} in {equation!r} has a letter twice.")
    if missing := sorted(set(result) - set(left)):
        raise ShapeError(f"Einsum: {missing[0]!r} in {equation!r} is in no input.")
    return parts, result
