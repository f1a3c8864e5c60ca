"""Lessons in the window: a lesson works on a graph of its own, and all is as it was behind it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QLocale, QObject, Qt, QTimer, Signal

from app.document.document import Aside
from app.panels.weights.panel import set_numbers
from app.shell.lessons.locks import Locks
from app.shell.lessons.spotlight import Spotlight
from app.widgets import file_dialogs
from graphcore import __version__, files
from graphcore.errors import GradscapeError, LessonError
from graphcore.graph.graph import Graph
from graphcore.lessons import answers, courses
from graphcore.lessons.format import Lesson, Step
from graphcore.lessons.functions import ACTIONS
from graphcore.lessons.language import Call
from graphcore.lessons.languages import translated, translations
from graphcore.lessons.play import check_files, file_beside, first_graph, graph_named, seeded
from graphcore.lessons.reader import ENDING, read_lesson
from graphcore.session.messages import RunsOpened
from graphcore.views.timeline import OpenRuns, SaveRuns

PANEL, WIDTH, BELOW = "lesson", 360, 0.42
"""The lesson's panel, its width, and the share of the height of what is below the canvas."""
TRAINING_SHARE = 1.88
"""How much wider Training is than its neighbour: its curves stand beside its figures then."""
PRESENTED = 0.45
"""Share of the width that a presented lesson has."""
LANGUAGE = "lessons/language"
"""The preference for the language of lessons."""
RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
POLL_MS = 60


class WindowPlayer:
    """Carries out what setups and solutions name, as the menus would; one after the other.

    Args:
        window: the main window.
        idle: called when all is done.
    """

    def __init__(self, window: Any, idle: Callable[[], None]) -> None:
        self._window, self._idle = window, idle
        self.lesson: Lesson | None = None
        self.opening = False
        self._waiting: deque[Call] = deque()
        self._run = ""
        self._started: tuple[int, bool] | None = None
        self._timer = QTimer(window, interval=POLL_MS)
        self._timer.timeout.connect(self._go_on)
        window.engine.frame.connect(self._on_frame)
        window.engine.failed.connect(lambda _failure: self._end_training())
        window.engine.on(RunsOpened, self._on_runs)

    @property
    def busy(self) -> bool:
        """Whether something is still to be done."""
        return bool(self._waiting) or self._started is not None or self._timer.isActive()

    def play(self, calls: Iterable[Call]) -> None:
        """Do these when what was to be done before is done."""
        self._waiting += calls
        self._timer.start()

    def stop(self) -> None:
        """Leave undone what is left."""
        self._waiting.clear()
        self._started = None
        self._end_run()
        self._timer.stop()

    def _go_on(self) -> None:
        engine = self._window.engine
        if self._started is not None or self._run or engine.state in ("starting", "loading"):
            return
        if not self._waiting:
            self._timer.stop()
            self._idle()
            return
        call = self._waiting.popleft()
        try:
            ACTIONS.call(self, call)
        except GradscapeError as error:
            self.stop()
            self._window.refuse(str(error))
            self._idle()

    def _on_frame(self, frame: Any) -> None:
        """Training has ended once it was seen to run, or the step is another."""
        if self._started is None:
            return
        begun, seen = self._started
        if frame.state == "running":
            self._started = begun, True
        elif seen or frame.step != begun:
            self._end_training()

    def _end_training(self) -> None:
        self._started = None

    # -- what actions ask ---------------------------------------------------------------------

    def edit(self, change: Callable[[Graph], None]) -> None:
        """Change the graph as one step that can be undone."""
        graph = self._window.document.root.copy()
        change(graph)
        check_files(graph, self.lesson)
        with self._window.document.unlocked():
            self._window.document.become(graph, self._window.tr("Lesson"))

    def open_graph(self, graph: Graph) -> None:
        """Take another graph."""
        check_files(graph, self.lesson)
        self.opening = True
        self._window.document.open_graph(graph)
        self.opening = False

    def open_run(self, name: str) -> None:
        """Take up the runs of a file beside the lesson; the next action waits for them."""
        assert self.lesson is not None
        self._run = str(file_beside(self.lesson, name))
        self.opening = True
        self._window.files.unnamed.add(self._run)
        self._window.engine.ask(OpenRuns(self._run))

    def _on_runs(self, opened: Any) -> None:
        if self._run and opened.path == self._run:
            if opened.problem:
                self._window.refuse(opened.problem)
            QTimer.singleShot(0, self._timer, self._end_run)  # the document takes its graph first

    def _end_run(self) -> None:
        if self._run:
            self._run, self.opening = "", False

    def lesson_graph(self, name: str) -> Graph:
        """The graph of a file beside the lesson, or of a preset."""
        assert self.lesson is not None
        return seeded(graph_named(self.lesson, name), self.lesson.header.seed)

    def train(self, epochs: int, steps: int) -> None:
        """Train; the next action waits for the end."""
        engine = self._window.engine
        loaded = engine.last_loaded
        per_epoch = loaded.steps_per_epoch if loaded is not None else 1
        self._started = engine.step, False
        engine.run(epochs * per_epoch + steps or None)

    def reset(self) -> None:
        """Take the graph as it is now with its initial weights."""
        self._window.engine.start_anew()

    def put_numbers(
        self, parameter: str, places: tuple[int, ...], values: tuple[float, ...]
    ) -> None:
        """Change numbers of a parameter by hand."""
        set_numbers(self._window.engine, parameter, places, values)

    def show(self, panel: str) -> None:
        """Bring a panel to the front."""
        self._window.show_panel(panel)

    def show_plane(self, kind: str) -> None:
        """Have the landscape show a kind of plane."""
        self._window.show_panel("landscape").fill().show_plane(kind)


