"""``gradscape export`` and ``import``: graphs for other programs, and from them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import safetensors.numpy

from graphcore import files
from graphcore.cli import train as train_cli
from graphcore.datasets.learned import learned
from graphcore.engine.plan import Plan
from graphcore.errors import FileError
from graphcore.exchange import ENDINGS, ONNX, SOURCE, inputs, needs
from graphcore.exchange.net import ImportedNet
from graphcore.exchange.report import beside
from graphcore.files.atomic import write_atomically
from graphcore.files.keras import export as keras_export
from graphcore.files.onnx import export as onnx_export
from graphcore.files.onnx.writer import need_onnx
from graphcore.files.torch import export as torch_export
from graphcore.files.torch import program as torch_program
from graphcore.files.torch.script import TorchExport
from graphcore.runs.folder import NamedNet, named_net
from graphcore.training.trainer import Trainer

FORMATS = ("torch", "onnx", "keras", "pt2")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``export``."""
    parser.add_argument("file", help="graph file, preset, or the folder of a run (train --out)")
    parser.add_argument("--to", choices=FORMATS, default="torch",
                        help="a PyTorch script, an ONNX file, a script for Keras 3 or a "
                             "program (.pt2)")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--name", help="what the files are called; left out, as the graph")
    parser.add_argument("--normalize-inside", action="store_true",
                        help="onnx: the file takes raw numbers and normalises them")  # fmt: skip
    _add_force(parser)
    train_cli.add_data_options(parser)


def export(options: argparse.Namespace) -> int:
    """Write the files and say where."""
    called = options.name or Path(options.file).name.removesuffix(".graph.json")
    name = torch_export.module_name(called)
    kinds = {
        "torch": torch_export.foreign_file, "onnx": onnx_export.foreign_file,
        "keras": keras_export.foreign_file, "pt2": torch_program.foreign_file,
    }  # fmt: skip
    foreign = kinds[options.to](options.out, name)
    if foreign is not None and not options.force:
        raise _in_the_way(foreign, "it was not exported, or was changed since")
    if options.to == "onnx":
        return _export_onnx(name, options)
    if options.to == "keras":
        return _export_keras(name, options)
    if options.to == "pt2":
        return _export_program(name, options)
    made, _ = _made(name, options)
    path = torch_export.write(made, options.out, name)
    train_cli.show({"script": str(path), "weights": str(path.with_suffix(".safetensors")),
                    "self_test": f"python {path}"}, options.json)  # fmt: skip
    return train_cli.DONE


def _export_program(name: str, options: argparse.Namespace) -> int:
    made, trainer = _made(name, options)
    data = learned(trainer.data) if trainer is not None and trainer.binding.input else None
    path, off = torch_program.write(made, options.out, name, data)
    train_cli.show({"program": str(path), "max_error": off,
                    "self_test": f"python {path.with_name(name + '_pt2_selftest.py')}"},
                   options.json)  # fmt: skip
    return train_cli.DONE


def _export_onnx(name: str, options: argparse.Namespace) -> int:
    need_onnx()
    net = named_net(options.file)
    plan, trainer = _filled(net, options)
    if trainer is None:
        made = onnx_export.of_calculation(net.graph, plan, name)
    else:
        made = onnx_export.of_run(trainer, name, options.normalize_inside)
    path = onnx_export.write(made, options.out, name)
    off = onnx_export.self_test(path)
    train_cli.show({"onnx": str(path), "max_error": off,
                    "self_test": f"python {path.with_name(name + '_selftest.py')}"},
                   options.json)  # fmt: skip
    return train_cli.DONE


def _export_keras(name: str, options: argparse.Namespace) -> int:
    net = named_net(options.file)
    plan, trainer = _filled(net, options)
    if trainer is None:
        made = keras_export.of_calculation(net.graph, plan, name)
    else:
        made = keras_export.of_run(trainer, name)
    path = keras_export.write(made, options.out, name)
    train_cli.show({"script": str(path), "weights": str(path.with_suffix(".safetensors")),
                    "self_test": f"KERAS_BACKEND=torch python {path}"}, options.json)  # fmt: skip
    return train_cli.DONE


def _made(name: str, options: argparse.Namespace) -> tuple[TorchExport, Trainer | None]:
    net, traced = named_net(options.file), options.to == "pt2"
    plan, trainer = _filled(net, options)
    if trainer is None:
        return torch_export.of_calculation(net.graph, plan, name, traced), None
    return torch_export.of_run(trainer, name, traced), trainer


