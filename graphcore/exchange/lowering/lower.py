"""Goes through the calls: a rule of ours where there is one, else the Aten operator."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphcore import ops
from graphcore.dims import Batch
from graphcore.errors import FileError, GradscapeError
from graphcore.exchange.functional import functional
from graphcore.exchange.lowering.builder import (
    Builder,
    Made,
    NotOurs,
    Port,
    Result,
    shape_of,
    written,
)
from graphcore.exchange.lowering.rules import RULES
from graphcore.exchange.program import Call, Kind, Number, Opaque, Program, Ref, references
from graphcore.ops import aten_schema

_UNKNOWN = "no operator here computes it, and the net runs up to there."
NEVER = frozenset({"complex"})


@dataclass
class Lowered:
    """A program as nodes.

    Attributes:
        made: nodes that a result needs, in order; parameters that nothing uses among them.
        inputs, outputs: ports of the net's ends; outputs with the user's own name.
        placeholders: operators that nothing computes -> why.
        aten: overloads that have no operator of ours -> how many nodes.
    """

    made: list[Made]
    inputs: list[Port]
    outputs: list[tuple[Port, str]]
    aten: dict[str, int] = field(default_factory=dict)
    placeholders: dict[str, str] = field(default_factory=dict)
    calls: int = 0


def lower(program: Program) -> Lowered:
    """Make nodes of a program.

    Raises:
        FileError: it holds what is not understood; names it and the line.
        Opaque: a size is no multiple of the batch size.
    """
    calls = _used(functional(program), program)
    builder = Builder(program)
    inputs = [_input(builder, name) for name in program.inputs]
    for call in calls:
        builder.call = call
        _lower_call(builder, call)
    builder.call = Call("", {}, ())
    outputs = [(builder.port(Ref(name)), called) for name, called in program.outputs]
    needed = _needed([p for p, _ in outputs])
    ends = {p.made for p in inputs}
    made = [m for m in builder.made if m in needed or m in ends]
    _mark_target(made, program.target)
    made += _unused(builder, program, made)
    aten: dict[str, int] = {}
    for m in made:
        if m.operator == "Aten":
            overload = m.attributes["overload"]
            aten[overload] = aten.get(overload, 0) + 1
    unknown = {m.attributes["kind"]: _UNKNOWN for m in made if m.operator == "Placeholder"}
    return Lowered(made, inputs, outputs, aten, unknown, len(calls))


def _mark_target(made: list[Made], target: str) -> None:
    """The input that the loss compares with is a Target."""
    for end in (m for m in made if m.operator == "Input" and target and m.name == target):
        end.operator, end.attributes = "Target", {}


def _used(calls: list[Call], program: Program) -> list[Call]:
    """The calls that a result depends on."""
    wanted = {name for name, _ in program.outputs}
    found = []
    for call in reversed(calls):
        if wanted.intersection(o for o in call.outputs if o):
            found.append(call)
            for argument in call.arguments.values():
                wanted.update(references(argument))
    return found[::-1]


def _needed(ports: Iterable[Port]) -> set[Made]:
    """Nodes that these ports depend on."""
    found: set[Made] = set()
    stack = [p.made for p in ports]
    while stack:
        made = stack.pop()
        if made not in found:
            found.add(made)
            stack.extend(p.made for p in made.inputs.values())
    return found


def _unused(builder: Builder, program: Program, made: list[Made]) -> list[Made]:
    """Parameters of the module that no result depends on; they count and are kept."""
    there = {m.tensor.key for m in made if m.tensor is not None}
    return [
        Made(
            "Parameter", {"shape": t.array.shape}, {}, (t.array.shape,), ("float",), (),
            t.name.replace(".", "_"), t,
        )
        for t in program.inert.values()
        if t.key not in there and 0 not in t.array.shape
    ]  # fmt: skip


def _input(builder: Builder, name: str) -> Port:
    value = builder.program.value(name)
    shape = shape_of(value)
    batch = bool(shape) and shape[0] == Batch()
    inner = shape[1:] if batch else shape
    if any(isinstance(d, Batch) or d < 1 for d in inner):
        raise Opaque
    kind: Number = "float" if value.number == "float" else "int"
    a = {"shape": inner, "batch": batch, "dtype": kind}
    made = Made("Input", ops.get("Input").complete(a), {}, (shape,), (value.number,), (), name)
    made.numbers = (kind,)
    builder.made.append(made)
    port = made.port()
    builder.ports[name] = port
    if value.number == "bool":
        builder.ports[name] = aten(
            builder, "aten.ne.Scalar", {"self": "x0", "other": 0}, [port], (shape,), ("bool",)
        )
    return port


def _lower_call(builder: Builder, call: Call) -> None:
    for output in call.outputs:
        if output and builder.program.value(output).number in NEVER:
            raise FileError(f"{call.target} gives complex numbers, which nets here do not have"
                            f"{call.where}.")  # fmt: skip
    rule = RULES.get(call.target)
    start, ports, kept = len(builder.made), dict(builder.ports), dict(builder._kept)
    result: Result | None = None
    if rule is not None:
        try:
            result = _filled(builder, call, rule(builder, call.arguments))
            _check(builder, call, result)
        except (NotOurs, Opaque, KeyError) as error:
            if isinstance(error, Opaque) and not _can_be_aten(call):
                raise
            result = None
        except GradscapeError as error:
            if isinstance(error, FileError):
                raise
            result = None
    if result is None:
        del builder.made[start:]
        builder.ports, builder._kept = ports, kept
        result = _as_aten(builder, call)
    _take(builder, call, result)


def _filled(builder: Builder, call: Call, result: Result | Sequence[Port | None]) -> Result:
    """What a rule made; results that it has no operator for are of the call's own node."""
    if isinstance(result, Port):
        return result
    own = [port for port in result if port is not None]
    if len(own) == len(result):
        return own
    if not _can_be_aten(call):
        raise NotOurs
    whole = _as_aten(builder, call)
    assert not isinstance(whole, Port)
    return [port if port is not None else of for port, of in zip(result, whole, strict=True)]


