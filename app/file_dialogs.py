"""The only place that opens file dialogs and asks questions; tests replace these functions."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

Answer = Literal["save", "discard", "cancel"]


def _tr(text: str) -> str:
    return QCoreApplication.translate("FileDialogs", text)


def ask_open(parent: QWidget, folder: str) -> str:
    """Path of a graph file to open, or empty."""
    kinds = _tr("Graphs (*.graph.json *.json);;All files (*)")
    return QFileDialog.getOpenFileName(parent, _tr("Open graph"), folder, kinds)[0]


def ask_save(parent: QWidget, start: str) -> str:
    """Path to save the graph to, or empty."""
    kinds = _tr("Graphs (*.graph.json)")
    return QFileDialog.getSaveFileName(parent, _tr("Save graph"), start, kinds)[0]


def ask_export(parent: QWidget, start: str) -> str:
    """Path to write a picture to, or empty; its ending says the format."""
    kinds = _tr("SVG picture (*.svg);;PDF document (*.pdf);;PNG picture (*.png)")
    return QFileDialog.getSaveFileName(parent, _tr("Export picture"), start, kinds)[0]


def ask_film(parent: QWidget, start: str) -> str:
    """Path to write a film to, or empty; its ending says the format."""
    kinds = _tr("GIF (*.gif);;Animated PNG (*.png);;MP4 video (*.mp4)")
    return QFileDialog.getSaveFileName(parent, _tr("Record a film"), start, kinds)[0]


def ask_any_file(parent: QWidget, start: str) -> str:
    """Path of any file, or empty."""
    return QFileDialog.getOpenFileName(parent, _tr("Choose a file"), start)[0]


def ask_folder(parent: QWidget, start: str) -> str:
    """Path of a folder, or empty."""
    return QFileDialog.getExistingDirectory(parent, _tr("Choose a folder"), start)


def ask_unsaved(parent: QWidget, name: str) -> Answer:
    """What to do with changes that were not saved."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setText(_tr("Save the changes to {0}?").format(name))
    box.setInformativeText(_tr("They are lost if you do not."))
    buttons = QMessageBox.StandardButton
    box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
    box.setDefaultButton(buttons.Save)
    answers: dict[int, Answer] = {buttons.Save: "save", buttons.Discard: "discard"}
    return answers.get(box.exec(), "cancel")
