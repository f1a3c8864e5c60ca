"""The open graph with its file and its history, and every edit of it: the only door to a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QObject, Signal

from app.document import commands, edits
from app.document.commands import Reversible
from app.document.history import SENTENCES, History, LockedError
from app.document.levels import SCREEN_ASPECT, Level, Levels, lay_out, level_of
from app.document.origin import HERE, Origin, origin_of
from graphcore import datasets, files, ops
from graphcore.errors import Fix, GradscapeError, GraphError
from graphcore.graph import composites, freezing, heads
from graphcore.graph.drawing import spacing
from graphcore.graph.drawing.layers import NODE_SIZE, layout
from graphcore.graph.drawing.rows import fold
from graphcore.graph.elements import Change, Edge, Frame, Node, Note
from graphcore.graph.graph import Graph
from graphcore.graph.in_place import in_place, renamed, usual_attributes
from graphcore.graph.shapes import ShapeInference
from graphcore.graph.training_settings import TrainingSettings
from graphcore.training import settings_check

Position = tuple[float, float]
SetNumbers = Callable[[str, tuple[int, ...], tuple[float, ...]], None]
"""Changes numbers of a parameter in the engine: its name, places, values."""


Progress = Callable[[float], None]
"""Told the share of some work that is done, 0 to 1; raises CancelledError to end it."""


class CancelledError(GradscapeError):
    """The user has had enough of waiting."""


@dataclass(frozen=True)
class Aside:
    """A document that a lesson has put aside: what is open meanwhile is not the user's.

    Attributes:
        name: what the title called it.
        modified: whether it has changes that are in no file.
    """

    graph: Graph
    path: Path | None
    name: str
    modified: bool


def _no_progress(share: float) -> None:
    pass


class Document(QObject):
    """A graph that can be edited, undone, saved and opened.

    Every method that edits checks first and raises the named GradscapeError, or makes its
    change as one named step of ``undo_stack``.

    Signals:
        changed: a ``graphcore.Change`` was made on the level that is shown.
        shapes_changed: set of node names whose shapes or problem are new; once per event loop.
        opened: ``root`` is another graph.
        level_changed: ``graph`` is another part of the same root.
        message: a sentence for the status bar.
        saving: the graph is about to be written; what belongs in the file is noted now.

    Attributes:
        levels: the whole graph and the composites that were entered to what is shown.
        aside: the user's own document, while a lesson's stands in its place.
        origin: where the graph comes from, and the weights that its net starts with.
        preparers: called with a file's graph before it is opened, to do what takes long.
    """

    changed = Signal(object)
    shapes_changed = Signal(object)
    opened = Signal()
    level_changed = Signal()
    message = Signal(str)
    saving = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.levels = Levels(self)
        self.levels.changed.connect(self.changed)
        self.levels.shapes_changed.connect(self.shapes_changed)
        self.levels.switched.connect(self.level_changed)
        self.preparers: list[Callable[[Level, Progress], None]] = []
        self._history = History(self.levels, self)
        self._push = self._history.push
        self.undo_stack = self._history.stack
        self.path: Path | None = None
        self.origin = HERE
        self.aside: Aside | None = None

    @property
    def root(self) -> Graph:
        """The whole graph: what is saved and run."""
        return self.levels.root

    @property
    def graph(self) -> Graph:
        """What is shown and edited: the whole graph, or the inside of a composite."""
        return self.levels.graph

    @property
    def shapes(self) -> ShapeInference:
        """Shapes of ``graph``."""
        return self.levels[-1].shapes

    @property
    def prefix(self) -> str:
        """What stands before the names of ``graph`` in the whole one, such as "block/"."""
        return self.levels.prefix

    @property
    def modified(self) -> bool:
        """Whether there are changes that are in no file."""
        return not self.undo_stack.isClean()

    @property
    def steps_made(self) -> int:
        """How many edits were made so far; undoing and redoing them makes none."""
        return self._history.made

    def enter(self, name: str) -> None:
        """Show the inside of a composite; raises GraphError for any other node."""
        self.levels.enter(name)

    def leave(self, depth: int = -1) -> None:
        """Back out of a composite, or to the level of a depth: 0 is the whole graph."""
        self.levels.leave(depth)

    def macro(self, text: str) -> AbstractContextManager[None]:
        """Several edits as one step, all or none: an error inside takes back what was made.

        A macro in a macro is part of the outer one.
        """
        return self._history.macro(text)

    def lock(self, names: Iterable[str]) -> None:
        """Keep "nodes", "attributes", "settings" or "weights" from being changed from now on."""
        self._history.locked = frozenset(names)

    @contextmanager
    def unlocked(self) -> Iterator[None]:
        """Change what is locked: for a lesson's own steps."""
        locked, self._history.locked = self._history.locked, frozenset()
        try:
            yield
        finally:
            self._history.locked = locked

    # -- files --------------------------------------------------------------------------------

    def new(self) -> None:
        """Begin an empty graph."""
        self.open_graph(Graph())

    def open(
        self, path: str | Path, progress: Progress = _no_progress, imported: bool = False
    ) -> None:
        """Open a graph file; raises FileError and leaves the document as it is.

        Args:
            imported: whether the file was made of another program's: the document has none then.
            progress: called with the share that is done; if it raises, nothing is changed.
        """
        graph, origin = files.load(path), origin_of(Path(path))
        progress(0.2)
        level = level_of(graph)
        progress(0.4)
        for prepare in self.preparers:
            prepare(level, lambda share: progress(0.4 + 0.6 * share))
        self._replace(level, None if imported else Path(path), origin)

    def open_graph(self, graph: Graph) -> None:
        """Take a graph that is in no file yet, such as a preset."""
        self._replace(level_of(graph), None)

    def become(self, graph: Graph, step: str) -> None:
        """Turn the whole graph into another one, as a single step that can be undone."""
        self.levels.leave(0)
        self._push(step, edits.become(self.root, graph))

    def restore(self, graph: Graph, path: Path | None, origin: Origin = HERE) -> None:
        """Take rescued work: it belongs to ``path`` but was not saved there."""
        self._replace(level_of(graph), path, origin)
        self.undo_stack.resetClean()

    def save(self, path: str | Path | None = None) -> None:
        """Write to a file, the document's own if none is given; raises FileError."""
        target = Path(path) if path is not None else self.path
        if target is None:
            raise GraphError("The graph has no file yet: choose one.")
        self.saving.emit()
        self.origin = self.origin.copied(target)
        files.save(self.root, target)
        self.path = target
        self.undo_stack.setClean()

    def _replace(self, level: Level, path: Path | None, origin: Origin = HERE) -> None:
        self.levels.replace(level)
        self.path, self.origin = path, origin
        self.undo_stack.clear()
        self.opened.emit()

    # -- nodes --------------------------------------------------------------------------------

    def add_node(self, operator: str, position: Position, **attributes: Any) -> str:
        """Add a node; attributes that must be given and are not get a usual value."""
        node = self._new_node(operator, position, attributes)
        self._push(self.tr("Add {0}").format(operator), [commands.add(node)])
        return node.name

    def remove(self, names: Iterable[str], reconnect: bool = False) -> None:
        """Remove nodes with their edges; ``reconnect`` joins what stood on both sides."""
        gone = [self.graph.node(n) for n in dict.fromkeys(names)]
        if not gone:
            return
        what = gone[0].name if len(gone) == 1 else self.tr("{0} nodes").format(len(gone))
        outside = [c for n in gone for c in self._outside(n.name)[0]]
        changes = edits.remove(self.graph, gone, reconnect)
        self._push(self.tr("Delete {0}").format(what), [*outside, *changes])

    def rename(self, name: str, new: str) -> None:
        """Give a node another name."""
        if new != name:
            text = self.tr("Rename {0} to {1}").format(name, new)
            gone, back = self._outside(name, new)
            self._push(text, [*gone, commands.rename(name, new), *back])

    def move(self, positions: Mapping[str, Position], nudge: bool = False) -> None:
        """Put nodes elsewhere; nudges of the same nodes in a row are one step."""
        moved = {n: p for n, p in positions.items() if self.graph.node(n).position != p}
        if not moved:
            return
        changes = [commands.update(self.graph.node(n), position=p) for n, p in moved.items()]
        what = next(iter(moved)) if len(moved) == 1 else self.tr("{0} nodes").format(len(moved))
        key = "nudge " + " ".join(sorted(positions)) if nudge else ""
        self._push(self.tr("Move {0}").format(what), changes, key)

    def covered_by(self, places: Mapping[str, Position]) -> dict[str, Position]:
        """Return where the nodes go that others at these places would cover; pinned ones stay."""
        fixed = [(*place, *NODE_SIZE) for place in places.values()]
        moving = [
            (node.name, (*node.position, *NODE_SIZE)) for node in self.graph
            if node.name not in places and node.position is not None and not node.pinned
        ]  # fmt: skip
        return spacing.moved_apart(moving, fixed)

    def align(self, names: Sequence[str], side: str) -> None:
        """Put nodes on one line: ``side`` is "left" or "top"."""
        axis = 0 if side == "left" else 1
        places = {n: self.graph.node(n).position or (0.0, 0.0) for n in names}
        line = min((p[axis] for p in places.values()), default=0.0)
        self._line_up(self.tr("Align"), places, dict.fromkeys(places, line), axis)

    def distribute(self, names: Sequence[str], along: str) -> None:
        """Put nodes at equal distances between the first and the last; ``along`` is x or y."""
        axis = 0 if along == "x" else 1
        places = {n: self.graph.node(n).position or (0.0, 0.0) for n in names}
        order = sorted(places, key=lambda n: places[n][axis])
        first, last = places[order[0]][axis], places[order[-1]][axis]
        step = (last - first) / max(1, len(order) - 1)
        wanted = {n: first + i * step for i, n in enumerate(order)}
        self._line_up(self.tr("Distribute"), places, wanted, axis)

    def _line_up(
        self, text: str, places: Mapping[str, Position], wanted: Mapping[str, float], axis: int
    ) -> None:
        changes = []
        for name, (x, y) in places.items():
            place = (wanted[name], y) if axis == 0 else (x, wanted[name])
            if place != (x, y):
                changes.append(commands.update(self.graph.node(name), position=place))
        self._push(text, changes)

    def arrange(self, aspect: float = SCREEN_ASPECT) -> None:
        """Lay the graph out from left to right, in rows that fill a screen; pinned nodes stay."""
        places = layout(self.graph)
        if not any(n.pinned for n in self.graph):
            places = fold(self.graph, places, aspect)
        changes = [
            commands.update(self.graph.node(n), position=p)
            for n, p in places.items()
            if self.graph.node(n).position != p
        ]
        self._push(self.tr("Arrange"), [*changes, *self._notes_aside(places)])

    def _notes_aside(self, places: Mapping[str, Position]) -> list[Reversible]:
        """Notes that would lie on arranged nodes, put where there is room."""
        corners = {n.name: places.get(n.name, n.position) for n in self.graph}
        fixed = [(*corner, *NODE_SIZE) for corner in corners.values() if corner is not None]
        notes = self.graph.notes
        moving = [(name, (*note.position, *note.size)) for name, note in notes.items()]
        return [
            commands.set_note(self.graph, name, replace(notes[name], position=place))
            for name, place in spacing.moved_apart(moving, fixed).items()
        ]

    def change_operator(self, names: Sequence[str], operator: str) -> list[str]:
        """Let nodes compute something else of the same inputs; edges stay.

        Returns:
            What the nodes are called now: a name that says the old operator says the new one.

        Raises:
            GradscapeError: an edge goes to an input that the operator does not have.
        """
        changes, called = list[Reversible](), list[str]()
        for old in (self.graph.node(n) for n in names):
            changes += edits.exchange(self.graph, old, in_place(old, operator))
            name = renamed(old, operator)
            free = name not in self.graph and name not in called
            called.append(name if free else old.name)
        changes += [commands.rename(a, b) for a, b in zip(names, called, strict=True) if a != b]
        self._push(self.tr("Change to {0}").format(operator), changes)
        return called

    def set_attributes(self, names: str | Sequence[str], **changes: Any) -> None:
        """Change attributes of one node or of several alike; typing in a row is one step."""
        listed = [names] if isinstance(names, str) else list(names)
        made = [commands.set_attributes(self.graph.node(n), changes) for n in listed]
        key = f"attributes {' '.join(listed)} {' '.join(changes)}"
        text = self.tr("Set {0} of {1}").format(", ".join(changes), ", ".join(listed))
        self._push(text, made, key)

    def set_initializer(self, name: str, parameter: str, text: str | None) -> None:
        """Choose how a parameter starts; None is the operator's own choice."""
        change = commands.set_initializer(self.graph.node(name), parameter, text)
        self._push(self.tr("Initialise {0}.{1}").format(name, parameter), [change])

    def set_frozen(self, name: str, parameter: str, frozen: bool) -> None:
        """Keep a parameter out of training, or let it train."""
        word = self.tr("Freeze") if frozen else self.tr("Unfreeze")
        change = commands.set_frozen(self.graph.node(name), parameter, frozen)
        self._push(f"{word} {name}.{parameter}", [change])

    def freeze_along(self, names: Sequence[str], frozen: bool) -> int:
        """Freeze nodes and all before them, or let them and all after them train.

        Returns how many parameters changed; raises GraphError if none did.
        """
        levels = [(level.name, level.graph) for level in self.levels]
        found = freezing.to_change(freezing.along(levels, names, not frozen), frozen)
        if not found:
            state = self.tr("frozen") if frozen else self.tr("trained")
            raise GraphError(self.tr("Every parameter there is {0} already.").format(state))
        text = self.tr("Freeze up to {0}") if frozen else self.tr("Unfreeze from {0}")
        told = [n.name for n in self.graph if n.subgraph is not None] or list(names)
        change = commands.freeze_all(found, told, frozen)
        self._push(text.format(", ".join(names)), [change])
        return len(found)

    def set_rates(self, names: Sequence[str], factor: float) -> None:
        """Multiply the learning rate of nodes, and of what is inside them, by a factor."""
        settings = self.root.training
        paths = [self.prefix + name for name in names]
        rates = {
            path: f for path, f in settings.rates.items()
            if not any(path == p or path.startswith(f"{p}/") for p in paths)
        }  # fmt: skip
        around = msgspec.structs.replace(settings, rates=rates)
        rates |= {p: factor for p in paths if around.rate_at(p) != factor}
        changed = msgspec.structs.replace(settings, rates=rates)
        self.set_training(changed, self.tr("Learning rate of {0}").format(", ".join(names)))

    def replace_head(self, classes: int, freeze: bool) -> str:
        """Replace the net's last layer by a fresh one for this many classes; return its path.

        Args:
            freeze: whether all other parameters are kept out of training.
        """
        wanted = heads.replace_head(self.root, classes, freeze)
        self.become(wanted, self.tr("Replace the head"))
        return heads.find_head(self.root)

    def set_numbers(
        self, parameter: str, places: tuple[int, ...], before: tuple[float, ...],
        after: tuple[float, ...], send: SetNumbers,
    ) -> None:  # fmt: skip
        """Change numbers of a parameter by hand; the engine holds them, the step the old ones."""
        if "weights" in self._history.locked:
            raise LockedError(SENTENCES["weights"])
        change = Reversible(
            lambda _g: send(parameter, places, after), lambda _g: send(parameter, places, before)
        )
        one, several = self.tr("Set a number of {0}"), self.tr("Set {1} numbers of {0}")
        said = one if len(places) == 1 else several
        self._push(said.format(parameter, len(places)), [change])

    def look_at(self, text: str, show: Callable[[Any], None], before: Any, after: Any) -> None:
        """Look at the net in another way, as a step of the history: the graph stays as it is."""
        self._push(text, [Reversible(lambda _g: show(after), lambda _g: show(before))])

    def set_flag(self, names: Sequence[str], flag: str, on: bool) -> None:
        """Set "pinned" or "bypassed" of nodes."""
        words = {
            "pinned": (self.tr("Unpin {0}"), self.tr("Pin {0}")),
            "bypassed": (self.tr("Restore {0}"), self.tr("Bypass {0}")),
        }
        if flag not in words:
            raise GraphError(f"A node has no flag {flag!r}; there are: {', '.join(words)}.")
        changes = [commands.update(self.graph.node(n), **{flag: on}) for n in names]
        self._push(words[flag][on].format(", ".join(names)), changes)

    # -- edges --------------------------------------------------------------------------------

    def connect_nodes(
        self, source: str, target: str, input: str | None = None, output: str | None = None
    ) -> None:
        """Join an output to an input; an edge that is there already is replaced."""
        start = self.graph.node(source)
        if output is None:
            if not start.outputs:
                raise GraphError(f"{source} has no output.")
            output = start.outputs[0]
        if input is None:
            free = [i for i in self.graph.data_inputs(target)
                    if self.graph.edge_into(target, i) is None]  # fmt: skip
            input = free[0] if free else next(iter(self.graph.data_inputs(target)), "x")
        edge, taken = Edge(source, output, target, input), self.graph.edge_into(target, input)
        if taken == edge:
            return
        changes = [commands.disconnect(taken)] if taken else []
        changes.append(commands.connect(edge))
        self._push(self.tr("Connect {0} to {1}").format(source, target), changes)

    def disconnect_edges(self, edges: Sequence[Edge]) -> None:
        """Remove edges."""
        if edges:
            text = self.tr("Disconnect {0}").format(", ".join(e.target for e in edges))
            self._push(text, [commands.disconnect(e) for e in edges])

    def reconnect(self, old: Edge, new: Edge) -> None:
        """Take an edge by its end and put it elsewhere."""
        taken = self.graph.edge_into(new.target, new.input)
        gone = [e for e in dict.fromkeys((old, taken)) if e is not None]
        changes = [commands.disconnect(e) for e in gone] + [commands.connect(new)]
        self._push(self.tr("Reconnect {0}").format(new.target), changes)

    def move_output(self, edges: Sequence[Edge], source: str, output: str) -> None:
        """Let another output feed all the inputs that these edges feed."""
        changes, _ = edits.move_output(self.graph, edges, source, output)
        self._push(self.tr("Let {0} feed {1} inputs").format(source, len(changes) // 2), changes)

    def insert_on_edge(self, edge: Edge, operator: str, **attributes: Any) -> str:
        """Put a new node on an edge and push what follows to the right."""
        place = edits.between(self.graph, edge)
        node = self._new_node(operator, place, attributes)
        changes = edits.insert(self.graph, edge, node, edits.first_input(self.graph, node))
        changes = [commands.add(node), *edits.make_room(self.graph, edge, place[0]), *changes]
        self._push(self.tr("Insert {0}").format(operator), changes)
        return node.name

    def insert_node_on_edge(self, edge: Edge, name: str, place: Position) -> None:
        """Let a node of the graph stand on an edge, at ``place``, and push what follows on."""
        node = self.graph.node(name)
        changes = [
            commands.update(node, position=place),
            *edits.make_room(self.graph, edge, place[0]),
            *edits.insert(self.graph, edge, node, edits.first_input(self.graph, node)),
        ]
        self._push(self.tr("Insert {0}").format(name), changes)

    def apply_fix(self, name: str, fix: Fix | None = None) -> None:
        """Make the change that a problem proposes."""
        problem = self.shapes.problem(name)
        fix = fix or (problem.fix if problem else None)
        if fix is None:
            raise GraphError(f"There is no proposed change for {name}.")
        if fix.kind == "set":
            self.set_attributes(name, **fix.attributes)
            return
        edge = self.graph.edge_into(name, fix.input) or next(
            iter(self.graph.edges_into(name)), None
        )
        if edge is None:
            raise GraphError(f"Nothing is connected to {name} yet.")
        self.insert_on_edge(edge, fix.operator, **fix.attributes)

    # -- whole parts --------------------------------------------------------------------------

    def paste(self, text: str, at: Position | None = None) -> list[str]:
        """Add nodes from clipboard text; returns their names. Raises FileError."""
        return self._add_text(text, at, self.tr("Paste"))

    def _add_text(self, text: str, at: Position | None, step: str) -> list[str]:
        pasted = files.paste(self.graph, text, at)
        changes: list[Reversible] = [commands.add(n) for n in pasted.nodes]
        changes += [commands.connect(e) for e in pasted.edges]
        changes += [commands.set_frame(self.graph, f.name, f) for f in pasted.frames]
        changes += [commands.set_note(self.graph, n.name, n) for n in pasted.notes]
        if pasted.unknown_operators:
            unknown = ", ".join(pasted.unknown_operators)
            self.message.emit(self.tr("Left out unknown operators: {0}.").format(unknown))
        self._push(step, changes)
        return [n.name for n in pasted.nodes]

    def duplicate(self, names: Sequence[str], at: Position | None = None) -> list[str]:
        """Another copy of nodes and of the edges among them; returns the new names."""
        return self._add_text(files.dumps_selection(self.graph, names), at, self.tr("Duplicate"))

    def add_graph(
        self, graph: Graph, at: Position, text: str, aspect: float = SCREEN_ASPECT
    ) -> list[str]:
        """Add a typed net or formula, laid out, as one step; returns the names.

        The first one of a graph brings the data that it is trained on.
        """
        first = not len(self.root)
        lay_out(graph, aspect)
        with self.macro(text):
            if first:
                self.set_training(graph.training)
            return self._add_text(files.dumps_selection(graph, [n.name for n in graph]), at, text)

    def set_training(self, settings: TrainingSettings, step: str = "") -> None:
        """Change what is trained on and how; a change that is named is a step of its own.

        Raises:
            GradscapeError: a setting does not fit; nothing was changed.
        """
        settings_check.check(settings)
        if "settings" in self._history.locked:
            self.message.emit(SENTENCES["settings"])
            self.changed.emit(Change("training_changed"))  # fields show what holds
        elif settings != self.root.training:
            change = commands.elsewhere(self.root, commands.set_training(self.root, settings))
            self._push(step or self.tr("Training settings"), [change], "" if step else "training")

    def set_frame(self, name: str, frame: Frame) -> None:
        """Change a frame's title, colour or the frame it lies in."""
        self._push(self.tr("Frame {0}").format(name), [commands.set_frame(self.graph, name, frame)])

    def add_frame(self, names: Sequence[str], title: str, color: str = "blue") -> str:
        """Put a new frame round nodes; returns its name.

        Frames that lie wholly round these nodes lie in it from now on; the other nodes leave
        the frames they were in.
        """
        if not names:
            raise GraphError("A frame goes round nodes: select some first.")
        frame = _free("frame", self.graph.frames)
        self._push(
            self.tr("Frame {0}").format(frame),
            edits.add_frame(self.graph, Frame(frame, title, color), names),
        )
        return frame

    def put_in_frame(self, names: Sequence[str], frame: str) -> None:
        """Let a frame own nodes."""
        title = self.graph.frames[frame].title
        changes = [commands.update(self.graph.node(n), frame=frame) for n in names]
        self._push(self.tr("Put into {0}").format(title), changes)

    def remove_frame(self, name: str) -> None:
        """Remove a frame; its nodes stay, in the frame round it if there is one."""
        if name not in self.graph.frames:
            raise GraphError(f"There is no frame called {name!r}.")
        title = self.graph.frames[name].title
        changes = edits.remove_frame(self.graph, name)
        self._push(self.tr("Remove frame {0}").format(title), changes)

    def set_note(self, name: str, note: Note | None) -> None:
        """Add, change or remove a note; moves and typing in a row are one step."""
        key = f"note {name}" if note is not None and name in self.graph.notes else ""
        self._push(self.tr("Note"), [commands.set_note(self.graph, name, note)], key)

    def add_note(self, text: str, position: Position) -> str:
        """Add a note with its top left corner at a point; returns its name."""
        name = _free("note", self.graph.notes)
        self.set_note(name, Note(name, text, position))
        return name

    # -- composites ---------------------------------------------------------------------------

    def group(self, names: Sequence[str]) -> str:
        """Make one composite node of several; returns its name."""
        name = self.graph.free_name("block")
        exchange = composites.group(self.graph, names, name, self.shapes)
        edits.make_way(self.graph, exchange)
        moved = [(n, f"{name}/{n}") for n in names]
        self._exchange(self.tr("Group into {0}").format(name), exchange, moved)
        return name

    def ungroup(self, name: str) -> list[str]:
        """Put the nodes inside a composite in its place; returns their names."""
        exchange = composites.ungroup(self.graph, name)
        inner = self.graph.node(name).subgraph
        olds = [n.name for n in inner or () if n.operator not in composites.PORTS]
        names = [n.name for n in exchange.nodes]
        moved = [(f"{name}/{old}", new) for old, new in zip(olds, names, strict=True)]
        self._exchange(self.tr("Ungroup {0}").format(name), exchange, moved)
        return names

    def _exchange(
        self, text: str, exchange: composites.Exchange, moved: Sequence[tuple[str, str]]
    ) -> None:
        gone = [self.graph.node(n) for n in exchange.gone]
        changes = edits.remove(self.graph, gone, reconnect=False)
        changes += [commands.add(n) for n in exchange.nodes]
        changes += [commands.connect(e) for e in exchange.edges]
        settings = self.root.training
        for old, new in moved:
            settings = settings.renamed(self.prefix + old, self.prefix + new)
        if settings != self.root.training:
            change = commands.set_training(self.root, settings)
            changes.append(commands.elsewhere(self.root, change))
        self._push(text, changes)

    def _outside(self, name: str, new: str = "") -> tuple[list[Reversible], list[Reversible]]:
        """What a port's edges outside the composite need before and after its change."""
        if len(self.levels) < 2 or self.graph.node(name).operator not in composites.PORTS:
            return [], []
        above, block = self.levels[-2].graph, self.levels[-1].name
        edges = [e for e in above.edges_into(block) if e.input == name]
        edges += [e for e in above.edges_from(block) if e.output == name]
        after = [
            replace(e, input=new) if e.target == block and e.input == name
            else replace(e, output=new) for e in edges
        ]  # fmt: skip
        return (
            [commands.elsewhere(above, commands.disconnect(e)) for e in edges],
            [commands.elsewhere(above, commands.connect(e)) for e in after] if new else [],
        )

    # -- inside -------------------------------------------------------------------------------

    def _new_node(self, operator: str, position: Position, attributes: dict[str, Any]) -> Node:
        usual = usual_attributes(operator)
        if operator == "Input" and len(self.levels) == 1:
            usual["shape"] = datasets.describe(self.root.training.dataset).input_shape or (1,)
        full = ops.get(operator).complete({**usual, **attributes})
        return Node(self.graph.free_name(operator), operator, full, position=position)


def _free(base: str, taken: Mapping[str, object]) -> str:
    number = 1
    while f"{base}{number}" in taken:
        number += 1
    return f"{base}{number}"
