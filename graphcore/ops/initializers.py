"""How parameters start. An initialiser is text: ``zeros``, ``normal(0, 1)``, ``values([3, -2])``.

To add one, write a function with ``@initializer``: it gets the shape, the fans, a seeded
generator and the numbers in the brackets, and returns a float32 tensor.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphcore.errors import AttributeRefusedError
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]
Fans = tuple[int, int]
_table: dict[str, Callable[..., Any]] = {}


def initializer(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register under the function's name, without a trailing underscore."""
    _table[function.__name__.rstrip("_")] = function
    return function


def names() -> tuple[str, ...]:
    """Names of all initialisers."""
    return tuple(_table)


def describe(name: str) -> str:
    """First line of help."""
    return (_table[name].__doc__ or "").strip().split("\n", 1)[0]


def check(text: str) -> tuple[str, tuple[Any, ...]]:
    """Name and arguments of an initialiser; raises AttributeRefusedError."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        call = tree if isinstance(tree, ast.Call) else None
        head = call.func if call else tree
        arguments = tuple(ast.literal_eval(a) for a in call.args) if call else ()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        head, arguments = None, ()
    if not isinstance(head, ast.Name) or head.id not in _table:
        listed = ", ".join(_table)
        raise AttributeRefusedError(f"{text!r} is not an initialiser; there are: {listed}.")
    wanted = list(inspect.signature(_table[head.id]).parameters.values())[3:]
    required = sum(p.default is p.empty for p in wanted)
    if not required <= len(arguments) <= len(wanted):
        listed = ", ".join(p.name for p in wanted)
        raise AttributeRefusedError(f"{text!r}: {head.id} takes ({listed}).")
    if head.id != "values" and not all(type(a) in (int, float) for a in arguments):
        raise AttributeRefusedError(f"{text!r}: {head.id} takes numbers.")
    return head.id, arguments


def initialize(text: str, shape: Shape, fans: Fans, generator: torch.Generator) -> Tensor:
    """A float32 tensor of the given shape.

    Args:
        fans: (fan_in, fan_out) of the layer: how many inputs feed one output, and the reverse.
    """
    name, arguments = check(text)
    tensor: Tensor = _table[name](shape, fans, generator, *arguments)
    return tensor


def fans_of(shapes: dict[str, Shape]) -> Fans:
    """Fans of a layer from the shape of its weight (out, in, *kernel), as torch counts them."""
    for shape in shapes.values():
        if len(shape) >= 2:
            field = math.prod(shape[2:])
            return shape[1] * field, shape[0] * field
    length = next((s[0] for s in shapes.values() if s), 1)
    return length, length


def _uniform(shape: Shape, generator: torch.Generator, low: float, high: float) -> Tensor:
    return torch.empty(shape).uniform_(low, high, generator=generator)


def _normal(shape: Shape, generator: torch.Generator, mean: float, std: float) -> Tensor:
    return torch.empty(shape).normal_(mean, std, generator=generator)


@initializer
def zeros(shape: Shape, fans: Fans, generator: torch.Generator) -> Tensor:
    """All 0: every unit stays like its neighbour (symmetry)."""
    return torch.zeros(shape)


@initializer
def ones(shape: Shape, fans: Fans, generator: torch.Generator) -> Tensor:
    """All 1."""
    return torch.ones(shape)


@initializer
def constant(shape: Shape, fans: Fans, generator: torch.Generator, value: float) -> Tensor:
    """All the same number."""
    return torch.full(shape, float(value))


@initializer
def values(shape: Shape, fans: Fans, generator: torch.Generator, numbers: Any) -> Tensor:
    """The given numbers, in row order."""
    try:
        tensor = torch.tensor(numbers, dtype=torch.float32)
        return tensor.reshape(shape).contiguous()
    except (TypeError, ValueError, RuntimeError):
        raise AttributeRefusedError(
            f"values({numbers}) does not fill a parameter of shape {shape}."
        ) from None


@initializer
def normal(
    shape: Shape, fans: Fans, generator: torch.Generator, mean: float = 0.0, std: float = 1.0
) -> Tensor:
    """Normally distributed around mean with standard deviation std."""
    return _normal(shape, generator, mean, std)


@initializer
def uniform(
    shape: Shape, fans: Fans, generator: torch.Generator, low: float = -0.5, high: float = 0.5
) -> Tensor:
    """Evenly distributed between low and high."""
    return _uniform(shape, generator, low, high)


@initializer
def uniform_fan_in(shape: Shape, fans: Fans, generator: torch.Generator) -> Tensor:
    """torch's default for Linear and Conv2d: evenly within ±1/√fan_in."""
    bound = 1 / math.sqrt(max(fans[0], 1))
    return _uniform(shape, generator, -bound, bound)


@initializer
def normal_fan_in(shape: Shape, fans: Fans, generator: torch.Generator) -> Tensor:
    """Normal with standard deviation 1/√fan_in (LeCun et al., Efficient BackProp, 1998)."""
    return _normal(shape, generator, 0.0, 1 / math.sqrt(max(fans[0], 1)))


@initializer
def xavier_uniform(shape: Shape, fans: Fans, generator: torch.Generator) -> Tensor:
    """Glorot & Bengio (2010): evenly within ±√(6 / (fan_in + fan_out)); for tanh, sigmoid."""
    bound = math.sqrt(6 / max(sum(fans), 1))
    return _uniform(shape, generator, -bound, bound)


@initializer
def xavier_normal(shape: Shape, fans: Fans, generator: torch.Generator) -> Tensor:
    """Glorot & Bengio (2010): normal, std √(2 / (fan_in + fan_out)); for tanh, sigmoid."""
    return _normal(shape, generator, 0.0, math.sqrt(2 / max(sum(fans), 1)))


@initializer
def kaiming_uniform(shape: Shape, fans: Fans, generator: torch.Generator) -> Tensor:
    """He et al. (2015): evenly within ±√(6 / fan_in); for ReLU."""
    bound = math.sqrt(6 / max(fans[0], 1))
    return _uniform(shape, generator, -bound, bound)


@initializer
def kaiming_normal(shape: Shape, fans: Fans, generator: torch.Generator) -> Tensor:
    """He et al. (2015): normal, std √(2 / fan_in); for ReLU."""
    return _normal(shape, generator, 0.0, math.sqrt(2 / max(fans[0], 1)))


@initializer
def orthogonal(shape: Shape, fans: Fans, generator: torch.Generator, gain: float = 1.0) -> Tensor:
    """Saxe et al. (2014): rows or columns at right angles to each other."""
    if len(shape) < 2:
        return _normal(shape, generator, 0.0, 1.0)
    rows, columns = shape[0], math.prod(shape[1:])
    random = torch.empty(max(rows, columns), min(rows, columns)).normal_(generator=generator)
    q, r = torch.linalg.qr(random)
    q = q * torch.sign(torch.diagonal(r))
    q = q if rows >= columns else q.t()
    tensor: Tensor = (gain * q).reshape(shape).contiguous()
    return tensor