def _filled(net: NamedNet, options: argparse.Namespace) -> tuple[Plan, Trainer | None]:
    """Return the plan with the net's weights, and its trainer; a calculation has none."""
    trainer = None
    if torch_export.is_calculation(net.graph):
        plan = torch_export.calculation(net.graph)
    else:
        trainer = train_cli.make_trainer(net.graph, options, net.folder)
        plan = trainer.plan
    net.fill(plan)
    return plan, trainer


def add_import_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``import``."""
    parser.add_argument("file", type=Path,
                        help=f"a file with a net: {', '.join(ENDINGS)}")  # fmt: skip
    parser.add_argument("--run", action="store_true", dest="run_file",
                        help="run the file, in a process of its own")  # fmt: skip
    parser.add_argument("--class", dest="class_name", metavar="C",
                        help='with --run: the module, such as Net or "Net(10)"')  # fmt: skip
    parser.add_argument("--input", nargs="+", default=[], metavar="[NAME:][DTYPE:]SHAPE",
                        action="extend",
                        help="with --run, or where an .onnx file leaves sizes open: one sample "
                        "of each input, in order, such as 1x28x28")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="graph file; left out, beside the source")  # fmt: skip
    parser.add_argument("--check", action="store_true",
                        help="onnx: compare with ONNX's reference evaluator")  # fmt: skip
    _add_force(parser)
    parser.add_argument("--json", action="store_true")


def _add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="write over files that are there")


def _in_the_way(path: Path, why: str) -> FileError:
    return FileError(f"{path} would be written over ({why}): choose another place, or use --force.")


def _check_options(options: argparse.Namespace) -> None:
    """Raise FileError for options that say nothing of such a file."""
    suffix = options.file.suffix.lower()
    sized = options.input and suffix != ONNX
    if not options.run_file and (options.class_name or sized):
        raise FileError("--class and --input say how to run the file: give --run, too.")
    if options.run_file and not _is_source(options.file):
        raise FileError(f"{options.file.name} is read as data; --run is for Python files.")
    if options.check and suffix != ONNX:
        raise FileError("--check is for .onnx files: --run compares a module with itself.")


def read(options: argparse.Namespace) -> int:
    """Open a net of another program, and write it as a graph file with its weights beside it."""
    from graphcore.exchange import opening, python

    _check_options(options)
    paths = _import_paths(options)
    specs = [inputs.parse(text) for text in options.input]
    if options.run_file:
        net = python.run_file(options.file, class_name=options.class_name, specs=specs)
    else:
        example = [inputs.filled(spec, i) for i, spec in enumerate(specs)] or None
        net = opening.open_net(options.file, example=example, check=options.check)
    needs.with_data(net.graph)
    _write_import(net, *paths)
    for line in str(net.report).splitlines():
        print(line, file=sys.stderr)
    report = net.report
    train_cli.show(
        {
            "graph": str(paths[0]), "weights": str(paths[1]) if net.weights else None,
            "nodes": report.nodes, "parameters": report.parameters if net.weights else None,
            "aten": sum(report.aten.values()), "placeholders": len(report.placeholders),
            "max_error": report.max_error,
        },
        options.json,
    )  # fmt: skip
    return train_cli.DONE


def _is_source(file: Path) -> bool:
    return file.suffix.lower() == SOURCE


def _import_paths(options: argparse.Namespace) -> tuple[Path, Path, Path]:
    """Where graph, weights and report go; raises FileError where they would be in the way."""
    out = options.out or options.file.with_suffix(".graph.json")
    paths = out, *beside(out)
    only_read = _is_source(options.file) and not options.run_file  # it has no weights
    for path in (paths[0], paths[2]) if only_read else paths:
        if path.exists() and not options.force:
            raise _in_the_way(path, "it may have been edited")
    return paths


def _write_import(net: ImportedNet, graph: Path, weights: Path, report: Path) -> None:
    """Write the weights and the report first: a graph without them would be another net."""
    if net.weights:
        arrays = {name: np.ascontiguousarray(a) for name, a in net.weights.items()}
        write_atomically(weights, safetensors.numpy.save(arrays))
    write_atomically(report, net.report.as_json())
    files.save(net.graph, graph)
