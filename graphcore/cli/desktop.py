"""``gradscape desktop-entry``: the app in the menu of a desktop that keeps to freedesktop.org."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from importlib import resources
from pathlib import Path

from graphcore.errors import FileError
from graphcore.files.atomic import make_folder, write_atomically

ENTRY = """[Desktop Entry]
Type=Application
Name=Gradscape
GenericName=Neural networks
Comment=Build a neural network as a graph, train it, and watch it learn
Exec={command} %f
Icon=gradscape
Terminal=false
Categories=Education;Science;ArtificialIntelligence;
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``desktop-entry``."""
    parser.add_argument("--remove", action="store_true", help="take entry and icon away again")


def run(options: argparse.Namespace) -> int:
    """Write the entry and its icon for this user, or remove both."""
    if sys.platform in ("win32", "darwin"):
        raise FileError("A desktop entry is for Linux and the like; pin the command here instead.")
    for path, content in files().items():
        if options.remove:
            path.unlink(missing_ok=True)
        else:
            make_folder(path.parent)
            write_atomically(path, content)
        print(f"{'Removed' if options.remove else 'Wrote'} {path}")
    return 0


def files() -> dict[Path, bytes]:
    """Return the files of the entry with their content."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    icon = resources.files("resources").joinpath("icons", "gradscape.svg").read_bytes()
    return {
        data / "applications" / "gradscape.desktop": ENTRY.format(command=_command()).encode(),
        data / "icons" / "hicolor" / "scalable" / "apps" / "gradscape.svg": icon,
    }


def _command() -> str:
    """Return the command that opens the window, whatever the desktop's search path is."""
    beside = Path(sys.executable).with_name("gradscape")
    found = str(beside) if beside.exists() else shutil.which("gradscape")
    return _quoted(found) if found else f"{_quoted(sys.executable)} -m app"


def _quoted(path: str) -> str:
    """Return a path as an argument of an ``Exec`` line."""
    plain = path.replace("%", "%%")
    if not set(plain) & set(" \t\"'\\<>~|&;$*?#()`"):
        return plain
    for special in '\\"`$':
        plain = plain.replace(special, f"\\{special}")
    return '"' + plain.replace("\\", "\\\\") + '"'
