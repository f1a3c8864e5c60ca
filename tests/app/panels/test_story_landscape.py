"""The landscape is looked at from every side, and the net is carried over it by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from app.panels.landscape.panel import LINE, MAP, SPACE
from graphcore.records.arrays import unpack
from graphcore.views.decision_map import DecisionFrame, DecisionRequest
from graphcore.views.landscape import LandscapeFrame
from graphcore.views.results import ResultsFrame, ResultsRequest
from graphcore.views.timeline import EnterRun, OpenRuns, RunsSaved, SaveRuns
from graphcore.views.weights import TensorFrame, TensorRequest
from tests.app.driver import PATIENCE


class Story:
    """The panel of a window whose engine is the real process."""

    def __init__(self, qtbot, window, graph: str, layout: str = "Train") -> None:
        self.qtbot, self.window = qtbot, window
        self.frames: list = []
        self.shown: list = []
        window.engine.on(LandscapeFrame, self.shown.append)
        window.engine.frame.connect(self.frames.append)
        window.start(graph)
        window.layouts.show(layout)
        self.panel = window.show_panel("landscape").fill()
        QApplication.processEvents()
        self.wait(lambda: window.engine.state == "idle" and bool(self.frames))

    def wait(self, holds) -> None:
        self.qtbot.waitUntil(holds, timeout=PATIENCE)

    def surface(self, where=lambda f: True):
        """The next complete surface for which ``where`` holds."""
        self.wait(lambda: any(f.level == f.levels and where(f) for f in self.shown))
        return next(f for f in reversed(self.shown) if f.level == f.levels and where(f))

    def choose(self, plane: int, form: int = MAP) -> None:
        self.shown.clear()
        self.panel.form.setCurrentIndex(form)
        self.panel.plane.setCurrentIndex(plane)

    def run(self, steps: int) -> None:
        end = (self.frames[-1].step if self.frames else 0) + steps
        self.window.engine.run(steps)
        self.wait(lambda: self.frames[-1].step == end and self.frames[-1].state != "running")

    @property
    def pictures(self) -> dict:
        """The newest pictures of values on the canvas."""
        return next(f.values for f in reversed(self.frames) if f.values)

    def drag(self, *places: tuple[float, float], release: bool = True) -> None:
        """Take the dot with the mouse and carry it over places of the plane."""
        area = self.panel.contour.plot
        view, at = area.viewport(), self.panel.contour.dot.pos()

        def pixels(a: float, b: float) -> QPoint:
            return area.to_pixels(a, b)

        self.qtbot.mouseMove(view, pixels(at.x(), at.y()))
        self.qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=pixels(at.x(), at.y()))
        for place in places:
            self.move(*place)
        if release:
            self.release(*places[-1])

    def move(self, a: float, b: float) -> None:
        area = self.panel.contour.plot
        view, place = area.viewport(), QPointF(area.to_pixels(a, b))
        self.wait(area.scene()._moveEventIsAllowed)  # moves in quick succession are dropped
        event = QMouseEvent(
            QEvent.Type.MouseMove, place, view.mapToGlobal(place), Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(view, event)
        QApplication.processEvents()

    def release(self, a: float, b: float) -> None:
        area = self.panel.contour.plot
        self.qtbot.mouseRelease(
            area.viewport(), Qt.MouseButton.LeftButton, pos=area.to_pixels(a, b)
        )


@pytest.fixture
def story(qtbot, live_window):
    return lambda graph, layout="Train": Story(qtbot, live_window, graph, layout)


def test_every_plane_has_its_surface(story) -> None:
    s = story("circle")
    random = s.surface(lambda f: f.plane == "random")
    assert unpack(random.values).shape == (25, 25)
    s.run(40)
    s.choose(1)
    principal = s.surface(lambda f: f.plane == "pca")
    assert 0.5 < sum(principal.shares) <= 1.0001
    assert "of the path's variance" in s.panel.contour.stamp.text()
    s.choose(3)
    towards = s.surface(lambda f: f.plane == "towards")
    assert "start of the run" in towards.targets
    assert np.allclose(unpack(towards.path)[0], (1, 0), atol=1e-3)
    assert towards.current == pytest.approx((0, 0), abs=1e-3)
    s.choose(2)
    weights = s.surface(lambda f: f.plane == "weights")
    assert [p for p in s.panel.weights.chosen if p[0] in weights.parameters]
    assert weights.parameters
    s.panel.form.setCurrentIndex(LINE)
    line = s.surface(lambda f: len(unpack(f.b)) == 1)
    assert s.panel.view.line.isVisible()
    assert s.panel.view.line.value_at(line.current[0]) is not None


def test_two_weights_are_taken_from_the_canvas(story) -> None:
    s = story("circle")
    s.choose(2)
    s.surface(lambda f: f.plane == "weights")
    layers = [n.name for n in s.window.document.root if n.operator == "Linear"]
    s.window.canvas.select([layers[0], layers[-1]])
    assert s.panel.weights.take.isEnabled()
    s.qtbot.mouseClick(s.panel.weights.take, Qt.MouseButton.LeftButton)
    wanted = [f"{layers[0]}.weight[", f"{layers[-1]}.weight["]
    s.surface(lambda f: all(x.startswith(w) for x, w in zip(f.labels, wanted, strict=True)))


def test_options_reach_the_engine(story) -> None:
    s = story("circle")
    s.surface()
    options = s.panel.fineness
    options.split.setCurrentIndex(1)
    options.samples.setValue(60)
    options.resolution.setCurrentIndex(0)
    found = s.surface(lambda f: f.split == "train" and f.samples == 60)
    assert unpack(s.surface(lambda f: len(unpack(f.a)) == 9).values).shape == (9, 9)
    assert f"{found.samples} samples of train" in s.panel.contour.stamp.text()


def test_a_line_fit_is_a_bowl_over_its_two_numbers_and_the_net_goes_to_its_bottom(story) -> None:
    s = story("linear-regression")
    found = s.surface(lambda f: f.exact)
    assert s.panel.plane.currentText() == "Both weights"
    assert found.labels == ("line.weight[0, 0]", "line.bias[0]")
    assert found.lowest is not None
    assert "closed form" in s.panel.contour.stamp.text()
    values = unpack(found.values)
    assert values.min() >= found.lowest[2] - 1e-6
    s.run(400)
    after = s.surface(lambda f: f.exact and f.step == s.frames[-1].step)
    path, lowest = unpack(after.path), np.array(after.lowest[:2])
    away = np.linalg.norm(path - lowest, axis=1)
    assert away[-1] < 0.2 * away[0]


def test_every_view_follows_the_dot_and_escape_puts_it_back(story) -> None:
    s = story("circle")
    s.run(5)
    s.surface(lambda f: f.step == 5)
    names = tuple(n.name for n in s.window.document.root if n.operator == "Linear")
    s.window.engine.shown.watch(names, names)
    maps: list = []
    s.window.engine.on(DecisionFrame, maps.append)
    s.window.engine.look(DecisionRequest())
    results: list = []
    s.window.engine.on(ResultsFrame, results.append)
    s.window.engine.look(ResultsRequest())
    layer = f"{names[0]}.weight"

    def weights() -> np.ndarray:
        return unpack(s.pictures[layer].array).copy()

    s.run(1)
    s.surface(lambda f: f.step == 6)
    here, home = numbers(s, layer), s.panel.contour.dot.pos()
    s.wait(lambda: maps and results and results[-1].step == 6)
    pictured, seen, scored = weights(), len(maps), len(results)
    s.drag((0.2, 0.1), (0.5, 0.4), release=False)
    s.wait(lambda: not np.allclose(weights(), pictured, atol=0.01))
    s.wait(lambda: len(maps) > seen and len(results) > scored)
    assert s.frames[-1].step == 6
    assert not np.allclose(numbers(s, layer), here, atol=0.01)
    s.qtbot.keyClick(s.panel.contour.plot, Qt.Key.Key_Escape)
    s.release(0.5, 0.4)
    assert np.array_equal(numbers(s, layer), here)
    assert s.panel.contour.dot.pos() == home
    assert not s.panel.contour.dot.mouseHovering, "the dot is not under the pointer any more"
    assert "from before" in s.window.status.currentMessage()
    s.run(1)


def test_the_weights_of_before_a_drag_can_be_had_later_too(story) -> None:
    s = story("circle")
    s.run(8)
    s.surface(lambda f: f.step == 8)
    layer = next(f"{n.name}.weight" for n in s.window.document.root if n.operator == "Linear")
    learned, strip = numbers(s, layer), s.window.time
    s.drag((0.3, 0.2), (0.5, 0.4))
    s.wait(lambda: strip.now.text() == "Put back")
    s.drag((0.1, 0.2), (0.3, 0.4))  # Escape would go back to the first drag alone
    assert not np.allclose(numbers(s, layer), learned, atol=0.01)
    s.choose(0, LINE)
    s.qtbot.mouseClick(strip.now, Qt.MouseButton.LeftButton)
    s.wait(lambda: strip.now.text() == "Now")
    assert np.array_equal(numbers(s, layer), learned)
    s.wait(lambda: "by hand" not in strip.words.text())


@pytest.mark.parametrize("plane", ["random", "weights"])
def test_put_back_moves_the_dot_of_a_finished_map_home(story, plane) -> None:
    s = story("circle")
    s.run(8)
    s.surface(lambda f: f.step == 8)
    if plane == "weights":
        s.choose(2)
        s.surface(lambda f: f.plane == "weights")
    strip, home = s.window.time, s.panel.contour.dot.pos()
    s.drag((home.x() + 0.3, home.y() + 0.2))
    s.wait(lambda: strip.now.text() == "Put back")
    s.qtbot.mouseClick(strip.now, Qt.MouseButton.LeftButton)
    assert "of the newest training step" in s.window.status.currentMessage()

    def is_home() -> bool:
        away = s.panel.contour.dot.pos() - home
        return abs(away.x()) + abs(away.y()) < 1e-3

    s.wait(is_home)


def numbers(s: Story, parameter: str) -> np.ndarray:
    """A parameter as the engine has it, once it has done what was asked before."""
    engine = s.window.engine
    with s.qtbot.waitSignal(engine.replies(TensorFrame), timeout=PATIENCE) as told:
        engine.ask(TensorRequest(parameter))
    return unpack(told.args[0].values).copy()


def test_the_net_trains_on_from_where_it_is_dropped(story) -> None:
    s = story("circle")
    s.run(4)
    s.surface(lambda f: f.step > 0)  # at rest: beside steps it may take long
    s.window.engine.set_speed(20)
    s.window.engine.play()
    s.wait(lambda: s.frames[-1].step > 8 and s.frames[-1].state == "running")
    s.drag((0.3, 0.3), (0.6, 0.2), release=False)
    s.wait(lambda: s.frames[-1].state == "idle")
    resting = s.frames[-1].step
    s.release(0.6, 0.2)
    s.wait(lambda: s.frames[-1].step > resting + 2)
    assert s.frames[-1].state == "running"
    s.window.engine.pause()
    s.wait(lambda: s.frames[-1].state == "idle")
    broken = s.surface(lambda f: f.step == s.frames[-1].step)
    assert np.isnan(unpack(broken.path)[:, 0]).sum() == 1  # not joined to where it was taken from
    s.choose(0, LINE)
    s.surface()


def test_the_path_is_that_of_the_run_one_goes_to(story, tmp_path) -> None:
    s = story("circle")
    engine = s.window.engine
    s.choose(0)
    s.run(40)
    engine.reset()
    s.wait(lambda: s.frames[-1].step == 0)
    s.window.transport.rate.setValue(0.3)
    s.run(20)
    s.shown.clear()
    engine.ask(EnterRun(1))
    of_first = s.surface(lambda f: f.step == 40)
    path = unpack(of_first.path)
    assert np.isfinite(path).all()
    assert len(path) == 41  # Run 2 took no more than 20 steps
    assert np.allclose(path[-1], of_first.current, atol=1e-3)
    with s.qtbot.waitSignal(engine.replies(RunsSaved), timeout=PATIENCE):
        engine.ask(SaveRuns(str(tmp_path / "two.gradrun")))
    s.shown.clear()
    engine.ask(OpenRuns(str(tmp_path / "two.gradrun")))
    assert np.isfinite(unpack(s.surface(lambda f: f.step == 40).path)).all()
    assert len(unpack(s.shown[-1].path)) == len(path)


def test_the_surface_stands_in_space_where_there_is_opengl(story) -> None:
    s = story("circle")
    s.surface()
    s.panel.form.setCurrentIndex(SPACE)
    s.surface()
    space = s.panel.view.space
    if not space.can_draw:
        assert "no OpenGL" in space.note.text()
        pytest.skip("this display has no OpenGL: the sentence is there, the rest cannot be seen")
    assert space.view.isVisible()
    shot = space.view.grabFramebuffer()
    colors = {shot.pixelColor(x, y).name() for x in range(0, shot.width(), 9)
              for y in range(0, shot.height(), 9)}  # fmt: skip
    assert len(colors) > 20
    before = space.view.cameraPosition()
    middle = QPointF(space.view.rect().center())
    none, left = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
    for kind, place, button, held in (
        (QEvent.Type.MouseButtonPress, middle, left, left),
        (QEvent.Type.MouseMove, middle + QPointF(40, 9), none, left),
        (QEvent.Type.MouseButtonRelease, middle + QPointF(40, 9), left, none),
    ):
        at = space.view.mapToGlobal(place)
        event = QMouseEvent(kind, place, at, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(space.view, event)
    assert (space.view.cameraPosition() - before).length() > 0.1
    s.run(20)
    s.surface(lambda f: f.step == 20)


def test_the_plane_goes_towards_the_end_of_another_run(story) -> None:
    s = story("circle")
    s.run(60)
    s.surface(lambda f: f.step == 60)
    s.window.engine.scrub(20)
    s.wait(lambda: s.frames[-1].step == 20)
    s.window.engine.run(10)
    s.wait(lambda: s.frames[-1].step == 30 and s.frames[-1].state != "running")
    s.choose(3)
    target = s.panel.target
    s.wait(lambda: target.findText("end of Run 1") >= 0)
    target.setCurrentText("end of Run 1")
    target.activated.emit(target.currentIndex())
    found = s.surface(lambda f: f.plane == "towards" and "end of Run 1" in f.labels[0])
    assert found.current == pytest.approx((0, 0), abs=1e-3)


def test_while_it_trains_coarse_surfaces_come_first_and_their_age_is_told(story) -> None:
    tale = story("lenet5")
    tale.surface()
    tale.shown.clear()
    tale.window.engine.set_speed(20.0)
    tale.window.engine.play()
    tale.wait(lambda: len({f.step for f in tale.shown}) >= 3)
    coarse = next(f for f in tale.shown if f.level == 1)
    assert unpack(coarse.values).shape == (5, 5)
    assert coarse.samples < 200
    stamp = tale.panel.contour.stamp
    tale.wait(lambda: "steps ago" in stamp.text())
    tale.window.engine.pause()
    tale.wait(lambda: tale.frames[-1].state != "running")
    last = tale.surface(lambda f: f.step == tale.frames[-1].step)
    assert last.samples == 200
    assert "ago" not in stamp.text()
