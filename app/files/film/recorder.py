"""Recording a view: pictures are grabbed while things move, and encoded by another process."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from PySide6.QtCore import QElapsedTimer, QObject, QProcess, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from app.files.film.film import FORMATS, TIME, Film
from app.style import painting, palette
from graphcore.system import start

GRAB_SHARE = 0.2
"""Share of the window's time that grabbing may take: a slow view gets fewer pictures."""
WAITING = 64 << 20
"""Bytes that may wait for the encoder; while there are more, pictures are left out."""
CLOSING_MS = 8000

State = Literal["idle", "recording", "writing"]


class Recorder(QObject):
    """Makes one film at a time.

    Signals:
        state_changed: "idle", "recording", "writing".
        progress: a picture was grabbed or encoded.
        written: path of the finished film.
        failed: the sentence that says why there is none.

    Attributes:
        grabbed, encoded: pictures so far. missed: pictures that the encoder was too slow for.
    """

    state_changed = Signal(str)
    progress = Signal()
    written = Signal(str)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None, command: list[str] | None = None) -> None:
        super().__init__(parent)
        self.command = command or start.command("app.files.film.encode")
        self.state: State = "idle"
        self.grabbed = self.encoded = self.missed = 0
        self._view: QWidget | None = None
        self._film: Film | None = None
        self._process: QProcess | None = None
        self._clock = QElapsedTimer()
        self._limit = 0.0
        self._timer = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._grab)

    @property
    def seconds(self) -> float:
        """Length of the film so far."""
        return self._clock.elapsed() / 1000 if self._clock.isValid() else 0.0

    @property
    def path(self) -> str:
        """File of the film that is being made, or was last."""
        return self._film.path if self._film else ""

    def start(self, view: QWidget, path: str, *, fps: float, width: int, limit: float) -> None:
        """Begin a film of a view.

        Args:
            fps: pictures a second at most.
            width: in pixels; a view that is narrower is not enlarged. 0 is its own width.
            limit: seconds after which it ends by itself.
        """
        size = film_size(view.size(), width)
        self._film = Film(path, size.width(), size.height(), fps)
        self._view, self._limit = view, limit
        self.grabbed = self.encoded = self.missed = 0
        process = QProcess(self)
        process.readyReadStandardOutput.connect(self._on_progress)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        process.start(self.command[0], self.command[1:])
        process.write(msgspec.json.encode(self._film) + b"\n")
        self._clock.start()
        self._set_state("recording")
        self._grab()

    def stop(self) -> None:
        """End the film; ``written`` follows when the last picture is encoded."""
        if self.state != "recording" or self._process is None:
            return
        self._timer.stop()
        self._view = None
        self._process.closeWriteChannel()
        self._set_state("writing")

    def cancel(self) -> None:
        """Discard the film; nothing is left of it."""
        self._timer.stop()
        if self._process is not None:
            self._process.finished.disconnect(self._on_finished)
            self._process.terminate()
            if not self._process.waitForFinished(1500):
                self._process.kill()
                self._process.waitForFinished(1500)
            self._forget()

    def close(self) -> None:
        """The window closes: what was recorded is kept if it can be written soon."""
        self.stop()
        if self._process is not None and not self._process.waitForFinished(CLOSING_MS):
            self.cancel()

    # -- pictures -----------------------------------------------------------------------------

    def _grab(self) -> None:
        assert self._film is not None
        if self._process is None or self._view is None:
            return
        took = QElapsedTimer()
        took.start()
        if self._process.bytesToWrite() > WAITING:
            self.missed += 1
        else:
            image = picture(self._view, QSize(self._film.width, self._film.height))
            self._process.write(TIME.pack(self.seconds))
            self._process.write(bytes(image.constBits()))
            self.grabbed += 1
        self.progress.emit()
        if self.seconds >= self._limit:
            self.stop()
            return
        spent = took.nsecsElapsed() / 1e6
        self._timer.start(round(max(1000 / self._film.fps - spent, spent * (1 / GRAB_SHARE - 1))))

    # -- the encoder --------------------------------------------------------------------------

    def _on_progress(self) -> None:
        assert self._process is not None
        lines = bytes(self._process.readAllStandardOutput().data()).split()
        if lines:
            self.encoded = int(lines[-1])
            self.progress.emit()

    def _on_finished(self, code: int, _status: Any = None) -> None:
        assert self._process is not None
        said = bytes(self._process.readAllStandardError().data()).decode(errors="replace").strip()
        self._forget()
        if code == 0:
            self.written.emit(self.path)
        else:
            last = said.splitlines()[-1] if said else self.tr("it ended unexpectedly.")
            self.failed.emit(self.tr("The film was not made: {0}").format(last))

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._forget()
            self.failed.emit(self.tr("The film was not made: the encoder could not be started."))

    def _forget(self) -> None:
        self._timer.stop()
        process, self._process, self._view = self._process, None, None
        if process is not None:
            process.deleteLater()
        self._set_state("idle")

    def _set_state(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)


def film_size(view: QSize, width: int) -> QSize:
    """Size of the pictures: even numbers, as video needs them."""
    scale = min(1.0, width / view.width()) if width else 1.0
    return QSize(
        max(2, int(view.width() * scale) // 2 * 2), max(2, int(view.height() * scale) // 2 * 2)
    )


def picture(view: QWidget, size: QSize) -> QImage:
    """What a view shows now, in a picture of this size; a view of another shape gets margins."""
    shown = view.grab().toImage()
    shown.setDevicePixelRatio(1)
    fitted = shown.scaled(
        size, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    image = QImage(size, QImage.Format.Format_RGBX8888)
    image.fill(palette.current().color("canvas"))
    with painting.on(image) as painter:
        painter.drawImage(
            (size.width() - fitted.width()) // 2, (size.height() - fitted.height()) // 2, fitted
        )
    return image


def is_film(path: str) -> bool:
    """Whether the ending is one that can be encoded."""
    return Path(path).suffix.lower() in FORMATS
