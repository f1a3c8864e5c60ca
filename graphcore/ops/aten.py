"""An operator of torch's by its name: whatever an imported net has that is none of ours."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphcore.dims import Batch, Shape, at_batch, format_shape
from graphcore.errors import AttributeRefusedError, EngineError, ShapeError
from graphcore.late import torch
from graphcore.ops import aten_schema
from graphcore.ops.aten_onnx import onnx_form
from graphcore.ops.registry import Attr, Case, Context, Operator, register
from graphcore.ops.torch_code import Source, TorchCode, Values

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 2**31
"""Numbers of one result."""


@register
class Aten(Operator):
    """Call an operator of torch's own library by its name: what an imported net brings along.

    Which ones there are, and what they take, stands in a table of the project; a graph can name
    nothing else. Nets that are built here need none of them.

    Inputs:
        x0, x1, ...: tensors, in the order in which the arguments name them.
    Attributes:
        overload: its name in torch, such as "aten.cumsum.default".
        arguments: what it is called with, by name, as JSON: an input is "x0", a size that follows
            the batch "N" or "2N".
        known_shapes: shapes of the inputs and of the results that belong to them, as JSON. For
            inputs of other shapes the engine works them out.
    Output:
        y: the result; y0, y1, ... where it has several.
    Gradient:
        ∂L/∂xᵢ by torch's own derivative of this one call.
    Source:
        torch.ops.aten; the derivatives are those of PyTorch's derivatives.yaml.
    """

    category, inputs, variadic = "elementwise", (), True
    aliases = ("torch function", "custom", "import")
    attrs = (
        Attr("overload", "aten.atan.default", "Name of the operator in torch."),
        Attr("arguments", '{"self": "x0"}', "What it is called with, by name, as JSON."),
        Attr("known_shapes", "{}", "Shapes of inputs and results, as JSON."),
    )
    formula = r"y = \mathrm{aten}(x_0, x_1, \ldots)"
    derivative = r"\partial L/\partial x_i = g\,\partial y/\partial x_i"

    onnx_form = staticmethod(onnx_form)

    @classmethod
    def complete(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        full = super().complete(given)
        arguments = aten_schema.parsed(full["arguments"])
        aten_schema.check_arguments(full["overload"], arguments)
        known_shapes = aten_schema.parsed(full["known_shapes"])
        if known_shapes and set(known_shapes) != {"x", "y"}:
            raise AttributeRefusedError('Aten: known_shapes has the keys "x" and "y".')
        for key, content in known_shapes.items():
            aten_schema.read_shapes(content, key)
        return full

    @classmethod
    def outputs_for(cls, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        known = aten_schema.parsed(attributes["known_shapes"]).get("y")
        row = aten_schema.row_of(attributes["overload"])
        count = len(known) if known is not None else len(row["results"])
        return ("y",) if count == 1 else tuple(f"y{i}" for i in range(count))

    @classmethod
    def infer_shape(cls, *x: Shape, overload: str, arguments: str, known_shapes: str) -> Any:
        needed = aten_schema.inputs_of(aten_schema.parsed(arguments), overload)
        missing = [n for n in needed if int(n[1:]) >= len(x)]
        if missing:
            raise ShapeError(f"Aten: {overload}: nothing is connected to {missing[0]}.")
        known = aten_schema.parsed(known_shapes)
        if known and aten_schema.read_shapes(known["x"], "x") == x:
            found = aten_schema.read_shapes(known["y"], "y")
        elif "torch" in sys.modules:
            found = _worked_out(overload, arguments, x)
        else:
            raise ShapeError(
                f"{overload}: the shape for inputs of {', '.join(map(format_shape, x))} is not "
                "known before it runs."
            )
        return found[0] if len(found) == 1 else found

    @staticmethod
    def forward(ctx: Context, *x: Tensor, overload: str, arguments: str, known_shapes: str) -> Any:
        _check_results(overload, arguments, x, known_shapes, ctx.dtype)
        if not any(ctx.needs):
            return _single(_call(overload, arguments, x, known_shapes, ctx.dtype))
        ctx.saved = _recorded(ctx, x, overload, arguments, known_shapes)
        return _single(tuple(t.detach() for t in ctx.saved[1]))

    @staticmethod
    def vjp(
        ctx: Context, g: Any, y: Any, *x: Tensor, overload: str, arguments: str, known_shapes: str
    ) -> tuple[Tensor | None, ...]:
        leaves, outputs = ctx.saved or _recorded(ctx, x, overload, arguments, known_shapes)
        ctx.saved = None  # a graph serves once: to keep it for a second call would copy all of it
        arriving = g if isinstance(g, tuple) else (g,)
        with torch.inference_mode(False):
            wanted = [t for t in leaves if t.requires_grad]
            reached = [
                (t, gt.clone())
                for t, gt in zip(outputs, arriving, strict=True)
                if gt is not None and t.requires_grad
            ]
            if not wanted or not reached:
                return (None,) * len(x)
            tensors, gradients = zip(*reached, strict=True)
            found = iter(torch.autograd.grad(tensors, wanted, gradients, allow_unused=True))
        return tuple(next(found) if t.requires_grad else None for t in leaves)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(overload: str, arguments: str, *shapes: tuple[int, ...], **more: Any) -> Case:
            def reference(*x: Tensor) -> Any:
                return _single(_call(overload, arguments, x, "{}", torch.float64))

            return Case(shapes, {"overload": overload, "arguments": arguments}, reference, **more)

        pair = '{"self": "x0", "other": "x1"}'
        return (
            case("aten.cumsum.default", '{"self": "x0", "dim": 1}', (3, 4)),
            case("aten.atan2.default", pair, (3, 4), (3, 4), domain="away"),
            case("aten.flip.default", '{"self": "x0", "dims": [1]}', (2, 3)),
            case("aten.addcmul.default", '{"self": "x0", "tensor1": "x1", "tensor2": "x2"}',
                 (2, 3), (2, 3), (3,)),
            case("aten.sort.default", '{"self": "x0", "dim": 1}', (2, 4), domain="distinct"),
        )  # fmt: skip


def _code(v: Values) -> str:
    """The call as Python; sizes that follow the batch are read off the first input."""
    arguments = aten_schema.parsed(v["arguments"])
    inputs = [i.strip() for i in str(v["inputs"]).split(",")]
    rows = {r["name"]: r for r in aten_schema.row_of(v["overload"])["arguments"]}
    batch = _batch_source(aten_schema.parsed(v["known_shapes"]).get("x", []), inputs)
    parts = [
        (name, _source(rows[name]["type"], value, inputs, batch))
        for name, value in arguments.items()
    ]
    first, *others = parts
    given = ", ".join([first[1], *(f"{name}={text}" for name, text in others)])
    made = f"torch.ops.{v['overload']}({given})"
    return f"tuple({made})" if len(Aten.outputs_for(v)) > 1 else made


def _batch_source(known_shapes: Sequence[Any], inputs: Sequence[str]) -> str:
    for name, shape in zip(inputs, known_shapes, strict=False):
        for axis, size in enumerate(shape):
            if isinstance(size, str):
                count = int(size[:-1] or 1)
                whole = f"{name}.shape[{axis}]"
                return whole if count == 1 else f"{whole} // {count}"
    return "1"


def _source(kind: str, value: Any, inputs: Sequence[str], batch: str) -> str:
    base = kind.rstrip("?")
    if value is None:
        return "None"
    if base.endswith("[]"):
        return f"[{', '.join(_source(base[:-2], v, inputs, batch) for v in value)}]"
    if base == "Tensor":
        return inputs[int(value[1:])]
    if base == "int" and isinstance(value, str):
        count, _, plus = value.partition("N")
        return f"{count or 1} * ({batch}){plus}"
    if base == "dtype":
        words = {"float": "torch.get_default_dtype()", "int": "torch.int64", "bool": "torch.bool"}
        return words[value]
    if base in ("float", "Scalar") and isinstance(value, str):
        return f"float({value!r})"
    return repr(Source(repr(value)))


Aten.torch_code = TorchCode(_code)


# -- running --------------------------------------------------------------------------------------


def _single(results: tuple[Tensor, ...]) -> Any:
    return results[0] if len(results) == 1 else results


def _recorded(
    ctx: Context, x: Sequence[Tensor], overload: str, arguments: str, known_shapes: str
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Copies of the inputs, and the results with a local autograd graph behind them."""
    with torch.inference_mode(False), torch.enable_grad():
        leaves = tuple(
            t.clone().detach().requires_grad_(need and t.is_floating_point())
            for t, need in zip(x, ctx.needs, strict=True)
        )
        return leaves, _call(overload, arguments, leaves, known_shapes, ctx.dtype)


