"""What an operator is, and the one table that knows them all.

An operator is a class with the decorator ``@register`` in one of the family files beside this
one. Palette, inspector, help, file format, code export and tests read the table, so a new
operator touches exactly one file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from graphcore.dims import Shape
from graphcore.errors import AttributeRefusedError, UnknownOperatorError
from graphcore.ops.keras_code import KerasCode
from graphcore.ops.kernels.buffered import Kernels, repeated
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    import torch

    from graphcore.ops.onnx_code import OnnxCall

AttrKind = Literal["int", "float", "bool", "text", "ints", "size", "axes", "shape", "array"]
CATEGORIES = (
    "source", "elementwise", "linear", "convolution", "pooling", "activation", "normalization",
    "reduction", "shape", "attention", "recurrent", "loss", "composite",
)  # fmt: skip


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()
LARGEST = 2**53
"""The largest whole number that an attribute may be: JSON, numpy and torch all keep it exactly."""


@dataclass(frozen=True)
class Attr:
    """One attribute of an operator: what the inspector shows and the file stores.

    Attributes:
        kind: "int", "float", "bool", "text"; "ints" (a tuple of ints), "size" (an int or two),
            "axes" (None, an int or several), "shape" (a tuple of positive ints), "array"
            (nested lists of numbers, or None). Taken from the default where it is not given.
        optional: whether None is a legal value.
    """

    name: str
    default: Any
    help: str
    kind: AttrKind | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    optional: bool = False

    def __post_init__(self) -> None:
        if self.kind is None:
            kinds: dict[type, AttrKind] = {bool: "bool", int: "int", float: "float", str: "text"}
            object.__setattr__(self, "kind", kinds.get(type(self.default), "ints"))

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    def check(self, value: Any, what: str) -> Any:
        """``value`` in its canonical form (lists become tuples); raises AttributeRefusedError."""
        if value is None and (self.optional or self.default is None):
            return None
        try:
            value = _CONVERTERS[self.kind or "text"](value)
        except (TypeError, ValueError, OverflowError):
            raise AttributeRefusedError(
                f"{what}: {self.name} takes {_WANTED[self.kind or 'text']}, got {value!r}."
            ) from None
        if self.choices and value not in self.choices:
            listed = ", ".join(self.choices)
            raise AttributeRefusedError(f"{what}: {self.name} is one of {listed}, got {value!r}.")
        self._check_range(value, what)
        return value

    def _check_range(self, value: Any, what: str) -> None:
        for number in value if isinstance(value, tuple) else (value,):
            if not isinstance(number, int | float):
                continue
            if isinstance(number, int) and abs(number) > LARGEST:
                raise AttributeRefusedError(
                    f"{what}: {self.name} is a whole number up to {LARGEST}, got {number:.3e}."
                )
            if self.minimum is not None and number < self.minimum:
                raise AttributeRefusedError(
                    f"{what}: {self.name} must be at least {self.minimum:g}, got {value}."
                )
            if self.maximum is not None and number > self.maximum:
                raise AttributeRefusedError(
                    f"{what}: {self.name} must be at most {self.maximum:g}, got {value}."
                )


_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "text": "text",
    "ints": "a list of whole numbers",
    "size": "a whole number or two",
    "axes": "an axis or a list of axes",
    "shape": "a list of positive whole numbers",
    "array": "numbers",
}


def _int(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value:
        raise ValueError
    return int(value)


def _float(value: Any) -> float:
    if isinstance(value, bool | str):
        raise TypeError
    return float(value)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _ints(value: Any) -> tuple[int, ...]:
    if isinstance(value, str):
        raise TypeError
    return tuple(_int(v) for v in (value if isinstance(value, Iterable) else (value,)))


def _int_or_ints(value: Any) -> int | tuple[int, ...]:
    return _ints(value) if isinstance(value, list | tuple) else _int(value)


def _shape(value: Any) -> tuple[int, ...]:
    dims = _ints(value)
    if any(d < 1 for d in dims):
        raise ValueError
    return dims


def _array(value: Any) -> Any:
    """Nested lists as nested tuples; a number stays a number."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        rows = tuple(_array(v) for v in value)
        if len({_rank(row) for row in rows}) > 1:
            raise ValueError
        return rows
    return _float(value)