def _take(builder: Builder, call: Call, result: Result) -> None:
    results = [result] if isinstance(result, Port) else list(result)
    for name, port in zip(call.outputs, results, strict=True):
        if name is not None:
            builder.ports[name] = port


def _check(builder: Builder, call: Call, result: Result) -> None:
    """Raise NotOurs unless a rule made what the file says."""
    results = [result] if isinstance(result, Port) else list(result)
    if len(results) != len(call.outputs):
        raise NotOurs
    for name, port in zip(call.outputs, results, strict=True):
        if name is None:
            continue
        value = builder.program.value(name)
        if port.shape != shape_of(value) or port.number != value.number:
            raise NotOurs


def _can_be_aten(call: Call) -> bool:
    return call.target in aten_schema.table()


def _as_aten(builder: Builder, call: Call) -> Result:
    """The call itself as a node; raises FileError if the table does not hold it."""
    if not _can_be_aten(call):
        raise FileError(f"{call.target} is not understood{call.where}.")
    rows = {r["name"]: r for r in aten_schema.row_of(call.target)["arguments"]}
    inputs: list[Port] = []
    arguments: dict[str, Any] = {}
    for name, value in call.arguments.items():
        if name in rows and not (value is None and not rows[name].get("needed")):
            arguments[name] = _written(builder, value, inputs)
    if not inputs:
        raise FileError(f"{call.target} without a tensor is not understood{call.where}.")
    values = [builder.program.value(o) if o else None for o in call.outputs]
    shapes = tuple(() if v is None else shape_of(v) for v in values)
    follows = any(aten_schema.is_size(v) for v in _words(arguments))
    if follows and not any(isinstance(d, Batch) for p in inputs for d in p.shape):
        inputs.append(_batched(builder))
    if not follows and any(isinstance(d, Batch) for s in shapes for d in s):
        follows = any(isinstance(d, Batch) for p in inputs for d in p.shape)
        if not follows:
            raise Opaque
    numbers = tuple("float" if v is None else v.number for v in values)
    try:
        result: Result = aten(builder, call.target, arguments, inputs, shapes, numbers)
        return result
    except GradscapeError as error:
        raise FileError(f"{str(error).rstrip('.')}{call.where}.") from None


def _words(content: Any) -> Iterable[Any]:
    stack = [content]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
        else:
            yield value


def _batched(builder: Builder) -> Port:
    """An input of the net that has a batch axis, to read the number of samples off."""
    for made in builder.made:
        if made.operator == "Input" and made.attributes["batch"]:
            return made.port()
    raise Opaque


def _written(builder: Builder, value: Any, inputs: list[Port]) -> Any:
    """An argument as the Aten operator has it; tensors are appended to ``inputs``."""
    if isinstance(value, Ref):
        inputs.append(builder.port(value))
        return f"x{len(inputs) - 1}"
    if isinstance(value, list):
        return [_written(builder, v, inputs) for v in value]
    if isinstance(value, Kind):
        return value.number
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return written(value)


def aten(
    builder: Builder, overload: str, arguments: dict[str, Any], inputs: list[Port],
    shapes: tuple[Any, ...], numbers: tuple[Any, ...],
) -> Any:  # fmt: skip
    """A node of the Aten operator; one port, or a tuple for several results."""
    known = {
        "x": aten_schema.written_shapes(tuple(p.shape for p in inputs)),
        "y": aten_schema.written_shapes(shapes),
    }
    name = overload.split(".")[1]
    port = builder.add(
        "Aten", *inputs, number=numbers, name=name, overload=overload,
        arguments=json.dumps(arguments), known_shapes=json.dumps(known),
    )  # fmt: skip
    return builder.outputs(port) if len(shapes) != 1 else port
