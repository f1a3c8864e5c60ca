"""Calls that work element by element."""

from __future__ import annotations

from functools import partial
from typing import Any

from graphcore.exchange.lowering.builder import Builder, NotOurs, Port, shape_of
from graphcore.exchange.lowering.rules.table import RULES, rule
from graphcore.exchange.program import Kind, Lin, Ref

SAME = {
    "relu": "ReLU", "sigmoid": "Sigmoid", "tanh": "Tanh", "selu": "SELU", "silu": "SiLU",
    "neg": "Neg", "exp": "Exp", "log": "Log", "abs": "Abs", "sqrt": "Sqrt", "sin": "Sin",
    "cos": "Cos", "relu6": "ReLU6", "hardsigmoid": "Hardsigmoid", "hardswish": "Hardswish",
    "mish": "Mish", "detach": "StopGradient",
}  # fmt: skip


def _same(operator: str, b: Builder, a: dict[str, Any]) -> Port:
    x = b.port(a["self"])
    if x.number != "float":
        raise NotOurs
    return b.add(operator, x)


for _name, _operator in SAME.items():
    RULES[f"aten.{_name}.default"] = partial(_same, _operator)


@rule("clone", "contiguous", "alias", "lift_fresh_copy", "lift", "positive", "lift_fresh",
      "detach_copy")  # fmt: skip
def keep(b: Builder, a: dict[str, Any]) -> Port:
    return b.port(a["self"])


@rule("copy")
def copy(b: Builder, a: dict[str, Any]) -> Port:
    """What ``copy_`` writes: the other tensor in the shape of the first."""
    x, source = b.port(a["self"]), b.port(a["src"])
    if source.number != x.number:
        raise NotOurs
    if source.shape == x.shape:
        return source
    zero = b.constant(0.0 if x.number == "float" else 0)
    return b.add("Add", b.add("Mul", x, zero), source)


@rule("to.dtype", "_to_copy", "to.dtype_layout", "type_as", "to.device", "to.other")
def cast(b: Builder, a: dict[str, Any]) -> Port:
    x, value = b.port(a["self"]), b.value_of()
    if value.number == x.number:
        return x
    if value.number == "bool":
        return _aten(b, "aten.ne.Scalar", {"self": "x0", "other": 0}, x)
    return _aten(b, "aten.to.dtype", {"self": "x0", "dtype": value.number}, x)


def _aten(b: Builder, overload: str, arguments: dict[str, Any], x: Port) -> Port:
    from graphcore.exchange.lowering.lower import aten

    value = b.value_of()
    made: Port = aten(b, overload, arguments, [x], (shape_of(value),), (value.number,))
    return made


def operand(b: Builder, argument: Any, like: Port | None) -> Port:
    """A tensor, or a number as a constant."""
    if isinstance(argument, Ref):
        return b.port(argument)
    if isinstance(argument, Lin) or not isinstance(argument, int | float):
        raise NotOurs
    number = b.value_of().number
    if number == "float":
        return b.constant(float(argument))
    if number == "int" and isinstance(argument, int):
        return b.constant(argument)
    raise NotOurs


def _binary(operator: str, b: Builder, a: dict[str, Any]) -> Port:
    if a.get("rounding_mode") is not None:
        raise NotOurs
    x = operand(b, a["self"], None)
    y = operand(b, a["other"], x)
    if a.get("alpha", 1) != 1:
        y = b.add("Mul", y, operand(b, a["alpha"], y))
    number = b.value_of().number
    if number == "bool":
        raise NotOurs
    return b.add(operator, x, y, number=number)


