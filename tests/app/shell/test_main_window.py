"""The window as a user meets it: files, layouts, shortcuts, recovery, errors."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QTabBar

import graphcore as gc
from app.__main__ import use_scale
from app.document.document import Document
from app.panels import LAYOUTS
from app.shell import actions, palette_commands
from app.shell.command_palette import CommandPalette
from app.shell.shortcuts import ShortcutsDialog
from app.widgets import file_dialogs
from app.widgets.actions import nothing
from app.widgets.numbers import format_number
from graphcore import presets

ROOT = Path(__file__).resolve().parents[3]


def edit(window):
    window.document.add_node("ReLU", (0.0, 0.0))


# -- files --------------------------------------------------------------------------------------


def test_first_launch_opens_the_example(make_window):
    window = make_window("")
    assert "conv1" in window.document.graph
    assert not window.isWindowModified()
    assert window.windowTitle().startswith("lenet5")
    window.files.new()
    assert window.windowTitle().startswith("Untitled")


def test_save_as_open_and_recent(window, answers, tmp_path):
    edit(window)
    assert window.isWindowModified()
    answers["ask_save"] = str(tmp_path / "net")
    assert window.files.save_as()
    saved = tmp_path / "net.graph.json"
    assert saved.exists()
    assert not window.isWindowModified()
    assert window.windowTitle().startswith("net[*]")
    assert window.files.recent == [str(saved)]
    names = {n.name for n in window.document.graph}
    window.files.new()
    assert len(window.document.graph) == 0
    answers["ask_open"] = str(saved)
    window.files.ask_open()
    assert {n.name for n in window.document.graph} == names


def test_the_last_file_is_opened_at_the_next_launch(make_window, answers, tmp_path):
    first = make_window("mlp")
    answers["ask_save"] = str(tmp_path / "mine.graph.json")
    first.files.save_as()
    first.close()
    again = make_window("")
    assert "fc1" in again.document.graph
    assert again.windowTitle().startswith("mine[*]")


def test_recent_files_are_fifteen_newest_first(window, answers, tmp_path):
    for i in range(17):
        answers["ask_save"] = str(tmp_path / f"g{i}.graph.json")
        window.files.save_as()
    assert [Path(p).name for p in window.files.recent][:2] == ["g16.graph.json", "g15.graph.json"]
    assert len(window.files.recent) == 15
    listed = [a.toolTip() for a in window.menus.recent.actions() if not a.isSeparator()]
    assert listed[:15] == window.files.recent


@pytest.mark.parametrize(
    ("answer", "closed", "saved"),
    [("save", True, True), ("discard", True, False), ("cancel", False, False)],
)
def test_unsaved_changes_are_asked_about(window, answers, tmp_path, answer, closed, saved):
    edit(window)
    answers["ask_unsaved"] = answer
    answers["ask_save"] = str(tmp_path / "kept.graph.json")
    assert window.close() is closed
    assert (tmp_path / "kept.graph.json").exists() is saved


def test_a_save_that_was_cancelled_does_not_lose_the_graph(window, answers):
    edit(window)
    answers["ask_unsaved"] = "save"
    answers["ask_save"] = ""
    assert not window.close()
    assert window.document.modified


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b'{"format_version": 99}', b"\xff\xfe"])
def test_a_damaged_file_leaves_the_open_graph_alone(window, tmp_path, content):
    before = window.document.graph
    names = [n.name for n in before]
    bad = tmp_path / "bad.graph.json"
    bad.write_bytes(content)
    assert not window.files.open(str(bad))
    assert window.document.graph is before
    assert [n.name for n in before] == names
    assert window.banner.isVisible()
    assert "bad.graph.json" in window.banner.text
    assert "bad.graph.json" in window.status.currentMessage()


def test_a_table_that_is_opened_is_said_to_be_data(window, tmp_path):
    table = tmp_path / "irises.csv"
    table.write_text("a,b\n1,2\n")
    assert not window.files.open(str(table))
    assert "irises.csv is a table" in window.banner.text
    assert "Use it as data" in [b.text() for b in window.banner.buttons]


def test_a_missing_recent_file_is_forgotten(window, answers, tmp_path):
    answers["ask_save"] = str(tmp_path / "gone.graph.json")
    window.files.save_as()
    (tmp_path / "gone.graph.json").unlink()
    assert not window.files.open(window.files.recent[0])
    assert window.files.recent == []


def test_a_folder_that_cannot_be_written_is_said(window, answers, tmp_path):
    answers["ask_save"] = str(tmp_path / "no" / "such" / "net.graph.json")
    edit(window)
    assert not window.files.save_as()
    assert window.document.modified
    assert window.banner.isVisible()


def test_a_file_dropped_on_the_window_is_opened(window, tmp_path):
    graph = gc.Graph()
    graph.add("Input", name="dropped", shape=(2,))
    gc.save(graph, tmp_path / "d.graph.json")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "d.graph.json"))])
    copy = Qt.DropAction.CopyAction
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPoint(5, 5), copy, data, left, none))
    assert "dropped" in window.document.graph


def test_export_writes_each_kind_of_picture(window, answers, tmp_path):
    for kind, start in ((".svg", b"<"), (".png", b"\x89PNG"), (".pdf", b"%PDF")):
        answers["ask_export"] = str(tmp_path / f"net{kind}")
        window.files.export()
        assert (tmp_path / f"net{kind}").read_bytes().startswith(start)


# -- recovery -----------------------------------------------------------------------------------


def test_work_of_a_crashed_window_is_offered_and_restored(make_window, qtbot):
    crashed = make_window("mlp")
    edit(crashed)
    crashed.autosave.write()
    crashed.autosave._lock.unlock()  # what the end of a process does
    crashed.autosave._slot = crashed.autosave._lock = None
    window = make_window("lenet5")
    assert window.banner.isVisible()
    rescued = window.autosave.abandoned()
    assert len(rescued) == 1
    restore = next(b for b in window.banner.buttons if b.text() == "Restore")
    qtbot.mouseClick(restore, Qt.MouseButton.LeftButton)
    assert len(window.document.graph) == 10
    assert window.document.modified
    assert window.document.path is None


def test_work_of_a_running_window_is_not_offered(make_window):
    first = make_window("mlp")
    edit(first)
    first.autosave.write()
    second = make_window("mlp")
    assert not second.banner.isVisible()
    edit(second)
    second.autosave.write()
    assert first.autosave._slot != second.autosave._slot


def test_a_saved_graph_leaves_no_copy(window, answers, tmp_path):
    edit(window)
    window.autosave.write()
    assert list((tmp_path / "rescue").glob("*.json"))
    answers["ask_save"] = str(tmp_path / "net.graph.json")
    window.files.save_as()
    assert not list((tmp_path / "rescue").glob("*.json"))


def test_an_edit_starts_the_throttled_copy(window):
    assert not window.autosave._timer.isActive()
    edit(window)
    assert window.autosave._timer.isActive()
    assert window.autosave._timer.interval() < 1000


def test_a_damaged_copy_is_not_offered(make_window, tmp_path):
    (tmp_path / "rescue").mkdir()
    (tmp_path / "rescue" / "0.json").write_text("{")
    window = make_window()
    assert not window.banner.isVisible()
    assert not (tmp_path / "rescue" / "0.json").exists()


# -- actions ------------------------------------------------------------------------------------


def test_every_action_is_there_once_and_does_something(window):
    ids = [row.id for row in actions.ACTIONS]
    assert len(ids) == len(set(ids))
    assert set(ids) == window.actions_table.actions.keys() >= window.canvas.menu.actions.keys()
    for row in actions.ACTIONS:
        assert (row.run is nothing) == (row.switch is not None), row.id
        assert row.tip.endswith("."), row.id
        assert row.enabled(window) in (True, False), row.id


def test_what_is_done_on_the_canvas_is_enabled_by_what_is_selected(window):
    table, canvas = window.actions_table.actions, window.canvas
    canvas.select([])
    shown = {i for i in canvas.menu.actions if table[i].isEnabled()}
    assert {"add", "paste", "fit_all"} <= shown
    assert not {"rename", "cut", "group", "align_top", "enter", "leave", "unframe"} & shown
    canvas.select(["conv1"])
    assert table["rename"].isEnabled()
    assert not table["align_top"].isEnabled()
    canvas.select(["conv1", "relu1"])
    assert table["align_top"].isEnabled()
    assert not table["rename"].isEnabled()
    table["group"].trigger()
    assert table["enter"].isEnabled()
    table["enter"].trigger()
    assert table["leave"].isEnabled()


def test_a_shortcut_of_the_canvas_that_was_changed_before_is_kept(make_window, settings):
    settings.store.setValue("shortcuts/canvas_Pin", "Ctrl+Alt+P")
    window = make_window()
    table, (pin,) = window.actions_table, [r for r in actions.ACTIONS if r.id == "pin"]
    assert table.actions["pin"].shortcut().toString() == "Ctrl+Alt+P"
    table.set_shortcut(pin, pin.shortcut)
    assert table.shortcut(pin) == "P"


def test_no_shortcut_is_given_twice():
    keys = [row.shortcut for row in actions.ACTIONS if row.shortcut]
    keys += [f"Ctrl+{i + 1}" for i in range(len(LAYOUTS))]
    assert len(keys) == len(set(keys))


def test_every_key_of_the_readme_is_one_of_the_table():
    text = (Path(__file__).parents[3] / "README.md").read_text()
    keys = set(re.findall(r"\*\*((?:(?:Ctrl|Shift|Alt)\+)*(?:F\d+|Tab|[A-Z]))\*\*", text))
    assert {"F5", "Tab", "Shift+C"} <= keys
    assert keys <= {row.shortcut for row in actions.ACTIONS}


def test_undo_and_redo_follow_the_stack(window):
    table = window.actions_table.actions
    assert not table["undo"].isEnabled()
    count = len(window.document.graph)
    edit(window)
    assert table["undo"].isEnabled()
    table["undo"].trigger()
    assert len(window.document.graph) == count
    assert not table["undo"].isEnabled()
    table["redo"].trigger()
    assert len(window.document.graph) == count + 1


def test_a_changed_shortcut_is_remembered_and_a_taken_one_refused(make_window, qtbot):
    window = make_window()
    dialog = ShortcutsDialog(window.actions_table, window)
    save, new = (next(r for r in actions.ACTIONS if r.id == i) for i in ("save", "new"))
    assert dialog.assign(save, "Ctrl+Alt+S")
    assert window.actions_table.actions["save"].shortcut().toString() == "Ctrl+Alt+S"
    assert not dialog.assign(new, "Ctrl+Alt+S")
    assert "Save" in dialog.note.text()
    window.close()
    again = make_window()
    assert again.actions_table.actions["save"].shortcut().toString() == "Ctrl+Alt+S"


def test_the_command_palette_finds_and_runs(window, qtbot):
    palette = CommandPalette(palette_commands.commands(window), window)
    qtbot.addWidget(palette)
    palette.search.setText("dense")
    assert palette.list.item(0).text() == "Add Linear"
    palette.search.setText("predict")
    found = [palette.list.item(i).text() for i in range(palette.list.count())]
    assert {"Panel: Samples", "Panel: Digit pad"} <= set(found)
    palette.search.setText("light")
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert window.settings.get("look/theme") == "light"
    window.set_light(False)


# -- theme, faults -----------------------------------------------------------------------


def test_welcome_page_opens_a_preset_in_one_click(window, qtbot):
    window.show_welcome()
    page = window.pages.currentWidget()
    item = page.cards.item(1)
    place = page.cards.visualItemRect(item).center()
    qtbot.mouseClick(page.cards.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.pages.currentWidget() is window.canvas
    assert "fc1" in window.document.graph
    assert window.layouts.current


def test_the_gallery_shows_one_group_alone(window, qtbot):
    window.show_welcome()
    page = window.pages.currentWidget()

    def shown():
        return {
            i.text() for i in map(page.cards.item, range(page.cards.count())) if not i.isHidden()
        }

    every = shown()
    bar = page.groups
    for place in range(1, bar.count()):
        group = bar.tabData(place)
        qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(place).center())
        wanted = {presets.title(n) for n in presets.names() if group in presets.groups(n)}
        assert 2 <= len(wanted) < len(every)
        assert shown() == wanted
    bar.setCurrentIndex(0)
    assert shown() == every


def test_a_first_start_shows_the_welcome_page_and_a_named_graph_does_not(make_window):
    first, named = make_window(""), make_window("xor")
    assert first.pages.currentWidget() is not first.canvas
    assert "conv1" in first.document.graph
    assert named.pages.currentWidget() is named.canvas


def test_themes_change_at_once_and_are_remembered(window):
    app = QApplication.instance()
    dark = app.palette().window().color()
    window.actions_table.actions["light"].trigger()
    assert app.palette().window().color().lightness() > dark.lightness()
    assert window.settings.get("look/theme") == "light"
    window.actions_table.actions["light"].trigger()
    assert app.palette().window().color() == dark


def test_an_unexpected_error_becomes_a_sentence_and_a_log(window, tmp_path):
    from app.shell.fault_log import FaultLog

    faults = FaultLog(tmp_path / "gradscape.log")
    faults.caught.connect(window.refuse)
    try:
        raise RuntimeError("the sky fell")
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    faults.close()
    assert "the sky fell" in window.banner.text
    assert "Traceback" not in window.banner.text
    assert "Traceback" in (tmp_path / "gradscape.log").read_text()


# -- the process ----------------------------------------------------------------------------------

PROBE = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import app.__main__ as entry

def look():
    late = ("torch._C", "sklearn", "graphcore.session.session", "graphcore.lessons.reader",
            "graphcore.datasets.table.rows")
    heavy = [n for n in late if n in sys.modules]
    window = next(w for w in QApplication.topLevelWidgets() if hasattr(w, "canvas"))
    print("nodes", len(window.document.graph), "heavy", heavy, flush=True)
    window.document.undo_stack.setClean()
    window.close()

real = QApplication.exec
def run():
    QTimer.singleShot(2500, look)
    return real()
QApplication.exec = staticmethod(run)
sys.exit(entry.main(["mlp"]))
"""