def _call(
    overload: str, arguments: str, x: Sequence[Tensor], known_shapes: str, dtype: Any
) -> tuple[Tensor, ...]:
    """Call the overload; raises EngineError for what is not in the table."""
    rows = {r["name"]: r for r in aten_schema.row_of(overload)["arguments"]}
    floats = dtype or next((t.dtype for t in x if t.is_floating_point()), torch.get_default_dtype())
    batch = _batch_of(known_shapes, x)
    given = {
        name: _value(rows[name]["type"], value, x, batch, floats)
        for name, value in aten_schema.parsed(arguments).items()
    }
    _, name, kind = overload.split(".")
    first = next(iter(given))
    inside = given.pop(first)
    result = getattr(getattr(torch.ops.aten, name), kind)(inside, **given)
    return tuple(result) if isinstance(result, tuple | list) else (result,)


def _value(kind: str, value: Any, x: Sequence[Tensor], batch: int | None, floats: Any) -> Any:
    base = kind.removesuffix("?")
    if value is None:
        return None
    if base.endswith("[]"):
        return [_value(base[:-2], v, x, batch, floats) for v in value]
    if base == "Tensor":
        return x[int(value[1:])]
    if base == "int" and isinstance(value, str):
        if batch is None:
            raise EngineError(f"{value} is unknown: no input has a batch axis.")
        return aten_schema.sized(value, batch)
    if base == "dtype":
        return {"float": floats, "int": torch.int64, "bool": torch.bool}[value]
    if base == "float" or (base == "Scalar" and isinstance(value, str)):
        return aten_schema.plain_float(value)
    return value


