"""What is there already is not written over unless the user was asked about that very file."""

from pathlib import Path

import pytest

from app.widgets import file_dialogs
from graphcore import files, presets
from graphcore.runs.log import RunLog
from tests.app.driver import open_graph, train

PRECIOUS = b"the only copy"


@pytest.fixture
def asked(monkeypatch):
    """Names that were asked about; the answer is no until ``asked.answer`` is True."""

    class Asked(list):
        answer = False

    names = Asked()

    def replace(_parent, given):
        names.extend(given)
        return names.answer

    monkeypatch.setattr(file_dialogs, "ask_replace", replace)
    return names


@pytest.mark.parametrize(
    ("dialog", "typed", "written"),
    [
        ("ask_save", "net", "net.graph.json"),
        ("ask_export", "net", "net.svg"),
    ],
)
def test_a_name_without_its_ending_is_asked_about(
    window, tmp_path, monkeypatch, asked, dialog, typed, written
) -> None:
    act = window.files.save_as if dialog == "ask_save" else window.files.export
    path = tmp_path / written
    path.write_bytes(PRECIOUS)
    monkeypatch.setattr(file_dialogs, dialog, lambda *_: str(tmp_path / typed))
    act()
    assert asked == [written]
    assert path.read_bytes() == PRECIOUS
    asked.answer = True
    act()
    assert path.read_bytes() != PRECIOUS


def test_a_run_is_not_saved_over_another_file(window, tmp_path, monkeypatch, asked) -> None:
    (tmp_path / "a.zip.gradrun").write_bytes(PRECIOUS)
    monkeypatch.setattr(file_dialogs, "ask_save_run", lambda *_: str(tmp_path / "a.zip"))
    saved = []
    monkeypatch.setattr(window.engine, "ask", lambda request: saved.append(request.path))
    window.files.save_run()
    assert (asked, saved) == (["a.zip.gradrun"], [])
    asked.answer = True
    window.files.save_run()
    assert saved == [str(tmp_path / "a.zip.gradrun")]


def test_a_name_that_was_typed_whole_is_asked_about_by_the_dialog_alone(
    window, tmp_path, monkeypatch, asked
) -> None:
    path = tmp_path / "net.graph.json"
    files.save(presets.load("xor"), path)
    monkeypatch.setattr(file_dialogs, "ask_save", lambda *_: str(path))
    assert window.files.save_as()
    assert asked == []


def test_the_files_beside_a_script_are_asked_about(window, tmp_path, monkeypatch, asked) -> None:
    begun = []
    monkeypatch.setattr(window.exports, "_may_begin", lambda: True)
    monkeypatch.setattr(window.exports, "_begin", lambda *_: begun.append(1))
    monkeypatch.setattr(file_dialogs, "ask_script", lambda *_: str(tmp_path / "my net.py"))
    for name in ("my_net.py", "my_net.safetensors"):
        (tmp_path / name).write_bytes(PRECIOUS)
    window.exports.save_script()
    assert (asked, begun) == (["my_net.py", "my_net.safetensors"], [])
    asked.answer = True
    window.exports.save_script()
    window.exports.save_script()  # its own are known from then on
    assert len(asked) == 4
    assert begun == [1, 1]


def test_event_files_of_others_do_not_go_without_a_question(
    window, tmp_path, monkeypatch, asked
) -> None:
    other = tmp_path / "train" / "events.out.tfevents.1.theirs"
    other.parent.mkdir()
    other.write_bytes(PRECIOUS)
    log = RunLog()
    log.note(1, {}, train_loss=0.5)
    monkeypatch.setattr(type(window.exports), "_log", log)
    monkeypatch.setattr(window.exports, "_has_metrics", lambda: True)
    monkeypatch.setattr(file_dialogs, "ask_folder", lambda *_: str(tmp_path))
    window.exports.save_events()
    assert asked == [other.name]
    assert other.read_bytes() == PRECIOUS
    asked.answer = True
    for _ in range(2):
        window.exports.save_events()
    assert len(asked) == 2
    assert not other.exists()
    assert Path(tmp_path / "train").is_dir()


def test_a_graph_saved_after_training_says_where_its_weights_are_kept(
    qtbot, live_window, tmp_path, monkeypatch
) -> None:
    open_graph(qtbot, live_window, "xor")
    said = []
    live_window.document.message.connect(said.append)
    monkeypatch.setattr(file_dialogs, "ask_save", lambda *_: str(tmp_path / "net.graph.json"))
    live_window.files.save_as()
    train(qtbot, live_window, 2)
    live_window.files.save()
    assert ["without weights: Save Run" in text for text in said[-2:]] == [False, True], said
