"""The only place that opens file dialogs and asks questions; tests replace these functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget

from graphcore.errors import short

Answer = Literal["save", "discard", "cancel"]
Question = Callable[[QWidget, str], str]
"""Asks for a path, given the window and where to begin; "" is none."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("FileDialogs", text)


def _saving(title: str, kinds: str) -> Question:
    """Return a question for a path to write to; the ending of the answer says the format."""

    def ask(parent: QWidget, start: str) -> str:
        return QFileDialog.getSaveFileName(parent, _tr(title), start, _tr(kinds))[0]

    return ask


def _opening(title: str, kinds: str) -> Question:
    """Return a question for a file that is there."""

    def ask(parent: QWidget, folder: str) -> str:
        return QFileDialog.getOpenFileName(parent, _tr(title), folder, _tr(kinds))[0]

    return ask


ask_save = _saving("Save graph", "Graphs (*.graph.json)")
ask_export = _saving(
    "Export picture", "SVG picture (*.svg);;PDF document (*.pdf);;PNG picture (*.png)"
)
ask_film = _saving("Record a film", "GIF (*.gif);;Animated PNG (*.png);;MP4 video (*.mp4)")
ask_metrics = _saving("Export metrics", "Table (*.csv)")
ask_script = _saving("Export to PyTorch", "Python script (*.py)")
ask_program = _saving("Export to PyTorch", "PyTorch program (*.pt2)")
ask_keras = _saving("Export to Keras", "Python script (*.py)")
ask_onnx = _saving("Export to ONNX", "ONNX (*.onnx)")
ask_report = _saving("Write a report", "Web page (*.html)")
ask_weights = _opening(
    "Load weights", "Weights (*.safetensors *.pt *.pth *.bin *.ckpt);;All files (*)"
)
ask_names = _opening("Names of the classes", "Names (*.txt *.json);;All files (*)")
ask_save_run = _saving("Save run", "Recorded runs (*.gradrun)")
ask_open_run = _opening("Open run", "Recorded runs (*.gradrun);;All files (*)")
ask_picture = _opening(
    "Load a picture", "Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.webp *.tif *.tiff *.ppm *.pgm)"
)
ask_answer = _saving("Hand in", "Answers (*.answer.json)")
ask_lesson = _opening("Open a lesson", "Lessons and courses (*.lesson.md *.zip)")
ask_new_lesson = _saving("New lesson", "Lessons (*.lesson.md)")
ask_edited_lesson = _opening("Edit a lesson", "Lessons (*.lesson.md)")
ask_packed = _saving("Share the lesson", "Packed lessons (*.zip)")
ask_table = _saving("Write the table", "Web page (*.html);;Table (*.csv)")


def ask_open(parent: QWidget, folder: str, endings: Sequence[str] = ()) -> str:
    """Path of a graph file to open, of a run or another program's net; or empty."""
    listed = " ".join(f"*{ending}" for ending in endings)
    kinds = _tr(
        "Graphs, runs, nets and tables (*.graph.json *.json *.gradrun {0} *.csv *.tsv);;"
        "Recorded runs (*.gradrun);;Nets of other programs ({0});;Tables (*.csv *.tsv);;"
        "All files (*)"
    ).format(listed)
    return QFileDialog.getOpenFileName(parent, _tr("Open graph"), folder, kinds)[0]


def ask_net(parent: QWidget, folder: str, endings: Sequence[str]) -> str:
    """Path of another program's net, or empty."""
    listed = " ".join(f"*{ending}" for ending in endings)
    kinds = _tr("Nets ({0});;All files (*)").format(listed)
    return QFileDialog.getOpenFileName(parent, _tr("Import a net"), folder, kinds)[0]


def ask_any_file(parent: QWidget, start: str) -> str:
    """Path of any file, or empty."""
    return QFileDialog.getOpenFileName(parent, _tr("Choose a file"), start)[0]


def ask_student(parent: QWidget) -> str:
    """Name of whoever hands a lesson in, or empty."""
    name, given = QInputDialog.getText(parent, _tr("Hand in"), _tr("Your name"))
    return name.strip() if given else ""


def ask_answers(parent: QWidget, folder: str) -> str:
    """Path of a folder of answer files, or empty."""
    return QFileDialog.getExistingDirectory(parent, _tr("Folder of answers"), folder)


def ask_folder(parent: QWidget, start: str) -> str:
    """Path of a folder, or empty."""
    return QFileDialog.getExistingDirectory(parent, _tr("Choose a folder"), start)


def ask_replace(parent: QWidget, names: Sequence[str]) -> bool:
    """Whether files that are there may be written over."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Warning)
    more = _tr(" and {0} more").format(len(names) - 3) if len(names) > 3 else ""
    box.setText(_tr("Replace {0}?").format(", ".join(map(short, names[:3])) + more))
    box.setInformativeText(_tr("What is there now is lost."))
    replace = box.addButton(_tr("Replace"), QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
    box.exec()
    return box.clickedButton() is replace


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
