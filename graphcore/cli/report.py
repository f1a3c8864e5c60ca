"""``gradscape report``: one HTML page about a run that ``train --out`` left."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from graphcore import files, report
from graphcore.cli import train as train_cli
from graphcore.errors import FileError, GradscapeError
from graphcore.files.torch import export as torch_export
from graphcore.runs import log as run_log
from graphcore.runs.folder import named_net
from graphcore.system import reading

LARGEST_PAGE = 256 * reading.MIB
"""Of a report that is written over."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``report``."""
    parser.add_argument("dir", type=Path, help="folder that train --out wrote")
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="the page; left out, report.html in the folder")  # fmt: skip
    parser.add_argument("--title", help="left out, the folder's name")
    parser.add_argument("--no-landscape", action="store_true", help="leave the loss surface out")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    train_cli.add_data_options(parser)


def write(options: argparse.Namespace) -> int:
    """Look at the net and write the page."""
    folder: Path = options.dir
    if not folder.is_dir():
        raise FileError(f"{folder} is no folder: train --out DIR writes one.")
    path: Path = options.out or folder / "report.html"
    if os.path.exists(path) and not (options.force or _is_report(path)):
        raise FileError(f"{path} is no report of Gradscape's: choose another name, or use --force.")
    net = named_net(folder)
    if torch_export.is_calculation(net.graph):
        raise GradscapeError(f"{folder} holds a calculation: there is no training to report on.")
    trainer = train_cli.make_trainer(net.graph, options, net.folder)
    net.fill(trainer.plan)
    table = folder / "metrics.csv"
    log = run_log.read_csv(table) if table.is_file() else None
    name = options.title or folder.resolve().name
    made = report.gather(trainer, name, log, landscape=not options.no_landscape, say=_say)
    print(file=sys.stderr)
    files.write_atomically(path, report.render(made).encode())
    train_cli.show({"report": str(path), "test_loss": made.test.loss,
                    "test_accuracy": made.test.accuracy}, options.json)  # fmt: skip
    return train_cli.DONE


def _is_report(path: Path) -> bool:
    """Return whether a file is a page that this command wrote; raises FileError."""
    return report.MARK in reading.read_bytes(path, LARGEST_PAGE)


def _say(what: str) -> None:
    print(f"\r{what:<24}", end="", file=sys.stderr, flush=True)