for _name, _operator in {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div"}.items():
    for _kind in ("Tensor", "Scalar"):
        RULES[f"aten.{_name}.{_kind}"] = partial(_binary, _operator)


@rule("rsub.Scalar", "rsub.Tensor")
def reversed_sub(b: Builder, a: dict[str, Any]) -> Port:
    if a.get("alpha", 1) != 1:
        raise NotOurs
    x = b.port(a["self"])
    return b.add("Sub", operand(b, a["other"], x), x)


@rule("pow.Tensor_Scalar", "pow.Tensor_Tensor", "pow.Scalar")
def power(b: Builder, a: dict[str, Any]) -> Port:
    exponent = a["exponent"]
    if b.value_of().number != "float":
        raise NotOurs
    if exponent == 2:
        x = b.port(a["self"])
        return b.add("Mul", x, x)
    return b.add("Pow", operand(b, a["self"], None), operand(b, exponent, None))


@rule("square")
def square(b: Builder, a: dict[str, Any]) -> Port:
    x = b.port(a["self"])
    return b.add("Mul", x, x)


@rule("reciprocal")
def reciprocal(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("Div", b.constant(1.0), _float(b, a["self"]))


@rule("rsqrt")
def inverse_root(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("Div", b.constant(1.0), b.add("Sqrt", _float(b, a["self"])))


def _float(b: Builder, argument: Any) -> Port:
    x = b.port(argument)
    if x.number != "float":
        raise NotOurs
    return x


@rule("maximum", "max.other")
def maximum(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("Maximum", _float(b, a["self"]), _float(b, a["other"]))


@rule("minimum", "min.other")
def minimum(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("Minimum", _float(b, a["self"]), _float(b, a["other"]))


@rule("clamp", "clamp_min", "clamp_max")
def clamp(b: Builder, a: dict[str, Any]) -> Port:
    bounds = a.get("min"), a.get("max")
    if any(v is not None and not isinstance(v, int | float) for v in bounds):
        raise NotOurs
    return b.add("Clip", _float(b, a["self"]), min=bounds[0], max=bounds[1])


@rule("hardtanh")
def hardtanh(b: Builder, a: dict[str, Any]) -> Port:
    low, high = a.get("min_val", -1.0), a.get("max_val", 1.0)
    if (low, high) == (0, 6):
        return b.add("ReLU6", _float(b, a["self"]))
    return b.add("Hardtanh", _float(b, a["self"]), min_val=low, max_val=high)


@rule("glu")
def glu(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("GLU", _float(b, a["self"]), dim=a.get("dim", -1))


@rule("pixel_shuffle")
def pixel_shuffle(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("PixelShuffle", b.port(a["self"]), upscale_factor=a["upscale_factor"])


@rule("leaky_relu")
def leaky_relu(b: Builder, a: dict[str, Any]) -> Port:
    slope = a.get("negative_slope", 0.01)
    return b.add("LeakyReLU", _float(b, a["self"]), negative_slope=slope)


@rule("elu")
def elu(b: Builder, a: dict[str, Any]) -> Port:
    if a.get("scale", 1) != 1 or a.get("input_scale", 1) != 1:
        raise NotOurs
    return b.add("ELU", _float(b, a["self"]), alpha=a.get("alpha", 1.0))


@rule("gelu")
def gelu(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("GELU", _float(b, a["self"]), approximate=a.get("approximate", "none"))


@rule("softplus")
def softplus(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("Softplus", _float(b, a["self"]), beta=float(a.get("beta", 1)),
                 threshold=float(a.get("threshold", 20)))  # fmt: skip


@rule("prelu")
def prelu(b: Builder, a: dict[str, Any]) -> Port:
    weight = b.port(a["weight"])
    if len(weight.shape) != 1 or not isinstance(weight.shape[0], int):
        raise NotOurs
    return b.add("PReLU", _float(b, a["self"]), parameters={"weight": weight},
                 num_parameters=weight.shape[0])  # fmt: skip


@rule("where.self", "where.ScalarOther", "where.ScalarSelf", "where.Scalar")
def where(b: Builder, a: dict[str, Any]) -> Port:
    condition = b.port(a["condition"])
    number = b.value_of().number
    if number == "bool":
        raise NotOurs
    x, y = (operand(b, a[k], None) for k in ("self", "other"))
    return b.add("Where", condition, x, y, number=number)


@rule("masked_fill.Scalar", "masked_fill.Tensor")
def masked_fill(b: Builder, a: dict[str, Any]) -> Port:
    x, mask = b.port(a["self"]), b.port(a["mask"])
    if x.number == "bool":
        raise NotOurs
    return b.add("Where", mask, operand(b, a["value"], x), x, number=x.number)


@rule("dropout", "feature_dropout")
def dropout(b: Builder, a: dict[str, Any]) -> Port:
    whole = b.call.target.startswith("aten.feature_dropout")
    return b.add("Dropout2d" if whole else "Dropout", b.port(a["input"]), p=float(a["p"]))


@rule("randn_like")
def noise(b: Builder, a: dict[str, Any]) -> Port:
    if isinstance(a.get("dtype"), Kind) and a["dtype"].number != "float":
        raise NotOurs
    return b.add("RandomNormalLike", b.port(a["self"]))
