"""A teacher writes a lesson in the window, tries it, shares it, and grades what comes back."""

import zipfile

import pytest
from PySide6.QtWidgets import QApplication

from app.panels.lesson.cards import PredictCard, TaskCard
from app.panels.weights.panel import set_numbers
from app.shell.lessons.grades import GradesDialog
from app.widgets import file_dialogs
from graphcore.lessons import answers, courses
from graphcore.lessons.checking import check_lesson
from graphcore.lessons.reader import read_lesson

PATIENCE = 60_000


@pytest.fixture
def author(live_window, qtbot, tmp_path, monkeypatch):
    """A window on one neuron in which a lesson has been begun; gives the editor's panel."""
    window = live_window
    window.start("perceptron")
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    path = tmp_path / "my-lesson.lesson.md"
    monkeypatch.setattr(file_dialogs, "ask_new_lesson", lambda _parent, _start: str(path))
    window.actions_table.actions["new_lesson"].trigger()
    panel = window.layouts.docks["author"].fill()
    panel.path = path
    yield panel
    window.authoring.close()


def written(panel, qtbot, sure=lambda: True):
    """The lesson in the file, once what was typed is there."""
    qtbot.waitUntil(lambda: not panel._late.isActive() and sure(), timeout=PATIENCE)
    return read_lesson(panel.path)


def test_a_lesson_is_recorded_shared_and_tried(author, live_window, qtbot, tmp_path, monkeypatch):
    window, preview = live_window, live_window.layouts.docks["lesson"].fill()
    assert written(author, qtbot).header.graph == "perceptron"
    assert preview.heading.text() == "My lesson"
    author.buttons["question"].click()
    author.text.insertPlainText("What does y become?")
    lesson = written(author, qtbot)
    assert "y become" in lesson.steps[0].predictions[0].question.markdown
    assert any(isinstance(c, PredictCard) for c in preview.cards)
    author.buttons["record"].click()
    set_numbers(window.engine, "neuron.weight", (0,), (-4.0,))
    author.buttons["record"].click()
    qtbot.waitUntil(lambda: bool(author.card.ticks), timeout=PATIENCE)
    checks = [proposal.check for proposal in author.card.ticked]
    assert checks[0] == 'edited("neuron.weight")'
    assert any(c.startswith('value("y") > ') for c in checks)
    author.card.words.setText("Make the neuron say yes.")
    author.card.put.click()
    lesson = written(author, qtbot)
    assert lesson.steps[0].tasks[0].text.markdown == "Make the neuron say yes."
    assert [str(c) for c in lesson.steps[0].solution] == ['weight("neuron.weight", 0, -4)']
    assert check_lesson(lesson, bands=False).faults == []

    packed = tmp_path / "out.zip"
    monkeypatch.setattr(file_dialogs, "ask_packed", lambda _parent, _start: str(packed))
    author.buttons["share"].click()
    assert zipfile.ZipFile(packed).namelist() == ["my-lesson.lesson.md"]

    author.buttons["test"].click()
    qtbot.waitUntil(lambda: window.in_lesson and not preview.busy, timeout=PATIENCE)
    assert not preview.previewing
    preview.leave.click()
    qtbot.waitUntil(lambda: preview.previewing, timeout=PATIENCE)
    assert author.text.isEnabled()
    assert window.layouts.docks["author"].isVisible()
    window.layouts.remember()
    author.buttons["close"].click()
    assert not window.layouts.docks["author"].isVisible()
    assert window.layouts.docks["training"].isVisible(), "the layout is what it was"
    assert window.lessons.steps_done("my-lesson") == set(), "a trial is no progress"


def test_what_is_wrong_is_said_with_its_line_and_nothing_is_lost(author, qtbot):
    text = author.text.toPlainText().replace("## First step", "```predict\n## First step")
    author.text.setPlainText(text)
    qtbot.waitUntil(lambda: "Line" in author.said.text(), timeout=PATIENCE)
    assert "a predict block has a name" in author.said.text()
    assert author.text.extraSelections()
    assert author.path.read_text() == text, "also what cannot be played yet is in the file"


