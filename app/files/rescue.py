"""The work that a crash left behind, offered at the next start."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from app.engine.checkpoints import checkpoint_folder
from app.files.autosave import Rescued, unwritable
from graphcore.errors import short


class Rescue(QObject):
    """Asks in a window's banner, and opens what was rescued as unsaved work."""

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._window = window

    def offer(self) -> None:
        """Offer the work that a crash left behind, or say that none could be kept."""
        autosave = self._window.autosave
        self._check_folders()
        for rescued in autosave.abandoned()[:1]:
            name = rescued.path.name if rescued.path else self.tr("an unsaved graph")
            self._window.banner.show_message(
                self.tr("Gradscape ended before {0} was saved. Restore it?").format(name),
                "info",
                (
                    (self.tr("Restore"), partial(self.restore, rescued)),
                    (self.tr("Discard"), partial(autosave.discard, rescued)),
                ),
            )

    def _check_folders(self) -> None:
        """Say once that nothing can be kept, where that is so."""
        window = self._window
        folders = [window.autosave.folder, Path(window.settings.store.fileName()).parent]
        if window.engine is not None:
            folders.append(checkpoint_folder().parent)
        if lost := unwritable(folders):
            common = os.path.commonpath(lost)
            places = lost if os.path.dirname(common) == common else [common]
            listed = ", ".join(short(place, 200 // len(places)) for place in places)
            text = self.tr(
                "Recovery copies, settings or checkpoints cannot be kept: nothing can be "
                "written to {0}."
            )
            window.banner.show_message(text.format(listed), "warning")

    def restore(self, rescued: Rescued) -> None:
        """Open what was rescued, after asking about unsaved changes."""
        window = self._window
        if window.files.may_leave():
            window.document.restore(rescued.graph, rescued.path, rescued.origin)
            window.autosave.write()
            window.autosave.discard(rescued)
            window.show_canvas()
