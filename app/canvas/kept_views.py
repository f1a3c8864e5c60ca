"""Where one looked: kept while one goes in and out of composites, and in the file."""

from __future__ import annotations

from app.canvas.camera import Camera, View
from app.canvas.scene import Scene


class KeptViews:
    """What was looked at in each part of the open graph; None stands for all of it.

    A part that was seen whole is shown whole again, on any screen.
    """

    def __init__(self, scene: Scene, camera: Camera) -> None:
        self._scene, self._camera, self._document = scene, camera, scene.document
        self._known: dict[int, View | None] = {}
        self._shown = 0
        self._document.saving.connect(self._note_for_file)

    def forget(self) -> None:
        """The graph is another one."""
        self._known.clear()
        self._shown = 0

    def place(self) -> None:
        """Look where one looked in the part that is shown now, or where its file says."""
        if self._shown:
            self._known[self._shown] = self._now()
        graph = self._document.graph
        self._shown = id(graph)
        view = self._known.get(self._shown, graph.view)
        if view is None:
            self._camera.fit_all()
        else:
            self._camera.show(view)
            if not self._camera.seen_area().intersects(self._scene.contents()):
                self._camera.fit_all()  # a file that was changed by hand

    def _now(self) -> View | None:
        return None if self._camera.fitted else self._camera.view

    def _note_for_file(self) -> None:
        self._known[self._shown] = self._now()
        for level in self._document.levels:
            level.graph.view = self._known.get(id(level.graph), level.graph.view)
