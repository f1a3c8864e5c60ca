"""Who runs in a race, and with which settings: a table to be edited before the start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from graphcore.errors import AttributeRefusedError
from graphcore.training import optimizers, options
from graphcore.views.race import Entrant, What

NAME, RATE, BATCH, OPTIONS = range(4)


class RunnersTable(QTableWidget):
    """A row per runner: whether it runs, its learning rate, batch size and options.

    Signals:
        refused: why what was typed does not fit; the cell is as it was.
    """

    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__(0, 4)
        self._what: What = "optimizer"
        self._defaults: tuple[Entrant, ...] = ()
        self._entrants: list[Entrant] = []
        self.setAccessibleName(self.tr("Runners"))
        self.setHorizontalHeaderLabels(
            [self.tr("Runner"), self.tr("Rate"), self.tr("Batch"), self.tr("Options")]
        )
        self.setToolTip(
            self.tr("Type another learning rate, batch size or option; take the tick away from a "
                    "runner that is to stay out.")
        )  # fmt: skip
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setStretchLastSection(True)
        self.itemChanged.connect(self._on_changed)

    @property
    def edited(self) -> bool:
        """Whether anything is other than by default."""
        return tuple(self._entrants) != self._defaults or not all(self._runs(self._defaults))

    def show_defaults(self, what: What, entrants: Sequence[Entrant]) -> None:
        """Show these runners, all of them in the race."""
        self._what, self._defaults, self._entrants = what, tuple(entrants), list(entrants)
        with QSignalBlocker(self):
            self.setRowCount(0)
            self.setRowCount(len(self._entrants))
            for row in range(len(self._entrants)):
                name = QTableWidgetItem()
                name.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
                name.setCheckState(Qt.CheckState.Checked)
                self.setItem(row, NAME, name)
                for column in (RATE, BATCH, OPTIONS):
                    self.setItem(row, column, QTableWidgetItem())
                self._show_row(row)

    def entrants(self) -> tuple[Entrant, ...]:
        """Return the runners that are ticked."""
        running = self._runs(self._entrants)
        return tuple(e for e, runs in zip(self._entrants, running, strict=True) if runs)

    def _runs(self, entrants: Sequence[Entrant]) -> list[bool]:
        names = (self.item(row, NAME) for row in range(len(entrants)))
        return [name is not None and name.checkState() == Qt.CheckState.Checked for name in names]

    def _cell(self, row: int, column: int) -> QTableWidgetItem:
        item = self.item(row, column)
        assert item is not None
        return item

    def _show_row(self, row: int) -> None:
        entrant = self._entrants[row]
        chosen = ", ".join(f"{name} {_text(value)}" for name, value in entrant.options.items())
        texts = (entrant.name, f"{entrant.lr:g}", str(entrant.batch), chosen)
        with QSignalBlocker(self):
            for column, text in enumerate(texts):
                self._cell(row, column).setText(text)
            known = optimizers.get(entrant.optimizer).options
            listed = ", ".join(f"{name} {_text(value)}" for name, value in known.items())
            self._cell(row, OPTIONS).setToolTip(
                self.tr("Of {0}, with their defaults: {1}").format(entrant.optimizer, listed)
            )

    def _on_changed(self, item: QTableWidgetItem) -> None:
        row, text = item.row(), item.text().strip()
        take: dict[int, Callable[[Entrant, str], Entrant]] = {
            RATE: _with_rate, BATCH: _with_batch, OPTIONS: _with_options,
        }  # fmt: skip
        if item.column() in take:
            try:
                self._entrants[row] = take[item.column()](self._entrants[row], text)
            except AttributeRefusedError as error:
                self.refused.emit(str(error))
            self._name_runners()
        self._show_row(row)

    def _name_runners(self) -> None:
        """Call each by what differs; two alike are counted."""
        seen: dict[str, int] = {}
        for row, e in enumerate(self._entrants):
            names = {"lr": f"{e.lr:g}", "batch": str(e.batch)}
            name = names.get(self._what, self._defaults[row].name)
            seen[name] = seen.get(name, 0) + 1
            shown = f"{name} ({seen[name]})" if seen[name] > 1 else name
            self._entrants[row] = Entrant(shown, e.optimizer, e.options, e.lr, e.batch)
            self._show_row(row)


def _with_rate(entrant: Entrant, text: str) -> Entrant:
    rate = _number(text)
    options.check("lr", rate, 1.0, shown="A learning rate")
    return Entrant(entrant.name, entrant.optimizer, entrant.options, float(rate), entrant.batch)


def _with_batch(entrant: Entrant, text: str) -> Entrant:
    batch = _number(text)
    options.check("batch", batch, 1, shown="A batch size")
    return Entrant(entrant.name, entrant.optimizer, entrant.options, entrant.lr, batch)


def _with_options(entrant: Entrant, text: str) -> Entrant:
    chosen: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, *value = part.replace("=", " ").replace(":", " ").split()
        chosen[name] = _number(" ".join(value))
    optimizers.check(entrant.optimizer, chosen)
    return Entrant(entrant.name, entrant.optimizer, chosen, entrant.lr, entrant.batch)


def _number(text: str) -> Any:
    """A whole number, another number, yes or no; or the word itself, which is refused by name."""
    words = {"true": True, "yes": True, "false": False, "no": False}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text.replace("−", "-"))
        except ValueError:
            continue
    return text


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"
