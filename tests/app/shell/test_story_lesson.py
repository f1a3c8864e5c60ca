"""A lesson from the welcome page to the answer file, and everything as it was behind it."""

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication

from app.panels import PANELS
from app.panels.lesson.cards import PredictCard, RevealCard, TaskCard
from app.panels.lesson.prose import Prose
from app.panels.weights.panel import set_numbers
from app.shell import actions
from app.widgets import file_dialogs
from graphcore import files
from graphcore.lessons import answers, courses
from graphcore.lessons.places import ACTION_NAMES, PANEL_NAMES

PATIENCE = 60_000
TRAINED = """+++
title = "Train"
graph = "circle"
settings = {epochs = 2}
panels = ["training"]
+++
## First
```do
Train an epoch.
```
```check
epoch() >= 1
```
```else
{epoch():.0f} epochs so far
```
```hint
Click Train.
```
```solution
set("lr", 0.1)
train(epochs=1)
```
```reveal
Done: {epoch():.0f}.
```

## Second
```setup
open("xor")
```
text
"""


AGAINST = """+++
title = "Twice"
graph = "circle"
panels = ["training"]
+++
## First
```do
Train an epoch.
```
```check
epoch() >= 1
```
```else
not yet
```
```solution
train(epochs=1)
```
```reveal
First {one:.0f}.
```
```measure one
epoch()
```

## Second
```do
Train two epochs more.
```
```check
epoch() >= 3
```
```else
not yet
```
```solution
train(epochs=2)
```
```reveal
{two:.0f} against {one:.0f}.
```
```measure two
epoch()
```
"""


@pytest.fixture
def begun(live_window, qtbot):
    """Begins a lesson in a window with a real engine; gives the panel, once it is ready."""
    live_window.start("circle")
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)

    def begin(path):
        assert live_window.lessons.open(path)
        panel = live_window.layouts.docks["lesson"].fill()
        qtbot.waitUntil(lambda: not panel.busy and panel._number > 0, timeout=PATIENCE)
        return panel

    return begin


def shipped(name):
    return courses.shipped() / f"{name}.lesson.md"


def cards(panel, kind):
    return [card for card in panel.cards if isinstance(card, kind)]


def test_a_lesson_may_point_at_every_panel_and_action():
    assert set(PANEL_NAMES) == {p.id for p in PANELS} - {"lesson", "author"}
    assert set(ACTION_NAMES) == {a.id for a in actions.ACTIONS}


def test_predict_lock_reveal_do_and_everything_comes_back(begun, live_window, qtbot, monkeypatch):
    window = live_window
    window.layouts.show("Explain")
    window.document.add_node("ReLU", (0.0, 0.0))
    before = {n.name for n in window.document.root}
    panel = begun(shipped("perceptron"))
    question = cards(panel, PredictCard)[0]
    reveal = cards(panel, RevealCard)[0]
    neuron = window.canvas.items_by_name["neuron"]
    assert not reveal.isVisibleTo(panel)
    assert neuron.value is None, "the number would answer the question"
    assert window.canvas.items_by_name["y"].opacity() < 1 == neuron.opacity()
    question.number.setText("-5")
    question.lock.click()
    assert reveal.isVisibleTo(panel)
    assert not question.number.isEnabled()
    qtbot.waitUntil(lambda: "-6.0" in reveal.prose.toPlainText(), timeout=PATIENCE)
    qtbot.waitUntil(lambda: neuron.value is not None, timeout=PATIENCE)
    assert "−6" in question.outcome.toPlainText()
    panel.next.click()
    assert not panel.next.isEnabled(), "the question comes first"
    for question in cards(panel, PredictCard):
        if question.choices.buttons():
            question.choices.buttons()[0].setChecked(True)
        question.number.setText("0.5")
        question.lock.click()
    panel.next.click()
    qtbot.waitUntil(lambda: not panel.busy, timeout=PATIENCE)
    flip, task = cards(panel, PredictCard)[0], cards(panel, TaskCard)[0]
    assert not task.isVisibleTo(panel)
    assert panel.solve.isHidden(), "a task that is not shown is not done either"
    flip.choices.button(0).setChecked(True)
    flip.lock.click()
    task.check.click()
    qtbot.waitUntil(
        lambda: isinstance(task.reply, Prose) and "no weight" in task.reply.toPlainText(),
        timeout=PATIENCE,
    )
    assert not task.passed
    set_numbers(window.engine, "neuron.weight", (0,), (-4.0,))
    qtbot.waitUntil(lambda: task.passed, timeout=PATIENCE)
    qtbot.waitUntil(lambda: 'value("y") = ' in panel.measured.text(), timeout=PATIENCE)
    assert window.lessons.steps_done("perceptron") == {0, 2}
    panel.back.click()
    assert panel.place == 1
    panel.leave.click()
    assert {n.name for n in window.document.root} == before
    assert window.document.modified, "what was in no file is in none now"
    assert window.layouts.current == "Explain"
    assert not window.layouts.docks["lesson"].isVisible()
    assert all(item.opacity() == 1 for item in window.canvas.items_by_name.values())


