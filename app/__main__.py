"""Entry point of ``gradscape`` and ``python -m app``.

A subcommand goes to the command line of ``graphcore`` before Qt is imported; otherwise the window
opens. Nothing heavy is imported before it is painted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphcore.cli import COMMANDS
from graphcore.records.precision import PRECISIONS

WATCHED = "--watched"
"""Option of a window that shows the loop of a script; the script has started it."""
NICER = 5
"""By how much a window that shows the loop of a script lets the script go first."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand or the app; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        from graphcore.cli.main import main as command

        return int(command(arguments))
    options = _parse(arguments)
    if options.watched:
        return open_window(watched=True)
    if options.demo is not None:
        from app.demo import run

        return int(run(options.demo))
    if options.file and (refusal := _refusal(options.file)):
        print(f"gradscape: {refusal}", file=sys.stderr)
        return 1
    return open_window(options.file, options=options)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="gradscape",
        description="Build a neural network as a graph, train it, and watch it learn.",
        epilog="\n".join(
            ["Without a window (gradscape COMMAND --help says more):", *_rows(COMMANDS)]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="?", default="",
                        help="a graph, recorded runs, a net of PyTorch or a preset")  # fmt: skip
    parser.add_argument("--version", action=_Version, nargs=0,
                        help="what is installed here, the devices and the folders")  # fmt: skip
    parser.add_argument(
        "--demo", metavar="OUT", help="train for one epoch without a display; leaves OUT/*"
    )
    parser.add_argument("--device", metavar="D", help="cpu, cuda:0, mps; devices lists them")
    parser.add_argument("--threads", type=_threads, metavar="T",
                        help="threads of the engine; 0: every core but one")  # fmt: skip
    parser.add_argument("--precision", choices=PRECISIONS,
                        help="of products of matrices and convolutions")  # fmt: skip
    parser.add_argument(
        "--engine", metavar="COMMAND",
        help="what starts the engine, such as 'ssh HOST gradscape worker'; '': this machine",
    )  # fmt: skip
    parser.add_argument(WATCHED, action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(list(arguments))


def _rows(commands: dict[str, str]) -> list[str]:
    return [f"  {name:13} {what}" for name, what in commands.items()]


def _threads(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 256:
        raise argparse.ArgumentTypeError("a number from 0 to 256 is wanted")
    return number


class _Version(argparse.Action):
    """Prints what is installed and ends; nothing is looked up unless it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from graphcore.cli import about

        print("\n".join(about.lines()))
        parser.exit()


def _refusal(file: str) -> str:
    """Why there is nothing to open under this name, or empty."""
    from graphcore import presets

    if os.path.exists(file) or file in presets.names():
        return ""
    listed = ", ".join(presets.names())
    return f"there is no file or preset called {file}; presets: {listed}."


def _place(settings: Any, options: argparse.Namespace | None) -> Any:
    """Where the engine runs: as the command line says, else as it did the last time."""
    from dataclasses import replace

    from app.engine.place import remembered

    place = remembered(settings.store, options.engine if options else None)
    if options is not None and options.device is not None:
        place = replace(place, device=options.device)
    if options is not None and options.threads is not None:
        place = replace(place, threads=options.threads)
    if options is not None and options.precision is not None:
        place = replace(place, precision=options.precision)
    return place


def open_window(
    file: str = "", watched: bool = False, options: argparse.Namespace | None = None
) -> int:
    """Show the main window and stay until it is closed.

    Args:
        options: of the command line: where the engine runs, for this time.
        watched: whether it shows the loop of the script that has started this process.
    """
    from app.settings import Settings

    settings = Settings()
    use_scale(settings)
    app = _application()
    place = _place(settings, options)
    started = _start_engine() if not place.command else None
    link = None
    if watched:
        from app.engine.script_link import ScriptLink

        link = ScriptLink()
        link.settled.connect(let_script_go_first)
    engine = make_engine(settings, place)
    engine.launch_early(started)
    from app.files.crash_mark import CrashMark
    from app.files.end_signals import EndSignals
    from app.shell import fault_log
    from app.style import palette

    palette.apply(app, settings.get("look/theme"))
    faults = fault_log.FaultLog(fault_log.default_file())
    mark = CrashMark(faults.file.parent)
    window = make_window(settings, engine=engine)
    faults.caught.connect(window.show_fault)
    window.show()
    if link is None:
        window.start(file)
    else:
        window.start_watching(link)
    tell_of_crash(window, mark.left)
    signals = EndSignals(window.end_unasked)
    try:
        return int(app.exec())
    finally:
        signals.close()
        mark.close()
        faults.close()


def let_script_go_first() -> None:
    """Have this process and its engine yield to the script that they show.

    Linux shares its cores among sessions before it looks at the niceness of processes: the session
    has to be nice, too.
    """
    with contextlib.suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PGRP, 0, NICER)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICER))


def _start_engine() -> Any:
    """Start the engine's process before what talks to it is imported; return the process.

    It imports torch while the window is made, on a core that nothing else needs yet.
    """
    from PySide6.QtCore import QProcess

    from graphcore.system import start

    process = QProcess()
    command = start.command("graphcore.worker.serve")
    process.start(command[0], command[1:])
    return process


def _application() -> Any:
    """Return Qt's application, made and named; without a display say so and leave."""
    from importlib import resources

    from PySide6.QtCore import qInstallMessageHandler
    from PySide6.QtGui import QIcon
    from PySide6.QtWidgets import QApplication

    qInstallMessageHandler(_say_and_leave)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    qInstallMessageHandler(None)
    app.setApplicationName("Gradscape")
    app.setOrganizationName("Gradscape")
    app.setDesktopFileName("gradscape")
    app.setWindowIcon(QIcon(str(resources.files("resources") / "icons" / "gradscape.svg")))
    return app


def _say_and_leave(kind: Any, _context: Any, message: str) -> None:
    """What Qt says before there is a window; without a display it would abort."""
    from PySide6.QtCore import QtMsgType

    if kind != QtMsgType.QtFatalMsg:
        return
    instead = "use a command that needs none (gradscape --help lists them) or gradscape --demo OUT"
    if WATCHED in sys.argv:
        instead = 'record the loop with gc.watch(..., out="run.gradrun"); it goes on unseen'
    print(f"gradscape: there is no display to open a window on. Log in with one, or {instead}.",
          file=sys.stderr)  # fmt: skip
    sys.stderr.flush()
    os._exit(1)


def tell_of_crash(window: Any, left: Sequence[str]) -> None:
    """Log what crashes left, and say it in a window whose banner offers nothing better."""
    from app.shell import fault_log

    if not left:
        return
    stacks = "\n\n".join(filter(None, left)) or window.tr("The process was killed.")
    fault_log.log(f"The last run crashed\n{stacks}")
    if not window.banner.isVisible():
        window.show_fault(window.tr("Gradscape ended unexpectedly the last time."), stacks)


def use_scale(settings: Any) -> None:
    """Have Qt draw everything larger or smaller; it asks once, before there is an application.

    A scale that the environment names is left alone.
    """
    percent = settings.get("look/scale")
    if percent != 100:
        os.environ.setdefault("QT_SCALE_FACTOR", str(percent / 100))


def make_engine(settings: Any, place: Any = None) -> Any:
    """An engine for a new document, not started yet.

    Args:
        place: where it is to run; None: where it ran the last time.
    """
    from app.document.document import Document
    from app.engine.engine import Engine
    from app.engine.place import remembered

    return Engine(Document(), place=place or remembered(settings.store))


def make_window(settings: Any, rescue_folder: Any = None, engine: Any = None) -> Any:
    """A main window with its document and engine.

    Args:
        engine: with the document; None makes one that is not started yet.

    Qt paints in one thread: more would push those of the engine aside.
    """
    from app.files.autosave import default_folder
    from app.shell.main_window import MainWindow

    os.environ.setdefault("QT_NO_GUI_THREADPOOL", "1")
    engine = engine or make_engine(settings)
    return MainWindow(engine.document, engine, settings, rescue_folder or default_folder())


if __name__ == "__main__":
    sys.exit(main())
