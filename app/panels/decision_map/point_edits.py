"""Samples of the decision map that are changed by hand: each change is one step of the document."""

from __future__ import annotations

import msgspec
import numpy as np
from PySide6.QtCore import QCoreApplication

from app.document.document import Document
from graphcore.datasets import by_hand
from graphcore.records.arrays import unpack
from graphcore.views.decision_map import DecisionFrame


def _(text: str) -> str:
    return QCoreApplication.translate("PointEdits", text)


class PointEdits:
    """Makes the samples that are shown the document's own, with one change.

    They are kept in the data's own numbers, with the names of the inputs and with what normalised
    them, so that neither the net nor the axes see a difference.
    """

    def __init__(self, document: Document, frame: DecisionFrame) -> None:
        assert frame.points is not None
        assert frame.labels is not None
        self._document, self._frame, self._names = document, frame, frame.classes
        self._points = unpack(frame.points).astype(np.float64)
        labels = unpack(frame.labels)
        self._labels = np.where(labels > 0, np.rint(labels), 0).astype(np.int64)
        self._tests = np.arange(len(labels)) >= len(labels) - frame.tests

    @staticmethod
    def refusal(frame: DecisionFrame) -> str:
        """Why the samples of a map cannot be changed by hand, or ""."""
        if not frame.classes or frame.shares is None:
            return _("Only samples of classes can be changed by hand.")
        if not frame.complete:
            return _("The data set has more samples than are shown: choose fewer to change them.")
        return ""

    def paint(self, places: np.ndarray, label: int) -> None:
        """Add training samples of a class."""
        self._points = np.concatenate([places, self._points])
        self._labels = np.concatenate([np.full(len(places), label), self._labels])
        self._tests = np.concatenate([np.zeros(len(places), bool), self._tests])
        count = len(places)
        self._set(_("Paint a point") if count == 1 else _("Paint {0} points").format(count))

    def move(self, number: int, place: np.ndarray) -> None:
        """Put a sample elsewhere."""
        self._points[number] = place
        self._set(_("Move a point"))

    def remove(self, number: int) -> None:
        """Take a sample away."""
        kept = np.arange(len(self._points)) != number
        self._points, self._labels = self._points[kept], self._labels[kept]
        self._tests = self._tests[kept]
        self._set(_("Remove a point"))

    def _set(self, step: str) -> None:
        settings = self._document.root.training
        shift, scale = np.array(self._frame.shift), np.array(self._frame.scale)
        own = self._points * scale + shift
        options = {
            "points": by_hand.to_text(own, self._labels, self._tests),
            "names": ",".join(self._names),
            "columns": ";".join(self._frame.columns), "target": self._frame.target,
        }  # fmt: skip
        if settings.normalization != "none":
            options["normalised"] = " ".join(f"{n:.9g}" for n in (*shift, *scale))
        if "targets" in settings.dataset_options:
            options["targets"] = settings.dataset_options["targets"]
        changed = msgspec.structs.replace(settings, dataset=by_hand.NAME, dataset_options=options)
        self._document.set_training(changed, step)
