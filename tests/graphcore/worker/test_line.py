"""The line to an engine on another machine: how much is on its way, and where files may go."""

import time
from pathlib import Path

import pytest

from graphcore.errors import FileError
from graphcore.session import messages as m
from graphcore.views.net_files import NetSaved, SaveNet
from graphcore.worker.brought import Files
from graphcore.worker.line import BringFile, FileMade, Line, NameFile


def carried(monkeypatch, bytes_per_second: float, late: float) -> tuple[float, float]:
    """Send as much as may be sent for 20 s; return the rate that arrived and the longest wait."""
    clock, line, on_the_way, arrived, longest = 0.0, Line(), [], 0, 0.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    line.far = True
    free = sent = 0
    while clock < 20:
        if not line.clogged:
            line.sent(10_000)
            sent += 10_000
            free = max(free, clock) + 10_000 / bytes_per_second
            on_the_way.append((free + late, sent, clock))
        while on_the_way and on_the_way[0][0] <= clock:
            _, arrived, begun = on_the_way.pop(0)
            if clock > 10:
                longest = max(longest, clock - begun)
            line.arrived(arrived)
        clock += 0.001
    return arrived / 20, longest


@pytest.mark.parametrize("rate", [2e5, 2e6])
def test_a_line_is_filled_and_nothing_waits_long_behind_the_rest(monkeypatch, rate):
    got, longest = carried(monkeypatch, rate, late=0.1)
    assert got > 0.8 * rate
    assert longest < 0.1 + 3 * Line.LATE_S


def test_on_one_machine_nothing_is_held_back():
    line = Line()
    line.sent(1 << 40)
    assert not line.clogged


@pytest.fixture
def files(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Files()


def test_a_file_is_whole_before_its_path_means_it(files):
    files.take(BringFile("a/table.csv", b"1,2", 0, 6))
    assert files.there() == ()
    files.take(BringFile("a/table.csv", b"\n3\n", 3, 6))
    assert files.there() == ("a/table.csv",)
    files.name(NameFile("/home/me/table.csv", "a/table.csv"))
    load = m.Load(b"", start="/home/me/table.csv", checkpoints="/home/me/runs")
    told = files.inward(load)
    assert Path(told.start).read_bytes() == b"1,2\n3\n"
    assert told.checkpoints.startswith(str(files.folder.parent))


@pytest.mark.parametrize("name", ["../x", "/etc/x", "", "a/../../x"])
def test_no_file_is_written_outside_the_folder_of_brought_files(files, name):
    with pytest.raises(FileError, match="names no file below"):
        files.take(BringFile(name, b"x", 0, 1))


def test_what_is_written_for_the_window_is_sent_under_its_own_path(files):
    told = files.inward(SaveNet("/home/me/net"))
    folder = Path(told.folder)
    folder.mkdir()
    (folder / "w.bin").write_bytes(b"w")
    made, saved = files.outward(NetSaved(told.folder))
    assert made == FileMade("/home/me/net", {"w.bin": b"w"})
    assert saved == NetSaved("/home/me/net")
    assert not folder.exists()
