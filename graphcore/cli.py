"""The command line: everything that needs no window."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lazy_loader
import msgspec

from graphcore import datasets, distributed, files, landscape_cli, optimizers, presets, schedules
from graphcore.errors import FileError, GradscapeError, LostProcessError
from graphcore.graph import Graph
from graphcore.landscape import PathRecorder
from graphcore.settings import TrainingSettings
from graphcore.shapes import ShapeInference
from graphcore.training import Score, Trainer

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_loader.load("torch")

DONE, AT_FAULT, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


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
            ["-m", "graphcore.cli", *argv], processes=options.processes, nodes=options.nodes,
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gradscape")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, run: Callable[..., int], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    train = command("train", _train, "Train a graph and report how good it became.")
    train.add_argument("file", help="graph file or preset")
    _add_training_options(train)
    train.add_argument("--resume", type=Path, metavar="DIR",
                       help="go on from the checkpoint that a run left in DIR")  # fmt: skip
    evaluate = command("eval", _eval, "Score a trained net that train --out wrote.")
    evaluate.add_argument("dir", type=Path)
    _add_data_options(evaluate)
    check = command("check", _check, "Read a graph file and report what is wrong with it.")
    check.add_argument("file", help="graph file or preset")
    gradients = command("grad-check", _grad_check, "Compare backward with finite differences.")
    gradients.add_argument("file", help="graph file or preset")
    gradients.add_argument("--seed", type=int, default=0)
    gradients.add_argument("--json", action="store_true")
    landscape = command("landscape", _landscape, "The loss around a net's weights.")
    landscape_cli.add_options(landscape)
    _add_training_options(landscape)
    bench = command("bench", _bench, "Time the engine beside plain PyTorch.")
    bench.add_argument("--json", action="store_true")
    bench.add_argument("--quick", action="store_true", help="fewer repetitions")
    data = command("data", _data, "Fetch a data set.")
    data.add_argument("action", choices=("fetch",))
    data.add_argument("name", choices=("mnist",))
    data.add_argument("--data-dir", type=Path)
    command("worker", _worker, "The engine process, on standard input and output.")
    command("presets", _presets, "List the graphs that ship.")
    return parser


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="NAME", help="data set; left out, the graph's own")
    parser.add_argument("--data-dir", type=Path, metavar="DIR")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, metavar="T")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    _add_data_options(parser)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--optimizer", choices=optimizers.names())
    parser.add_argument("--schedule", choices=schedules.names())
    parser.add_argument("--patience", type=int, metavar="P",
                        help="stop after P epochs without a better loss")  # fmt: skip
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=Path, metavar="DIR")
    parser.add_argument("--nproc-per-node", dest="processes", type=int, default=1, metavar="K",
                        help="share every batch out over K processes")  # fmt: skip
    parser.add_argument("--nnodes", dest="nodes", type=int, default=1, metavar="M",
                        help="machines that take part, each by the same command")  # fmt: skip
    parser.add_argument("--rdzv-endpoint", default="", metavar="HOST:PORT",
                        help="where the machines meet")  # fmt: skip
    parser.add_argument("--rdzv-id", default="", metavar="ID", help="name of the run")


# -- train and eval -------------------------------------------------------------------------------


def _train(options: argparse.Namespace) -> int:
    graph = presets.resolve(options.file)
    trainer = _trainer(graph, options)
    graph.set_training(trainer.settings)
    if options.resume is not None:
        distributed.resume(trainer, options.resume)
    begun, first = time.perf_counter(), trainer.step
    _run(trainer, distributed.checkpoints(trainer, options.out))
    seconds = time.perf_counter() - begun
    distributed.leave()
    if not distributed.speaks():
        return DONE
    result = _result(trainer, options, seconds, first)
    if options.out is not None:
        _write_out(options.out, graph, trainer, result)
    _print(result, options.json)
    return DONE


def _run(trainer: Trainer, checkpoints: distributed.Checkpoints | None) -> None:
    """Train to the end; progress goes to standard error twice a second."""
    shown, speaks = 0.0, distributed.speaks()
    for record in trainer.steps():
        now = time.perf_counter()
        if checkpoints is not None:
            checkpoints.after(trainer)
        if speaks and (now - shown > 0.5 or record.step == trainer.total_steps):
            shown = now
            print(
                f"\repoch {record.epoch + 1}/{trainer.settings.epochs}  "
                f"step {record.step}/{trainer.total_steps}  loss {record.loss:.4f}",
                end="", file=sys.stderr, flush=True,
            )  # fmt: skip
    if speaks:
        print(file=sys.stderr)


def _eval(options: argparse.Namespace) -> int:
    graph = files.load(options.dir / "graph.graph.json")
    trainer = _trainer(graph, options)
    _read_weights(options.dir / "weights.safetensors", trainer)
    begun = time.perf_counter()
    result = _result(trainer, options, None)
    result["seconds"] = round(time.perf_counter() - begun, 3)
    _print(result, options.json)
    return DONE


def _trainer(graph: Graph, options: argparse.Namespace) -> Trainer:
    """A run of the graph, on the data and with the settings that the command line says."""
    settings = _settings(graph.training, options)
    data = _load(settings, options)
    _use_threads(options)
    trainer = Trainer(graph, data, settings, device=distributed.device(options.device))
    distributed.join(trainer)
    return trainer


def _settings(own: TrainingSettings, options: argparse.Namespace) -> TrainingSettings:
    """The graph's settings with what the command line says laid over them."""
    names = ("epochs", "batch", "lr", "optimizer", "schedule", "patience", "seed")
    given = {k: getattr(options, k, None) for k in names}
    given["dataset"] = options.data
    changes = {k: v for k, v in given.items() if v is not None}
    if changes.get("dataset", own.dataset) != own.dataset:
        changes["dataset_options"] = {}
    if changes.get("optimizer", own.optimizer) != own.optimizer:
        changes["optimizer_options"] = {}
    if changes.get("schedule", own.schedule) != own.schedule:
        changes["schedule_options"] = {}
    for name in ("epochs", "batch", "patience"):
        if changes.get(name, 1) < 1:
            raise GradscapeError(f"--{name} must be at least 1, got {changes[name]}.")
    return msgspec.structs.replace(own, **changes)


