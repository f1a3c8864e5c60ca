"""Where one looked: kept while one goes in and out of composites, and in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.canvas.navigation import View
    from app.canvas.view import Canvas


class Views:
    """What was looked at in each part of the open graph; None stands for all of it.

    A part that was seen whole is shown whole again, on any screen.
    """

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._known: dict[int, View | None] = {}
        self._shown = 0
        canvas.document.saving.connect(self._note_for_file)

    def forget(self) -> None:
        """The graph is another one."""
        self._known.clear()
        self._shown = 0

    def place(self) -> None:
        """Look where one looked in the part that is shown now, or where its file says."""
        if self._shown:
            self._known[self._shown] = self._now()
        graph = self._canvas.document.graph
        self._shown = id(graph)
        view = self._known.get(self._shown, graph.view)
        if view is None:
            self._canvas.fit_all()
        else:
            self._canvas.show_view(view)
            if not self._canvas.seen_area().intersects(self._canvas.graph_scene.contents()):
                self._canvas.fit_all()  # a file that was changed by hand

    def _now(self) -> View | None:
        return None if self._canvas.fitted else self._canvas.view

    def _note_for_file(self) -> None:
        self._known[self._shown] = self._now()
        for level in self._canvas.document.levels:
            level.graph.view = self._known.get(id(level.graph), level.graph.view)
