"""What one can do to the graph on the canvas; every change goes through the document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtWidgets import QGraphicsView, QMenu

from app.canvas import clipboard, exporting
from app.canvas.camera import Camera
from app.canvas.gliding import Glide
from app.canvas.items import geometry as geo
from app.canvas.items.edge_item import EdgeItem
from app.canvas.refusal import Refusal
from app.canvas.scene import Scene
from app.canvas.search_popup import SearchPopup
from app.canvas.selection import Selection
from app.document.blocks import PREFIX, blocks
from app.document.connection_menu import fill
from graphcore import ops
from graphcore.errors import Fix, GradscapeError, GraphError
from graphcore.graph import fit
from graphcore.graph.elements import Edge
from graphcore.graph.graph import Graph

_LEFT_MIDDLE = QPointF(0, geo.HEIGHT / 2)
"""From a node's corner to the point that the search box puts under the pointer."""


class Editor(QObject):
    """Adds, removes, connects, copies; a refusal is a sentence at the pointer.

    Signals:
        said: a sentence for the status bar; "" clears it.
        node_activated: a node is to be edited: it was double-clicked, or opened by Enter.
    """

    said = Signal(str)
    node_activated = Signal(str)

    def __init__(
        self, view: QGraphicsView, scene: Scene, camera: Camera, selection: Selection
    ) -> None:
        super().__init__(view)
        self._view, self._scene, self._camera, self._selection = view, scene, camera, selection
        self.document = scene.document
        self.refusal = Refusal(view)
        self.glide = Glide(scene, self)
        self._lit_edge: EdgeItem | None = None

    def attempt(self, change: Callable[[], Any]) -> bool:
        """Make a change; a refusal is shown as a sentence. Return whether it was made."""
        try:
            change()
        except GradscapeError as error:
            self.refuse(str(error), getattr(error, "fix", None))
            return False
        return True

    def attempt_gliding(self, change: Callable[[], Any], fit: bool = False) -> bool:
        """The same; nodes that it moves glide to their new places, all in view if ``fit``."""
        before = {n: item.pos() for n, item in self._scene.nodes.items()}
        made = self.attempt(change)
        if made and fit:
            self._camera.fit_all()
        if made and self._view.isVisible():
            self.glide.start(before)
        return made

    def refuse(self, sentence: str, fix: Fix | None, edge: Edge | None = None) -> None:
        """Say why not, at the pointer, with the change that would help as a button."""
        self.said.emit(sentence)
        self.document.message.emit(sentence)
        if fix is None or edge is None:
            self.refusal.say(sentence)
            return

        def repair() -> None:
            with self.document.macro(fix.label):
                document = self.document
                document.connect_nodes(edge.source, edge.target, edge.input, edge.output)
                document.apply_fix(edge.target, fix)

        self.refusal.say(sentence, fix.label, lambda: self.attempt(repair))

    def add_operator(self, operator: str, at: QPointF | None = None) -> str | None:
        """Add a node at a point, or right of the selected node, to which it is connected.

        With no node selected it stands in the middle of the view.
        """
        place = at if at is not None else self._free_place()
        if operator.startswith(PREFIX):
            self.add_block(operator.removeprefix(PREFIX), place)
            return None
        return self._add(operator, place, self._selection.names() if at is None else [])

    def _add(self, operator: str, place: QPointF, joined: Sequence[str] = ()) -> str | None:
        """Add a node, and connect it to the one that is given alone, as one step."""
        if joined and place == self._free_place() and not ops.get(operator).inputs:
            place = self._place_before(joined[0])
        names: list[str] = []
        position = (round(place.x() / 10) * 10.0, round(place.y() / 10) * 10.0)

        def change() -> None:
            with self.document.macro(self.tr("Add {0}").format(operator)):
                names.append(self.document.add_node(operator, position))
                self.document.move(self.document.covered_by({names[0]: position}))
                if len(joined) == 1:
                    self._join(joined[0], names[0])

        if not self.attempt(change):
            return None
        self._selection.select(names)
        return names[0]

    def _join(self, old: str, new: str) -> None:
        """Connect a new node to an old one, if there is an edge that fits."""
        edge = fit.edge_between(self.document.graph, self.document.shapes, old, new)
        if edge is not None:
            self.document.connect_nodes(edge.source, edge.target, edge.input, edge.output)

    def _free_place(self) -> QPointF:
        selected = self._selection.names()
        if len(selected) == 1:
            place = self._scene.nodes[selected[0]].pos() + QPointF(geo.WIDTH + 60, 0)
        else:
            place = self._camera.seen_area().center() - geo.BODY.center()
        while self._taken(place):
            place += QPointF(0, geo.HEIGHT + 40)
        return place

    def _place_before(self, name: str) -> QPointF:
        """Where a node stands that feeds another: to its left, below what is there."""
        place = self._scene.nodes[name].pos() + QPointF(-geo.WIDTH - 60, geo.HEIGHT + 40)
        while self._taken(place):
            place += QPointF(0, geo.HEIGHT + 40)
        return place

    def _taken(self, corner: QPointF) -> bool:
        """Whether a node there would lie on another."""
        area = geo.BODY.translated(corner)
        return any(area.intersects(geo.BODY.translated(i.pos()))
                   for i in self._scene.nodes.values())  # fmt: skip

    def delete_selection(self) -> None:
        """Remove the selected nodes and edges."""
        names, notes = self._selection.names(), self._selection.notes()
        gone = set(names)
        edges = [e for e in self._selection.edges() if not gone & {e.source, e.target}]
        if not edges and not notes:
            self.attempt(lambda: self.document.remove(names))
            return
        with self.document.macro(self.tr("Delete")):
            self.document.disconnect_edges(edges)
            self.document.remove(names)
            for note in notes:
                self.document.set_note(note, None)

    def delete_and_reconnect(self) -> None:
        """Remove the selected nodes and join what stood on both sides."""
        self.attempt(lambda: self.document.remove(self._selection.names(), reconnect=True))

    def copy(self) -> None:
        """Put the selected nodes on the clipboard, as text too."""
        clipboard.put(self.document.graph, self._selection.names(), self._selection.notes())

    def cut(self) -> None:
        """Copy, then delete."""
        self.copy()
        self.delete_selection()

    def paste(self) -> None:
        """Paste nodes at the pointer."""
        self.paste_at(self._camera.pointer_place())

    def paste_at(self, at: QPointF) -> None:
        """Paste nodes with their upper left corner at a point."""
        text = clipboard.text()
        pasted: list[str] = []
        if text and self.attempt(
            lambda: pasted.extend(self.document.paste(text, (at.x(), at.y())))
        ):
            self._selection.select(pasted)

    def duplicate(self) -> None:
        """Another copy of the selected nodes, a little lower."""
        names = self._selection.names()
        if names:
            corner = self._scene.contents(names).topLeft() + QPointF(40, 40)
            made: list[str] = []
            at = (corner.x(), corner.y())
            self.attempt(lambda: made.extend(self.document.duplicate(names, at)))
            self._selection.select(made)

    def arrange(self) -> None:
        """Lay the graph out from left to right; nodes glide to their new places."""
        self.attempt_gliding(lambda: self.document.arrange(self._camera.aspect), fit=True)

    def add_block(self, name: str, at: QPointF) -> None:
        """Add a copy of a block that was kept."""
        place, names = (at.x(), at.y()), []
        self.attempt(
            lambda: names.extend(self.document.add_graph(blocks.load(name), place, f"Add {name}"))
        )
        self._selection.select(names)

    def keep_selected(self) -> None:
        """Keep the selected composite among the user's blocks."""
        node = self.document.graph.node(self._one_selected())
        if self.attempt(lambda: blocks.keep(node)):
            said = self.tr("{0} is among your blocks now: in the library and the search box.")
            self.said.emit(said.format(node.name))

    def group_selection(self) -> None:
        """Make one composite node of the selected ones."""
        made: list[str] = []
        if self.attempt(lambda: made.append(self.document.group(self._selection.names()))):
            self._selection.select(made)

    def ungroup_selection(self) -> None:
        """Put what is inside the selected composite in its place."""
        made: list[str] = []
        if self.attempt(lambda: made.extend(self.document.ungroup(self._one_selected()))):
            self._selection.select(made)

    def enter_selected(self) -> None:
        """Show the inside of the selected composite."""
        self.attempt(lambda: self.document.enter(self._one_selected()))

    def _one_selected(self) -> str:
        names = self._selection.names()
        if len(names) != 1:
            raise GraphError("Select one composite.")
        return names[0]

    def align(self, side: str) -> None:
        """Put the selected nodes' left sides, or their tops, on one line."""
        self.attempt_gliding(lambda: self.document.align(self._selection.names(), side))

    def distribute(self, axis: str) -> None:
        """Put equal gaps between the selected nodes along an axis."""
        self.attempt_gliding(lambda: self.document.distribute(self._selection.names(), axis))

    def highlight_edge(self, edge: Edge | None) -> None:
        """Light up the edge into which a node would be put."""
        item = self._scene.edges.get(edge) if edge is not None else None
        if item is not self._lit_edge:
            for changed, on in ((self._lit_edge, False), (item, True)):
                if changed is not None and changed.scene() is not None:
                    changed.set_state(highlighted=on)
            self._lit_edge = item

    def search_to_add(self) -> None:
        """Open the search box at the pointer, or where there is room if that is on a node.

        With an edge selected alone, what is chosen is put into it.
        """
        edges = self._selection.edges()
        if len(edges) == 1 and not self._selection.names():
            self.search_into(edges[0])
            return
        at = self._camera.pointer_place()
        if not self._camera.over_canvas() or self._taken(at - _LEFT_MIDDLE):
            at = self._free_place() + _LEFT_MIDDLE
        self.search_at(at)

    def search_at(
        self, at: QPointF, port: tuple[str, str] | None = None, side: str = "output"
    ) -> SearchPopup:
        """Open the search box; with a port, for operators that fit there, and connect."""
        popup = SearchPopup(
            self._view, self._fitting(port, side) if port else None,
            likely=self._likely(), training=self.document.root.training,
        )  # fmt: skip
        popup.operator_chosen.connect(lambda name: self._add_found(name, at, port, side))
        popup.block_chosen.connect(lambda name: self.add_block(name, at))
        popup.graph_chosen.connect(lambda graph, text: self._add_typed(graph, at, text))
        popup.open_at(self._camera.on_screen(at))
        return popup

    def _likely(self) -> fit.Fitting | None:
        """Whether an operator fits behind the node that is selected alone."""
        names = self._selection.names()
        if len(names) != 1 or not (outputs := self.document.graph.node(names[0]).outputs):
            return None
        return self._fitting((names[0], outputs[0]), "output")

    def _fitting(self, port: tuple[str, str], side: str) -> fit.Fitting:
        return fit.Fitting(self.document.graph, self.document.shapes, port, side)

    def search_into(self, edge: Edge) -> SearchPopup:
        """Open the search box in the middle of an edge, for an operator to be put into it."""
        popup = SearchPopup(self._view, self._fitting((edge.source, edge.output), "output"))
        popup.operator_chosen.connect(lambda operator: self._insert(edge, operator))
        middle = self._scene.edges[edge].path.pointAtPercent(0.5)
        popup.open_at(self._camera.on_screen(middle))
        return popup

    def _insert(self, edge: Edge, operator: str) -> None:
        made: list[str] = []
        if self.attempt_gliding(lambda: made.append(self.document.insert_on_edge(edge, operator))):
            self._selection.select(made)

    def change_selected(self) -> None:
        """Open the search box for what the selected nodes could compute instead."""
        names = self._selection.names()
        fits = fit.Alternatives(self.document.graph, self.document.shapes, names)
        if not any(fits(name) for name in ops.names()):
            self.refuse(self.tr("No other operator has the inputs and outputs of these."), None)
            return
        popup = SearchPopup(self._view, fits, fits.akin)
        popup.operator_chosen.connect(
            lambda op: self.attempt(
                lambda: self._selection.mark(set(self.document.change_operator(names, op)))
            )
        )
        below = self._scene.nodes[names[0]].sceneBoundingRect().bottomLeft()
        popup.open_at(self._camera.on_screen(below))

    def _add_found(
        self, operator: str, at: QPointF, port: tuple[str, str] | None, side: str
    ) -> None:
        corner = at - QPointF(0 if side == "output" else geo.WIDTH, geo.HEIGHT / 2)
        if port is None:
            self._add(operator, corner, self._selection.names())
            return
        with self.document.macro(self.tr("Add {0}").format(operator)):
            name = self.add_operator(operator, corner)
            if name:
                pair = (port[0], name) if side == "output" else (name, port[0])
                into = None if side == "output" else port[1]
                out = port[1] if side == "output" else None
                self.attempt(lambda: self.document.connect_nodes(*pair, into, out))

    def _add_typed(self, graph: Graph, at: QPointF, text: str) -> None:
        names: list[str] = []
        place = (at.x(), at.y())
        self.attempt(
            lambda: names.extend(self.document.add_graph(graph, place, text, self._camera.aspect))
        )
        self._selection.select(names)
        self._camera.fit_nodes(self._selection.names())

    def open_node(self, name: str) -> None:
        """Go inside a composite; have any other node's attributes edited."""
        if self.document.graph.node(name).subgraph is not None:
            self.document.enter(name)
        else:
            self.node_activated.emit(name)

    def connect_selected(self) -> QMenu | None:
        """Offer every port that the selected node fits, to be chosen by keys."""
        name = self._selection.names()[0]
        menu = QMenu(self._view)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if not fill(menu, self.document, name, self.attempt):
            menu.deleteLater()
            self.refuse(self.tr("There is no free port that {0} fits.").format(name), None)
            return None
        corner = self._scene.nodes[name].sceneBoundingRect().bottomLeft()
        menu.popup(self._camera.on_screen(corner))
        return menu

    def nudge(self, dx: float, dy: float) -> None:
        """Move the selected nodes a little; nudges in a row are one step."""
        places = {n: self._scene.nodes[n].pos() for n in self._selection.names()}
        moved = {n: (p.x() + dx, p.y() + dy) for n, p in places.items()}
        self.document.move(moved, nudge=True)

    def export(self, path: str) -> None:
        """Write the whole graph as SVG, PDF or PNG; raises FileError."""
        exporting.export(self._scene, self._scene.contents(), path)
