"""Builds a wheel, installs it into a fresh environment and uses it there, as a user would.

Run: python tests/bench/installed.py [python ...]     (each interpreter gets its own environment)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "graphcore", "resources")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "tests", "out", "__pycache__")
PIP = ("-m", "pip", "--disable-pip-version-check", "-q")


def run(*command: str | Path, folder: Path) -> str:
    """Run a command far from the sources; return what it prints."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment, check=True,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return done.stdout


def built(folder: Path) -> Path:
    """Build the wheel from a copy of the sources; every file of the packages has to be in it."""
    sources = folder / "sources"
    shutil.copytree(ROOT, sources, ignore=LEFT_OUT)
    run(sys.executable, *PIP, "wheel", ".", "--no-deps", "-w", folder, folder=sources)
    (wheel,) = folder.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    files = {p.relative_to(sources).as_posix() for name in PACKAGES
             for p in (sources / name).rglob("*") if p.is_file()}  # fmt: skip
    assert not files - inside, f"not in the wheel: {sorted(files - inside)}"
    tops = {name.split("/")[0] for name in inside if ".dist-info" not in name}
    assert tops == set(PACKAGES), tops
    return wheel


def tried(python: str, wheel: Path, folder: Path) -> None:
    """Install the wheel for an interpreter and train with it."""
    run(python, "-m", "venv", "env", folder=folder)
    programs = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    constraints = ROOT / ".ci" / "constraints.txt"
    run(programs / "python", *PIP, "install", "-c", constraints, wheel, folder=folder)
    command = programs / "gradscape"
    print(run(command, "--version", folder=folder))
    assert "lenet5" in run(command, "presets", folder=folder)
    said = run(command, "train", "circle", "--epochs", "30", "--out", "run", "--json",
               folder=folder)  # fmt: skip
    print(f"{python}: circle trained to {json.loads(said)['test_accuracy']:.1%}")
    run(command, "export", "run", "--to", "torch", "--out", "script", folder=folder)
    assert list((folder / "script").glob("*.py"))


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        wheel = built(Path(place))
        for i, python in enumerate(sys.argv[1:] or [sys.executable]):
            folder = Path(place) / f"with-{i}"
            folder.mkdir()
            tried(python, wheel, folder)


if __name__ == "__main__":
    main()