def _batch_of(known_shapes: str, x: Sequence[Tensor]) -> int | None:
    """How many samples there are, from the first input that has a batch axis."""
    for tensor, shape in zip(x, aten_schema.parsed(known_shapes).get("x", []), strict=False):
        for length, size in zip(tensor.shape, shape, strict=False):
            if isinstance(size, str):
                return int(length) // int(size[:-1] or 1)
    return None


# -- shapes ---------------------------------------------------------------------------------------


def _check_results(
    overload: str, arguments: str, x: Sequence[Tensor], known_shapes: str, dtype: Any
) -> None:
    """Raise EngineError before a call whose results would be too large."""
    kinds = tuple((tuple(t.shape), t.dtype) for t in x)
    found = _result_shapes(overload, arguments, kinds, known_shapes, dtype)
    total = sum(_count(shape) for shape in found)
    if total > LARGEST:
        raise EngineError(f"{overload} would make {total:,} numbers; the most is {LARGEST:,}.")


def _count(shape: Sequence[int]) -> int:
    count = 1
    for d in shape:
        count *= d
    return count


@lru_cache(maxsize=4096)
def _result_shapes(
    overload: str, arguments: str, kinds: tuple[Any, ...], known_shapes: str, dtype: Any
) -> tuple[tuple[int, ...], ...]:
    """Shapes of the results, found without numbers; raises what the call would raise."""
    with torch.inference_mode(False), torch.no_grad():
        x = [torch.empty(shape, dtype=kind, device="meta") for shape, kind in kinds]
        return tuple(tuple(t.shape) for t in _call(overload, arguments, x, known_shapes, dtype))


def _worked_out(overload: str, arguments: str, x: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """Shapes of the results for inputs of any shape, from two sizes of batch."""
    known_shapes = json_shapes(x)
    found = []
    for batch in (6, 11):
        concrete = tuple((at_batch(s, batch), torch.float32) for s in x)
        try:
            found.append(_result_shapes(overload, arguments, concrete, known_shapes, None))
        except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError) as error:
            reason = str(error).split("\n", 1)[0]
            shown = ", ".join(map(format_shape, x))
            raise ShapeError(f"{overload} cannot be computed for {shown}: {reason}") from None
    return tuple(_symbolic(a, b) for a, b in zip(*found, strict=True))


def _symbolic(at_six: Sequence[int], at_eleven: Sequence[int]) -> Shape:
    """The shape with a multiple of N where the two differ; raises ShapeError."""
    dims: list[int | Batch] = []
    for a, b in zip(at_six, at_eleven, strict=True):
        count = (b - a) // 5
        if a != b and (a, b) != (6 * count, 11 * count):
            raise ShapeError("A result's size is no multiple of the batch size.")
        dims.append(a if a == b else Batch(count))
    return tuple(dims)


def json_shapes(x: tuple[Shape, ...]) -> str:
    """Shapes of inputs alone, as the attribute has them."""
    import json

    return json.dumps({"x": aten_schema.written_shapes(x), "y": []})
