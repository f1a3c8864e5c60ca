"""From a table of one's own to a trained net, its columns chosen in the window."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.panels.samples.panel import ROW
from graphcore.records.arrays import unpack

PATIENCE = 60_000


def choose(qtbot, picker, name: str) -> None:
    picker.menu.aboutToShow.emit()
    next(a for a in picker.menu.actions() if a.text() == name).trigger()
    QApplication.processEvents()


def test_a_table_becomes_data_with_a_net_that_fits(qtbot, opened, live_window, tmp_path) -> None:
    panel, window = opened("lenet5", "training"), live_window
    path = tmp_path / "houses.csv"
    path.write_text("nr;Fläche;Zimmer;Preis\n" + "".join(
        f"{i};{50 + i},5;{1 + i % 5};{100_000 + 2_500 * i}\n" for i in range(40)))  # fmt: skip
    assert not window.files.open(str(path))
    assert [b.text() for b in window.banner.buttons] == ["Use it as data", "Make a net for it"]
    qtbot.mouseClick(window.banner.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.engine.state == "refused", timeout=PATIENCE)
    make = next(b for b in window.banner.buttons if b.text() == "Make a net for these data")
    qtbot.mouseClick(make, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    assert "40 rows, 2 inputs: Fläche, Zimmer, target Preis (numbers)" in window.banner.text
    assert "1 column left out: nr (numbers the rows)" in window.banner.text
    assert window.document.root.node("x").attributes["shape"] == (2,)
    assert window.document.root.node("loss").operator == "MSELoss"
    options = panel.options["dataset_options"]
    assert options.pickers["target"].button.isVisibleTo(options.pickers["target"])
    choose(qtbot, options.pickers["ignore"], "Zimmer")
    qtbot.waitUntil(lambda: "1 input: Fläche" in panel.note.text() or
                    window.engine.state == "refused", timeout=PATIENCE)  # fmt: skip
    assert window.document.root.training.dataset_options["ignore"] == "Zimmer"
    choose(qtbot, options.pickers["ignore"], "Zimmer")
    assert "ignore" not in window.document.root.training.dataset_options
    choose(qtbot, options.pickers["target"], "Zimmer")
    assert window.document.root.training.dataset_options["target"] == "Zimmer"
    choose(qtbot, options.pickers["target"], "(none chosen)")
    assert "target" not in window.document.root.training.dataset_options
    qtbot.wait(300)  # the engine is told of an edit a quarter of a second later
    qtbot.waitUntil(lambda: "2 inputs: Fläche" in panel.note.text() and
                    window.engine.state == "idle", timeout=PATIENCE)  # fmt: skip
    window.transport.play.click()
    qtbot.waitUntil(lambda: window.engine.state == "done", timeout=PATIENCE)
    results = window.show_panel("results").fill().quantities
    qtbot.waitUntil(lambda: results.labels["r2"].text() != "–", timeout=PATIENCE)
    assert float(results.labels["r2"].text()) > 0.9
    ask_about_a_house(qtbot, window)


def ask_about_a_house(qtbot, window) -> None:
    """The row of one's own is answered in the table's unit, and is the sample that is explained."""
    samples = window.show_panel("samples").fill()
    row = samples.row
    qtbot.waitUntil(lambda: samples.tabs.isTabVisible(ROW), timeout=PATIENCE)
    assert list(row.fields) == ["Fläche", "Zimmer"]
    samples.tabs.setCurrentIndex(ROW)
    qtbot.waitUntil(lambda: row.answer.text().startswith("Preis: "), timeout=PATIENCE)
    field = row.fields["Fläche"]
    field.clear()
    qtbot.keyClicks(field, "no")
    qtbot.waitUntil(lambda: "is no number" in row.shares.text(), timeout=PATIENCE)
    assert window.engine.chosen_sample.given is None
    assert not row.answer.text()
    field.clear()
    qtbot.keyClicks(field, "60.5")
    qtbot.waitUntil(lambda: bool(row.answer.text()), timeout=PATIENCE)
    price = float(row.answer.text().removeprefix("Preis: ").replace(",", ""))
    assert 105_000 < price < 145_000
    qtbot.waitUntil(lambda: window.engine.chosen_sample.given is not None, timeout=PATIENCE)
    assert unpack(window.engine.chosen_sample.given)[0] == 60.5


@pytest.mark.parametrize("how", ["opened", "chosen as data"])
def test_a_table_on_an_empty_canvas_becomes_a_net_of_its_own(
    qtbot, live_window, tmp_path, how
) -> None:
    window, document = live_window, live_window.document
    window.start("circle")
    window.files.new()
    path = tmp_path / "fruit.csv"
    rows = [(100 + 80 * (i % 2), 5 + i, ("apple", "banana")[i % 2]) for i in range(30)]
    path.write_text("weight,length,kind\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows))
    if how == "opened":
        assert not window.files.open(str(path))
    else:
        options = {"dataset": "csv", "dataset_options": {"path": str(path)}}
        document.set_training(msgspec.structs.replace(document.root.training, **options))
        assert "There is no net yet that takes fruit.csv." in window.banner.text
    assert [b.text() for b in window.banner.buttons] == ["Make a net for it"]
    qtbot.mouseClick(window.banner.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: "x" in document.root and document.root.node("x").attributes["shape"] == (2,),
        timeout=PATIENCE,
    )
    assert document.root.node("loss").operator == "CrossEntropyLoss"
    qtbot.waitUntil(lambda: window.engine.has_net, timeout=PATIENCE)
    window.engine.play()
    qtbot.waitUntil(lambda: window.engine.state == "done", timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.engine.moment.test is not None, timeout=PATIENCE)
    assert window.engine.moment.test.accuracy == 1.0
    document.undo_stack.undo()
    assert not len(document.root)


def test_a_table_that_asks_for_another_kind_of_answer_is_said_to(
    qtbot, live_window, tmp_path
) -> None:
    window = live_window
    window.start("house-prices")
    qtbot.waitUntil(lambda: window.engine.has_net, timeout=PATIENCE)
    window.engine.run(40)
    qtbot.waitUntil(lambda: window.engine.moment.newest == 40, timeout=PATIENCE)
    path = tmp_path / "fruit.csv"
    path.write_text(
        "a,b,c,kind\n"
        + "".join(
            f"{i * 1.5},{i * 2.5 % 7},{i % 5},{('apple', 'banana')[i % 2]}\n" for i in range(30)
        )
    )
    assert not window.files.open(str(path))
    qtbot.mouseClick(window.banner.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "this net answers with numbers" in window.banner.text, timeout=PATIENCE)
    qtbot.mouseClick(window.banner.buttons[0], Qt.MouseButton.LeftButton)
    assert window.document.root.node("loss").operator == "CrossEntropyLoss"
    qtbot.waitUntil(lambda: window.engine.moment.newest == 0, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.engine.step == 0, timeout=PATIENCE)


def test_a_table_that_cannot_be_read_leaves_the_graph(qtbot, live_window, tmp_path) -> None:
    window = live_window
    window.start("xor")
    qtbot.waitUntil(lambda: window.engine.has_net, timeout=PATIENCE)
    before = {n.name for n in window.document.root}
    path = tmp_path / "bad.csv"
    path.write_text("only\n")
    assert not window.files.open(str(path))
    qtbot.mouseClick(window.banner.buttons[1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "bad.csv" in window.banner.text, timeout=PATIENCE)
    qtbot.waitUntil(lambda: {n.name for n in window.document.root} == before, timeout=PATIENCE)


def test_a_table_that_is_chosen_before_the_first_data_are_read_has_its_own_net(
    qtbot, live_window, tmp_path
) -> None:
    window = live_window
    path = tmp_path / "rows.csv"
    path.write_text("a;y\n" + "".join(f"{i},5;{'' if i == 7 else 3 * i}\n" for i in range(30)))
    window.start("circle")
    assert not window.files.open(str(path))
    qtbot.waitUntil(lambda: window.engine.state == "loading", timeout=PATIENCE)
    qtbot.mouseClick(window.banner.buttons[-1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    assert window.document.root.node("x").attributes["shape"] == (1,)
    assert window.document.root.node("loss").operator == "MSELoss"
    assert "29 rows, 1 input: a, target y (numbers)" in window.banner.text
    assert "1 row left out: line 9 (a missing value)" in window.banner.text
