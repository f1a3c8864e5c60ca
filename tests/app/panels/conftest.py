"""What stories of the panels share."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtWidgets import QApplication

from app.panels.runs.panel import COLUMNS
from tests.app.driver import PATIENCE


@pytest.fixture
def session(qtbot, live_window):
    """A window on *circle* with its runs in front, and a way to train it."""

    class Session:
        window, engine = live_window, live_window.engine

        @property
        def moment(self):
            return self.engine.moment

        def wait(self, condition) -> None:
            qtbot.waitUntil(condition, timeout=PATIENCE)

        def idle(self) -> None:
            self.wait(lambda: self.engine.state in ("idle", "done"))

        def settings(self, **changes) -> None:
            before = self.window.document.root.training
            with qtbot.waitSignal(self.engine.loaded, timeout=PATIENCE):
                self.window.document.set_training(msgspec.structs.replace(before, **changes))
            self.idle()

        def loading(self):
            return qtbot.waitSignal(self.engine.loaded, timeout=PATIENCE)

        def train(self, steps: int) -> None:
            to = self.moment.shown + steps
            self.engine.run(steps)
            self.wait(lambda: self.moment.newest == to and not self.moment.visiting)
            self.idle()
            self.wait(lambda: self.row().test is not None and self.row().test.step == to)

        def row(self):
            return next(r for r in self.moment.runs if r.run == self.moment.run)

        def rows(self):
            return [(r.name, r.parent, r.begun_at, r.steps, r.test) for r in self.moment.runs]

        def scrub(self, step: int) -> None:
            self.engine.scrub(step)
            self.wait(lambda: self.moment.visiting and self.moment.shown == step)
            self.wait(lambda: self.engine.step == step)  # its frame comes after its timeline

        def cell(self, row: int, column: str):
            return self.panel.table.item(row, COLUMNS.index(column))

    session = Session()
    live_window.start("circle")
    live_window.layouts.show("Train")
    session.panel = live_window.show_panel("runs").fill()
    QApplication.processEvents()
    session.idle()
    return session
