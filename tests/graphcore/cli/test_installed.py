"""What an installed app offers: completion for a shell and an entry in the desktop's menu."""

import configparser
import shutil
import subprocess

import pytest

from app.__main__ import _parse, main
from graphcore.cli import COMMANDS, WINDOW_OPTIONS, desktop


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [(("gra",), {"grad-check"}), (("train", "--ep"), {"--epochs"}), (("--dev",), {"--device"}),
     (("train", "len"), {"lenet5"}), (("export", "run", "--to", "on"), {"onnx"}),
     (("train", "no such"), set())],
)  # fmt: skip
def test_bash_completes_commands_options_and_presets(capsys, typed, offered):
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    words = " ".join(f"'{word}'" for word in ("gradscape", *typed))
    ask = f"COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _gradscape; echo ${{COMPREPLY[@]}}"
    command = ["bash", "-c", f"{script}\n{ask}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert set(said.stdout.split()) == offered
    assert not said.stderr


def test_the_window_has_the_options_that_are_completed(capsys):
    with pytest.raises(SystemExit):
        _parse(["--help"])
    said = capsys.readouterr().out
    assert [o for o in WINDOW_OPTIONS if o not in said] == []
    assert [c for c in COMMANDS if c not in said] == []


def test_the_desktop_entry_comes_and_goes_with_its_icon(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "my data"))
    assert main(["desktop-entry"]) == 0
    entry = configparser.RawConfigParser()
    entry.read(tmp_path / "my data" / "applications" / "gradscape.desktop")
    assert entry["Desktop Entry"]["Exec"].endswith("%f")
    assert list((tmp_path / "my data").rglob("gradscape.svg"))
    assert main(["desktop-entry", "--remove"]) == 0
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_command_with_odd_characters_is_one_argument_of_the_entry():
    assert desktop._quoted("/usr/bin/gradscape") == "/usr/bin/gradscape"
    assert desktop._quoted('/my "apps"/100 %') == '"/my \\\\"apps\\\\"/100 %%"'