def test_the_solution_trains_and_back_undoes_a_setup(begun, live_window, qtbot, tmp_path):
    path = tmp_path / "trained.lesson.md"
    path.write_text(TRAINED)
    panel = begun(path)
    task = cards(panel, TaskCard)[0]
    panel.hint.click()
    assert panel.hints[0].isVisibleTo(panel)
    assert not panel.hint.isVisibleTo(panel)
    panel.solve.click()
    qtbot.waitUntil(lambda: task.passed and not panel.busy, timeout=PATIENCE)
    assert live_window.document.root.training.lr == 0.1
    assert live_window.engine.step == 25
    qtbot.waitUntil(lambda: "Done: 1." in cards(panel, RevealCard)[0].prose.toPlainText(),
                    timeout=PATIENCE)  # fmt: skip
    panel.next.click()
    qtbot.waitUntil(lambda: not panel.busy, timeout=PATIENCE)
    assert "out" in live_window.document.root
    assert "hidden1" not in live_window.document.root
    panel.back.click()
    qtbot.waitUntil(lambda: not panel.busy, timeout=PATIENCE)
    assert "hidden1" in live_window.document.root
    assert live_window.document.root.training.lr == 0.1
    live_window.lessons.leave()
    assert live_window.lessons.lesson is None


def test_answers_are_handed_in(begun, live_window, qtbot, tmp_path, monkeypatch):
    panel = begun(shipped("perceptron"))
    question = cards(panel, PredictCard)[0]
    question.number.setText("-6")
    question.lock.click()
    path = tmp_path / "ada.answer.json"
    monkeypatch.setattr(file_dialogs, "ask_student", lambda _parent: "Ada")
    monkeypatch.setattr(file_dialogs, "ask_answer", lambda _parent, _start: str(path))
    panel.hand_in.click()
    found = answers.read_answer(path)
    assert (found.student, found.lesson, found.predictions) == ("Ada", "perceptron", {"z": -6.0})
    assert found.checks["3.1"].passed is False
    live_window.lessons.leave()
    again = begun(shipped("perceptron"))
    assert cards(again, PredictCard)[0].answer == -6.0, "what was predicted stays locked"


def test_a_damaged_lesson_is_refused_and_nothing_changes(window, tmp_path):
    path = tmp_path / "bad.lesson.md"
    path.write_text("+++\ntitle = 3\n+++\n")
    before = {n.name for n in window.document.root}
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data,
                      Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)  # fmt: skip
    window.dropEvent(drop)
    assert "bad.lesson.md, line 2" in window.banner.text
    assert {n.name for n in window.document.root} == before
    assert window.lessons.lesson is None


def test_the_courses_are_on_the_welcome_page(window):
    window.show_welcome()
    page = window._welcome
    page.tabs.setCurrentWidget(page.courses)
    QApplication.processEvents()
    tree = page.courses
    assert tree.topLevelItemCount() == 5
    first = tree.topLevelItem(0)
    assert first.child(0).text(0) == "One neuron"
    window.settings.store.setValue("lessons/perceptron/steps", "[0, 1, 2]")
    page.show_progress()
    assert "done" in first.child(0).text(2)
    assert first.text(2) == f"1 of {first.childCount()}"