def test_a_graph_that_no_action_makes_is_written_beside_the_lesson(author, live_window, qtbot):
    document = live_window.document
    author.buttons["record"].click()
    document.set_flag(["y"], "bypassed", True)
    document.set_attributes("x", value=(2.0, 2.0))
    author.buttons["record"].click()
    qtbot.waitUntil(lambda: bool(author.card.ticks), timeout=PATIENCE)
    author.card.put.click()
    lesson = written(author, qtbot)
    assert str(lesson.steps[0].solution[0]) == 'open("my-lesson-step1.graph.json")'
    assert check_lesson(lesson, bands=False).faults == []


def test_locks_are_ticked_and_hold_for_the_student(author, live_window, qtbot):
    window = live_window
    author.ticks["nodes"].trigger()
    author.ticks["training"].trigger()
    author.hidden["export"].trigger()
    header = written(author, qtbot).header
    assert (header.locked, header.hidden) == (("nodes", "training"), ("export",))
    author.buttons["test"].click()
    preview = window.layouts.docks["lesson"].fill()
    qtbot.waitUntil(lambda: not preview.busy and not preview.previewing, timeout=PATIENCE)
    count = len(window.document.root)
    assert not window.canvas.editor.attempt(lambda: window.document.add_node("ReLU", (0.0, 0.0)))
    assert len(window.document.root) == count
    assert not window.actions_table.actions["train"].isVisible()
    assert not window.transport.play.isVisible()
    assert not window.actions_table.actions["export"].isEnabled()
    window.document.set_attributes("x", value=(1.0, 1.0))
    preview.leave.click()
    assert window.document.add_node("ReLU", (0.0, 0.0))
    window.document.undo_stack.undo()
    assert window.actions_table.actions["train"].isVisible()


def test_a_course_in_one_file_is_listed_and_its_only_lesson_begun(live_window, qtbot, tmp_path):
    window = live_window
    window.start("perceptron")
    text = (courses.shipped() / "perceptron.lesson.md").read_text()
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    for path, names in ((one, ("a",)), (two, ("a", "b"))):
        with zipfile.ZipFile(path, "w") as file:
            for name in names:
                file.writestr(f"{name}.lesson.md", text)
    window.open_file(str(one))
    assert window.lessons.lesson.id == "a"
    window.lessons.leave()
    window.open_file(str(two))
    tree = window._welcome.courses
    assert window.pages.currentWidget() is window._welcome
    assert tree.topLevelItem(0).text(0) == "two"
    assert tree.topLevelItem(0).childCount() == 2
    tree.itemActivated.emit(tree.topLevelItem(0).child(1), 0)
    assert window.lessons.lesson.id == "b"
    one.write_bytes(b"no zip")
    window.open_file(str(one))
    assert "no zip" in window.banner.text


def test_a_teacher_presents_reveals_and_begins_again(live_window, qtbot):
    window = live_window
    window.start("perceptron")
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    window.lessons.open(courses.shipped() / "perceptron.lesson.md")
    panel = window.layouts.docks["lesson"].fill()
    qtbot.waitUntil(lambda: not panel.busy, timeout=PATIENCE)
    small = panel.where.font().pointSizeF()
    window.actions_table.actions["present_lesson"].trigger()
    assert panel.where.font().pointSizeF() > 1.5 * small
    panel.jump.activated.emit(2)
    qtbot.waitUntil(lambda: panel.place == 2 and not panel.busy, timeout=PATIENCE)
    question = next(c for c in panel.cards if isinstance(c, PredictCard))
    task = next(c for c in panel.cards if isinstance(c, TaskCard))
    assert not task.isVisibleTo(panel)
    panel.reveal.click()
    assert task.isVisibleTo(panel)
    qtbot.waitUntil(
        lambda: "It is: making the first" in question.outcome.toPlainText(), timeout=PATIENCE
    )
    window.actions_table.actions["again_lesson"].trigger()
    qtbot.waitUntil(lambda: not panel.busy, timeout=PATIENCE)
    assert panel.place == 2
    assert panel.presenting
    task = next(c for c in panel.cards if isinstance(c, TaskCard))
    assert not task.isVisibleTo(panel)
    panel.leave.click()
    assert panel.where.font().pointSizeF() == pytest.approx(small)


