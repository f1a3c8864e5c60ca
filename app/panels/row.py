"""One row of the table of panels: where a panel lives and when it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from app.panels.panel import Panel

Area = Literal["left", "right", "bottom"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """Where a panel lives and when it is shown; each folder of a panel has one.

    Attributes:
        order: of the panels among each other, the first in front.
        widget: name of the class in the module ``panel`` of the folder, which is imported when
            the panel is first shown.
        area: side of the window where it starts.
        layouts: the named layouts in which it is shown; where several panels of one ``group``
            are shown in an area they share it as tabs, the first listed in front.
        collects: whether it shows what it collects from the start, such as a curve, so that it
            is made with the window; others ask for what they show.
        computed: whether it shows what the net computes, which would answer a lesson's question
            while that is open.
        words: others by which the command palette finds it.
        folder: that the row stands in; the table fills it in.
    """

    order: int
    id: str
    title: str
    icon: str
    widget: str
    area: Area
    layouts: tuple[str, ...]
    group: str = ""
    collects: bool = False
    computed: bool = False
    words: tuple[str, ...] = ()
    folder: str = ""

    def make(self, document: Any, engine: Any) -> Panel:
        """Return the panel's widget."""
        module = import_module(f"{self.folder}.panel")
        widget: Panel = getattr(module, self.widget)(document, engine)
        return widget
