"""The canvas widget: hands every event to the part that serves it, and paints."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any

from PySide6.QtCore import QElapsedTimer, QEvent, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QGraphicsItem, QGraphicsView, QStyleOptionGraphicsItem

from app.canvas import empty_canvas
from app.canvas.annotations import Annotations
from app.canvas.breadcrumbs import Breadcrumbs
from app.canvas.camera import Camera
from app.canvas.drops import Drops
from app.canvas.editor import Editor
from app.canvas.items.node_item import NodeItem
from app.canvas.kept_views import KeptViews
from app.canvas.keys import Keys
from app.canvas.learning import Learning
from app.canvas.menu import CanvasMenu
from app.canvas.minimap import Minimap
from app.canvas.pictures import Pictures
from app.canvas.pointer import Pointer
from app.canvas.scene import Scene
from app.canvas.search_popup import SearchPopup
from app.canvas.selection import Selection
from app.document.document import Document
from app.style import painting, palette
from graphcore.errors import Fix
from graphcore.graph.elements import Change, Edge


class Canvas(QGraphicsView):
    """The open graph, to be looked at and edited.

    Attributes:
        graph_scene: the items. camera: zoom, pan and fit. selection: what is selected.
        pictures: the running net. editor: changes of the graph. annotations: notes, frames, names.
        learning: which nodes learn, and how fast.
        pointer, keys, drops: what mouse, keyboard and dragged operators do.
        menu: the actions of the canvas, and the menu at the pointer.
        minimap, breadcrumbs: widgets over the canvas. kept_views: where one looked before.
        paints: how often it was painted.
    """

    def __init__(self, document: Document) -> None:
        self.graph_scene = scene = Scene(document)
        super().__init__(scene)
        self.document = document
        self._shown = QElapsedTimer()
        self.paints = 0
        self._set_up()
        self.camera = Camera(self, scene)
        self.selection = Selection(self, scene, self.camera)
        self.pictures = Pictures(self, scene, self.camera)
        self.editor = Editor(self, scene, self.camera, self.selection)
        self.annotations = Annotations(self, scene, self.camera, self.selection, self.editor)
        self.learning = Learning(self, self.selection, self.editor)
        self.pointer = Pointer(self.viewport(), self, self.camera, self.pictures)
        self.keys = Keys(scene, self.selection, self.editor, self.pointer)
        self.drops = Drops(scene, self.camera, self.editor)
        self.menu = CanvasMenu(self, self)
        self.minimap = Minimap(self, scene, self.camera)
        self.breadcrumbs = Breadcrumbs(self, document)
        self.kept_views = KeptViews(scene, self.camera)
        self._view_pending = True
        self._connect()

    def _set_up(self) -> None:
        self.setAccessibleName(self.tr("Graph canvas"))
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheBackground)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setDragMode(QGraphicsView.DragMode.NoDrag)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)

    def _connect(self) -> None:
        self.pointer.menu_wanted.connect(self._open_menu)
        self.graph_scene.far_changed.connect(self._update_far)
        self.selection.changed.connect(self._update_far)
        self.selection.changed.connect(lambda _names: self.pointer.end_hover())
        document = self.document
        document.opened.connect(self.kept_views.forget)
        document.opened.connect(self._on_opened)
        document.level_changed.connect(self._on_opened)
        document.changed.connect(self._on_document_changed)
        palette.notifier.changed.connect(self._on_theme)

    # -- what gestures and scripts ask --------------------------------------------------------

    @property
    def items_by_name(self) -> dict[str, NodeItem]:
        return self.graph_scene.nodes

    @property
    def zoom(self) -> float:
        """Screen pixels per canvas unit."""
        return self.camera.zoom

    def visible_nodes(self) -> list[str]:
        """Return the names of the nodes whose pictures can be seen."""
        return self.camera.visible_nodes()

    def selected(self) -> list[str]:
        """Return the names of the selected nodes."""
        return self.selection.names()

    def selected_notes(self) -> list[str]:
        """Return the names of the selected notes."""
        return self.selection.notes()

    def select(self, names: str | Sequence[str]) -> None:
        """Select these nodes alone and bring them into view."""
        self.selection.select(names)

    def mark_selected(self, names: Set[str] = frozenset(), notes: Set[str] = frozenset()) -> None:
        """Select these nodes and notes alone."""
        self.selection.mark(names, notes)

    def mark_edge(self, edge: Edge, alone: bool = True) -> None:
        """Select an edge, alone or beside what is selected."""
        self.selection.mark_edge(edge, alone)

    def attempt(self, change: Callable[[], Any]) -> bool:
        """Make a change; a refusal is shown as a sentence. Return whether it was made."""
        return self.editor.attempt(change)

    def attempt_gliding(self, change: Callable[[], Any]) -> bool:
        """Make a change; nodes that it moves glide to their places."""
        return self.editor.attempt_gliding(change)

    def refuse(self, sentence: str, fix: Fix | None, edge: Edge | None = None) -> None:
        """Say why not, at the pointer, with the change that would help as a button."""
        self.editor.refuse(sentence, fix, edge)

    def search_at(
        self, at: QPointF, port: tuple[str, str] | None = None, side: str = "output"
    ) -> SearchPopup:
        """Open the search box; with a port, for operators that fit there, and connect."""
        return self.editor.search_at(at, port, side)

    def highlight_edge(self, edge: Edge | None) -> None:
        """Light up the edge into which a node would be put."""
        self.editor.highlight_edge(edge)

    def say(self, sentence: str) -> None:
        """Show a sentence in the status bar."""
        self.editor.said.emit(sentence)

    @property
    def reduced_motion(self) -> bool:
        """Whether nothing moves that need not move: no pulses, no gliding nodes."""
        return self.pictures.reduced_motion

    @reduced_motion.setter
    def reduced_motion(self, on: bool) -> None:
        self.pictures.reduced_motion = self.editor.glide.still = on

    # -- mouse and keys -----------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._shown.invalidate()
        self.editor.refusal.hide()
        self.editor.glide.stop()
        if not self.pointer.press(event):
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointer.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.pointer.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._has_just_come():
            return
        at, scene = self.camera.on_canvas(event.position().toPoint()), self.graph_scene
        name, note, frame = scene.node_at(at), scene.note_at(at), scene.frame_at(at)
        if name is not None:
            self.editor.open_node(name)
        elif note is not None:
            self.annotations.edit_note(note)
        elif frame is not None:
            self.annotations.edit_title(frame)
        elif scene.edge_at(at) is None:
            self.editor.search_at(at)

    def _has_just_come(self) -> bool:
        """Whether the first click of a double one was for what stood in the canvas's place."""
        interval = QApplication.doubleClickInterval()
        return self._shown.isValid() and not self._shown.hasExpired(interval)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu key; a right button that is let go opens the menu by itself."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            self._open_menu(self.viewport().rect().center())
        event.accept()

    def _open_menu(self, point: QPoint) -> None:
        """Open the menu of what is at a point of the viewport."""
        at, scene = self.camera.on_canvas(point), self.graph_scene
        name, edge = scene.node_at(at), scene.edge_at(at)
        if name is None and edge is not None and scene.note_at(at) is None:
            self.selection.mark_edge(edge)
            self.menu.open_for_edge(edge, self.camera.on_screen(at))
            return
        if name is not None and name not in self.selection.names():
            self.selection.mark({name})
        elif name is None and (frame := scene.frame_at(at)) is not None:
            self.selection.mark(set(scene.frames.members(frame)))
        self.menu.open_at(at, self.camera.on_screen(at))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.keys.press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.keys.release(event):
            super().keyReleaseEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.camera.turn_wheel(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                zoom = self.camera.zoom * (1 + event.value())
                self.camera.set_zoom(zoom, event.position().toPoint())
            return True
        if event.type() == QEvent.Type.Leave:
            self.pointer.end_hover()
        return super().viewportEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self.drops.enter(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self.drops.move(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.drops.leave()

    def dropEvent(self, event: QDropEvent) -> None:
        self.setFocus()
        self.drops.drop(event)

    # -- size and place -----------------------------------------------------------------------

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        if self.camera.fitted:
            self.camera.fit_all()
        self.camera.announce()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._shown.start()
        if self._view_pending:
            self._view_pending = False
            self.kept_views.place()
        self.camera.announce()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self.camera.stop()
        self.pointer.stop()
        self.editor.glide.stop()

    def _on_opened(self) -> None:
        self._view_pending = not self.isVisible()
        self.pictures.stop_pulses()
        if self.isVisible():
            self.kept_views.place()
        self.camera.announce()
        self.viewport().update()
        self.selection.changed.emit([])
        self.say("")

    def _on_document_changed(self, change: Change) -> None:
        self.camera.announce()
        if change.kind in ("node_removed", "node_renamed"):
            self.pointer.end_hover(self.document.graph)
        if len(self.graph_scene.nodes) <= 1:
            self.viewport().update()

    def _on_theme(self) -> None:
        self.pictures.forget_images()
        self.resetCachedContent()
        self.viewport().update()

    def _update_far(self) -> None:
        if self.camera.far:
            self.viewport().update()

    # -- painting -----------------------------------------------------------------------------

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        self.paints += 1
        if self.camera.far:
            self._paint_far()
        else:
            super().paintEvent(event)

    def _paint_far(self) -> None:
        """Past Qt's list of items: frames, then boxes and lines, then the gesture at work."""
        with painting.on(self.viewport()) as painter:
            painter.fillRect(self.viewport().rect(), palette.current().color("canvas"))
            painter.setTransform(self.viewportTransform())
            frames = self.graph_scene.frames
            self._paint_items(painter, [*frames.frames.values(), *frames.notes.values()])
            self.graph_scene.far.paint(painter, self.camera.zoom)
            self._paint_items(painter, self.graph_scene.passing)
            self.drawForeground(painter, self.camera.seen_area())

    def _paint_items(self, painter: QPainter, items: Sequence[QGraphicsItem]) -> None:
        option = QStyleOptionGraphicsItem()
        for item in items:
            with painting.saved(painter):
                painter.setTransform(item.sceneTransform(), True)
                item.paint(painter, option, self.viewport())

    @painting.guarded
    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        if not self.graph_scene.nodes:
            empty_canvas.paint(painter, QRectF(self.viewport().rect()))

    @painting.guarded
    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        rect = QRectF(rect)
        p = palette.current()
        painter.fillRect(rect, p.color("canvas"))
        if self.camera.zoom >= 0.4:
            self._draw_grid(painter, rect, p)

    def _draw_grid(self, painter: QPainter, rect: QRectF, p: palette.Palette) -> None:
        step = 40.0 if self.camera.zoom >= 0.8 else 80.0
        painter.setPen(QPen(p.color("grid"), 0))
        x = rect.left() - rect.left() % step
        while x < rect.right():
            painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
            x += step
        y = rect.top() - rect.top() % step
        while y < rect.bottom():
            painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
            y += step