def test_the_window_runs_without_torch(tmp_path):
    folders = {f"XDG_{k}_HOME": str(tmp_path / k) for k in ("CONFIG", "DATA", "STATE", "CACHE")}
    environment = {**os.environ, **folders, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert "nodes 9 heavy []" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--version"], 0, "device cpu: processor"),
        (["--help"], 0, "usage: gradscape"),
        (["no-such-thing"], 1, "there is no file or preset called no-such-thing"),
        (["--nonsense"], 2, "unrecognized arguments"),
    ],
)
def test_the_command_line_answers_without_a_window(arguments, code, said):
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments], cwd=ROOT, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_documents_are_independent(make_window):
    a, b = make_window("mlp", Document()), make_window("lenet5", Document())
    assert "fc1" in a.document.graph
    assert len(a.document.graph) == 9
    assert len(b.document.graph) == 15


def test_the_preferred_digits_are_shown(window):
    assert format_number(1.23456789) == "1.235"
    window.settings.set("look/decimals", 7)
    assert format_number(1.23456789) == "1.234568"
    assert format_number(1.23456789, 3) == "1.23"
    window.settings.set("look/decimals", 4)


def test_the_icons_of_tabs_follow_the_theme(window):
    window.layouts.show("Train")
    QApplication.processEvents()
    bar = next(b for b in window.findChildren(QTabBar) if b.tabText(0) == "Training")
    dark = bar.tabIcon(0).pixmap(16, 16).toImage()
    window.set_light(True)
    assert bar.tabIcon(0).pixmap(16, 16).toImage() != dark
    window.set_light(False)


