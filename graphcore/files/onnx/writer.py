"""A graph as an ONNX model: opset 20, IR 10, the batch axis ``N``, parameters by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from graphcore import __version__
from graphcore.datasets.learned import Learned
from graphcore.dims import Batch, Shape
from graphcore.engine.plan import Plan
from graphcore.errors import ExportError, GradscapeError
from graphcore.files.answering import answers, called, needed
from graphcore.files.embedding import KEY, embedded
from graphcore.graph.flatten import FlatNode, Port, flatten
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import Inferred, ShapeInference
from graphcore.ops.onnx_code import OnnxCall, OnnxNode

if TYPE_CHECKING:
    import onnx

OPSET, IR_VERSION = 20, 10
SCOPES = "pkg.torch.onnx.name_scopes"
"""Key of the composites that a node came from, as torch's own exporter writes it."""
DATA = "gradscape.data"
"""Key of what was learned about the data, as JSON (``datasets.learned``)."""


def need_onnx() -> Any:
    """Return the package; raises ExportError where it is not installed."""
    try:
        import onnx
    except ImportError:
        raise ExportError(
            "The package onnx is not installed: pip install gradscape[onnx] brings it."
        ) from None
    return onnx


def model_of(
    graph: Graph, plan: Plan, *, name: str, answer: str = "", data: Learned | None = None,
    inside: bool = False,
) -> onnx.ModelProto:  # fmt: skip
    """Return a graph as an ONNX model.

    Args:
        plan: of this graph; its weights are written.
        answer: node that is the output; left out, all that nothing reads but losses.
        data: what was learned about the data, written beside the graph as metadata.
        inside: whether the model normalises its input itself, so that raw numbers go in.

    Raises:
        ExportError: an operator has no form in ONNX, or the package is not there.
    """
    need_onnx()
    return _Writer(graph, plan, name, answer, data, inside).model()


KINDS = {"float": np.float32, "int": np.int64, "bool": np.bool_}
"""Numbers of an Input, a Constant or a Buffer, as a file has them."""


