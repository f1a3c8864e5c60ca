"""The bar at the bottom: what the pointer is on, and what the graph amounts to."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QLabel, QStatusBar, QToolButton, QWidget

from app.style import icons
from app.widgets.note import Note
from app.widgets.numbers import counted
from graphcore.graph.counts import counts

MESSAGE_MS = 8000
_THROTTLE_MS = 100


class StatusBar(QStatusBar):
    """Messages on the left; problems, parameters, data set and device on the right.

    Signals:
        problems_wanted: the count of problems was clicked. engine_wanted: the device was.
    """

    problems_wanted = Signal()
    engine_wanted = Signal()

    def __init__(self, document: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.problems = QToolButton()
        self.problems.setAutoRaise(True)
        self.problems.setToolButtonStyle(self.problems.toolButtonStyle().ToolButtonTextBesideIcon)
        self.problems.setIcon(icons.icon("problem"))
        self.problems.clicked.connect(self.problems_wanted)
        self.parameters, self.dataset, self.device = QLabel(), QLabel(), QToolButton()
        self.device.setAutoRaise(True)
        self.device.clicked.connect(self.engine_wanted)
        self.hover = Note("")  # a long sentence would make the window wider than the screen
        self.hover.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.addWidget(self.hover, 1)
        for widget in (self.problems, self.parameters, self.dataset, self.device):
            widget.setContentsMargins(8, 0, 8, 0)
            self.addPermanentWidget(widget)
        self.set_device(self.tr("CPU"))
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_THROTTLE_MS)
        self._late.timeout.connect(self.refresh)
        for signal in (
            document.changed, document.shapes_changed, document.opened, document.level_changed,
        ):  # fmt: skip
            signal.connect(self._request)
        document.message.connect(self.say)
        document.opened.connect(self.clearMessage)
        self.refresh()

    def say(self, sentence: str) -> None:
        """Show a sentence for a while."""
        self.showMessage(sentence, MESSAGE_MS)

    def show_hover(self, text: str) -> None:
        """Show what the pointer is on."""
        self.hover.setText(text)

    def set_device(self, text: str) -> None:
        """Name the device that trains, its threads and its precision."""
        self.device.setText(text)
        self.device.setToolTip(
            self.tr("The device that trains, its threads and precision; click to change them.")
        )

    def set_data(
        self, dataset: str, samples: str, normalization: str, held_back: bool = False
    ) -> None:
        """Name the data set, the samples that are loaded ("" for none) and their normalisation."""
        self.dataset.setText(" · ".join(filter(None, (dataset, samples))) if dataset else "")
        told = self.tr("Training and test samples. {0}")
        if held_back:
            told = self.tr(
                "Training samples, those held back for validation, and test samples. {0}"
            )
        told = told.format(normalization)
        self.dataset.setToolTip(told if samples else self.tr("These data are not loaded."))

    def _request(self, _what: Any = None) -> None:
        if not self._late.isActive():
            self._late.start()

    def refresh(self) -> None:
        """Count again."""
        shapes, graph = self._document.levels[0].shapes, self._document.root
        problems = len(shapes.problems)
        self.problems.setVisible(problems > 0)
        text = self.tr("1 problem") if problems == 1 else self.tr("{0} problems")
        self.problems.setText(text.format(problems))
        self.problems.setToolTip(self.tr("Show the problems."))
        count = counts(graph, shapes).parameters
        self.parameters.setText(counted(count, self.tr("{0} parameter"), self.tr("{0} parameters")))
        self.parameters.setVisible(not self._document.sizes_hidden)
        if not self.dataset.text().startswith(graph.training.dataset):
            self.dataset.setText(graph.training.dataset)