def test_a_passage_shows_formulas_and_numbers_and_loads_nothing_else(qtbot, themed):
    prose = Prose("with $x_1$ and <b>no</b> markup", {})
    qtbot.addWidget(prose)
    assert "<b>no</b>" in prose.toPlainText()
    assert "￼" in prose.toPlainText()
    assert not prose.loadResource(2, QUrl("formula:0")).isNull()
    assert prose.loadResource(2, QUrl("file:///etc/passwd")).isNull()


def test_a_run_and_an_edit_are_there_again_after_a_lesson(begun, live_window, qtbot):
    window, engine = live_window, live_window.engine
    engine.run(30)
    qtbot.waitUntil(lambda: engine.moment.newest == 30, timeout=PATIENCE)
    with qtbot.waitSignal(engine.loaded, timeout=PATIENCE):
        window.document.set_attributes("hidden1", out_features=6)
    names = {n.name for n in window.document.root}
    begun(shipped("perceptron"))
    qtbot.waitUntil(lambda: engine.moment.newest == 0, timeout=PATIENCE)
    window.lessons.leave()
    qtbot.waitUntil(lambda: engine.moment.newest == 30, timeout=PATIENCE)
    qtbot.waitUntil(lambda: engine.step == 30, timeout=PATIENCE)
    assert {n.name for n in window.document.root} == names
    assert window.document.modified
    assert window.windowTitle().startswith("circle")
    engine.run(5)
    qtbot.waitUntil(lambda: engine.moment.newest == 35, timeout=PATIENCE)


def test_opening_another_graph_in_a_lesson_asks_about_ones_own(
    begun, live_window, tmp_path, monkeypatch
):
    window, asked, saved = live_window, [], tmp_path / "mine.graph.json"
    window.document.set_attributes("hidden1", out_features=6)
    own = files.dumps(window.document.root)
    begun(shipped("perceptron"))

    def answer(_window, name):
        asked.append(name)
        return answers_given.pop()

    monkeypatch.setattr(file_dialogs, "ask_unsaved", answer)
    monkeypatch.setattr(file_dialogs, "ask_save", lambda *_: str(saved))
    answers_given = ["save", "cancel"]
    assert not window.files.open_preset("xor")
    assert window.lessons.lesson is not None, "the user stays in the lesson"
    (copy,) = window.autosave.folder.glob("*.json")
    assert copy.read_bytes() == own, "what was put aside survives a crash"
    assert window.files.open_preset("xor")
    assert asked == ["circle"] * 2
    assert saved.read_bytes() == own
    assert window.lessons.lesson is None
    assert window.windowTitle().startswith("xor")
    assert not list(window.autosave.folder.glob("*.json"))
    begun(shipped("perceptron"))
    assert window.files.open_preset("circle"), "nothing of one's own was changed: nothing is asked"
    assert len(asked) == 2


def test_the_lesson_stays_in_every_layout_and_in_none_without_it(begun, live_window, qtbot):
    window = live_window
    panel = begun(shipped("perceptron"))
    for name in ("Explain", "Train", "Build"):
        window.layouts.show(name)
        qtbot.waitUntil(panel.isVisible, timeout=PATIENCE)
    window.lessons.leave()
    for name in ("Explain", "Train", "Build"):
        window.layouts.show(name)
        QApplication.processEvents()
        assert not panel.isVisible()


def test_a_figure_of_a_step_that_was_done_stays_what_it_was(begun, qtbot, tmp_path):
    """Named in a later step, and on the way back, though the net has gone on."""
    path = tmp_path / "twice.lesson.md"
    path.write_text(AGAINST)
    panel = begun(path)

    def said():
        return cards(panel, RevealCard)[0].prose.toPlainText()

    panel.solve.click()
    qtbot.waitUntil(lambda: said() == "First 1." and not panel.busy, timeout=PATIENCE)
    panel.next.click()
    qtbot.waitUntil(lambda: not panel.busy, timeout=PATIENCE)
    panel.solve.click()
    qtbot.waitUntil(lambda: said() == "3 against 1." and not panel.busy, timeout=PATIENCE)
    panel.back.click()
    assert said() == "First 1."
    assert cards(panel, TaskCard)[0].passed
    asked = panel._number
    qtbot.waitUntil(lambda: panel._number > asked and not panel.busy, timeout=PATIENCE)
    QApplication.processEvents()
    assert said() == "First 1."


