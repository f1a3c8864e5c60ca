"""The graph of an ONNX file as a ``Program``."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.errors import FileError, GradscapeError, short
from graphcore.exchange.onnx import scopes
from graphcore.exchange.onnx.file import OnnxFile
from graphcore.exchange.onnx.gradients import gradient
from graphcore.exchange.onnx.operators import OPERATORS
from graphcore.exchange.onnx.operators.table import NUMBERS, OnnxNode
from graphcore.exchange.onnx.tracing import BATCHES, Many, Traced, Tracer, Untraced
from graphcore.exchange.program import Opaque, Program

if TYPE_CHECKING:
    import onnx

UNKNOWN_SIZE = 8
"""What a size is taken for that the file leaves open and that is not the batch."""
SAMPLES = 2
MOST_DEEP = 20
MOST_WORDS = 1000
"""Letters of an attribute that a placeholder shows."""
LARGEST_INPUT = 1 << 31
_DOUBLE = 11
_STANDARD = ("", "ai.onnx")
_TRAINING = "ai.onnx.preview.training"


@dataclass(frozen=True)
class Fed:
    """An input of the file.

    Attributes:
        shape: sizes; a word for one that is left open.
        kind: the number of its type in ONNX.
    """

    name: str
    shape: tuple[int | str, ...]
    kind: int


def read(
    path: str | os.PathLike[str], *, batch: bool = True,
    example: Sequence[np.ndarray[Any, Any]] = (),
) -> Program:  # fmt: skip
    """Read an ONNX file as data.

    Args:
        batch: whether the first axis follows the batch; else all sizes are the file's.
        example: what the inputs may hold: its shapes hold where the file leaves sizes open, its
            numbers where they set a shape.

    Raises:
        FileError: it is damaged, of another kind, or holds what is not understood.
        Opaque: with ``batch``: the net cannot be computed for every number of samples.
    """
    return read_file(OnnxFile(path), batch=batch, example=example)


def read_file(
    file: OnnxFile, *, batch: bool = True, example: Sequence[np.ndarray[Any, Any]] = (),
    choice: int = 0,
) -> Program:  # fmt: skip
    """Read a file that is open; raises as ``read``.

    Args:
        choice: which axis holds the samples where several may.
    """
    try:
        return _Reader(file, batch, example, choice).program()
    except (GradscapeError, Opaque):
        raise
    except MemoryError:
        raise file.refusal("it needs more memory than there is") from None
    except (
        KeyError, TypeError, ValueError, IndexError, AttributeError, AssertionError, RuntimeError,
        ArithmeticError, RecursionError,
    ) as error:  # fmt: skip
        why = short(error, 60) or type(error).__name__
        raise file.refusal(f"its graph is not written as ONNX says ({why})") from None


def inputs_of(file: OnnxFile) -> list[Fed]:
    """What has to be fed: the inputs that the file holds no numbers for."""
    graph = file.model.graph
    held = {t.name for t in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
    return [_fed(file, i) for i in graph.input if i.name not in held]


SETTINGS = {
    "Reshape": (1,), "Expand": (1,), "Tile": (1,), "Slice": (1, 2, 3, 4), "Pad": (1, 2, 3),
    "Split": (1,), "SplitToSequence": (1,), "ConstantOfShape": (0,), "TopK": (1,),
    "Squeeze": (1,), "Unsqueeze": (1,), "Range": (0, 1, 2), "Resize": (1, 2, 3), "Upsample": (1,),
    "OneHot": (1,), "CumSum": (1,), "Trilu": (1,), "SequenceInsert": (2,), "SequenceAt": (1,),
    "SequenceErase": (1,), "Compress": (1,), "Dropout": (1, 2),
    **{f"Reduce{k}": (1,) for k in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum",
                                    "LogSumExp", "SumSquare")},
}  # fmt: skip
"""Inputs of operators that say how a result is laid out."""


def settings_of(file: OnnxFile) -> set[str]:
    """Names of the inputs that operators take a shape or a place from."""
    return {
        node.input[i]
        for node in file.model.graph.node
        for i in SETTINGS.get(node.op_type, ())
        if i < len(node.input)
    }


def _fed(file: OnnxFile, info: onnx.ValueInfoProto) -> Fed:
    if info.type.WhichOneof("value") != "tensor_type":
        raise file.refusal(f"its input {short(info.name)} is no tensor")
    kind = info.type.tensor_type
    if kind.elem_type not in NUMBERS:
        raise file.refusal(f"its input {short(info.name)} has numbers of a kind that is not read")
    if not kind.HasField("shape"):
        raise file.refusal(f"it does not say what shape its input {short(info.name)} has")
    sizes: list[int | str] = []
    for i, dim in enumerate(kind.shape.dim):
        fixed = dim.WhichOneof("value") == "dim_value" and dim.dim_value > 0
        sizes.append(int(dim.dim_value) if fixed else dim.dim_param or f"{info.name} {i}")
    return Fed(info.name, tuple(sizes), kind.elem_type)


def example_shapes(
    fed: Sequence[Fed], given: Sequence[tuple[int, ...]] = (), samples: int = 0
) -> list[tuple[int, ...]]:
    """A shape for each input, with a batch size where the file leaves it open."""
    first = batch_axis(fed)
    known: dict[str, int] = {}
    for one, shape in zip(fed, given, strict=False):
        known |= {w: n for w, n in zip(one.shape, shape, strict=False) if isinstance(w, str)}
    if isinstance(first, str):
        known[first] = samples or known.get(first, SAMPLES)
    return [
        tuple(d if isinstance(d, int) else known.get(d, UNKNOWN_SIZE) for d in one.shape)
        for one in fed
    ]


def batch_axis(fed: Sequence[Fed]) -> int | str | None:
    """The first size of the first input that has one."""
    return next((one.shape[0] for one in fed if one.shape), None)


class _Reader:
    def __init__(
        self, file: OnnxFile, batch: bool, example: Sequence[np.ndarray[Any, Any]], choice: int
    ) -> None:  # fmt: skip
        self._file = file
        fed = inputs_of(file)
        setting = settings_of(file) if example else set()
        self._set = {
            one.name: a for one, a in zip(fed, example, strict=False) if one.name in setting
        }
        self._given = [
            a.shape for one, a in zip(fed, example, strict=False) if one.name not in self._set
        ]
        self._fed = [one for one in fed if one.name not in self._set]
        self._first = batch_axis(self._fed)
        self._open = batch and self._first is not None
        double = any(one.kind == _DOUBLE for one in self._fed)
        self._program = Program(double=double)
        read = Counter(name for node in file.model.graph.node for name in node.input)
        weights = {t.name for t in file.model.graph.initializer if len(t.dims) > 1}
        shared = frozenset(name for name in weights if read[name] > 1)
        batches = BATCHES if self._open else (1,)
        self._tracer = Tracer(self._program, batches, double, shared, choice)
        self._values: dict[str, Any] = {"": None}
        self._scopes = scopes.Scopes()

    def program(self) -> Program:
        graph = self._file.model.graph
        self._read_weights(graph)
        self._read_inputs()
        self._read_nodes(graph.node, [o.name for o in graph.output], 0)
        self._read_outputs(graph)
        if self._scopes.folded:
            self._program.notes.append(
                f"The file has no batch norm: in {self._scopes.folded} places it is folded into "
                "the convolution before it."
            )
        return self._program

    # -- ends -------------------------------------------------------------------------------------

    def _read_weights(self, graph: onnx.GraphProto) -> None:
        if graph.sparse_initializer:
            raise self._file.refusal("it holds sparse weights, which are not read")
        for tensor in graph.initializer:
            self._keep(tensor.name, self._tracer.known(self._file.array(tensor), tensor.name))

    def _read_inputs(self) -> None:
        shapes = example_shapes(self._fed, self._given)
        if self._open:
            self._program.hint = next(s[0] for s in shapes if s)
        for one, given in zip(self._fed, shapes, strict=True):
            if np.prod([float(n) for n in given]) > LARGEST_INPUT:
                raise self._file.refusal(f"its input {short(one.name)} is too large")
            if self._open and isinstance(self._first, str) and self._first in one.shape[1:]:
                raise Opaque(f"{short(self._first)} is another axis too")
            follows = self._open and one.shape[:1] == (self._first,)
            every = [(n, *given[1:]) if follows else given for n in self._tracer.batches]
            self._keep(one.name, self._tracer.input(one.name, every, NUMBERS[one.kind]))
        self._program.inputs = tuple(one.name for one in self._fed)
        self._read_settings()
        for word in sorted({w for one in self._fed for w in one.shape if isinstance(w, str)}):
            self._note_size(word, shapes)

    def _read_settings(self) -> None:
        """Inputs that say how a result is laid out: they hold what the example holds."""
        for name, array in self._set.items():
            self._keep(name, self._tracer.known(array))
            self._program.notes.append(
                f"{short(name)} sets a shape: here it is {short(array.tolist())} for good."
            )

    def _note_size(self, word: str, shapes: Sequence[tuple[int, ...]]) -> None:
        if word == self._first and self._open:
            return
        for one, shape in zip(self._fed, shapes, strict=True):
            if word in one.shape:
                size = shape[one.shape.index(word)]
                self._program.notes.append(
                    f"The file leaves the size {short(word)!r} open; here it is {size}."
                )
                return

    def _read_outputs(self, graph: onnx.GraphProto) -> None:
        named = len(graph.output) > 1
        ends = []
        for output in graph.output:
            made = self._value(output.name)
            if not isinstance(made, Traced):
                raise self._file.refusal(f"its result {short(output.name)} is no tensor")
            ends.append((self._tracer.reference(made), output.name if named else ""))
        if not ends:
            raise self._file.refusal("the net in it has no result")
        self._program.outputs = tuple(ends)

    # -- nodes ------------------------------------------------------------------------------------

    def _keep(self, name: str, value: Any) -> None:
        if name in self._values:
            raise self._file.refusal(f"it holds {short(name)} twice")
        self._values[name] = value

    def _value(self, name: str) -> Any:
        if name not in self._values:
            raise self._file.refusal(f"it does not say where {short(name)} comes from")
        return self._values[name]

    def _read_nodes(
        self, nodes: Sequence[onnx.NodeProto], results: Sequence[str], depth: int
    ) -> None:
        read = {name for node in nodes for name in _read_by(node)} | set(results)
        for node in nodes:
            self._read_node(node, read, depth)

    def _read_node(self, node: onnx.NodeProto, read: set[str], depth: int) -> None:
        label = f"{short(node.op_type)} ({short(node.name or ', '.join(node.output))})"
        self._tracer.label = f" ({short(node.op_type)} {short(node.name or node.output[0])})"
        self._tracer.modules = self._scopes.of(node)
        inputs = [self._value(name) for name in node.input]
        if node.op_type == "If" and node.domain in _STANDARD:
            return self._take_branch(node, inputs, label, depth)
        if (node.domain, node.op_type) == (_TRAINING, "Gradient"):
            return self._take_gradient(node, inputs, label)
        domain = "" if node.domain in _STANDARD else f"{node.domain}."
        function = OPERATORS.get(f"{domain}{node.op_type}")
        if function is None:
            return self._take_unknown(node, inputs, label)
        made = OnnxNode(
            node.op_type, inputs, self._attributes(node), self._file.opset, len(node.output),
            tuple(bool(o) and o in read for o in node.output), self._fixed_batch(),
        )  # fmt: skip
        try:
            found = function(self._tracer, made)
        except Untraced as error:
            if self._open:
                raise Opaque(f"{label}: {error}") from None
            raise FileError(f"{short(self._file.name)}: {label} is refused: {error}.") from None
        self._take(node, found if isinstance(found, list) else [found], made.reads, label)

    def _take(
        self, node: onnx.NodeProto, results: list[Any], reads: Sequence[bool], label: str
    ) -> None:
        for i, name in enumerate(node.output):
            if name and i < len(results) and results[i] is not None:
                self._keep(name, results[i])
            elif name and reads[i]:
                raise FileError(
                    f"{short(self._file.name)}: result {i} of {label} is not understood."
                )

    def _fixed_batch(self) -> int:
        """The number of samples that the file is written for, where N is tried in its place."""
        return self._first if self._open and isinstance(self._first, int) else 0

    def _take_branch(self, node: onnx.NodeProto, inputs: list[Any], label: str, depth: int) -> None:
        """The branch of an If whose condition is known."""
        attributes = {a.name: a.g for a in node.attribute}
        condition = inputs[0] if inputs else None
        if not isinstance(condition, Traced) or not condition.fixed or depth > MOST_DEEP:
            raise FileError(
                f"{short(self._file.name)}: {label} decides by numbers of the net, which is not "
                "understood."
            )
        graph = attributes["then_branch" if condition.scalar() else "else_branch"]
        outside = dict(self._values)
        self._read_weights(graph)
        self._read_nodes(graph.node, [o.name for o in graph.output], depth + 1)
        found = [self._value(o.name) for o in graph.output]
        self._values = outside
        self._take(node, found, [True] * len(node.output), label)

    def _take_unknown(self, node: onnx.NodeProto, inputs: list[Any], label: str) -> None:
        """A placeholder of the shape that the file says; raises FileError where it says none."""
        whose = f" of {short(node.domain)}" if node.domain not in _STANDARD else ""
        known = [self._said(name) for name in node.output if name]
        given = [x for x in inputs if x is not None]
        if None in known or not known or not all(isinstance(x, Traced) for x in given):
            raise FileError(f"{short(self._file.name)}: {label}{whose} is not understood.")
        settings = {
            k: v for k, v in self._attributes(node).items()
            if isinstance(v, str | int | float | list) and len(str(v)) <= MOST_WORDS
        }  # fmt: skip
        name = f"{node.domain}.{node.op_type}" if whose else node.op_type
        found = self._tracer.placeholder(
            short(name, 80), json.dumps(settings), given, [k for k in known if k]
        )
        waiting = iter(found)
        self._take(
            node, [next(waiting) if n else None for n in node.output], [True] * len(node.output),
            label,
        )  # fmt: skip

    def _said(self, name: str) -> tuple[list[Any], Any] | None:
        """Sizes and kind of number that the file says of a tensor, or None."""
        graph = self._file.model.graph
        info = next((i for i in (*graph.value_info, *graph.output) if i.name == name), None)
        kind = None if info is None else info.type.tensor_type
        if kind is None or kind.elem_type not in NUMBERS or not kind.HasField("shape"):
            return None
        sizes: list[Any] = []
        for place, dim in enumerate(kind.shape.dim):
            size = dim.dim_param or int(dim.dim_value)
            if self._open and place == 0 and size == self._first:
                sizes.append(Many(self._tracer.batches))
            elif isinstance(size, int) and size > 0:
                sizes.append(size)
            else:
                return None
        return sizes, NUMBERS[kind.elem_type]

    def _take_gradient(self, node: onnx.NodeProto, inputs: list[Any], label: str) -> None:
        """The gradient of a tensor by others, at the place where these are."""
        given = self._attributes(node)
        xs, y = given.get("xs", []), self._value(given.get("y", ""))
        known = list(node.input) == [*xs, *given.get("zs", [])] and isinstance(y, Traced)
        if not known or not all(isinstance(x, Traced) for x in inputs):
            raise FileError(f"{short(self._file.name)}: {label} is not understood.")
        try:
            found = gradient(self._tracer, inputs[: len(xs)], y)
        except Untraced as error:
            raise FileError(f"{short(self._file.name)}: {label} is refused: {error}.") from None
        self._take(node, found, [True] * len(node.output), label)

    def _attributes(self, node: onnx.NodeProto) -> dict[str, Any]:
        found = {}
        for a in node.attribute:
            if a.ref_attr_name:
                raise self._file.refusal(f"{short(a.name)} of {short(node.name)} is left open")
            found[a.name] = self._attribute(a)
        return found

    def _attribute(self, a: onnx.AttributeProto) -> Any:
        kinds = {1: "f", 2: "i", 3: "s", 6: "floats", 7: "ints", 8: "strings"}
        if a.type == 4:
            return self._file.array(a.t)
        if a.type not in kinds:
            return None
        value = getattr(a, kinds[a.type])
        if a.type == 1:
            return float(str(np.float32(value)))  # 1e-5, not the 9.99999975e-6 nearest to it
        if a.type == 3:
            return value.decode("utf-8")
        if a.type == 8:
            return [v.decode("utf-8") for v in value]
        return list(value) if a.type in (6, 7) else value


def _read_by(node: onnx.NodeProto) -> list[str]:
    """Names that a node reads, those that graphs inside it read among them."""
    found, stack = [], [node]
    while stack:
        here = stack.pop()
        found += list(here.input)
        for a in here.attribute:
            stack += list(a.g.node)
            found += [o.name for o in a.g.output]
    return found
