"""How far a long piece of work is, with Cancel, once it has taken a moment."""

from __future__ import annotations

from types import TracebackType

from PySide6.QtCore import QCoreApplication, QElapsedTimer, Qt
from PySide6.QtWidgets import QProgressDialog, QWidget

from app.document.document import CancelledError

PATIENCE_MS = 300
"""Work that is done sooner shows nothing."""
NEVER_MS = 1 << 30


class Waiting:
    """A dialog that shows the share of some work that is done, and raises when it is cancelled.

    with Waiting(window, "Opening large.graph.json …") as progress:
        work(progress)

    Args:
        text: what is being done.
    """

    def __init__(self, window: QWidget, text: str) -> None:
        cancel = QCoreApplication.translate("Waiting", "Cancel")
        self.dialog = QProgressDialog(text, cancel, 0, 100, window)
        self.dialog.setWindowModality(Qt.WindowModality.WindowModal)
        self.dialog.setMinimumDuration(NEVER_MS)  # Qt would guess from the first steps
        self.dialog.setAutoClose(False)
        self._text = text
        self._clock = QElapsedTimer()

    def __enter__(self) -> Waiting:
        self._clock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.dialog.hide()
        self.dialog.deleteLater()

    def __call__(self, share: float) -> None:
        """So much is done, 0 to 1; raises CancelledError."""
        if self._clock.elapsed() < PATIENCE_MS:
            return
        self.dialog.show()
        self.dialog.setValue(min(99, int(share * 100)))
        QCoreApplication.processEvents()  # the window lives; the dialog keeps edits away
        if self.dialog.wasCanceled():
            raise CancelledError(
                QCoreApplication.translate("Waiting", "Cancelled: {0}").format(self._text)
            )
