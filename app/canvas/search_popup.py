"""The search box at the pointer: an operator by name or alias, or a net typed as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.document.blocks import PREFIX, blocks
from app.document.typed_net import typed_graph
from app.style import icons
from app.widgets.typed_search import matches, score
from graphcore import ops
from graphcore.graph.graph import Graph
from graphcore.graph.layer_list import EXAMPLES
from graphcore.graph.training_settings import TrainingSettings

MOST_ROWS = 300
WIDTH, HEIGHT = 460, 320
HIDDEN = {"Composite", "Output", "Placeholder"}
"""Operators that are not added by name."""


class SearchPopup(QFrame):
    """Closes itself when something is chosen or the focus goes elsewhere.

    Args:
        fits: whether an operator may be offered.
        front: operators that are offered first.
        likely: whether an operator stands before others that match as well.
        training: settings of the graph that a typed net goes into; without, no nets and no blocks
            are offered.

    Signals:
        operator_chosen: its name.
        graph_chosen: (graph, text) of a typed net or formula.
        block_chosen: name of a block that the user kept.
    """

    operator_chosen = Signal(str)
    graph_chosen = Signal(object, str)
    block_chosen = Signal(str)
    recent: list[str] = []

    def __init__(
        self, parent: QWidget, fits: Callable[[str], bool] | None = None,
        front: Sequence[str] = (), likely: Callable[[str], bool] | None = None,
        training: TrainingSettings | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("popup")
        self._over = parent
        self._fits = fits or (lambda name: True)
        self._likely = likely or (lambda name: False)
        self._front, self._training = front, training
        self.field, self.list = QLineEdit(), QListWidget()
        self.field.setPlaceholderText(
            self.tr("Operator") if training is None
            else self.tr("Operator, or a net: 784-128-relu-10, J = 3*(a + b*c)")
        )  # fmt: skip
        self.field.setAccessibleName(self.tr("Search operators"))
        self.list.setAccessibleName(self.tr("Found operators"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.none = QLabel()
        self.none.setObjectName("muted")
        self.none.setWordWrap(True)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        for part in (self.field, self.list, self.none):
            column.addWidget(part)
        column.addStretch(1)
        self.resize(WIDTH, HEIGHT)
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.list.itemClicked.connect(lambda _item: self._choose())
        self._graph: Graph | None = None
        self._fill("")

    def open_at(self, at: QPoint) -> None:
        """Show with the upper left corner at a global position, as far as there is room."""
        room = QRect(self._over.mapToGlobal(QPoint(0, 0)), self._over.size())
        if room.width() < self.width() or room.height() < self.height():
            room = self.screen().availableGeometry()
        corner = room.bottomRight() - QPoint(self.width(), self.height())
        self.move(min(at.x(), corner.x()), min(at.y(), corner.y()))
        self.show()
        self.field.setFocus()

    def _fill(self, text: str) -> None:
        self.list.clear()
        self._graph = None if self._training is None else typed_graph(text, self._training)
        if self._graph is not None:
            count = len(self._graph)
            self._row("", self.tr("Build “{0}” ({1} nodes)").format(text.strip(), count), "graph")
        for name in ranked(text, list(dict.fromkeys((*self._front, *self.recent))), self._likely):
            if self._fits(name) and self.list.count() < MOST_ROWS:
                self._row(name, f"{name}  —  {ops.get(name).summary()}", "")
        for name in () if self._training is None else blocks.names():
            if matches(text, name):
                self._row(
                    PREFIX + name, self.tr("{0}  —  one of your blocks").format(name), "graph"
                )
        self.list.setCurrentRow(0)
        self._show_what_there_is(text.strip())

    def _show_what_there_is(self, text: str) -> None:
        """As tall as the rows that were found; a sentence where there are none."""
        count = self.list.count()
        said = self.tr("Nothing that fits here is called “{0}”.").format(text)
        if self._training is not None:
            said += "\n" + self.tr(
                "A whole net is typed as {0}, {1} or {2}; a formula as {3}."
            ).format(*EXAMPLES, "J = 3*(a + b*c)")
        self.none.setText(said)
        self.none.setVisible(not count)
        self.list.setVisible(bool(count))
        self.list.setFixedHeight(min(HEIGHT - 60, count * max(1, self.list.sizeHintForRow(0)) + 4))
        self._column.activate()
        self.resize(WIDTH, self.sizeHint().height())

    def _row(self, name: str, text: str, icon: str) -> None:
        picture = icons.icon(icon) if icon else icons.category_icon(ops.get(name).category)
        item = QListWidgetItem(picture, text)
        item.setToolTip(text)
        item.setData(Qt.ItemDataRole.UserRole, name)
        self.list.addItem(item)

    def _choose(self) -> None:
        if self.list.currentRow() < 0:
            return
        item = self.list.currentItem()
        name = item.data(Qt.ItemDataRole.UserRole)
        self.close()
        if name.startswith(PREFIX):
            self.block_chosen.emit(name.removeprefix(PREFIX))
        elif name:
            SearchPopup.recent = [name, *(r for r in self.recent if r != name)][:8]
            self.operator_chosen.emit(name)
        elif self._graph is not None:
            self.graph_chosen.emit(self._graph, self.field.text().strip())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                step = 1 if event.key() == Qt.Key.Key_Down else -1
                row = self.list.currentRow() + step
                self.list.setCurrentRow(max(0, min(self.list.count() - 1, row)))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose()
                return True
        return super().eventFilter(watched, event)


def ranked(
    text: str, recent: Sequence[str] = (), likely: Callable[[str], bool] = lambda name: False
) -> list[str]:
    """Return operators that match, best first; without text all of them, recent ones in front.

    Of those that match alike the likely ones come first, then those for images.
    """
    names = [n for n in ops.names() if n not in HIDDEN]
    if not text.strip():
        return [*(n for n in recent if n in names), *(n for n in names if n not in recent)]
    found = {n: score(text, n, *ops.get(n).aliases) for n in names}
    return sorted(
        (n for n in names if found[n]),
        key=lambda n: (-found[n], not likely(n), not n.endswith("2d")),
    )
