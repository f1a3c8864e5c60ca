"""An activation function of one's own, written as a formula, and the identity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphcore.dims import Shape
from graphcore.errors import ExpressionError, ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import layer
from graphcore.ops.registry import Attr, Case, Operator, get, register, same_shape
from graphcore.ops.torch_code import TorchCode, Values

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.ops.formula_text import Step


@register
class Identity(Operator):
    """Pass the value on: y = x.

    Inputs:
        x: any shape.
    Output:
        y: x unchanged.
    Gradient:
        ∂L/∂x = g.
    Source:
        torch.nn.Identity; ONNX Identity-13.
    """

    category, onnx, aliases = "activation", "Identity", ("linear activation", "pass", "copy")
    formula, derivative = r"y = x", r"\partial y/\partial x = 1"
    infer_shape = staticmethod(same_shape)
    keras = layer("Identity")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (g,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=lambda x: x),)


def _formula_code(v: Values) -> str:
    """The formula with torch's functions; numbers that a function takes become tensors."""
    x, stack = v["x"], list[str]()
    for step in _program(v["formula"]):
        if step.kind == "name":
            stack.append(x)
        elif step.kind == "number":
            stack.append(repr(step.value))
        else:
            op = get(step.text)
            taken = [stack.pop() for _ in op.inputs][::-1]
            stack.append(_applied(op, taken, x))
    return stack[0] if x in stack[0] else f"torch.full_like({x}, {stack[0]})"


def _applied(op: type[Operator], taken: Sequence[str], x: str) -> str:
    template = op.torch_code.call
    if isinstance(template, str) and template:
        return f"({template.format(**dict(zip(op.inputs, taken, strict=True)))})"
    known = (t if x in t else f"{x}.new_tensor({t})" for t in taken)
    return f"torch.{op.name.lower()}({', '.join(known)})"


@register
class Formula(Operator):
    """An activation function of your own, applied element by element: y = formula(x).

    Inputs:
        x: any shape.
    Attributes:
        formula: text in x, such as ``x*sigmoid(x)``: numbers, + - * / **, and the functions
            exp log sqrt abs sin cos tanh sigmoid relu max min.
    Output:
        y: same shape.
    Gradient:
        ∂L/∂x = g · f′(x), worked out backwards through the formula by the rules of its parts.
    Source:
        The default, x · sigmoid(x), is SiLU: Elfwing, Uchibe & Doya, Neural Networks 107 (2018).
    """

    category, aliases = "activation", ("custom", "own function", "expression", "swish", "silu")
    attrs = (Attr("formula", "x*sigmoid(x)", "Text in x, such as x*sigmoid(x)."),)
    torch_code = TorchCode(_formula_code)

    @staticmethod
    def infer_shape(x: Shape, *, formula: str) -> Shape:
        try:
            _program(formula)
        except ExpressionError as error:
            raise ShapeError(f"Formula: {error}") from error
        return x

    @staticmethod
    def forward(x: Tensor, *, formula: str) -> Tensor:
        values, _ = _run(_program(formula), x)
        y = values[-1]
        return y.clone() if y is x else y.expand_as(x).contiguous()

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, formula: str) -> tuple[Tensor]:
        program = _program(formula)
        values, sources = _run(program, x)
        grads: list[Tensor | None] = [None] * len(program)
        grads[-1] = g
        total = torch.zeros_like(x)
        for i in range(len(program) - 1, -1, -1):
            step, grad = program[i], grads[i]
            if grad is None or step.kind == "number":
                continue
            if step.kind == "name":
                total = total + grad
                continue
            inputs = [values[j] for j in sources[i]]
            for j, part in zip(
                sources[i], get(step.text).vjp(grad, values[i], *inputs), strict=True
            ):
                known = grads[j]
                grads[j] = part if known is None else known + part
        return (total,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(formula: str, reference: Callable[..., Any], domain: str = "away") -> Case:
            return Case(((3, 4),), {"formula": formula}, reference, domain)

        return (
            case("x*sigmoid(x)", lambda x: x * torch.sigmoid(x)),
            case("x", lambda x: x.clone()),
            case("2", lambda x: x * 0 + 2),
            case("tanh(x)**2 - 3/x + -x", lambda x: torch.tanh(x) ** 2 - 3 / x - x),
            case("relu(x) + 0.1*x", lambda x: torch.relu(x) + 0.1 * x),
            case("log(1 + exp(x))", lambda x: torch.log(1 + torch.exp(x))),
            case("x**x", lambda x: x**x, "positive"),
        )


@lru_cache(maxsize=256)
def _program(formula: str) -> tuple[Step, ...]:
    """The formula's postfix program; raises ExpressionError."""
    from graphcore.ops.formula_text import postfix

    program = postfix(formula)
    names = {s.text for s in program if s.kind == "name"} - {"x"}
    if names:
        raise ExpressionError(f"the only variable is x, got {', '.join(sorted(names))}.")
    return program


def _run(program: Sequence[Step], x: Tensor) -> tuple[list[Tensor], list[tuple[int, ...]]]:
    """Value of every step, and for each the places of the values that it took."""
    values: list[Tensor] = []
    sources: list[tuple[int, ...]] = []
    stack: list[int] = []
    for place, step in enumerate(program):
        taken: tuple[int, ...] = ()
        if step.kind == "name":
            value = x
        elif step.kind == "number":
            value = torch.full_like(x, step.value)
        else:
            op = get(step.text)
            taken = tuple(stack[-len(op.inputs) :])
            del stack[-len(op.inputs) :]
            value = op.forward(*(values[i] for i in taken))
        values.append(value)
        sources.append(taken)
        stack.append(place)
    return values, sources