@dataclass
class _Writer:
    """Writes one model."""

    graph: Graph
    plan: Plan
    name: str
    answer: str
    data: Learned | None
    inside: bool
    _nodes: list[onnx.NodeProto] = field(default_factory=list)
    _tensors: dict[str, np.ndarray] = field(default_factory=dict)
    _names: dict[Port, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._flat = flatten(self.graph)
        self._inferred: dict[str, Inferred] = ShapeInference(self.graph).flat()
        self._by_name = {n.name: n for n in self._flat.nodes}

    def model(self) -> onnx.ModelProto:
        from onnx import helper, numpy_helper

        outputs = answers(self._flat, self.answer)
        wanted = needed(self._flat, outputs)
        inputs = [self._input(n) for n in wanted if n.node.operator == "Input"]
        for flat in wanted:
            if flat.node.op.category != "source":
                self._write(flat)
            elif flat.node.operator in ("Parameter", "Constant", "Buffer"):
                self._source(flat)
        graph = helper.make_graph(
            self._nodes, self.name, inputs, [self._info(self._names[p], p) for p in outputs],
            [numpy_helper.from_array(a, n) for n, a in self._tensors.items()],
        )  # fmt: skip
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
            producer_name="gradscape", producer_version=__version__,
        )  # fmt: skip
        notes = {} if self.inside else {KEY: embedded(self.graph, wanted, outputs)}
        if self.data is not None:
            notes[DATA] = msgspec.json.encode(self.data).decode()
        helper.set_model_props(model, notes)
        return model

    # -- sources ------------------------------------------------------------------------------

    def _input(self, flat: FlatNode) -> onnx.ValueInfoProto:
        port = (flat.name, "y")
        self._names[port] = flat.name
        if self.inside and self.data is not None and self.data.normalization.kind != "none":
            self._normalise(flat, self.data)
        return self._info(flat.name, port)

    def _normalise(self, flat: FlatNode, data: Learned) -> None:
        """Have the model do to raw numbers what was done to the training data."""
        scale, shape = data.normalization.normalization, tuple(flat.node.attributes["shape"])
        arrays = [np.asarray(v, np.float32) for v in (scale.shift, scale.scale)]
        arrays = [a.reshape(shape) if a.ndim == 1 and a.size > 1 else a for a in arrays]
        call = self._call(flat, (flat.name,), ())
        apart = call.node("Sub", flat.name, call.tensor(arrays[0]))
        self._names[flat.name, "y"] = call.node("Div", apart, call.tensor(arrays[1]))
        self._take(flat, call)

    def _source(self, flat: FlatNode) -> None:
        self._names[flat.name, flat.node.outputs[0]] = flat.name
        if flat.node.operator == "Parameter":
            found = _array(self.plan.parameters[flat.name])
        elif flat.node.operator == "Buffer":
            found = self.plan.buffers[f"{flat.name}.value"].cpu().numpy()
        else:
            found = np.asarray(flat.node.attributes["value"])
        kind = KINDS[flat.node.attributes.get("dtype", "float")]
        self._tensors[flat.name] = found.astype(kind)

    def _info(self, name: str, port: Port) -> onnx.ValueInfoProto:
        from onnx import TensorProto, helper

        shape = self._shape(port)
        kind = TensorProto.INT64 if self._is_whole(port) else TensorProto.FLOAT
        dims = None if shape is None else [_dim(d) for d in shape]
        return helper.make_tensor_value_info(name, kind, dims)

    def _is_whole(self, port: Port) -> bool:
        """Whether a value has whole numbers: an index, or what only moves such numbers about."""
        flat = self._by_name[port[0]]
        while flat.node.op.category in ("shape", "composite") and flat.inputs:
            flat = self._by_name[next(iter(flat.inputs.values()))[0]]
        return flat.node.attributes.get("dtype") == "int" or flat.node.operator == "ArgMax"

    def _shape(self, port: Port) -> Shape | None:
        flat = self._by_name[port[0]]
        return self._inferred[flat.name].outputs[flat.node.outputs.index(port[1])]

    # -- nodes --------------------------------------------------------------------------------

    def _write(self, flat: FlatNode) -> None:
        """Write one operator, with its own parameters."""
        parameters = self._inferred[flat.name].parameters
        data = [i for i in flat.inputs if i not in parameters]
        names, shapes = [self._names[flat.inputs[i]] for i in data], []
        for i in data:
            shape = self._shape(flat.inputs[i])
            if shape is None:
                raise ExportError(f"{flat.name}: the shape of its {i} is not known.")
            shapes.append(shape)
        own = [i for i in parameters if i not in flat.inputs]
        for i, shape in parameters.items():
            names.append(f"{flat.name}.{i}" if i in own else self._names[flat.inputs[i]])
            shapes.append(shape)
        call = self._call(flat, tuple(names), tuple(shapes))
        found = self._form(flat, call)
        made = (found,) if isinstance(found, str) else found
        self._take(flat, call, dict(zip(made, self._ends(flat), strict=False)))
        for i in own:
            if any(f"{flat.name}.{i}" in n.inputs for n in call.nodes):
                self._tensors.setdefault(f"{flat.name}.{i}", call.values[i])

    def _ends(self, flat: FlatNode) -> list[str]:
        """Names of a node's outputs in the file."""
        ends = []
        for output in flat.node.outputs:
            first = output == flat.node.outputs[0]
            ends.append(flat.name if first else f"{flat.name}:{output}")
            self._names[flat.name, output] = ends[-1]
        return ends

    def _call(self, flat: FlatNode, names: tuple[str, ...], shapes: tuple[Shape, ...]) -> OnnxCall:
        known = self._inferred[flat.name]
        values = {i: _array(self.plan.parameters[f"{flat.name}.{i}"]) for i in known.parameters
                  if f"{flat.name}.{i}" in self.plan.parameters}  # fmt: skip
        values |= {b: _array(self.plan.buffers[f"{flat.name}.{b}"]) for b in known.buffers}
        return OnnxCall(
            flat.name, names, shapes, flat.node.attributes, flat.node.outputs, values,
            {name: f"{flat.name}.{name}" for name in values},
        )  # fmt: skip

    def _form(self, flat: FlatNode, call: OnnxCall) -> str | tuple[str, ...]:
        op = flat.node.op
        try:
            found: str | tuple[str, ...] | None = op.onnx_form(call)
        except KeyError as error:
            raise ExportError(
                f"{flat.name}: its {str(error).strip(chr(39))} is computed by another node, which "
                f"an ONNX {op.onnx} cannot take; nothing was written."
            ) from None
        if found is not None:
            return found
        if not op.onnx or op.attrs:
            raise ExportError(
                f"{flat.name}: {called(flat)} has no form in ONNX; nothing was written."
            )
        return call.node(op.onnx, *call.inputs)

    def _take(self, flat: FlatNode, call: OnnxCall, ends: Mapping[str, str] | None = None) -> None:
        """Put what an operator added into the file; its last names are those of its outputs."""
        from onnx import helper

        ends = ends or {}
        self._tensors.update(call.tensors)
        for i, node in enumerate(call.nodes):
            name = flat.name if i == len(call.nodes) - 1 else f"{flat.name}/{node.operator}_{i}"
            made = helper.make_node(
                node.operator, [ends.get(n, n) for n in node.inputs],
                [ends.get(n, n) for n in node.outputs], name, **node.attributes,
            )  # fmt: skip
            _add_scopes(made, flat.name, node)
            self._nodes.append(made)


def _add_scopes(made: Any, path: str, node: OnnxNode) -> None:
    """Note the composites that a node came from, the outermost first."""
    parts = path.split("/")
    scopes = ["", *(".".join(parts[: i + 1]) for i in range(len(parts))), node.operator.lower()]
    entry = made.metadata_props.add()
    entry.key, entry.value = SCOPES, repr(scopes)


def _dim(d: Any) -> Any:
    if not isinstance(d, Batch):
        return int(d)
    return "N" if d.count == 1 else f"{d.count}*N"


def _array(tensor: Any) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().numpy().astype(np.float32))


def run_reference(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Run a model in ONNX's own reference evaluator; raises ExportError if it cannot."""
    from onnx.reference import ReferenceEvaluator

    try:
        found: list[np.ndarray] = ReferenceEvaluator(model).run(None, dict(feeds))
    except GradscapeError:
        raise
    except Exception as error:  # it raises whatever its operators raise
        raise ExportError(f"The ONNX file does not run: {error}.") from None
    return found