def _rank(value: Any) -> tuple[int, ...]:
    return (len(value), *_rank(value[0])) if isinstance(value, tuple) and value else ()


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "text": _text,
    "ints": _ints,
    "size": _int_or_ints,
    "axes": _int_or_ints,
    "shape": _shape,
    "array": _array,
}


@dataclass
class Context:
    """What one node carries from its forward to its backward pass.

    Attributes:
        training: whether Dropout drops and BatchNorm uses the batch's statistics.
        generator: source of the node's random numbers.
        buffers: running statistics by name, written in place.
        saved: whatever ``forward`` keeps for ``vjp``, such as a dropout mask.
        needs: for each input, whether its gradient is asked for.
        moving: for ``lower``: for each input, whether it lies elsewhere at every step.
        dtype: the plan's floating-point type; None outside a plan.
    """

    training: bool = False
    generator: torch.Generator | None = None
    buffers: dict[str, torch.Tensor] = field(default_factory=dict)
    saved: Any = None
    needs: tuple[bool, ...] = ()
    moving: tuple[bool, ...] = ()
    dtype: torch.dtype | None = None


@dataclass(frozen=True)
class Case:
    """One worked example of an operator, for the tests: what to feed, and torch's own answer.

    Attributes:
        shapes: shape of each data input, in order; parameters are drawn by their own shapes.
        attributes: the operator's attributes.
        reference: the same in plain torch, called with every input (data, then parameters).
        domain: where inputs are drawn from, to stay off kinks, poles and ties; one for all data
            inputs or a tuple with one for each (parameters are then "any"). "any", "positive",
            "unit" (0 to 1), "away" (at least 0.1 from 0), "distinct" (no two closer than 0.01),
            "sign" (−1 or 1), "mask" (0 or 1), "probability" (sums to 1 along axis 1),
            "log_probability".
        classes: > 0 makes the last data input int64 class indices below this number.
        training: whether to run in training mode.
    """

    shapes: tuple[tuple[int, ...], ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    reference: Callable[..., Any] | None = None
    domain: str | tuple[str, ...] = "any"
    classes: int = 0
    training: bool = False


def _none(*shapes: Shape, **attributes: Any) -> dict[str, Any]:
    return {}


def _no_quantities(ctx: Context, y: Any, *inputs: Any, **attributes: Any) -> dict[str, Any]:
    return {}


def _no_form(call: OnnxCall) -> None:
    """The operator called ``onnx`` says it all, or there is none."""


class Operator:
    """Base of all operators; subclasses are never instantiated.

    Every subclass has static methods

    * ``infer_shape(*shapes, **attributes)``: the output's shape (a tuple of shapes for several
      outputs) from the data inputs' shapes. Raises ShapeError.
    * ``forward(*inputs, **attributes)``: the output tensor, or a tuple for several outputs.
    * ``vjp(g, y, *inputs, **attributes)``: for each input, g · ∂y/∂input (None where it has no
      gradient). Sums over broadcast axes are taken by the engine.
    * ``cases()``: worked examples for the tests.

    ``forward`` and ``vjp`` get a ``Context`` first if their first parameter is called ``ctx``.
    Inputs are the data inputs, then the parameter inputs; matrices among these that its kernels
    read fastest column after column are named in ``transposed``; ``rowwise`` says that row i of the
    output, along the first axis, comes of row i of the first input alone; ``steady`` says that
    both functions make the same calls of torch whatever the numbers are, so that calls noted once
    can be repeated; ``reduced`` says that its products may be computed of rounded numbers
    (bfloat16) where that is chosen; ``answers`` says what a loss takes the net's answers for:
    class scores, a score above 0 for a yes, or numbers; ``target_range`` says between which numbers
    its targets lie, where others would give no loss. How a net grows and is looked at goes by
    three more:

    * ``units``: what becomes of the units (features, maps) of the first input: "made" by the rows
      of ``weight``, "kept", kept with parameters for "each", "joined" with those of the other
      inputs one by one, "mixed" with each other; "" where none of this holds;
    * ``unit_axis``: along which axis of ``weight`` the units lie that it reads;
    * ``adds``: whether the output is the sum or difference of its inputs.

    What a view says of it goes by

    * ``sums``: as what sum a number of the output is written out: of a "row" of the weight times
      the input, of a "product" of matrices, of the "inputs" or their mean, of "squares";
    * ``window``: what becomes of the numbers under a sliding window in two dimensions: their
      weighted "sum", the "largest", their "mean";
    * ``passes``: whether the output holds the input's numbers, or zeros in their place;
    * ``two_modes``: whether it computes otherwise while a net trains;
    * ``probabilities``: whether the output's numbers are; ``normalises``: whether a loss makes
      probabilities of the scores by itself;
    * ``flat_ends``: how far the two flat ends of an activation are apart, 0 without two;
      ``dies``: whether its slope is 0 for every number below 0.

    A class may add

    * ``parameter_shapes(*shapes, **attributes)``: parameter input -> its shape;
    * ``buffer_shapes(*shapes, **attributes)``: running statistic -> (shape, starting value);
    * ``outputs_for(attributes)``: names of the outputs, where attributes decide them;
    * ``quantities(ctx, y, *inputs, **attributes)``: name -> what is computed on the way to the
      output for the first sample: numbers, vectors or matrices to be looked at;
    * ``onnx_form(call)``: its form in ONNX (``ops.onnx_code``) where it is more than the operator
      called ``onnx`` with the same inputs;
    * ``keras``: how it is written in Keras (``ops.keras_code``); None where Keras has it not;
    * ``lower(ctx, *inputs, **attributes)``: a buffered form (``ops.kernels``) for these very
      tensors that is faster than the two functions repeated, or None where there is none.
    """

    name: ClassVar[str] = ""
    category: ClassVar[str] = ""
    onnx: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    inputs: ClassVar[tuple[str, ...]] = ("x",)
    outputs: ClassVar[tuple[str, ...]] = ("y",)
    variadic: ClassVar[bool] = False
    optional_inputs: ClassVar[frozenset[str]] = frozenset()
    attrs: ClassVar[tuple[Attr, ...]] = ()
    initializers: ClassVar[Mapping[str, str]] = {}
    transposed: ClassVar[frozenset[str]] = frozenset()
    formula: ClassVar[str] = ""
    derivative: ClassVar[str] = ""
    torch_code: ClassVar[TorchCode] = TorchCode()
    keras: ClassVar[KerasCode | None] = None
    onnx_form: ClassVar[Callable[..., Any]] = staticmethod(_no_form)
    differentiable: ClassVar[bool] = True
    answers: ClassVar[Literal["", "class", "logit", "number", "share"]] = ""
    target_range: ClassVar[tuple[float, float] | None] = None
    units: ClassVar[Literal["", "made", "kept", "each", "joined", "mixed"]] = ""
    unit_axis: ClassVar[int] = 1
    adds: ClassVar[bool] = False
    sums: ClassVar[Literal["", "row", "product", "inputs", "squares"]] = ""
    window: ClassVar[Literal["", "sum", "largest", "mean"]] = ""
    passes: ClassVar[bool] = False
    two_modes: ClassVar[bool] = False
    probabilities: ClassVar[bool] = False
    normalises: ClassVar[bool] = False
    flat_ends: ClassVar[float] = 0.0
    dies: ClassVar[bool] = False
    random: ClassVar[bool] = False
    rowwise: ClassVar[bool] = False
    steady: ClassVar[bool] = False
    reduced: ClassVar[bool] = False

    infer_shape: ClassVar[Callable[..., Any]]
    forward: ClassVar[Callable[..., Any]]
    vjp: ClassVar[Callable[..., Any]]
    cases: ClassVar[Callable[[], Sequence[Case]]]
    parameter_shapes: ClassVar[Callable[..., dict[str, tuple[int, ...]]]] = staticmethod(_none)
    buffer_shapes: ClassVar[Callable[..., dict[str, tuple[tuple[int, ...], float]]]] = staticmethod(
        _none
    )
    quantities: ClassVar[Callable[..., dict[str, Any]]] = staticmethod(_no_quantities)
    forward_takes_context: ClassVar[bool] = False
    vjp_takes_context: ClassVar[bool] = False

    @classmethod
    def parameter_names(cls, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the parameter inputs under these attributes (``bias=False`` drops one)."""
        return tuple(n for n in cls.initializers if attributes.get(n) is not False)

    @classmethod
    def outputs_for(cls, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the outputs under these attributes."""
        return cls.outputs

    @classmethod
    def multiply_adds(cls, shapes: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> Any:
        """Multiply-adds of one forward pass (a Dim); 0 where nothing is multiplied."""
        return 0

    @classmethod
    def lower(cls, *arguments: Any, **attributes: Any) -> Kernels | None:
        """Return the buffered form for a context and these very tensors; None without one."""
        ctx, *inputs = arguments
        return repeated(cls, ctx, inputs, attributes) if cls.steady else None

    @classmethod
    def refuse(cls, *inputs: Any, **attributes: Any) -> None:
        """Raise EngineError for numbers that give NaN on an accelerator and an error on a CPU."""

    @classmethod
    def run_forward(cls, ctx: Context, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
        if cls.forward_takes_context:
            return cls.forward(ctx, *inputs, **attributes)
        return cls.forward(*inputs, **attributes)

    @classmethod
    def run_vjp(
        cls, ctx: Context, g: Any, y: Any, inputs: Sequence[Any], attributes: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        if cls.vjp_takes_context:
            return tuple(cls.vjp(ctx, g, y, *inputs, **attributes))
        return tuple(cls.vjp(g, y, *inputs, **attributes))

    @classmethod
    def attr(cls, name: str) -> Attr:
        """The attribute's row; raises AttributeRefusedError."""
        for attr in cls.attrs:
            if attr.name == name:
                return attr
        known = ", ".join(a.name for a in cls.attrs) or "none"
        raise AttributeRefusedError(
            f"{cls.name} has no attribute called {name}; its attributes are: {known}."
        )

    @classmethod
    def complete(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """All attributes, checked, with defaults filled in; raises AttributeRefusedError."""
        for name in given:
            cls.attr(name)
        full: dict[str, Any] = {}
        for attr in cls.attrs:
            if attr.name in given:
                full[attr.name] = attr.check(given[attr.name], cls.name)
            elif attr.required:
                raise AttributeRefusedError(f"{cls.name} needs the attribute {attr.name}.")
            else:
                full[attr.name] = attr.default
        return full

    @classmethod
    def summary(cls) -> str:
        """First line of the help page."""
        return (cls.__doc__ or "").strip().split("\n", 1)[0]


OperatorClass = type[Operator]
_T = TypeVar("_T", bound=type[Operator])
_table: dict[str, OperatorClass] = {}


def register(cls: _T) -> _T:
    """Class decorator: put the operator into the table under its class name."""
    cls.name = cls.__name__
    if cls.name in _table:
        raise ValueError(f"operator {cls.name} is registered twice")
    if cls.category not in CATEGORIES:
        raise ValueError(f"operator {cls.name}: unknown category {cls.category!r}")
    cls.forward_takes_context = _first_parameter(cls.forward) == "ctx"
    cls.vjp_takes_context = _first_parameter(cls.vjp) == "ctx"
    _table[cls.name] = cls
    return cls


def _first_parameter(function: Callable[..., Any]) -> str:
    return next(iter(inspect.signature(function).parameters), "")


def get(name: str) -> OperatorClass:
    """The registered class of an operator; raises UnknownOperatorError."""
    try:
        return _table[name]
    except KeyError:
        raise UnknownOperatorError(f"There is no operator called {name!r}.") from None


def names() -> tuple[str, ...]:
    """Names of all operators, in the order in which they were registered."""
    return tuple(_table)


def all_operators() -> tuple[OperatorClass, ...]:
    """All operator classes, in the order in which they were registered."""
    return tuple(_table.values())


def same_shape(x: Shape, **attributes: Any) -> Shape:
    """Shape rule of everything that works element by element."""
    return x