def _load(settings: TrainingSettings, options: argparse.Namespace) -> datasets.Dataset:
    data = datasets.load(
        settings.dataset, options=settings.dataset_options, normalization=settings.normalization,
        seed=settings.seed, data_dir=options.data_dir, progress=_progress,
    )  # fmt: skip
    if data.note and distributed.speaks():
        print(data.note, file=sys.stderr)
    return data


def _progress(what: str, done: int, total: int) -> None:
    if not distributed.speaks():
        return
    share = f"{done / total:4.0%}" if total else f"{done / 1e6:.1f} MB"
    print(f"\r{what} {share}", end="" if done < total else "\n", file=sys.stderr, flush=True)


def _use_threads(options: argparse.Namespace) -> None:
    if options.threads:
        torch.set_num_threads(options.threads)


def _result(
    trainer: Trainer, options: argparse.Namespace, seconds: float | None, first: int = 0
) -> dict[str, Any]:
    """The keys that scripts read, of a run that began after its ``first`` steps."""
    data, s = trainer.data, trainer.settings
    test = trainer.evaluate(data.test)
    train: Score = trainer.evaluate(data.train)
    seen = (trainer.step - first) * min(s.batch, len(data.train))
    return {
        "dataset": data.name, "train_samples": len(data.train), "test_samples": len(data.test),
        "epochs": trainer.epoch if seconds is not None else None,
        "steps": trainer.step if seconds is not None else None, "seed": s.seed,
        "train_loss": train.loss, "test_loss": test.loss, "test_accuracy": test.accuracy,
        "seconds": None if seconds is None else round(seconds, 3),
        "samples_per_second": None if not seconds else round(seen / seconds, 1),
        "device": str(trainer.plan.device), "threads": torch.get_num_threads(),
    }  # fmt: skip


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    for key, value in result.items():
        print(f"{key:>20}  {'-' if value is None else value}")


def _write_out(folder: Path, graph: Graph, trainer: Trainer, result: dict[str, Any]) -> None:
    from safetensors.torch import save

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder} cannot be made: {error.strerror}.") from None
    tensors = {**trainer.plan.parameters, **trainer.plan.buffers}
    weights = save({k: v.detach().cpu().clone() for k, v in tensors.items()})
    files.save(graph, folder / "graph.graph.json")
    files.write_atomically(folder / "weights.safetensors", weights)
    files.write_atomically(folder / "result.json", json.dumps(result, indent=2).encode() + b"\n")


def _read_weights(path: Path, trainer: Trainer) -> None:
    """Fill the net from a safetensors file, all or nothing; raises FileError."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise FileError(f"{path} cannot be read: {error}.") from None
    wanted = {**trainer.plan.parameters, **trainer.plan.buffers}
    for name, tensor in wanted.items():
        if name not in tensors or tensors[name].shape != tensor.shape:
            raise FileError(f"{path} has no weights of shape {tuple(tensor.shape)} for {name}.")
    for name, tensor in wanted.items():
        tensor.copy_(tensors[name])


def _landscape(options: argparse.Namespace) -> int:
    landscape_cli.check(options)
    trained = Path(options.file) if Path(options.file).is_dir() else None
    graph = files.load(trained / "graph.graph.json") if trained else presets.resolve(options.file)
    trainer = _trainer(graph, options)
    if trained:
        _read_weights(trained / "weights.safetensors", trainer)
        path = PathRecorder()
    else:
        path = landscape_cli.train_with_path(trainer)
    report = landscape_cli.compute(trainer, path, options)
    distributed.leave()
    if not distributed.speaks():
        return DONE
    if options.out is not None:
        landscape_cli.write(options.out, report)
    many = ("loss", "a", "b", "path")
    _print(report if options.json else {k: v for k, v in report.items() if k not in many},
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
    folder = datasets.fetch_mnist(options.data_dir, progress=_progress)
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