class Lessons(QObject):
    """Opens lessons, keeps how far one is, and puts everything back afterwards.

    Signals:
        left: a lesson has ended.
    """

    left = Signal()

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._window = window
        self.lesson: Lesson | None = None
        self._before: dict[str, Any] = {}
        self._graphs: dict[int, Graph] = {}
        self._panel: Any = None
        self._left = -1
        self.player = WindowPlayer(window, self._on_idle)
        self.spotlight, self.locks = Spotlight(window.canvas), Locks(window)
        self.original: Lesson | None = None
        self.path = Path()
        self._trial = False
        self._unpacked: list[tempfile.TemporaryDirectory[str]] = []
        window.document.opened.connect(self._on_opened)
        window.files.own_wanted.connect(self._give_back)
        window.layouts.changed.connect(self._on_layout)
        window.engine.on(RunsOpened, self._on_runs_opened)

    @property
    def store(self) -> Any:
        """Where progress is kept."""
        return self._window.settings.store

    # -- opening and leaving ------------------------------------------------------------------

    def open(self, path: str | Path, at: int = 0, trial: bool = False) -> bool:
        """Begin the lesson in a file; return False, and say why, if it is damaged.

        Args:
            at: place of the step to begin with; those before it are done by their solutions.
            trial: whether nothing of how far one comes is kept.
        """
        try:
            lesson = read_lesson(path)
            graph = first_graph(lesson)
        except GradscapeError as error:
            self._window.refuse(str(error))
            return False
        if self.lesson is None:
            self._keep()
        self.player.stop()
        self.path, self._trial, self.original = Path(path), trial, lesson
        shown = self.translated(lesson, self.path)
        self.lesson = self.player.lesson = shown
        self._graphs.clear()
        self._left = at - 1
        self.locks.apply(lesson.header)
        self.player.open_graph(graph)
        self._window.show_canvas()
        self._show_panels(lesson)
        self._panel = self._window.show_panel(PANEL).fill()
        self._connect()
        for step in lesson.steps[:at]:
            self.player.play((*step.setup, *step.solution))
        known = {lesson.header.language, *translations(path)}
        self._panel.show_languages(tuple(sorted(known)), shown.header.language)
        self._panel.open(shown, self._kept("predictions"), self._kept("tasks"), at)
        return True

    def open_packed(self, path: str | Path) -> bool:
        """Open a zip of lessons: begin the only one, or list all on the welcome page."""
        folder = tempfile.TemporaryDirectory(prefix="gradscape-course-")
        try:
            courses.unpacked(Path(path), Path(folder.name))
            found = courses.collect(folder.name)
        except GradscapeError as error:
            folder.cleanup()
            self._window.refuse(str(error))
            return False
        self._unpacked.append(folder)
        if len(found.lessons) == 1:
            name = next(iter(found.lessons))
            return self.open(found.folder / f"{name}{ENDING}")
        self._window.show_course(found, Path(path).stem)
        return True

    def forget_courses(self) -> None:
        """Remove what was unpacked: the window ends."""
        for folder in self._unpacked:
            folder.cleanup()
        self._unpacked.clear()

    def translated(self, lesson: Lesson, path: Path) -> Lesson:
        """The lesson in the language that was chosen; as it is where there is none, or a broken."""
        system = QLocale.system().name().partition("_")[0]
        wanted = str(self.store.value(LANGUAGE) or system)
        if wanted == lesson.header.language or wanted not in (known := translations(path)):
            return lesson
        try:
            return translated(lesson, known[wanted])
        except GradscapeError as error:
            self._window.status.say(str(error))
            return lesson

    def _on_language(self, language: str) -> None:
        """Show the lesson in another language, and those to come."""
        if self.original is None:
            return
        self.store.setValue(LANGUAGE, language)
        self.lesson = self.player.lesson = self.translated(self.original, self.path)
        self._panel.translate(self.lesson)

    def begin_step_again(self) -> None:
        """Begin the step again with nothing answered in it."""
        if self.lesson is None:
            return
        place, presenting = self._panel.place, self._panel.presenting
        for question in self.lesson.steps[place].predictions:
            self._panel.predictions.pop(question.id, None)
        self._remember()
        self.open(self.path, place, self._trial)
        self.present(presenting)

    def present(self, on: bool) -> None:
        """Show the lesson as on a projector, or as for one."""
        if self.lesson is None:
            return
        self._panel.set_presenting(on)
        width = round(PRESENTED * self._window.width()) if on else WIDTH
        dock = self._window.layouts.docks[PANEL]
        self._window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)

    @property
    def presenting(self) -> bool:
        """Whether a lesson is shown as on a projector."""
        return self.lesson is not None and bool(self._panel.presenting)

    def leave(self, with_runs: bool = True) -> None:
        """End the lesson; document, runs and layout are again what they were.

        Args:
            with_runs: False if the window is about to close: only the document counts then.
        """
        if self.lesson is None:
            return
        self._end()
        before, window = self._before, self._window
        if before["runs"] and with_runs:
            window.engine.ask(OpenRuns(before["runs"]))  # the graph comes back with its runs
        else:
            self._drop_runs()
            self._bring_back()
        window.layouts.docks[PANEL].hide()
        window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        if before["layout"]:
            window.layouts.show(before["layout"])
        elif before["welcome"]:
            window.show_welcome()
        if not before["welcome"]:
            window.canvas.mark_selected(set(before["selection"]) & set(window.canvas.items_by_name))

    def _on_runs_opened(self, opened: RunsOpened) -> None:
        """The runs of before the lesson are there again, or their file could not be read."""
        if not self._before or opened.path != self._before["runs"]:
            return
        self._drop_runs()
        self._bring_back(opened=not opened.problem)

    def _drop_runs(self) -> None:
        """Remove the file that kept the runs of before."""
        if self._before["runs"]:
            shutil.rmtree(Path(self._before["runs"]).parent, ignore_errors=True)

    def _bring_back(self, opened: bool = False) -> None:
        """Make the document what it was before the lesson.

        Args:
            opened: whether the graph of the runs of before is the document already.
        """
        own: Aside = self._before["own"]
        document = self._window.document
        document.aside = None
        if not opened:
            document.restore(own.graph, own.path)
        elif files.dumps(document.root) != files.dumps(own.graph):
            document.become(own.graph, self._window.tr("Lesson"))
        document.path = own.path
        if own.modified:
            document.undo_stack.resetClean()
            self._window.autosave.soon()
        else:
            document.undo_stack.setClean()
        self._window.files.call(own.name)

    def _give_back(self) -> None:
        """The user's own document is wanted, to be saved before another is opened."""
        if self.lesson is not None:
            self._end()
            self._window.layouts.restore()
        self._drop_runs()
        self._bring_back()
        self._before = {}

    def _end(self) -> None:
        self.player.stop()
        self.spotlight.clear()
        self.locks.clear()
        self.lesson = self.player.lesson = None
        self._panel.close_lesson()
        QTimer.singleShot(0, self, self.left.emit)

    def _keep(self) -> None:
        """Note what there is before a lesson."""
        window = self._window
        document = window.document
        runs = ""
        if window.engine.moment.newest:
            runs = str(Path(tempfile.mkdtemp(prefix="gradscape-")) / "before.gradrun")
            window.files.unnamed.add(runs)
            window.engine.ask(SaveRuns(runs))
        window.autosave.write()
        own = Aside(document.root, document.path, window.files.name, document.modified)
        document.aside = own
        self._before = {
            "own": own, "runs": runs,
            "layout": window.layouts.current, "selection": list(window.selection),
            "welcome": window.pages.currentWidget() is not window.canvas,
        }  # fmt: skip

    def _on_opened(self) -> None:
        """Another graph was opened by the user: that ends the lesson."""
        if self.lesson is not None and not self.player.opening:
            self._end()
            self._drop_runs()
            self._window.document.aside, self._before = None, {}
            self._window.autosave.clear()
            self._window.layouts.restore()

    def _show_panels(self, lesson: Lesson) -> None:
        """The panels of the lesson, and no others."""
        layouts, window = self._window.layouts, self._window
        layouts.hide()
        window.setCorner(Qt.Corner.BottomRightCorner, RIGHT)
        for name in lesson.header.panels:
            if name in layouts.docks:
                dock = layouts.docks[name]
                if window.dockWidgetArea(dock) == RIGHT:  # that side is the lesson's
                    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
                layouts.reveal(name)
        dock = window.show_panel(PANEL)
        window.resizeDocks([dock], [WIDTH], Qt.Orientation.Horizontal)
        below = [
            layouts.docks[name] for name in lesson.header.panels
            if name in layouts.docks
            and window.dockWidgetArea(layouts.docks[name]) == Qt.DockWidgetArea.BottomDockWidgetArea
        ]  # fmt: skip
        height = round(BELOW * window.height())
        window.resizeDocks(below, [height] * len(below), Qt.Orientation.Vertical)
        shares = [TRAINING_SHARE if dock.panel.id == "training" else 1.0 for dock in below]
        widths = [round((window.width() - WIDTH) * share / sum(shares)) for share in shares]
        window.resizeDocks(below, widths, Qt.Orientation.Horizontal)
        layouts.settle()

    def _on_layout(self, _name: str) -> None:
        """The lesson is read in every layout; outside of one its panel is in none."""
        window, corner = self._window, Qt.Corner.BottomRightCorner
        if self.lesson is None:
            window.layouts.docks[PANEL].hide()
            window.setCorner(corner, Qt.DockWidgetArea.BottomDockWidgetArea)
        elif not self.player.opening:
            dock = window.show_panel(PANEL)
            window.setCorner(corner, Qt.DockWidgetArea.RightDockWidgetArea)
            window.resizeDocks([dock], [WIDTH], Qt.Orientation.Horizontal)

    def _connect(self) -> None:
        panel = self._panel
        if panel.property("connected"):
            return
        panel.setProperty("connected", True)
        panel.step_left.connect(self._on_left)
        panel.step_entered.connect(self._on_entered)
        panel.solve_wanted.connect(self._solve)
        panel.predicted.connect(lambda _name, _given: self._remember())
        panel.passed.connect(self._on_passed)
        panel.asking.connect(self._hide_values)
        panel.window_wanted.connect(self._note_window)
        panel.leave_wanted.connect(self.leave)
        panel.hand_in_wanted.connect(self.hand_in)
        panel.again_wanted.connect(self.begin_step_again)
        panel.present_wanted.connect(self.present)
        panel.language_wanted.connect(self._on_language)

    # -- steps --------------------------------------------------------------------------------

    def _on_left(self, place: int) -> None:
        self._left = place

    def _on_entered(self, place: int) -> None:
        """Do the setup of a step that is entered forwards; undo those that are left backwards."""
        assert self.lesson is not None
        if place > self._left:
            step = self.lesson.steps[place]
            if step.setup:
                self._graphs[place] = self._window.document.root.copy()
            self._play(step.setup)
            return
        undone = [i for i in range(place + 1, self._left + 1) if i in self._graphs]
        if undone:
            self.player.open_graph(self._graphs[undone[0]].copy())
            for i in undone:
                del self._graphs[i]
        self._play(())

    def _hide_values(self, hide: bool) -> None:
        """Show nothing that the net computes while a question is open: it would answer it."""
        for dock in self._window.layouts.docks.values():
            dock.conceal(hide)
        pictures = self._window.canvas.pictures
        again = pictures.hidden and not hide
        pictures.hide(hide)
        if again:  # whoever is shown a drawing no more gets the running step's values
            self._window.engine.shown.show_drawing(True)
            self._window.engine.shown.show_drawing(False)

    def _solve(self) -> None:
        step = self._panel.step
        if step is not None:
            self._play(step.solution)

    def _play(self, calls: Iterable[Call]) -> None:
        self._panel.set_busy(True)
        self.player.play(calls)

    def _on_idle(self) -> None:
        if self.lesson is None:
            return
        step: Step | None = self._panel.step
        if step is not None:
            self.spotlight.show(step.looks)
            for look in step.looks:
                if look.kind == "panel":
                    self._window.show_panel(look.name)
        self._note_window()
        self._panel.set_busy(False)

    def _note_window(self) -> None:
        """What of the window checks may ask."""
        docks = self._window.layouts.docks
        self._panel.shown_panels = tuple(n for n, d in docks.items() if d.isVisible())
        landscape = docks["landscape"]
        if landscape.isVisible():
            self._panel.plane = landscape.fill().kind

    # -- progress -----------------------------------------------------------------------------

    def _kept(self, what: str) -> dict[str, Any]:
        assert self.lesson is not None
        if self._trial:
            return {}
        try:
            found = json.loads(str(self.store.value(f"lessons/{self.lesson.id}/{what}", "{}")))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _remember(self) -> None:
        assert self.lesson is not None
        if self._trial:
            return
        for what, value in (("predictions", self._panel.predictions), ("tasks", self._panel.done)):
            self.store.setValue(f"lessons/{self.lesson.id}/{what}", json.dumps(value))

    def _on_passed(self, place: int) -> None:
        assert self.lesson is not None
        if self._trial:
            return
        key = f"lessons/{self.lesson.id}/steps"
        done = {*self.steps_done(self.lesson.id), place}
        self.store.setValue(key, json.dumps(sorted(done)))
        self._remember()

    def steps_done(self, name: str) -> set[int]:
        """Places of the steps of a lesson that were done."""
        try:
            found = json.loads(str(self.store.value(f"lessons/{name}/steps", "[]")))
        except ValueError:
            return set()
        return {i for i in found if isinstance(i, int)} if isinstance(found, list) else set()

    # -- handing in ---------------------------------------------------------------------------

    def hand_in(self) -> None:
        """Ask for a name and a file, and write the answers."""
        lesson, panel = self.lesson, self._panel
        if lesson is None:
            return
        student = file_dialogs.ask_student(self._window)
        if not student:
            return
        called = "".join(c if c.isalnum() else "-" for c in student).strip("-").lower()
        start = f"{lesson.id}-{called}{answers.ENDING}"
        path = self._window.files.ask_new(
            lambda window, _start: file_dialogs.ask_answer(window, start), answers.ENDING
        )
        if not path:
            return
        checks = {}
        for i, step in enumerate(lesson.steps, 1):
            for j, task in enumerate(step.tasks, 1):
                passed, tries = panel.done.get(f"{i}.{j}", (False, 0))
                checks[f"{i}.{j}"] = answers.Checked(str(task.check), bool(passed), int(tries))
        answer = answers.Answer(
            lesson=lesson.id, lesson_hash=lesson.hash, student=student[: answers.LONGEST_NAME],
            seed=lesson.header.seed, version=__version__, predictions=panel.predictions,
            checks=checks, graph=files.dumps(self._window.document.root).decode(),
        )  # fmt: skip
        try:
            answers.write_answer(path, answer)
        except (GradscapeError, LessonError) as error:
            self._window.refuse(str(error))
            return
        self._window.status.say(self.tr("Written: {0}").format(path))