def test_a_folder_of_answers_is_one_table(live_window, qtbot, tmp_path, monkeypatch):
    window = live_window
    window.start("perceptron")
    lesson = read_lesson(courses.shipped() / "perceptron.lesson.md")
    for name, flip in (("Ada", 0.0), ("Bo", 2.0)):
        answer = answers.Answer(
            lesson=lesson.id, lesson_hash=lesson.hash, student=name, seed=0, version="1",
            predictions={"z": -6.0, "flip": flip},
        )  # fmt: skip
        answers.write_answer(tmp_path / f"{name}.answer.json", answer)
    (tmp_path / "Cy.answer.json").write_text("{}")
    monkeypatch.setattr(file_dialogs, "ask_answers", lambda _parent, _folder: str(tmp_path))
    window.actions_table.actions["grade_answers"].trigger()
    dialog = window.findChild(GradesDialog)
    qtbot.waitUntil(lambda: dialog.grades is not None, timeout=PATIENCE)
    assert dialog.table.verticalHeaderItem(1).text() == "Bo"
    cells = [dialog.table.item(1, i).text() for i in range(dialog.table.columnCount())]
    assert cells[0] == "✓ -6"
    assert any(c.startswith("✗ doubling") for c in cells)
    assert "Cy.answer.json is no answer file" in dialog.said.text()
    out = tmp_path / "table.csv"
    monkeypatch.setattr(file_dialogs, "ask_table", lambda _parent, _start: str(out))
    dialog.write.click()
    assert out.read_text().splitlines()[1].startswith("Ada,-6")
    dialog.close()
    QApplication.processEvents()


def test_a_new_lesson_begins_untrained_and_training_is_recorded(
    live_window, qtbot, tmp_path, monkeypatch
):
    window, engine = live_window, live_window.engine
    window.start("circle")
    qtbot.waitUntil(lambda: engine.state == "idle", timeout=PATIENCE)
    engine.run(5)
    qtbot.waitUntil(lambda: engine.step == 5 and engine.state == "idle", timeout=PATIENCE)
    path = tmp_path / "circles.lesson.md"
    monkeypatch.setattr(file_dialogs, "ask_new_lesson", lambda _parent, _start: str(path))
    window.authoring.begin()
    author = window.layouts.docks["author"].fill()
    qtbot.waitUntil(lambda: engine.step == 0 and engine.state == "idle", timeout=PATIENCE)
    author.buttons["record"].click()
    engine.run(25)
    qtbot.waitUntil(lambda: engine.step == 25 and engine.state == "idle", timeout=PATIENCE)
    author.buttons["record"].click()
    qtbot.waitUntil(lambda: bool(author.card.ticks), timeout=PATIENCE)
    author.card.put.click()
    window.authoring.close()
    lesson = read_lesson(path)
    assert [str(c) for c in lesson.steps[0].solution] == ["train(epochs=1)"]
    assert check_lesson(lesson, bands=False).faults == []


def test_a_lesson_that_ships_is_copied_before_it_is_changed(live_window, tmp_path, monkeypatch):
    source = courses.shipped() / "approximation.lesson.md"
    before = source.read_bytes()
    path = tmp_path / "ours.lesson.md"
    monkeypatch.setattr(file_dialogs, "ask_edited_lesson", lambda _parent, _folder: str(source))
    monkeypatch.setattr(file_dialogs, "ask_new_lesson", lambda _parent, _start: str(path))
    live_window.start("perceptron")
    assert live_window.authoring.ask_edit()
    live_window.layouts.docks["author"].fill().set_entry("minutes", "9")
    live_window.authoring.close()
    assert source.read_bytes() == before
    assert read_lesson(path).header.minutes == 9
    assert (tmp_path / "hills.graph.json").is_file()
    assert "hidden" in live_window.document.root
