"""Nodes as plain text for the clipboard, and back into any graph."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from graphcore import ops
from graphcore.errors import FileError, GradscapeError
from graphcore.files.graph_file import read_record, text_of
from graphcore.files.records import (
    GraphRecord,
    NodeRecord,
    Point,
    edge_of,
    edge_text,
    frame_record,
    frames_of,
    node_of,
    node_record,
    note_record,
)
from graphcore.graph.elements import Edge, Frame, Node, Note
from graphcore.graph.graph import Graph


@dataclass(frozen=True)
class Pasted:
    """What a paste adds to a graph.

    Attributes:
        nodes: new nodes, named and placed for the graph they go into.
        edges: the edges among them.
        frames, notes: copied along, under free names.
        renamed: name in the text -> name in the graph, where the two differ.
        unknown_operators: operators that are not registered here; their nodes are left out.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    frames: tuple[Frame, ...] = ()
    notes: tuple[Note, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)
    unknown_operators: tuple[str, ...] = ()

    def add_to(self, graph: Graph) -> None:
        """Add all of it to the graph that it was made for."""
        for frame in self.frames:
            graph.set_frame(frame.name, frame)
        for node in self.nodes:
            graph.insert(node)
        for edge in self.edges:
            graph.connect_edge(edge)
        for note in self.notes:
            graph.set_note(note.name, note)


def dumps_selection(graph: Graph, names: Iterable[str], notes: Iterable[str] = ()) -> str:
    """Text of some nodes, the edges among them, and the frames that hold nothing else.

    Raises:
        UnknownNodeError: a name that is not in the graph.
    """
    chosen = {graph.node(name).name for name in names}
    frames = _whole_frames(graph, chosen)
    nodes = [node_record(graph.node(name)) for name in sorted(chosen)]
    for node in nodes:
        node.frame = node.frame if node.frame in frames else ""
    edges = [e for name in chosen for e in graph.edges_from(name) if e.target in chosen]
    record = GraphRecord(
        nodes=nodes,
        edges=sorted(map(edge_text, edges)),
        frames=[
            frame_record(k, f if f.parent in frames else replace(f, parent=""))
            for k, f in sorted(frames.items())
        ],
        notes=[note_record(k, graph.notes[k]) for k in sorted(set(notes) & graph.notes.keys())],
    )
    return text_of(record)


def paste(graph: Graph, text: str, at: Point | None = None) -> Pasted:
    """What the text adds to ``graph``; the graph itself is not changed (see ``add_to``).

    Names that are taken get a number, edges follow, and nodes of unknown operators are left out
    and named.

    Args:
        at: where the top-left corner of what is pasted goes; left out, a little below and to
            the right of where it was copied.

    Raises:
        FileError: the text holds no nodes, or they are damaged.
    """
    try:
        record = read_record(text.encode("utf-8", "replace"))
        return _pasted(graph, record, at)
    except (GradscapeError, RecursionError) as error:
        raise FileError(f"The clipboard holds no nodes: {error}") from error


def _pasted(graph: Graph, record: GraphRecord, at: Point | None) -> Pasted:
    unknown = {n.operator for r in _levels(record) for n in r.nodes} - set(ops.names())
    kept = [r for r in record.nodes if not _uses(r, unknown)]
    checked = Graph.build([node_of(r) for r in kept], _edges_among(record, kept))
    checked.frames = frames_of(record.frames)
    names = _free_names([n.name for n in checked.nodes], {n.name for n in graph.nodes})
    frames = _free_names(checked.frames, graph.frames)
    dx, dy = _shift(record, at)
    nodes = tuple(
        replace(
            n,
            name=names[n.name],
            frame=frames.get(n.frame, ""),
            position=(n.position[0] + dx, n.position[1] + dy) if n.position else at,
        )
        for n in checked.nodes
    )
    notes = _free_names([n.name for n in record.notes], graph.notes)
    return Pasted(
        nodes=nodes,
        edges=tuple(
            replace(e, source=names[e.source], target=names[e.target]) for e in checked.edges
        ),
        frames=tuple(
            replace(f, name=frames[k], parent=frames.get(f.parent, ""))
            for k, f in checked.frames.items()
        ),
        notes=tuple(
            Note(notes[n.name], n.text, (n.position[0] + dx, n.position[1] + dy), n.size)
            for n in record.notes
        ),
        renamed={old: new for old, new in names.items() if old != new},
        unknown_operators=tuple(sorted(unknown)),
    )


def _levels(record: GraphRecord) -> list[GraphRecord]:
    """The record and the records of all sub-graphs in it."""
    found = [record]
    for level in found:
        found.extend(n.subgraph for n in level.nodes if n.subgraph is not None)
    return found


def _uses(record: NodeRecord, operators: set[str]) -> bool:
    inside = _levels(record.subgraph) if record.subgraph else []
    return record.operator in operators or any(
        n.operator in operators for level in inside for n in level.nodes
    )


def _edges_among(record: GraphRecord, kept: list[NodeRecord]) -> list[Edge]:
    left_out = {n.name for n in record.nodes} - {n.name for n in kept}
    edges = [edge_of(e) for e in record.edges]
    return [e for e in edges if e.source not in left_out and e.target not in left_out]


def _free_names(wanted: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """Each wanted name, or the same name with a number where it is taken."""
    wanted = list(wanted)
    used = set(taken)
    names: dict[str, str] = {}
    for name in wanted:
        free, number = name, 2
        base = re.sub(r"_[0-9]+$", "", name) or name
        while free in used or (free != name and free in wanted):
            free, number = f"{base}_{number}", number + 1
        names[name] = free
        used.add(free)
    return names


def _shift(record: GraphRecord, at: Point | None) -> Point:
    if at is None:
        return 40.0, 40.0
    placed = [n.position for n in record.nodes if n.position] + [n.position for n in record.notes]
    if not placed:
        return 0.0, 0.0
    return at[0] - min(p[0] for p in placed), at[1] - min(p[1] for p in placed)


def _whole_frames(graph: Graph, chosen: set[str]) -> dict[str, Frame]:
    """Frames all of whose nodes, those of frames inside included, are chosen."""
    members: dict[str, bool] = {}
    for node in graph.nodes:
        frame, seen = node.frame, set[str]()
        while frame in graph.frames and frame not in seen:
            members[frame] = members.get(frame, True) and node.name in chosen
            seen.add(frame)
            frame = graph.frames[frame].parent
    return {k: graph.frames[k] for k, whole in members.items() if whole}
