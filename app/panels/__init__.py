"""The panels around the canvas: one file each, one row each in ``PANELS``.

A panel is a widget made by ``factory(document, engine)`` the first time it is shown. The main
window connects what a panel has of the following:

* ``show_selection(names)``: told whenever the canvas's selection changes;
* ``node_chosen = Signal(object)``: names to select on the canvas;
* ``preset_chosen = Signal(str)``: a preset to open;
* ``pictures = Signal(object)``: pictures of nodes, by name, as the engine sends them;
* ``set_seen(seen)``: told whether the panel is looked at, that is not closed, nor behind a tab;
* ``ailing = Signal(object)``: names of nodes that get a mark on the canvas;
* ``first_field``: the widget that gets the keys when the panel is called by keys;
* ``add_wanted = Signal()``: a node is to be added after the selected one;
* ``walk`` and ``looked_at = Signal(bool)``: passes to be gone through on the canvas.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from PySide6.QtCore import QT_TRANSLATE_NOOP
from PySide6.QtWidgets import QWidget

Area = Literal["left", "right", "bottom"]
LAYOUTS = ("Build", "Explain", "Train", "Present")


@dataclass(frozen=True)
class Panel:
    """One row: where a panel lives and when it is shown.

    Attributes:
        factory: (document, engine) -> the panel's widget, or its place "folder:Class": the
            module ``panel`` of the folder is imported when the panel is first shown.
        area: side of the window where it starts.
        layouts: the named layouts in which it is shown; where several panels of one ``group``
            are shown in an area they share it as tabs, the first listed in front.
    """

    id: str
    title: str
    icon: str
    factory: Callable[[Any, Any], QWidget] | str
    area: Area
    layouts: tuple[str, ...]
    group: str = ""

    @property
    def _module(self) -> str:
        return f"app.panels.{str(self.factory).split(':')[0]}.panel"

    @property
    def exists(self) -> bool:
        """Whether the panel's module is installed."""
        return callable(self.factory) or find_spec(self._module) is not None

    def make(self, document: Any, engine: Any) -> QWidget:
        """The panel's widget."""
        if callable(self.factory):
            return self.factory(document, engine)
        name = self.factory.split(":")[1]
        widget: QWidget = getattr(import_module(self._module), name)(document, engine)
        return widget


def _(text: str) -> str:
    return str(QT_TRANSLATE_NOOP("Panels", text))


PANELS: tuple[Panel, ...] = (
    Panel("library", _("Library"), "library", "library:LibraryPanel",
          "left", ("Build",), "model"),
    Panel("outline", _("Outline"), "outline", "outline:OutlinePanel",
          "left", ("Build",), "model"),
    Panel("samples", _("Samples"), "grid", "samples:SamplesPanel",
          "left", ("Explain",), "model"),
    Panel("inspector", _("Inspector"), "inspector", "inspector:InspectorPanel",
          "right", ("Build", "Explain"), "node"),
    Panel("history", _("History"), "history", "history:HistoryPanel",
          "right", ("Build",), "node"),
    Panel("problems", _("Problems"), "problems", "problems:ProblemsPanel",
          "bottom", (), "checks"),
    Panel("training", _("Training"), "training", "training:TrainingPanel",
          "bottom", ("Train", "Present"), "run"),
    Panel("landscape", _("Loss landscape"), "landscape", "landscape:LandscapePanel",
          "bottom", ("Train", "Present"), "space"),
    Panel("walk", _("Step by step"), "step_op", "stepper:WalkPanel",
          "bottom", ("Explain",), "steps"),
    Panel("saliency", _("Saliency"), "eye", "saliency:SaliencyPanel",
          "bottom", ("Explain",), "steps"),
    Panel("what_if", _("What if"), "flask", "what_if:WhatIfPanel",
          "right", ("Explain",), "node"),
    Panel("window", _("Window"), "grid", "sliding_window:WindowPanel",
          "right", ("Explain",), "node"),
    Panel("decision", _("Decision map"), "eye", "decision_map:DecisionPanel",
          "bottom", ("Train", "Present"), "space"),
    Panel("activations", _("Activations"), "grid", "activations:ActivationsPanel",
          "bottom", ("Train", "Present"), "run"),
    Panel("results", _("Results"), "check", "results:ResultsPanel",
          "bottom", ("Train", "Present"), "run"),
    Panel("health", _("Health"), "pulse", "health:HealthPanel",
          "bottom", ("Train", "Present"), "run"),
    Panel("histograms", _("Histograms"), "chart", "histograms:HistogramsPanel",
          "bottom", ("Train",), "run"),
    Panel("runs", _("Runs"), "history", "runs:RunsPanel",
          "bottom", ("Train", "Present"), "run"),
    Panel("compare", _("Compare"), "compare", "comparison:ComparePanel",
          "bottom", ("Train",), "run"),
    Panel("embedding", _("Embedding"), "grid", "embedding:EmbeddingPanel",
          "bottom", ("Train",), "space"),
    Panel("race", _("Race"), "epoch", "race:RacePanel",
          "bottom", ("Train",), "space"),
    Panel("digit_pad", _("Digit pad"), "brush", "digit_pad:DigitPadPanel",
          "bottom", ("Train", "Present"), "space"),
    Panel("lesson", _("Lesson"), "guide", "lesson:LessonPanel",
          "right", (), "lesson"),
)  # fmt: skip
