"""A graph as a script for Keras 3, with its weights and a test that it computes the same.

Keras has channels last. Every operator says how it wants its inputs (``ops.keras_code``); a value
is permuted by a layer of its own only where two operators want it differently. The rows of a Linear
layer behind a Flatten are put in Keras's order instead.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphcore.dims import Batch, Shape, format_shape
from graphcore.engine.plan import Plan
from graphcore.errors import ExportError
from graphcore.files.answering import answers, called, needed
from graphcore.files.keras.axes import AxisOrder, first_wish, permuted_dims
from graphcore.files.keras.raw import KERAS, RAW_TEST
from graphcore.files.keras.template import (
    FUNCTIONAL,
    HEAD,
    LEARNED,
    LOADING,
    SEQUENTIAL,
    TESTING,
)
from graphcore.files.torch.raw import RawPart
from graphcore.files.torch.script import trained
from graphcore.graph.flatten import FlatNode, Port, flatten
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import Inferred, ShapeInference
from graphcore.ops import keras_code
from graphcore.ops.keras_code import KerasCall, Layer

Array = np.ndarray[Any, Any]
WIDTH = 100
_TAKEN = {
    "CLASSES", "COLUMNS", "HERE", "Learned", "PICTURE", "Path", "SCALE", "SHAPE", "SHIFT",
    "TARGET", "TRAINED", "attention", "build", "json", "keras", "layers", "load", "load_file", "np",
    "ops", "positional_encoding", "predict", "prepare", "raw_test", "read_picture", "safe_open",
    "self_test", "sys",
}  # fmt: skip


@dataclass(frozen=True)
class KerasExport:
    """What an export consists of: text, and arrays by name for two safetensors files.

    Attributes:
        predictions: raw samples and the answers to them for the self-test, as JSON; or "".
    """

    script: str
    weights: dict[str, Array]
    self_test: dict[str, Array]
    predictions: str = ""


@dataclass
class _Value:
    """What a variable of the script holds.

    Attributes:
        source: its name, or a number.
        last: whether channels come last.
        permuted: name of the same with its axes the other way, where that is needed, too.
        rows: where the numbers of a flattened image lie in the graph, if they are in another order.
    """

    source: str
    last: bool = False
    rows: Array | None = None
    permuted: str = ""


def export(
    graph: Graph, plan: Plan, *, name: str, answer: str = "", raw: RawPart | None = None
) -> KerasExport:
    """Write a graph as a script for Keras.

    Args:
        plan: of this graph; its weights are exported, and its values are what the self-test
            feeds and expects.
        answer: node whose value is the net's answer; left out, all that nothing reads.
        raw: how raw samples are prepared and answers named; left out, the script cannot do that.

    Raises:
        ExportError: Keras does not have an operator, or takes it only with other attributes.
    """
    return _Writer(graph, plan, name, answer, raw).export()


@dataclass
class _Writer:
    """Writes one script."""

    graph: Graph
    plan: Plan
    name: str
    answer: str
    raw: RawPart | None
    weights: dict[str, Array] = field(default_factory=dict)
    _lines: list[tuple[str, str]] = field(default_factory=list)
    _chain: list[str] | None = field(default_factory=list)
    _helpers: dict[str, None] = field(default_factory=dict)
    _values: dict[Port, _Value] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._flat = flatten(self.graph)
        self._inferred: dict[str, Inferred] = ShapeInference(self.graph).flat()
        self._outputs = answers(self._flat, self.answer)
        self._nodes = needed(self._flat, self._outputs)
        self._by_name = {n.name: n for n in self._nodes}
        self._order = AxisOrder(self._nodes, self._outputs, self._shape)

    def export(self) -> KerasExport:
        inputs = [n for n in self._nodes if n.node.operator == "Input"]
        for flat in inputs:
            self._input(flat)
        if not inputs:
            raise ExportError(f"{self.name}: a net for Keras has an Input; nothing was written.")
        for flat in self._nodes:
            if self._order.is_weight(flat, self._inferred):
                continue
            if flat.node.operator in ("Parameter", "Buffer", "Constant"):
                self._own_numbers(flat, self._values[inputs[0].name, "y"].source)
            elif flat.node.op.category != "source":
                self._write(flat)
        fed = {n.name: self._as_fed((n.name, "y")) for n in inputs}
        expected = {_label(p): self._as_fed(p) for p in self._outputs}
        alone = len(inputs) == 1 and len(self._outputs) == 1
        raw = self.raw if alone and self.answer else None
        parts = [*self._helpers, self._net(inputs), LOADING.format(name=self.name)]
        if raw is not None:
            last = self._values[inputs[0].name, "y"].last
            parts += [
                raw.text("net(prepare(raw), training=False)", KERAS[last]),
                RAW_TEST.format(name=self.name),
            ]
        parts.append(self._testing(fed, list(expected), raw is not None))
        self_test = {**fed, **{f"expected {k}": v for k, v in expected.items()}}
        return KerasExport(
            self._head("".join(parts), raw is not None), self.weights, self_test,
            raw.predictions() if raw is not None else "",
        )  # fmt: skip

    # -- values -------------------------------------------------------------------------------

    def _shape(self, port: Port) -> Shape:
        flat = self._by_name[port[0]]
        shape = self._inferred[flat.name].outputs[flat.node.outputs.index(port[1])]
        if shape is None:
            raise ExportError(f"{flat.name}: the shape of its {port[1]} is not known.")
        return shape

    def _sizes(self, port: Port) -> tuple[int, ...]:
        """Shape of one sample of a value as it lies in the script."""
        sizes = [d for d in self._shape(port)[1:] if isinstance(d, int)]
        return (*sizes[1:], sizes[0]) if self._values[port].last else tuple(sizes)

    def _as_fed(self, port: Port) -> Array:
        """The value of a port as the script has it."""
        array: Array = self.plan.value(*port).detach().cpu().numpy()
        array = array.astype(np.float32) if array.dtype.kind == "f" else array
        if self._values[port].last:
            array = np.moveaxis(array, 1, -1)
        return np.ascontiguousarray(array)

    def _free(self, path: str) -> str:
        name = re.sub(r"\W", "_", path)
        while keyword.iskeyword(name) or name in self._used | _TAKEN:
            name += "_"
        self._used.add(name)
        return name

    def _permuted(self, port: Port, last: bool) -> str:
        """Source of a value with the axes asked for, behind a layer where it lies otherwise."""
        value, rank = self._values[port], len(self._shape(port))
        if value.last == last or rank < 3:
            return value.source
        if value.permuted:
            return value.permuted
        if not isinstance(self._shape(port)[0], Batch):
            raise ExportError(f"{port[0]}: it has no batch, so that Keras cannot turn its axes.")
        name = self._free(f"{value.source}_{'last' if last else 'first'}")
        source = f"layers.Permute({permuted_dims(rank, last)})"
        self._say(name, Layer(source), (value.source,), "")
        value.permuted = name
        return name

    # -- nodes --------------------------------------------------------------------------------

    def _input(self, flat: FlatNode) -> None:
        shape, port = self._shape((flat.name, "y")), (flat.name, "y")
        if not shape or shape[0] != Batch():
            raise ExportError(f"{flat.name}: a net for Keras is fed batches; nothing was written.")
        last = len(shape) > 2 and first_wish(port, self._nodes) == "last"
        self._values[port] = _Value(self._free(flat.name), last)

    def _own_numbers(self, flat: FlatNode, fed: str) -> None:
        """A parameter or a constant: a layer that gives its own numbers, or one number."""
        port = (flat.name, flat.node.outputs[0])
        value = self.plan.value(*port).detach().cpu().numpy()
        if value.ndim == 0 and flat.node.operator == "Constant":
            self._values[port] = _Value(repr(value.item()))
            return
        name = self._free(flat.name)
        kept = "" if flat.node.operator == "Parameter" and not flat.node.frozen else (
            ", trainable=False"
        )  # fmt: skip
        self._helpers[LEARNED] = None
        self._chain = None
        self._lines.append((name, f'Learned({value.shape}, name="{name}"{kept})({fed})'))
        self.weights[f"{name}/value"] = np.array(value, np.float32, order="C")
        self._values[port] = _Value(name)

    def _write(self, flat: FlatNode) -> None:
        """Write one operator."""
        call = self._call(flat)
        code = flat.node.op.keras
        assert code is not None
        if isinstance(code.form, str):
            made: Any = code.form.format(
                **{k: keras_code.source(v) for k, v in call.attributes.items()}, **call.inputs,
                inputs=", ".join(call.inputs.values()),
            )  # fmt: skip
        else:
            made = code.form(call)
        if call.helper:
            self._helpers[f"\n\n{call.helper.strip()}\n"] = None
        self._finish(flat, call, [made] if isinstance(made, str) else list(made))

    def _call(self, flat: FlatNode) -> KerasCall:
        code, known = flat.node.op.keras, self._inferred[flat.name]
        if code is None:
            raise ExportError(
                f"{flat.name}: {called(flat)} has no counterpart in Keras; nothing was written."
            )
        ports = {i: p for i, p in flat.inputs.items() if i not in known.parameters}
        for input, port in flat.inputs.items():
            if input in known.parameters and not self._order.is_own(port):
                raise ExportError(
                    f"{flat.name}: its {input} comes from {port[0]}, which a layer of Keras cannot "
                    "take; nothing was written."
                )
        last = self._order.wants_last(flat, ports.values(), self._lies_last)
        inputs = {i: self._permuted(p, last) for i, p in ports.items()}
        read = frozenset(o for o in flat.node.outputs if self._order.is_read((flat.name, o)))
        outputs = [(flat.name, o) for o in flat.node.outputs]
        shapes = [self._shape(p) for p in ports.values()]
        self._check_batch(flat, shapes, self._shape(outputs[0]))
        return KerasCall(
            self._free(flat.name), inputs, shapes, [self._shape(p) for p in outputs],
            flat.node.attributes, self._own(flat), last, flat.node.outputs,
            read or frozenset(flat.node.outputs[:1]),
        )  # fmt: skip

    def _lies_last(self, port: Port) -> bool:
        return self._values[port].last

    def _check_batch(self, flat: FlatNode, shapes: Sequence[Shape], output: Shape) -> None:
        """Raise ExportError where the batch is no longer the first axis."""
        batched = any(s and s[0] == Batch() for s in shapes)
        if batched and (not output or output[0] != Batch()):
            raise ExportError(
                f"{flat.name}: its result {format_shape(output)} has no batch as first axis, "
                "which a net for Keras needs; nothing was written."
            )

    def _own(self, flat: FlatNode) -> dict[str, Array]:
        """Arrays of a node's own parameters and running statistics."""
        known = self._inferred[flat.name]
        names = {i: flat.inputs[i][0] if i in flat.inputs else f"{flat.name}.{i}"
                 for i in known.parameters}  # fmt: skip
        found = {i: self.plan.parameters[name] for i, name in names.items()}
        found |= {b: self.plan.buffers[f"{flat.name}.{b}"] for b in known.buffers}
        return {k: v.detach().cpu().numpy().astype(np.float32) for k, v in found.items()}

    def _finish(self, flat: FlatNode, call: KerasCall, made: list[str]) -> None:
        """Put an operator's layers into the script, and its weights into the file."""
        rows = self._rows_of(flat, call)
        if "kernel" in call.weights and rows is not None and call.rank == 2:
            call.weights["kernel"] = call.weights["kernel"][rows]
            rows = None
        for weight, array in call.weights.items():
            self.weights[f"{call.name}/{weight}"] = np.array(array, order="C")
        gives = call.gives or flat.node.outputs[:1]
        names = [call.name if i == 0 else f"{call.name}_{o}" for i, o in enumerate(gives)]
        self._used.update(names)
        note = format_shape(_as_it_lies(call, flat.node.outputs.index(gives[0])))
        for i, part in enumerate(made[:-1]):
            before = self._free(f"{call.name}_{'border' if isinstance(made[-1], Layer) else i}")
            self._say(before, part, tuple(call.inputs.values()), "")
            call.inputs = {"x": before}
        read = [n if o in call.read else "_" for n, o in zip(names, gives, strict=True)]
        self._say(", ".join(read), made[-1], tuple(call.inputs.values()), note)
        for output, given in zip(gives, names, strict=True):
            rank = len(call.outputs[flat.node.outputs.index(output)])
            self._values[flat.name, output] = _Value(
                given, call.last and not call.graph_order and rank > 2, rows if rank == 2 else None
            )

    def _rows_of(self, flat: FlatNode, call: KerasCall) -> Array | None:
        """Order of a flattened image's numbers, from the value before or from this Flatten."""
        port = next(iter(flat.inputs.values()))
        value = self._values[port]
        if value.rows is not None:
            return value.rows
        code = flat.node.op.keras
        if not call.last or code is None or code.rows != "makes":
            return None
        sizes = [d for d in self._shape(port)[1:] if isinstance(d, int)]
        return np.moveaxis(np.arange(math.prod(sizes)).reshape(sizes), 0, -1).reshape(-1)

    def _say(self, name: str, made: str, inputs: tuple[str, ...], note: str) -> None:
        """Add a line; the net stays a chain while each layer reads the one before alone."""
        long = len(f"        {name} = {made}({', '.join(inputs)})  # {note}") > WIDTH
        behind = f"  # {note}" if note and not long else ""
        before = self._lines[-1][0] if self._lines else next(iter(self._values.values())).source
        if self._chain is not None and isinstance(made, Layer) and inputs == (before,):
            self._chain.append(f"{made},{behind}")
        else:
            self._chain = None
        source = f"{made}({', '.join(inputs)})" if isinstance(made, Layer) else made
        self._lines.append((name, f"{source}{behind}"))

    # -- the parts of the script --------------------------------------------------------------

    def _net(self, inputs: Sequence[FlatNode]) -> str:
        made = []
        for flat in inputs:
            port = (flat.name, "y")
            kind = ', dtype="int32"' if flat.node.attributes["dtype"] == "int" else ""
            name = self._values[port].source
            made.append((name, f'keras.Input({self._sizes(port)}, name="{name}"{kind})'))
        outputs = [self._values[p].source for p in self._outputs]
        ends = self._lines and self._lines[-1][0] == outputs[0]
        if self._chain is not None and ends and len(inputs) == len(outputs) == 1:
            lines = "".join(f"            {t}\n" for t in (f"{made[0][1]},", *self._chain))
            return SEQUENTIAL.format(lines=lines, name=self.name)
        lines = "".join(f"    {n} = {t}\n" for n, t in (*made, *self._lines))
        fed = _listed([n for n, _ in made])
        return FUNCTIONAL.format(lines=lines, inputs=fed, outputs=_listed(outputs), name=self.name)

    def _head(self, text: str, raw: bool) -> str:
        used = [n for n in ("layers", "ops") if f"{n}." in text.replace("keras.ops.", "")]
        imported = f"from keras import {', '.join(used)}\n" if used else ""
        head = HEAD.format(
            name=self.name, imported=imported, trained=trained(self.graph),
            json="import json\n" if raw else "",
            safe_open="from safetensors import safe_open\n" if raw else "",
        )  # fmt: skip
        return head + text

    def _testing(self, fed: dict[str, Array], names: list[str], raw: bool) -> str:
        given = _listed([f'saved["{n}"]' for n in fed])
        return TESTING.format(
            name=self.name, fed=given, names=names, raw=" and raw_test()" if raw else "",
            found="[found]" if len(names) == 1 else "found",
        )  # fmt: skip


def _as_it_lies(call: KerasCall, output: int) -> Shape:
    """Return the shape of an output as the script has it."""
    shape = call.outputs[output]
    last = call.last and not call.graph_order and len(shape) > 2
    return (shape[0], *shape[2:], shape[1]) if last else shape


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _label(port: Port) -> str:
    return port[0] if port[1] == "y" else f"{port[0]}.{port[1]}"
