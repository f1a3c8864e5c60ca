"""The command that records: dialog, file, indicator in the status bar, and the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QLabel, QToolButton, QWidget

from app.files.film import mp4
from app.files.film.recorder import Recorder, is_film
from app.widgets import file_dialogs
from app.widgets.layouts import in_row

TICK_MS = 250
LINGER_MS = 3000
"""A film of a run goes on so long after its end: the last surface is made then."""
WHOLE = "whole window"
"""Beside the ids of panels, one of which is called window."""


class Indicator(QWidget):
    """A red dot with time and pictures, and the button that ends it; hidden while idle."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self.dot, self.text, self.button = QLabel("●"), QLabel(), QToolButton()
        self.dot.setObjectName("recording")
        self.button.setObjectName("outlined")
        self.button.clicked.connect(self._on_button)
        in_row(self.dot, self.text, self.button, on=self, margins=(8, 0, 8, 0))
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self.refresh)
        recorder.state_changed.connect(self._on_state)
        recorder.progress.connect(self._on_progress)
        self._on_state(recorder.state)

    def _on_state(self, state: str) -> None:
        self.setVisible(state != "idle")
        self.dot.setVisible(state == "recording")
        recording = state == "recording"
        text = self.tr("Stop") if recording else self.tr("Cancel")
        tip = self.tr("End the film and save it") if recording else self.tr("Discard the film")
        self.button.setText(text)
        self.button.setToolTip(tip)
        self.button.setAccessibleName(tip)
        if recording:
            self._tick.start()
        else:
            self._tick.stop()
        self.refresh()

    def _on_progress(self) -> None:
        if self._recorder.state == "writing":
            self.refresh()

    def _on_button(self) -> None:
        if self._recorder.state == "recording":
            self._recorder.stop()
        else:
            self._recorder.cancel()

    def refresh(self) -> None:
        """Say how far it is."""
        r = self._recorder
        if r.state == "recording":
            minutes, seconds = divmod(int(r.seconds), 60)
            text = self.tr("Recording {0}:{1:02d} · {2} pictures")
            self.text.setText(text.format(minutes, seconds, r.grabbed))
        elif r.state == "writing":
            text = self.tr("Writing the film: {0} of {1}")
            self.text.setText(text.format(r.encoded, r.grabbed))


class Filming(QObject):
    """Records one window.

    Args:
        window: has ``canvas``, ``layouts``, ``engine``, ``files``, ``status``, ``settings``.
    """

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._window = window
        self.recorder = Recorder(self)
        self.indicator = Indicator(self.recorder)
        self._until_done = self._began = False
        self._linger = QTimer(self, singleShot=True, interval=LINGER_MS)
        self._linger.timeout.connect(self._end)
        window.status.insertPermanentWidget(1, self.indicator)
        self.indicator.hide()
        self.recorder.written.connect(self._on_written)
        self.recorder.failed.connect(window.refuse)
        self.recorder.state_changed.connect(self._on_state)
        if window.engine is not None:
            window.engine.state_changed.connect(self._on_engine)

    def toggle(self, on: bool) -> None:
        """Ask what to record and begin, or end the film."""
        if on and self.recorder.state == "idle":
            self._ask()
        elif not on:
            self.recorder.stop()
        self._on_state(self.recorder.state)

    def views(self) -> dict[str, str]:
        """What can be recorded: the window, the canvas, and every panel, those in view first."""
        found = {WHOLE: self.tr("The whole window"), "canvas": self.tr("Canvas")}
        docks = sorted(
            self._window.layouts.docks.values(), key=lambda d: d.visibleRegion().isEmpty()
        )
        found.update({dock.panel.id: dock.windowTitle() for dock in docks})
        return found

    def _ask(self) -> None:
        from app.files.film.dialog import FilmDialog

        window = self._window
        dialog = FilmDialog(self.views(), window.settings, window)
        dialog.train.setVisible(window.engine is not None)
        if not dialog.exec():
            return
        path = window.files.ask_new(file_dialogs.ask_film, ".gif")
        if not path:
            return
        self._until_done = window.engine is not None and dialog.train.isChecked()
        self.record(
            dialog.view.currentData(), path, fps=dialog.fps.value(),
            width=dialog.width_choice.currentData(), minutes=dialog.limit.value(),
        )  # fmt: skip

    def record(self, view: str, path: str, *, fps: float, width: int, minutes: float) -> None:
        """Begin a film of a view, by its id."""
        if not is_film(path):
            name = Path(path).name
            self._window.refuse(self.tr("{0}: a film ends in .gif, .png or .mp4.").format(name))
            return
        if path.lower().endswith(".mp4") and not mp4.ffmpeg():
            self._window.refuse(self.tr(mp4.HOW_TO_GET_IT))
            return
        self._linger.stop()  # of a film of before
        widget = self._widget(view)
        self.recorder.start(widget, path, fps=fps, width=width, limit=minutes * 60)
        engine = self._window.engine
        if self._until_done and engine.state != "running":
            self._began = False
            engine.play()
        else:
            self._began = True

    def _widget(self, view: str) -> QWidget:
        window = self._window
        if view == WHOLE:
            return window  # type: ignore[no-any-return]
        if view == "canvas":
            window.show_canvas()
            return window.canvas  # type: ignore[no-any-return]
        return window.show_panel(view).fill()  # type: ignore[no-any-return]

    def _on_engine(self, state: str) -> None:
        if not self._until_done or self.recorder.state != "recording":
            return
        if state == "running":
            self._began = True
        elif state == "done" or (self._began and state in ("idle", "dead")):
            self._linger.start()

    def _end(self) -> None:
        """Training has ended, and what is made of its end has been seen."""
        if self.recorder.state == "recording" and self._window.engine.state != "running":
            self.recorder.stop()

    def _on_state(self, state: str) -> None:
        action = self._window.actions_table.actions["record"]
        action.blockSignals(True)
        action.setChecked(state == "recording")
        action.setEnabled(state != "writing")
        action.blockSignals(False)

    def _on_written(self, path: str) -> None:
        r, size = self.recorder, Path(path).stat().st_size / 1e6
        text = self.tr("{0} pictures, {1:.1f} MB.").format(r.grabbed, size)
        if r.missed:
            text += " " + self.tr("{0} more pictures came too fast to be encoded.").format(r.missed)
        self._window.exports.tell(path, text)
