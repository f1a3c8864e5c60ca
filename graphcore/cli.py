"""The command line: everything that needs no window."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from graphcore import (
    datasets,
    distributed,
    export_cli,
    landscape_cli,
    metrics_cli,
    presets,
    report_cli,
    start,
    train_cli,
)
from graphcore.errors import GradscapeError, LostProcessError
from graphcore.files.atomic import make_folder
from graphcore.landscape import PathRecorder
from graphcore.run_folder import named_net
from graphcore.shapes import ShapeInference

DONE, AT_FAULT, WRONG_USAGE, INTERRUPTED = train_cli.DONE, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit code."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else WRONG_USAGE
    given = list(sys.argv[1:] if argv is None else argv)
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
        print("gradscape: interrupted", file=sys.stderr)
        return INTERRUPTED


def _several(options: argparse.Namespace) -> bool:
    return (getattr(options, "processes", 1), getattr(options, "nodes", 1)) != (1, 1)


def _launch(argv: Sequence[str], options: argparse.Namespace) -> int:
    """The same command in several processes."""
    if options.processes < 1 or options.nodes < 1:
        raise GradscapeError("--nproc-per-node and --nnodes must be at least 1.")
    if options.nodes > 1 and not options.rdzv_endpoint:
        raise GradscapeError("--nnodes needs --rdzv-endpoint HOST:PORT, where the machines meet.")
    try:
        distributed.launch(
            start.arguments("graphcore.cli", *argv),
            processes=options.processes, nodes=options.nodes,
            endpoint=options.rdzv_endpoint, run_id=options.rdzv_id,
        )  # fmt: skip
    except LostProcessError as error:
        print(file=sys.stderr)  # below the line of progress that was cut off
        left = options.command == "train" and options.out and (options.out / "checkpoint").is_dir()
        how = f" --resume {options.out} goes on from its last checkpoint." if left else ""
        raise LostProcessError(f"{error}{how}") from None
    except (GradscapeError, KeyboardInterrupt):
        print(file=sys.stderr)
        raise
    return DONE


Commands = Callable[[str, Callable[..., int], str], argparse.ArgumentParser]
"""Adds a command: its name, what it runs, and help."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gradscape")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, run: Callable[..., int], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    _add_training(command)
    _add_checks(command)
    _add_files(command)
    _add_measurements(command)
    data = command("data", _data, "Fetch a data set.")
    data.add_argument("action", choices=("fetch",))
    data.add_argument("name", choices=("mnist",))
    data.add_argument("--data-dir", type=Path)
    command("worker", _worker, "The engine process, on standard input and output.")
    command("presets", _presets, "List the graphs that ship.")
    return parser


def _add_training(command: Commands) -> None:
    train = command("train", train_cli.train, "Train a graph and report how good it became.")
    train.add_argument("file", help="graph file or preset")
    train_cli.add_training_options(train)
    train.add_argument("--resume", type=Path, metavar="DIR",
                       help="go on from the checkpoint that a run left in DIR")  # fmt: skip
    metrics_cli.add_options(train)
    evaluate = command("eval", train_cli.evaluate, "Score a trained net that train --out wrote.")
    evaluate.add_argument("dir", type=Path)
    train_cli.add_data_options(evaluate)


def _add_checks(command: Commands) -> None:
    check = command("check", _check, "Read a graph file and report what is wrong with it.")
    check.add_argument("file", help="graph file or preset")
    gradients = command("grad-check", _grad_check, "Compare backward with finite differences.")
    gradients.add_argument("file", help="graph file or preset")
    gradients.add_argument("--seed", type=int, default=0)
    gradients.add_argument("--json", action="store_true")


def _add_files(command: Commands) -> None:
    export_cli.add_options(command("export", export_cli.export, "Write a net for other programs."))
    export_cli.add_import_options(
        command("import", export_cli.read, "Make a graph of a PyTorch module's source.")
    )
    report_cli.add_options(command("report", report_cli.write, "Write an HTML page about a run."))


def _add_measurements(command: Commands) -> None:
    landscape = command("landscape", _landscape, "The loss around a net's weights.")
    landscape_cli.add_options(landscape)
    train_cli.add_training_options(landscape)
    bench = command("bench", _bench, "Time the engine beside plain PyTorch.")
    bench.add_argument("--json", action="store_true")
    bench.add_argument("--quick", action="store_true", help="fewer repetitions")


def _landscape(options: argparse.Namespace) -> int:
    landscape_cli.check(options)
    net = named_net(options.file)
    if options.out is not None:
        make_folder(options.out)
    trainer = train_cli.make_trainer(net.graph, options)
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
    problems = ShapeInference(graph).problems
    for problem in problems.values():
        print(f"{problem.node}: {problem.message}", file=sys.stderr)
    if problems:
        return AT_FAULT
    print(f"{options.file}: {len(graph)} nodes, {len(graph.edges)} edges, nothing wrong.")
    return DONE


def _grad_check(options: argparse.Namespace) -> int:
    from graphcore.numeric import check_graph

    errors = check_graph(presets.resolve(options.file), seed=options.seed)
    largest = max(errors.values(), default=0.0)
    if options.json:
        print(json.dumps({"max_relative_error": largest, "nodes": errors}))
    else:
        for name, error in sorted(errors.items(), key=lambda item: -item[1]):
            print(f"{error:10.2e}  {name}")
    return DONE if largest <= 1e-5 else AT_FAULT


def _bench(options: argparse.Namespace) -> int:
    from graphcore import bench

    report = bench.run(quick=options.quick)
    print(json.dumps(report) if options.json else bench.table(report))
    return DONE


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


if __name__ == "__main__":
    sys.exit(main())
