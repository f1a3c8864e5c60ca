"""What an expression of a PyTorch source can stand for while it is read, beside plain values."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from graphcore.errors import FileError

Value = Any
"""A plain number, text, list, tuple or dict, or one of the classes below."""


@dataclass(eq=False)
class Tensor:
    """An output of a node. Names that hold the same tensor see what is done to it in place.

    Attributes:
        viewed: whether other tensors may share its memory.
    """

    node: str
    output: str
    viewed: bool = False


@dataclass(eq=False)
class State:
    """The last state of a recurrent layer, with an axis in front for layers and directions.

    Attributes:
        tensors: for each layer, the states of its directions side by side.
        ways: how many directions; length: of the state of one.
    """

    tensors: tuple[Tensor, ...]
    ways: int = 1
    length: int = 0


@dataclass(frozen=True)
class Zeros:
    """Zeros of a size that is known only when the net runs."""


@dataclass(frozen=True)
class Shape:
    """All lengths of a tensor."""

    tensor: Tensor


@dataclass(frozen=True)
class Length:
    """The length of one axis of a tensor."""

    tensor: Tensor
    axis: int


@dataclass(frozen=True)
class Unusable:
    """What there is no node for; it may be ignored, as ``_`` is."""

    why: str


@dataclass(frozen=True)
class External:
    """A name of another package, as ``torch.nn.Linear``."""

    path: str


@dataclass(frozen=True)
class Written:
    """A function or class of the source itself."""

    node: ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Method:
    """A method together with what it belongs to; ``function`` is empty for those of torch."""

    owner: Value
    name: str
    function: ast.FunctionDef | None = None
    cls: ast.ClassDef | None = None


@dataclass(eq=False)
class Numbers:
    """A tensor that is made from nothing: numbers written out, or a shape and how it is filled."""

    attributes: dict[str, Any]
    initializer: str = ""


@dataclass(eq=False)
class Layer:
    """A layer of ``torch.nn``.

    Attributes:
        declared: arguments that follow from the input here, and ``inplace``.
        path: where the module holds it, once that is known.
        node: the node that it became.
    """

    operator: str
    attributes: dict[str, Any]
    declared: dict[str, Any]
    line: ast.AST
    path: str = ""
    node: str = ""
    frozen: set[str] = field(default_factory=set)
    tied: dict[str, Held] = field(default_factory=dict)


@dataclass(eq=False)
class Held:
    """A parameter or buffer that a module holds."""

    numbers: Numbers
    trained: bool
    line: ast.AST
    frozen: bool = False
    path: str = ""
    node: str = ""


@dataclass(frozen=True)
class ParameterOf:
    """A layer's parameter, by its name in torch."""

    layer: Layer
    name: str


@dataclass(eq=False)
class Chain:
    """``nn.Sequential``, ``nn.ModuleList`` or ``nn.ModuleDict``."""

    kind: str
    parts: dict[str, Value] = field(default_factory=dict)


@dataclass(eq=False)
class Own:
    """An object of a class that the source defines."""

    cls: ast.ClassDef
    attributes: dict[str, Value] = field(default_factory=dict)
    chain: Chain | None = None


class Training:
    """``self.training``: known only when the net runs."""


TRAINING = Training()
CAUSAL_MASK = External("torch.nn.Transformer.generate_square_subsequent_mask")
"""The function, and the mask that it makes: each place looks back only."""


def refuse(where: ast.AST, what: str) -> NoReturn:
    """Say with its line what is not understood; raises FileError."""
    text = " ".join(what.split())
    if len(text) > 220:
        text = text[:219] + "…"
    raise FileError(f"Line {getattr(where, 'lineno', '?')}: {text}; nothing was opened.")


def source(e: ast.AST) -> str:
    """The text of a piece of source, shortened."""
    text = " ".join(ast.unparse(e).split())
    return text if len(text) <= 60 else text[:59] + "…"


def described(value: Value) -> str:
    """What a value is, in words for a sentence."""
    if isinstance(value, Layer):
        return f"a layer {value.operator}"
    kinds = {
        Tensor: "a tensor", State: "the state of a recurrent layer", Shape: "a shape",
        Zeros: "zeros",
        Length: "a length that is known only when the net runs", Numbers: "a tensor",
        Own: "a module", Chain: "a module", Held: "a parameter", ParameterOf: "a parameter",
        Training: "self.training", External: "a name of another package",
        Written: "a function or class", Method: "a method", Unusable: "a value without a node",
    }  # fmt: skip
    return kinds.get(type(value), "this value")


def held_by(module: Value, path: str = "") -> Iterator[tuple[str, Value]]:
    """Modules and parameters inside a module, with the names that torch gives them."""
    parts: dict[str, Value] = {}
    if isinstance(module, Own):
        parts = {**(module.chain.parts if module.chain else {}), **module.attributes}
    elif isinstance(module, Chain):
        parts = module.parts
    for name, part in parts.items():
        if isinstance(part, Own | Chain | Layer | Held):
            inner = f"{path}.{name}" if path else name
            yield inner, part
            yield from held_by(part, inner)