def test_the_lessons_own_panels_come_back_with_the_layout_it_began_in(begun, live_window):
    window = live_window
    window.layouts.show("Explain")
    begun(shipped("linear-only"))

    def shown():
        return {n for n, dock in window.layouts.docks.items() if not dock.isHidden()}

    own = shown()
    assert {"decision", "training", "inspector", "lesson"} == own
    window.layouts.show("Build")
    assert shown() != own
    window.layouts.show("Explain")
    assert shown() == own
    window.show_welcome()
    window.show_canvas()
    assert shown() == own


def test_no_view_writes_a_size_while_a_question_is_open(begun, live_window, qtbot):
    """On the canvas, in the inspector, the outline, the status bar and what is read aloud."""
    window = live_window
    inspector, outline = (window.show_panel(n).fill() for n in ("inspector", "outline"))
    panel = begun(shipped("convolution"))
    conv = window.canvas.items_by_name["conv1"]
    edge = next(iter(window.canvas.scene().edges.values()))
    said = []
    window.announcements.made.connect(said.append)

    def written():
        """The side of 28, wherever it is written: on the canvas, in panels, and read aloud."""
        window.canvas.mark_selected(set())
        window.canvas.mark_selected({"conv1"})
        inspector.refresh()
        row = outline.model.index_of("conv1").siblingAtColumn(1)
        page = inspector.page
        shown = page.numbers.isVisibleTo(page) and page.facts.values["Output"].text()
        texts = (conv.shape_text, edge.shape_text, edge.toolTip(), outline.model.data(row), shown,
                 said[-1])  # fmt: skip
        return ["28, 28" in str(text) for text in texts]

    status = window.status
    qtbot.waitUntil(lambda: not status.parameters.isVisibleTo(status), timeout=PATIENCE)
    assert not any(written())
    question = cards(panel, PredictCard)[0]
    question.number.setText("28")
    question.lock.click()
    qtbot.waitUntil(lambda: status.parameters.isVisibleTo(status), timeout=PATIENCE)
    assert all(written())


def test_a_preset_that_nobody_touched_comes_back_with_its_name(begun, live_window):
    begun(shipped("perceptron"))
    live_window.lessons.leave()
    assert live_window.windowTitle().startswith("circle")
    assert not live_window.document.modified


def test_a_lesson_is_read_in_another_language_and_loses_nothing(begun, live_window, qtbot):
    window = live_window
    panel = begun(shipped("perceptron"))
    assert [panel.languages.itemData(i) for i in range(3)] == ["de", "en", "fr"]
    question = cards(panel, PredictCard)[0]
    question.number.setText("-6")
    question.lock.click()
    panel.languages.activated.emit(0)
    assert panel.heading.text() == "Ein Neuron"
    question = cards(panel, PredictCard)[0]
    assert question.answer == -6.0
    assert "Rechne" in question.prose.toPlainText()
    panel.leave.click()
    window.show_welcome()
    page = window._welcome
    page.tabs.setCurrentWidget(page.courses)
    QApplication.processEvents()
    first = page.courses.topLevelItem(0)
    assert first.child(0).text(0) == "Ein Neuron"
    assert begun(shipped("digits-mlp")).languages.isHidden(), "one language is no choice"


def test_keys_lead_through_a_step(begun, live_window, qtbot):
    panel = begun(shipped("perceptron"))
    question = cards(panel, PredictCard)[0]
    assert panel.focusWidget() is question.number
    qtbot.keyClicks(question.number, "-6")
    qtbot.keyClick(question.number, Qt.Key.Key_Return)
    assert question.answer == -6.0
    assert panel.focusWidget() is panel.next
    live_window.canvas.setFocus()
    live_window.actions_table.actions["to_lesson"].trigger()
    assert panel.focusWidget() is panel.next
    qtbot.keyClick(panel.next, Qt.Key.Key_Return)
    question = cards(panel, PredictCard)[0]
    assert panel.focusWidget() is question.choices.button(0)
    qtbot.keyClick(question.choices.button(0), Qt.Key.Key_Return)
    assert question.answer is None
    qtbot.keyClick(question.choices.button(0), Qt.Key.Key_Return)
    assert question.answer == 0.0
    assert panel.focusWidget() is panel.next


