"""Preferences: one table of rows, kept by QSettings; the dialog is made from the table.

To add a preference, add a row. ``Settings.changed`` names the key whenever a value changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from PySide6.QtCore import QT_TRANSLATE_NOOP, QObject, QSettings, Signal


@dataclass(frozen=True)
class Preference:
    """One setting of the app.

    Attributes:
        key: "section/name", the name under which it is kept.
        text: what the dialog calls it; ``help`` is the sentence below it.
        choices: (value, label) pairs of a "choice".
        minimum, maximum: limits of an "int".
    """

    key: str
    text: str
    kind: Literal["bool", "int", "text", "choice"]
    default: Any
    help: str
    choices: tuple[tuple[str, str], ...] = ()
    minimum: int = 0
    maximum: int = 100
    unit: str = ""


def _(text: str) -> str:
    return str(QT_TRANSLATE_NOOP("Settings", text))


SECTIONS = {"look": _("Appearance"), "files": _("Files"), "engine": _("Engine")}

PREFERENCES: tuple[Preference, ...] = (
    Preference(
        "look/theme", _("Theme"), "choice", "dark",
        _("Colours of the whole window."), (("dark", _("Dark")), ("light", _("Light"))),
    ),
    Preference(
        "look/scale", _("Size of everything"), "int", 100,
        _("From the next launch on; 150 % can be read from the back of a room."), (), 75, 300,
        " %",
    ),
    Preference(
        "look/reduced_motion", _("Reduce motion"), "bool", False,
        _("Views jump instead of gliding, and nothing pulses while a net trains."),
    ),
    Preference(
        "look/decimals", _("Significant digits"), "int", 4,
        _("How many digits of a number are shown in nodes and tables."), (), 2, 17,
    ),
    Preference(
        "files/autosave", _("Keep a copy for recovery"), "bool", True,
        _("After each edit a copy is written beside your settings; a crash then costs nothing."),
    ),
    Preference(
        "files/reopen", _("Open the last graph at launch"), "bool", True,
        _("Otherwise the app starts with the welcome page."),
    ),
    Preference(
        "engine/growth", _("New units and layers"), "choice", "initial",
        _("Silent units and copies leave the net's function unchanged when it grows while it "
          "learns; copies split the weights of the old unit, noise makes them differ."),
        (("initial", _("from their initialisers")), ("silent", _("start silent")),
         ("copies", _("copies of old units")), ("noisy", _("copies with noise"))),
    ),
)  # fmt: skip

_BY_KEY = {p.key: p for p in PREFERENCES}


class Settings(QObject):
    """The preferences' values, and a place where the window remembers its own state.

    Attributes:
        store: the QSettings behind it; the window keeps layouts and recent files there.
    """

    changed = Signal(str)

    def __init__(self, store: QSettings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = store if store is not None else QSettings("Gradscape", "Gradscape")

    def get(self, key: str) -> Any:
        """The value of a preference; one that was stored and no longer fits is the default."""
        row = _BY_KEY[key]
        return _fitting(row, self.store.value(row.key, row.default))

    def set(self, key: str, value: Any) -> None:
        """Change a preference and tell ``changed``."""
        row = _BY_KEY[key]
        fitting = _fitting(row, value)
        if fitting != self.get(key) or not self.store.contains(key):
            self.store.setValue(key, fitting)
            self.changed.emit(key)

    def strings(self, key: str) -> list[str]:
        """A remembered list of texts; QSettings returns a lone one as a plain string."""
        value = self.store.value(key, [])
        if isinstance(value, str):
            return [value]
        return [str(v) for v in value] if isinstance(value, list) else []


def _fitting(row: Preference, value: Any) -> Any:
    """``value`` as the row's type and within its limits, or the default."""
    try:
        if row.kind == "bool":
            return value if isinstance(value, bool) else str(value).lower() in ("true", "1")
        if row.kind == "int":
            return min(max(int(value), row.minimum), row.maximum)
    except (TypeError, ValueError):
        return row.default
    text = str(value)
    known = not row.choices or text in dict(row.choices)
    return text if known else row.default
