"""Writing a lesson in the window: its file, its preview, recording, trying and sharing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt

from app.files.job import Job
from app.widgets import file_dialogs
from app.widgets.actions import full_name, plain
from graphcore import files, presets
from graphcore.errors import GradscapeError, LessonError, short
from graphcore.files.atomic import write_atomically
from graphcore.lessons import courses, sharing, writing
from graphcore.lessons.format import Lesson
from graphcore.lessons.play import first_graph
from graphcore.lessons.reader import ENDING, parse_lesson, read_lesson
from graphcore.views.lesson import MarkRequest, RecordingFrame, RecordingRequest

PANEL, PREVIEW = "author", "lesson"
WIDTH, PREVIEW_WIDTH = 400, 330
NARROW = 1100
"""Width of a window below which the panels of a lesson lie behind each other."""
BELOW = 0.36
"""Share of the height of what is below the canvas."""
GRAPH = ".graph.json"
LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea
SIDES = {LEFT: PANEL, RIGHT: PREVIEW}
CORNERS = {Qt.Corner.BottomLeftCorner: LEFT, Qt.Corner.BottomRightCorner: RIGHT}
_AT_LINE = re.compile(r"line (\d+): (.*)", re.DOTALL)


class Authoring(QObject):
    """Writes one lesson at a time; the document is the graph that it is tried on.

    Attributes:
        path: of the lesson; None while none is written.
    """

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._window = window
        self.path: Path | None = None
        self.lesson: Lesson | None = None
        self._panel: Any = None
        self._preview: Any = None
        self._job: Job | None = None
        window.lessons.left.connect(self._on_left)
        window.engine.on(RecordingFrame, self._on_recorded)

    @property
    def writing(self) -> bool:
        """Whether a lesson is being written."""
        return self.path is not None

    # -- opening and closing ------------------------------------------------------------------

    def begin(self) -> bool:
        """Ask for a file, and begin a lesson with the graph and panels of now."""
        window = self._window
        given = window.files.ask_new(file_dialogs.ask_new_lesson, ENDING, always=True)
        if not given:
            return False
        path = Path(given)
        title = path.name.removesuffix(ENDING).replace("-", " ").replace("_", " ").capitalize()
        try:
            graph = self._write_graph(path)
            seed = window.document.root.training.seed
            text = writing.begun(title, graph, self._shown_panels(), seed)
            write_atomically(path, text.encode())
        except (GradscapeError, OSError) as error:
            window.refuse(str(error))
            return False
        if window.engine.step:
            window.engine.start_anew()  # a student begins untrained, so the author does too
        return self._open(path, text)

    def ask_edit(self) -> bool:
        """Ask for a lesson to be changed, and open it with its graph."""
        given = self._window.files.ask(file_dialogs.ask_edited_lesson)
        if given and Path(given).parent.resolve() == courses.shipped().resolve():
            given = self._copied(Path(given))  # what ships stays as it is
        return bool(given) and self.edit(given)

    def _copied(self, path: Path) -> str:
        """Ask where a lesson is to be copied to, and copy it with what it needs; "" if nowhere."""
        window = self._window
        given: str = window.files.ask_new(file_dialogs.ask_new_lesson, ENDING, always=True)
        if not given:
            return ""
        target = Path(given)
        try:
            for name in sharing.files_of(read_lesson(path)):
                write_atomically(target.with_name(name), (path.parent / name).read_bytes())
            write_atomically(target, path.read_bytes())
        except (GradscapeError, OSError) as error:
            window.refuse(str(error))
            return ""
        return given

    def edit(self, path: str | Path) -> bool:
        """Open a lesson to be changed; the document becomes its first graph."""
        path, window = Path(path), self._window
        if not window.files.may_leave():
            return False
        window.lessons.leave()
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            window.refuse(self.tr("{0} cannot be read as text.").format(short(path.name)))
            return False
        try:
            window.document.open_graph(
                first_graph(parse_lesson(text.encode(), path.name, path.parent))
            )
        except GradscapeError as error:
            window.status.say(str(error))  # it can be mended in the editor
        return self._open(path, text)

    def _open(self, path: Path, text: str) -> bool:
        window = self._window
        self.path, self.lesson = path, None
        window.show_canvas()
        window.layouts.hide()  # the arrangement of the editor is none of a layout's
        self._panel = window.show_panel(PANEL).fill()
        self._preview = window.show_panel(PREVIEW).fill()
        self._connect()
        self._panel.open(text)
        self._read(text)
        self._arrange()
        return True

    def _arrange(self) -> None:
        """The editor at the left, its preview at the right, and the panels of the lesson."""
        window, panels = self._window, self.lesson.header.panels if self.lesson else ()
        for corner, side in CORNERS.items():
            window.setCorner(corner, side)
        docks = window.layouts.docks
        for name, dock in docks.items():
            if name not in (PANEL, PREVIEW):
                dock.setVisible(name in panels)
                side = window.dockWidgetArea(dock)
                if side in SIDES:  # beside the canvas there is room for one
                    window.tabifyDockWidget(docks[SIDES[side]], dock)
        for name in (PANEL, PREVIEW):
            docks[name].show()
            docks[name].raise_()
        both = [docks[name] for name in (PANEL, PREVIEW)]
        below = [docks[n] for n in panels if window.dockWidgetArea(docks[n]) == BOTTOM]
        if window.width() < NARROW:  # one at a time, else the window would grow
            for dock in below[1:]:
                window.tabifyDockWidget(below[0], dock)
        widths = [min(WIDTH, round(0.4 * window.width())),
                  min(PREVIEW_WIDTH, round(0.32 * window.width()))]  # fmt: skip
        window.resizeDocks(both, widths, Qt.Orientation.Horizontal)
        height = round(BELOW * window.height())
        window.resizeDocks(below, [height] * len(below), Qt.Orientation.Vertical)

    def _show_panel(self, name: str, on: bool) -> None:
        """Show a panel in the lesson, or show it no more."""
        if self.lesson is None:
            return
        others = [n for n in self.lesson.header.panels if n != name]
        self._panel.set_entry("panels", writing.listed([*others, name] if on else others))
        self._on_edited(self._panel.flush())
        self._arrange()

    def _connect(self) -> None:
        panel = self._panel
        if panel.property("connected"):
            return
        panel.setProperty("connected", True)
        rows = self._window.actions_table.rows
        panel.offer_commands((plain(r.menu[0]), r.id, full_name(r)) for r in rows if r.menu)
        panel.edited.connect(self._on_edited)
        panel.place_changed.connect(lambda _place: self._show_preview())
        panel.record_wanted.connect(self._record)
        panel.task_wanted.connect(self._put_task)
        panel.highlight_wanted.connect(self._highlight)
        panel.graph_wanted.connect(self._take_graph)
        panel.panel_wanted.connect(self._show_panel)
        panel.test_wanted.connect(self.try_from)
        panel.check_wanted.connect(self.check)
        panel.share_wanted.connect(self.share)
        panel.close_wanted.connect(self.close)

    def close(self) -> None:
        """End the editor; what was written is in its file."""
        if not self.writing:
            return
        self._save()
        self.path = self.lesson = None
        self._panel.set_writing(False)
        self._preview.close_lesson()
        layouts = self._window.layouts
        for corner in CORNERS:
            self._window.setCorner(corner, BOTTOM)
        for name in (PANEL, PREVIEW):
            layouts.docks[name].hide()
        layouts.restore()

    # -- the text -----------------------------------------------------------------------------

    def _on_edited(self, text: str) -> None:
        if self.writing:
            self._save()
            self._read(text)

    def _save(self) -> bool:
        """Write the text to its file, whether it can be played yet or not."""
        assert self.path is not None
        try:
            write_atomically(self.path, self._panel.flush().encode())
        except (GradscapeError, OSError) as error:
            self._window.refuse(str(error))
            return False
        return True

    def _read(self, text: str) -> None:
        """Show the text in the preview, or say what is wrong with it and where."""
        assert self.path is not None
        try:
            self.lesson = parse_lesson(text.encode(), self.path.name, self.path.parent)
        except LessonError as error:
            self._panel.say(*_placed(str(error)))
            return
        count = len(self.lesson.steps)
        said = self.tr("{0} step") if count == 1 else self.tr("{0} steps")
        saved = self.tr("{0}, saved in {1}.")
        self._panel.say(saved.format(said.format(count), short(self.path.name)))
        self._panel.show_ticks(self.lesson.header)
        self._show_preview()

    def _show_preview(self) -> None:
        if self.lesson is not None and self._window.lessons.lesson is None:
            self._preview.preview(self.lesson, self._panel.place)

    # -- what is put in -----------------------------------------------------------------------

    def _highlight(self) -> None:
        names = list(self._window.selection)
        if names:
            self._panel.put_highlight(names)
        else:
            self._panel.say(self.tr("Select the nodes on the canvas first."))

    def _take_graph(self) -> None:
        """Begin the lesson with the graph of now."""
        assert self.path is not None
        try:
            graph = self._write_graph(self.path)
        except GradscapeError as error:
            self._window.refuse(str(error))
            return
        self._panel.set_entry("graph", writing.quoted(graph))

    def _write_graph(self, path: Path, behind: str = "") -> str:
        """Return what a lesson calls the document: the preset that it is, or a file beside it."""
        document, called = self._window.document, self._window.files.name
        untouched = document.path is None and not document.modified
        if untouched and not behind and called in presets.names():
            return str(called)
        name = path.name.removesuffix(ENDING) + behind + GRAPH
        write_atomically(
            path.parent / name, files.dumps(sharing.with_data(document.root, path.parent))
        )
        return name

    def _shown_panels(self) -> list[str]:
        docks = self._window.layouts.docks
        return [n for n, d in docks.items() if d.seen and n not in (PANEL, PREVIEW)]

    # -- recording ----------------------------------------------------------------------------

    def _record(self, on: bool) -> None:
        if not self.writing:
            return
        shown, plane = tuple(self._shown_panels()), self._plane()
        request = MarkRequest(shown, plane) if on else RecordingRequest(shown, plane)
        self._window.engine.ask_of_document(request)

    def _plane(self) -> str:
        landscape = self._window.layouts.docks["landscape"]
        return str(landscape.fill().kind) if landscape.isVisible() else ""

    def _on_recorded(self, found: RecordingFrame) -> None:
        if self.writing:
            self._panel.offer(found)
            self._panel.say("")

    def _put_task(self) -> None:
        """Put the recorded task in; a graph that no action makes is written beside the lesson."""
        assert self.path is not None
        card = self._panel.card
        solution = tuple(card.solution)
        if not card.whole:
            try:
                name = self._write_graph(self.path, f"-step{self._panel.place + 1}")
            except GradscapeError as error:
                self._window.refuse(str(error))
                return
            solution = (f'open("{name}")', *solution)
        self._panel.put_task(solution)
        self._window.show_panel(PREVIEW)

    # -- trying and sharing -------------------------------------------------------------------

    def try_from(self, place: int) -> None:
        """Play the lesson as a student would, from a step."""
        if not self._save():
            return
        self._read(self._panel.flush())
        if self.lesson is None:
            return
        self._window.lessons.open(self.path, place, trial=True)

    def _on_left(self) -> None:
        """The lesson that was tried, or another, has ended: go on writing."""
        if self.writing:
            self._arrange()
            self._show_preview()

    def check(self) -> None:
        """Play the lesson without a window, in a process of its own, and say how it went."""
        if not self._save() or self._job is not None:
            return
        self._panel.say(self.tr("Playing the lesson …"))
        said: list[str] = []
        self._job = Job(["lesson", "check", str(self.path), "--draft"], self)
        self._job.printed.connect(said.append)
        self._job.ended.connect(lambda error: self._on_checked("".join(said), error))

    def _on_checked(self, said: str, error: str) -> None:
        self._job = None
        if not self.writing:
            return
        faults = [line.strip() for line in said.splitlines() if line.startswith("   ")]
        if faults:
            self._panel.say(*_placed(faults[0]))
        else:
            self._panel.say(error or self.tr("The lesson holds what it says."))

    def share(self) -> None:
        """Ask for a file, and write the lesson and all that it needs into it."""
        if not self._save():
            return
        window = self._window
        assert self.path is not None
        start = str(self.path.with_name(self.path.name.removesuffix(ENDING) + ".zip"))
        given = window.files.ask_new(
            lambda parent, _start: file_dialogs.ask_packed(parent, start), ".zip"
        )
        if not given:
            return
        try:
            names = sharing.pack(self.path, given)
        except (GradscapeError, OSError) as error:
            window.refuse(str(error))
            return
        window.status.say(self.tr("Written: {0} ({1})").format(given, ", ".join(names)))


def _placed(sentence: str) -> tuple[str, int]:
    """A sentence about a file, with the line, counted from 0, that it names."""
    found = _AT_LINE.search(sentence)
    if found is None:
        return sentence, -1
    return f"Line {found[1]}: {found[2]}", int(found[1]) - 1