def test_everything_is_as_large_as_preferred(settings, monkeypatch):
    monkeypatch.setenv("QT_SCALE_FACTOR", "")
    monkeypatch.delenv("QT_SCALE_FACTOR")
    use_scale(settings)
    assert "QT_SCALE_FACTOR" not in os.environ
    settings.set("look/scale", 150)
    use_scale(settings)
    assert os.environ["QT_SCALE_FACTOR"] == "1.5"
    monkeypatch.setenv("QT_SCALE_FACTOR", "2")
    use_scale(settings)
    assert os.environ["QT_SCALE_FACTOR"] == "2"


def test_a_file_dialog_begins_where_the_last_file_was(window, answers, tmp_path, monkeypatch):
    begun = []
    for name in ("ask_export", "ask_open"):
        monkeypatch.setattr(
            file_dialogs, name, lambda _parent, start, *_: begun.append(Path(start).parent) or ""
        )
    (tmp_path / "kept").mkdir()
    answers["ask_save"] = str(tmp_path / "kept" / "mine.graph.json")
    assert window.files.save_as()
    window.files.export()
    assert begun.pop() == tmp_path / "kept"
    monkeypatch.setattr(file_dialogs, "ask_film", lambda *_: str(tmp_path / "run.gif"))
    assert window.files.ask(file_dialogs.ask_film)
    window.files.ask_open()
    assert begun.pop() == tmp_path.parent, "the folder itself is offered"
    window.files.open_preset("xor")
    window.files.export()
    assert begun.pop() == tmp_path
