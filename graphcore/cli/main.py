"""The command line: everything that needs no window."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from graphcore import datasets, presets
from graphcore.cli import COMMANDS, bench, desktop, to_accuracy
from graphcore.cli import completion as completion_cli
from graphcore.cli import devices as devices_cli
from graphcore.cli import (
    exchange as export_cli,
)
from graphcore.cli import (
    landscape as landscape_cli,
)
from graphcore.cli import (
    lesson as lesson_cli,
)
from graphcore.cli import (
    predict as predict_cli,
)
from graphcore.cli import (
    report as report_cli,
)
from graphcore.cli import (
    train as train_cli,
)
from graphcore.errors import GradscapeError, LostProcessError
from graphcore.files.atomic import make_folder
from graphcore.graph.shapes import check
from graphcore.landscapes.surface import PathRecorder
from graphcore.runs.checkpointing import has_checkpoint
from graphcore.runs.folder import named_net
from graphcore.system import start
from graphcore.training import distributed

DONE, AT_FAULT, WRONG_USAGE, INTERRUPTED, PIPE_CLOSED = train_cli.DONE, 1, 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit code."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else WRONG_USAGE
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(given, options)
        sys.stdout.flush()
    except BrokenPipeError:
        return _stop_writing()
    return code


def _run(given: Sequence[str], options: argparse.Namespace) -> int:
    try:
        if _several(options) and not distributed.is_part():
            return _launch(given, options)
        return int(options.run(options))
    except GradscapeError as error:
        if distributed.is_part():
            distributed.fail(error)
        print(f"gradscape: {error}", file=sys.stderr)
        return AT_FAULT
    except KeyboardInterrupt:
        if distributed.is_part():
            distributed.stop(INTERRUPTED)
        print("; ".join(["gradscape: interrupted", *_going_on(options)]), file=sys.stderr)
        return INTERRUPTED


def _going_on(options: argparse.Namespace) -> list[str]:
    """How a run that ended early is taken up again, if it left a checkpoint."""
    left = options.command == "train" and options.out and has_checkpoint(options.out)
    return [f"--resume {options.out} goes on from its last checkpoint."] if left else []


def _stop_writing() -> int:
    """End quietly where the reader of a pipe has gone, as ``head`` does."""
    with contextlib.suppress(OSError, ValueError):  # a stand-in for the stream has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED


def _several(options: argparse.Namespace) -> bool:
    return (getattr(options, "processes", 1), getattr(options, "nodes", 1)) != (1, 1)


def _launch(argv: Sequence[str], options: argparse.Namespace) -> int:
    """The same command in several processes."""
    if options.processes < 1 or options.nodes < 1:
        raise GradscapeError("--nproc-per-node and --nnodes must be at least 1.")
    if options.nodes > 1 and not options.rdzv_endpoint:
        raise GradscapeError("--nnodes needs --rdzv-endpoint HOST:PORT, where the machines meet.")
    if options.command == "train":
        train_cli.check_folder(options)
    try:
        distributed.launch(
            start.arguments("graphcore.cli.main", *argv),
            processes=options.processes, nodes=options.nodes,
            endpoint=options.rdzv_endpoint, run_id=options.rdzv_id,
        )  # fmt: skip
    except LostProcessError as error:
        print(file=sys.stderr)  # below the line of progress that was cut off
        raise LostProcessError(" ".join([str(error), *_going_on(options)])) from None
    except (GradscapeError, KeyboardInterrupt):
        print(file=sys.stderr)
        raise
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gradscape")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help in COMMANDS.items():
        run, add_options = _COMMANDS[name]
        command = commands.add_parser(name, help=help, description=help)
        command.set_defaults(run=run)
        add_options(command)
    return parser


def _add_eval_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dir", type=Path, help="folder that train --out wrote")
    train_cli.add_data_options(parser)


def _add_check_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="graph file or preset")


def _add_grad_check_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="graph file or preset")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")


def _add_landscape_options(parser: argparse.ArgumentParser) -> None:
    landscape_cli.add_options(parser)
    train_cli.add_training_options(parser)


def _add_bench_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, one thread")
    parser.add_argument("--net", dest="nets", action="append", default=[], choices=bench.NETS,
                        help="measure this net alone; may be given again")  # fmt: skip
    train_cli.add_precision(parser)
    parser.add_argument("--to-accuracy", action="store_true",
                        help="time whole commands until MNIST is read well, beside a script "
                             "in plain PyTorch")  # fmt: skip


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("fetch",))
    parser.add_argument("name", choices=("mnist",))
    parser.add_argument("--data-dir", type=Path)


def _add_nothing(parser: argparse.ArgumentParser) -> None:
    """The command takes no options."""


def _landscape(options: argparse.Namespace) -> int:
    landscape_cli.check(options)
    net = named_net(options.file)
    if options.out is not None:
        make_folder(options.out)
    trainer = train_cli.make_trainer(net.graph, options, net.folder)
    net.fill(trainer.plan)
    path = PathRecorder() if net.folder else landscape_cli.train_with_path(trainer)
    report = landscape_cli.compute(trainer, path, options)
    distributed.leave()
    if not distributed.speaks():
        return DONE
    if options.out is not None:
        landscape_cli.write(options.out, report)
    many = ("loss", "a", "b", "path")
    train_cli.show(report if options.json else {k: v for k, v in report.items() if k not in many},
           options.json)  # fmt: skip
    return DONE


# -- the rest -------------------------------------------------------------------------------------


def _check(options: argparse.Namespace) -> int:
    graph = presets.resolve(options.file)
    problems = check(graph)
    for problem in problems:
        print(f"{problem.node}: {problem.message}", file=sys.stderr)
    if problems:
        return AT_FAULT
    print(f"{options.file}: {len(graph)} nodes, {len(graph.edges)} edges, nothing wrong.")
    return DONE


def _grad_check(options: argparse.Namespace) -> int:
    from graphcore.engine.gradient_check import check_graph

    errors = check_graph(presets.resolve(options.file), seed=options.seed)
    largest = max(errors.values(), default=0.0)
    if options.json:
        print(json.dumps({"max_relative_error": largest, "nodes": errors}))
    else:
        for name, error in sorted(errors.items(), key=lambda item: -item[1]):
            print(f"{error:10.2e}  {name}")
    return DONE if largest <= 1e-5 else AT_FAULT


def _bench(options: argparse.Namespace) -> int:
    if options.to_accuracy:
        rows = to_accuracy.run(quick=options.quick)
        print(json.dumps({"to_accuracy": rows}) if options.json else to_accuracy.table(rows))
        return DONE
    report = bench.run(options.quick, options.nets, options.precision)
    print(json.dumps(report) if options.json else bench.table(report))
    return AT_FAULT if bench.fails(report) else DONE


def _data(options: argparse.Namespace) -> int:
    folder = datasets.fetch_mnist(options.data_dir, progress=train_cli.show_progress)
    print(f"MNIST is in {folder}")
    return DONE


def _worker(options: argparse.Namespace) -> int:
    from graphcore.worker.serve import serve

    return serve()


def _presets(options: argparse.Namespace) -> int:
    for name in presets.names():
        print(f"{name:22} {presets.title(name)}")
    return DONE


def _completion(options: argparse.Namespace) -> int:
    parsers = dict[str, argparse.ArgumentParser]()
    for name, (_, add_options) in _COMMANDS.items():
        parsers[name] = argparse.ArgumentParser(prog=name)
        add_options(parsers[name])
    print(completion_cli.script(options.shell, parsers), end="")
    return DONE


_COMMANDS: dict[
    str, tuple[Callable[[argparse.Namespace], int], Callable[[argparse.ArgumentParser], None]]
] = {
    "train": (train_cli.train, train_cli.add_train_options),
    "eval": (train_cli.evaluate, _add_eval_options),
    "check": (_check, _add_check_options),
    "grad-check": (_grad_check, _add_grad_check_options),
    "export": (export_cli.export, export_cli.add_options),
    "predict": (predict_cli.answer, predict_cli.add_options),
    "import": (export_cli.read, export_cli.add_import_options),
    "report": (report_cli.write, report_cli.add_options),
    "landscape": (_landscape, _add_landscape_options),
    "bench": (_bench, _add_bench_options),
    "lesson": (lesson_cli.run, lesson_cli.add_options),
    "devices": (devices_cli.show, devices_cli.add_options),
    "data": (_data, _add_data_options),
    "worker": (_worker, _add_nothing),
    "presets": (_presets, _add_nothing),
    "completion": (_completion, completion_cli.add_options),
    "desktop-entry": (desktop.run, desktop.add_options),
}
"""Name of each command -> what it runs, and what adds its options."""


if __name__ == "__main__":
    sys.exit(main())
