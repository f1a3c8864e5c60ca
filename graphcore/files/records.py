"""A graph as plain records: what a graph file and the clipboard hold.

A node's attributes are left out where they have their default. An edge is the text
``"source.output -> target.input"``. Nodes and edges are sorted by name, so that the same graph
always gives the same text and a change shows as a small difference.
"""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

from graphcore import ops
from graphcore.errors import FileError, GradscapeError
from graphcore.graph.elements import Edge, Frame, Node, Note
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings

Point = tuple[float, float]
MAX_DEPTH = 50
_EDGE = re.compile(r"(\w+)\.(\w+) -> (\w+)\.(\w+)")
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class _Record(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A part of a file; fields that have their default are left out."""


class FrameRecord(_Record):
    """See ``graphcore.graph.elements.Frame``."""

    name: str
    title: str
    color: str = "blue"
    parent: str = ""


class NoteRecord(_Record):
    """See ``graphcore.graph.elements.Note``."""

    name: str
    text: str
    position: Point = (0.0, 0.0)
    size: Point = (220.0, 100.0)


class NodeRecord(_Record):
    """See ``graphcore.graph.elements.Node``."""

    name: str
    operator: str
    attributes: dict[str, Any] = {}
    position: Point | None = None
    frame: str = ""
    pinned: bool = False
    bypassed: bool = False
    initializers: dict[str, str] = {}
    frozen: list[str] = []
    subgraph: GraphRecord | None = None


class GraphRecord(_Record):
    """See ``graphcore.graph.graph.Graph``; ``ports`` orders the ports of a sub-graph."""

    training: dict[str, Any] = {}
    nodes: list[NodeRecord] = []
    edges: list[str] = []
    ports: list[str] = []
    frames: list[FrameRecord] = []
    notes: list[NoteRecord] = []
    view: tuple[float, float, float] | None = None


# -- graph to records -----------------------------------------------------------------------------


def record_of(graph: Graph, depth: int = 0) -> GraphRecord:
    """The graph as records; raises FileError where composites are nested too deeply."""
    if depth > MAX_DEPTH:
        raise FileError(f"Composites are nested more than {MAX_DEPTH} deep.")
    return GraphRecord(
        training=_changed_settings(graph.training),
        nodes=[node_record(n, depth) for n in sorted(graph.nodes, key=lambda n: n.name)],
        edges=sorted(map(edge_text, graph.edges)),
        ports=_ports(graph) if depth else [],
        frames=[frame_record(k, f) for k, f in sorted(graph.frames.items())],
        notes=[note_record(k, n) for k, n in sorted(graph.notes.items())],
        view=graph.view,
    )


def node_record(node: Node, depth: int = 0) -> NodeRecord:
    """The node as a record, its sub-graph included."""
    return NodeRecord(
        name=node.name,
        operator=node.operator,
        attributes=_changed_attributes(node),
        position=_finite(node.position),
        frame=node.frame,
        pinned=node.pinned,
        bypassed=node.bypassed,
        initializers=dict(sorted(node.initializers.items())),
        frozen=sorted(node.frozen),
        subgraph=None if node.subgraph is None else record_of(node.subgraph, depth + 1),
    )


def edge_text(edge: Edge) -> str:
    """``"conv1.y -> relu1.x"``."""
    return f"{edge.source}.{edge.output} -> {edge.target}.{edge.input}"


def frame_record(name: str, frame: Frame) -> FrameRecord:
    """The frame as a record."""
    return FrameRecord(name=name, title=frame.title, color=frame.color, parent=frame.parent)


def note_record(name: str, note: Note) -> NoteRecord:
    """The note as a record."""
    position, size = _finite(note.position), _finite(note.size)
    return NoteRecord(
        name=name, text=note.text, position=position or (0.0, 0.0), size=size or (220.0, 100.0)
    )


def _ports(graph: Graph) -> list[str]:
    """Names of a sub-graph's ports where their order differs from that of their names."""
    names = [n.name for n in graph.nodes if n.operator in ("Input", "Target", "Output")]
    return [] if names == sorted(names) else names


def _changed_attributes(node: Node) -> dict[str, Any]:
    attrs = node.op.attrs
    changed = {a.name: node.attributes.get(a.name, a.default) for a in attrs}
    return {
        a.name: _without_infinities(changed[a.name])
        for a in attrs
        if a.required
        or changed[a.name] != a.default
        or type(changed[a.name]) is not type(a.default)
    }


def _changed_settings(training: TrainingSettings) -> dict[str, Any]:
    default = msgspec.structs.asdict(TrainingSettings())
    given = msgspec.structs.asdict(training)
    changed = {k: v for k, v in given.items() if v != default[k]}
    plain: dict[str, Any] = msgspec.to_builtins(changed)
    return plain


def _without_infinities(value: Any) -> Any:
    """JSON has no NaN and no infinities; a graph file writes their names."""
    if isinstance(value, tuple | list):
        return [_without_infinities(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _finite(point: Point | None) -> Point | None:
    if point is None or not all(map(math.isfinite, point)):
        return None
    x, y = map(float, point)
    return int(x) if x.is_integer() else x, int(y) if y.is_integer() else y


# -- records to graph -----------------------------------------------------------------------------


def graph_of(record: GraphRecord, depth: int = 0) -> Graph:
    """The graph that the records describe, checked as a whole; raises a GradscapeError."""
    if depth > MAX_DEPTH:
        raise FileError(f"Composites are nested more than {MAX_DEPTH} deep.")
    check_operators(record)
    rank = {name: i for i, name in enumerate(record.ports)}
    ordered = sorted(record.nodes, key=lambda n: rank.get(n.name, len(rank)))
    nodes = [node_of(n, depth) for n in ordered]
    graph = Graph.build(nodes, [edge_of(e) for e in record.edges])
    graph.frames = frames_of(record.frames)
    for note in record.notes:
        if note.name in graph.notes:
            raise FileError(f"There are two notes called {note.name!r}.")
        graph.notes[note.name] = Note(note.name, note.text, note.position, note.size)
    graph.training, graph.view = training_of(record.training), record.view
    return graph


def check_operators(record: GraphRecord) -> None:
    """Raise FileError if any operator is not registered, naming all of them."""
    known = frozenset(ops.names())
    unknown = sorted({n.operator for n in record.nodes} - known)
    if unknown:
        which = "an operator that is" if len(unknown) == 1 else "operators that are"
        raise FileError(f"It uses {which} not known here: {', '.join(unknown)}.")


def node_of(record: NodeRecord, depth: int = 0) -> Node:
    """The node that the record describes, its attributes checked and completed."""
    op = ops.get(record.operator)
    try:
        attributes = op.complete(_with_infinities(op, record.attributes))
    except OverflowError:
        raise FileError(f"{record.name}: an attribute is too large a number.") from None
    except GradscapeError as error:
        raise FileError(f"Node {record.name}: {error}") from error
    _check_parameters(record, set(op.initializers) | set(op.parameter_names(attributes)))
    if record.subgraph is not None and record.operator != "Composite":
        raise FileError(f"Node {record.name}: only a Composite can hold a sub-graph.")
    return Node(
        name=record.name,
        operator=record.operator,
        attributes=attributes,
        position=record.position,
        frame=record.frame,
        pinned=record.pinned,
        bypassed=record.bypassed,
        initializers=record.initializers,
        frozen=frozenset(record.frozen),
        subgraph=None if record.subgraph is None else graph_of(record.subgraph, depth + 1),
    )


def edge_of(text: str) -> Edge:
    """The edge of ``"conv1.y -> relu1.x"``; raises FileError."""
    match = _EDGE.fullmatch(text)
    if match is None:
        raise FileError(f'An edge reads "source.output -> target.input", got {text[:80]!r}.')
    return Edge(*match.groups())


def frames_of(records: list[FrameRecord]) -> dict[str, Frame]:
    """Frames by name; raises FileError for two of one name and for one inside itself."""
    frames: dict[str, Frame] = {}
    for r in records:
        if r.name in frames:
            raise FileError(f"There are two frames called {r.name!r}.")
        frames[r.name] = Frame(r.name, r.title, r.color, r.parent)
    for name, frame in frames.items():
        seen, parent = {name}, frame.parent
        while parent in frames:
            if parent in seen:
                raise FileError(f"Frame {parent!r} lies inside itself.")
            seen.add(parent)
            parent = frames[parent].parent
    return frames


def training_of(changed: dict[str, Any]) -> TrainingSettings:
    """Training settings from those that differ from the defaults; raises FileError."""
    from graphcore.training import settings_check

    try:
        settings = msgspec.convert(changed, TrainingSettings)
        settings_check.check(settings)
    except msgspec.ValidationError as error:
        raise FileError(f"Training settings: {validation_sentence(error)}") from None
    except GradscapeError as error:
        raise FileError(f"Training settings: {error}") from None
    return settings


def validation_sentence(error: msgspec.ValidationError) -> str:
    """``nodes[2].name: expected str, got int.`` from msgspec's own message."""
    match = re.fullmatch(r"(.*) - at `\$\.?(.*)`", str(error), re.DOTALL)
    what, where = (match[1], match[2]) if match else (str(error), "")
    what = what.replace("`", "").replace("Object contains", "there is the")
    what = f"{what[:1].lower()}{what[1:]}"
    return f"{where}: {what}." if where else f"{what[:1].upper()}{what[1:]}."


def _check_parameters(record: NodeRecord, known: set[str]) -> None:
    for name in [*record.initializers, *record.frozen]:
        if name not in known:
            raise FileError(f"Node {record.name} has no parameter called {name!r}.")
    if not record.initializers:
        return
    from graphcore.ops.initializers import check

    for text in record.initializers.values():
        try:
            check(text)
        except GradscapeError as error:
            raise FileError(f"Node {record.name}: {error}") from error


def _with_infinities(op: ops.OperatorClass, attributes: dict[str, Any]) -> dict[str, Any]:
    kinds = {a.name: a.kind for a in op.attrs}
    return {
        k: _finite_or_not(v) if kinds.get(k) in ("float", "array") else v
        for k, v in attributes.items()
    }


def _finite_or_not(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite_or_not(v) for v in value]
    return _NON_FINITE.get(value, value) if isinstance(value, str) else value
