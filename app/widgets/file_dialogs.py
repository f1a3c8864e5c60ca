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


def ask_open(parent: QWidget, folder: str, endings: Sequence[str] = ()) -> str:
    """Path of a graph file to open, of a run or another program's net; or empty."""
    listed = " ".join(f"*{ending}" for ending in endings)
    kinds = _tr(
        "Graphs, runs, nets and tables (*.graph.json *.json *.gradrun {0} *.csv *.tsv *.txt);;"
        "Recorded runs (*.gradrun);;Nets of other programs ({0});;"
        "Tables (*.csv *.tsv *.txt *.dat *.data);;All files (*)"
    ).format(listed)
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


def ask_metrics(parent: QWidget, start: str) -> str:
    """Path to write the metrics to, or empty."""
    kinds = _tr("Table (*.csv)")
    return QFileDialog.getSaveFileName(parent, _tr("Export metrics"), start, kinds)[0]


def ask_script(parent: QWidget, start: str) -> str:
    """Path to write a PyTorch script to, or empty."""
    kinds = _tr("Python script (*.py)")
    return QFileDialog.getSaveFileName(parent, _tr("Export to PyTorch"), start, kinds)[0]


def ask_program(parent: QWidget, start: str) -> str:
    """Path to write a program of torch.export to, or empty."""
    kinds = _tr("PyTorch program (*.pt2)")
    return QFileDialog.getSaveFileName(parent, _tr("Export to PyTorch"), start, kinds)[0]


def ask_keras(parent: QWidget, start: str) -> str:
    """Path to write a script for Keras to, or empty."""
    kinds = _tr("Python script (*.py)")
    return QFileDialog.getSaveFileName(parent, _tr("Export to Keras"), start, kinds)[0]


def ask_onnx(parent: QWidget, start: str) -> str:
    """Path to write an ONNX file to, or empty."""
    kinds = _tr("ONNX (*.onnx)")
    return QFileDialog.getSaveFileName(parent, _tr("Export to ONNX"), start, kinds)[0]


def ask_report(parent: QWidget, start: str) -> str:
    """Path to write a report to, or empty."""
    kinds = _tr("Web page (*.html)")
    return QFileDialog.getSaveFileName(parent, _tr("Write a report"), start, kinds)[0]


def ask_net(parent: QWidget, folder: str, endings: Sequence[str]) -> str:
    """Path of another program's net, or empty."""
    listed = " ".join(f"*{ending}" for ending in endings)
    kinds = _tr("Nets ({0});;All files (*)").format(listed)
    return QFileDialog.getOpenFileName(parent, _tr("Import a net"), folder, kinds)[0]


def ask_weights(parent: QWidget, folder: str) -> str:
    """Path of a file of weights, or empty."""
    kinds = _tr("Weights (*.safetensors *.pt *.pth *.bin *.ckpt);;All files (*)")
    return QFileDialog.getOpenFileName(parent, _tr("Load weights"), folder, kinds)[0]


def ask_names(parent: QWidget, folder: str) -> str:
    """Path of a file with the names of classes, or empty."""
    kinds = _tr("Names (*.txt *.json);;All files (*)")
    return QFileDialog.getOpenFileName(parent, _tr("Names of the classes"), folder, kinds)[0]


def ask_save_run(parent: QWidget, start: str) -> str:
    """Path to write the recorded runs to, or empty."""
    kinds = _tr("Recorded runs (*.gradrun)")
    return QFileDialog.getSaveFileName(parent, _tr("Save run"), start, kinds)[0]


def ask_open_run(parent: QWidget, folder: str) -> str:
    """Path of a file of recorded runs, or empty."""
    kinds = _tr("Recorded runs (*.gradrun);;All files (*)")
    return QFileDialog.getOpenFileName(parent, _tr("Open run"), folder, kinds)[0]


def ask_picture(parent: QWidget, folder: str) -> str:
    """Path of a picture to load, or empty."""
    kinds = _tr("Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.webp *.tif *.tiff *.ppm *.pgm)")
    return QFileDialog.getOpenFileName(parent, _tr("Load a picture"), folder, kinds)[0]


def ask_any_file(parent: QWidget, start: str) -> str:
    """Path of any file, or empty."""
    return QFileDialog.getOpenFileName(parent, _tr("Choose a file"), start)[0]


def ask_student(parent: QWidget) -> str:
    """Name of whoever hands a lesson in, or empty."""
    name, given = QInputDialog.getText(parent, _tr("Hand in"), _tr("Your name"))
    return name.strip() if given else ""


def ask_answer(parent: QWidget, start: str) -> str:
    """Path to write a lesson's answers to, or empty."""
    kinds = _tr("Answers (*.answer.json)")
    return QFileDialog.getSaveFileName(parent, _tr("Hand in"), start, kinds)[0]


def ask_lesson(parent: QWidget, folder: str) -> str:
    """Path of a lesson to open, or empty."""
    kinds = _tr("Lessons and courses (*.lesson.md *.zip)")
    return QFileDialog.getOpenFileName(parent, _tr("Open a lesson"), folder, kinds)[0]


def ask_new_lesson(parent: QWidget, start: str) -> str:
    """Path of a lesson to be written, or empty."""
    kinds = _tr("Lessons (*.lesson.md)")
    return QFileDialog.getSaveFileName(parent, _tr("New lesson"), start, kinds)[0]


def ask_edited_lesson(parent: QWidget, folder: str) -> str:
    """Path of a lesson to be changed, or empty."""
    kinds = _tr("Lessons (*.lesson.md)")
    return QFileDialog.getOpenFileName(parent, _tr("Edit a lesson"), folder, kinds)[0]


def ask_packed(parent: QWidget, start: str) -> str:
    """Path of the file that a lesson is shared as, or empty."""
    kinds = _tr("Packed lessons (*.zip)")
    return QFileDialog.getSaveFileName(parent, _tr("Share the lesson"), start, kinds)[0]


def ask_answers(parent: QWidget, folder: str) -> str:
    """Path of a folder of answer files, or empty."""
    return QFileDialog.getExistingDirectory(parent, _tr("Folder of answers"), folder)


def ask_table(parent: QWidget, start: str) -> str:
    """Path to write a table of answers to, or empty; its ending says the format."""
    kinds = _tr("Web page (*.html);;Table (*.csv)")
    return QFileDialog.getSaveFileName(parent, _tr("Write the table"), start, kinds)[0]


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