def test_no_panel_answers_a_question_that_is_open(begun, live_window, qtbot):
    """The stepper's words, formulas and numbers say what the question asks for."""
    panel = begun(shipped("softmax"))
    stepper = live_window.layouts.docks["walk"]
    words = stepper.fill()
    assert stepper.isVisible()
    assert not words.isVisible()
    assert live_window.layouts.docks["inspector"].fill().isVisible()
    question = cards(panel, PredictCard)[0]
    question.number.setText("0.09")
    question.lock.click()
    assert words.isVisible()
    panel.next.click()
    qtbot.waitUntil(lambda: not words.isVisible(), timeout=PATIENCE)
    live_window.lessons.leave()
    qtbot.waitUntil(lambda: live_window.lessons.lesson is None, timeout=PATIENCE)
    assert all(d.widget().currentIndex() == 0 for d in live_window.layouts.docks.values())


def test_panels_of_what_the_net_computes_say_so():
    told = {p.id for p in PANELS if p.computed}
    plain = {"library", "outline", "samples", "inspector", "history", "problems", "import_report",
             "training", "runs", "lesson", "author"}  # fmt: skip
    assert told == {p.id for p in PANELS} - plain


def test_what_comes_into_a_step_is_scrolled_to(begun, live_window, qtbot):
    live_window.resize(1100, 520)
    panel = begun(shipped("words"))
    bar = live_window.layouts.docks["lesson"].widget().currentWidget().verticalScrollBar()
    for question, answer in zip(cards(panel, PredictCard), ("18", "38.6"), strict=True):
        question.number.setText(answer)
        question.lock.click()
    reveal = cards(panel, RevealCard)[0]
    qtbot.waitUntil(lambda: not reveal.visibleRegion().isEmpty(), timeout=PATIENCE)
    qtbot.waitUntil(lambda: reveal.visibleRegion().boundingRect().height() == reveal.height())
    panel.next.click()
    qtbot.waitUntil(lambda: bar.value() == 0)


def test_the_keys_go_on_when_a_task_is_done_for_one(begun, live_window, qtbot, tmp_path):
    path = tmp_path / "train.lesson.md"
    path.write_text(TRAINED)
    panel = begun(path)
    panel.hand_in.setFocus()  # as Qt goes to Back in a later step, once Check is disabled
    panel.solve_wanted.emit()
    task = cards(panel, TaskCard)[0]
    qtbot.waitUntil(lambda: task.passed and not panel.busy, timeout=PATIENCE)
    assert live_window.focusWidget() is panel.next
    assert panel.measured.isHidden()
    assert panel.measured.text() == ""


@pytest.mark.parametrize("changed", [False, True])
def test_nothing_is_hidden_any_more_once_another_graph_is_open(
    begun, live_window, qtbot, changed, monkeypatch, tmp_path
):
    """The question that was open is gone with its lesson, however that was left."""
    window = live_window
    if changed:
        window.document.set_attributes("hidden1", out_features=6)
    monkeypatch.setattr(file_dialogs, "ask_unsaved", lambda *_: "save")
    monkeypatch.setattr(file_dialogs, "ask_save", lambda *_: str(tmp_path / "own.graph.json"))
    panel = begun(shipped("what-and-where"))
    docks = [dock for dock in window.layouts.docks.values() if dock.panel.computed]
    qtbot.waitUntil(lambda: any(dock.concealed for dock in docks), timeout=PATIENCE)
    assert window.files.open_preset("xor")
    QApplication.processEvents()
    assert window.lessons.lesson is None
    assert not any(dock.concealed for dock in docks)
    assert not window.canvas.pictures.hidden
    assert panel.lesson is None
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    for dock in docks:
        dock.fill()
    assert not any(dock.concealed for dock in docks), "nor one that is made later"


def test_a_click_on_the_words_of_an_answer_chooses_it(begun, qtbot):
    panel = begun(shipped("what-and-where"))
    card = next(card for card in cards(panel, PredictCard) if card.question.choices)
    button = card.choices.buttons()[-1]
    assert not button.isChecked()
    qtbot.mouseClick(button.parentWidget().words.viewport(), Qt.MouseButton.LeftButton)
    assert button.isChecked()
    assert card.lock.isEnabled()
