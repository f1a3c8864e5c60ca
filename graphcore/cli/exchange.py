"""``gradscape export`` and ``import``: graphs for other programs, and from them."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphcore import files
from graphcore.cli import train as train_cli
from graphcore.errors import FileError
from graphcore.files.onnx import export as onnx_export
from graphcore.files.onnx.writer import need_onnx
from graphcore.files.torch import export as torch_export
from graphcore.files.torch.script import TorchExport
from graphcore.files.torch.source import read_module
from graphcore.runs.folder import NamedNet, named_net
from graphcore.system import reading

FORMATS = ("torch", "onnx")
LARGEST_SOURCE = 4 * reading.MIB


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``export``."""
    parser.add_argument("file", help="graph file, preset, or the folder of a run (train --out)")
    parser.add_argument("--to", choices=FORMATS, default="torch",
                        help="torch: a PyTorch script; onnx: an ONNX file")  # fmt: skip
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
    kinds = {"torch": torch_export.foreign_file, "onnx": onnx_export.foreign_file}
    foreign = kinds[options.to](options.out, name)
    if foreign is not None and not options.force:
        raise _in_the_way(foreign, "it was not exported, or was changed since")
    if options.to == "onnx":
        return _export_onnx(name, options)
    made = _made(named_net(options.file), name, options)
    path = torch_export.write(made, options.out, name)
    train_cli.show({"script": str(path), "weights": str(path.with_suffix(".safetensors")),
                    "self_test": f"python {path}"}, options.json)  # fmt: skip
    return train_cli.DONE


def _export_onnx(name: str, options: argparse.Namespace) -> int:
    need_onnx()
    net = named_net(options.file)
    if torch_export.is_calculation(net.graph):
        plan = torch_export.calculation(net.graph)
        net.fill(plan)
        made = onnx_export.of_calculation(net.graph, plan, name)
    else:
        trainer = train_cli.make_trainer(net.graph, options)
        net.fill(trainer.plan)
        made = onnx_export.of_run(trainer, name, options.normalize_inside)
    path = onnx_export.write(made, options.out, name)
    off = onnx_export.self_test(path)
    train_cli.show({"onnx": str(path), "max_error": off,
                    "self_test": f"python {path.with_name(name + '_selftest.py')}"},
                   options.json)  # fmt: skip
    return train_cli.DONE


def _made(net: NamedNet, name: str, options: argparse.Namespace) -> TorchExport:
    if torch_export.is_calculation(net.graph):
        plan = torch_export.calculation(net.graph)
        net.fill(plan)
        return torch_export.of_calculation(net.graph, plan, name)
    trainer = train_cli.make_trainer(net.graph, options)
    net.fill(trainer.plan)
    return torch_export.of_run(trainer, name)


def add_import_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``import``."""
    parser.add_argument("file", type=Path, help="Python source with a class of nn.Module")
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="graph file; left out, beside the source")  # fmt: skip
    _add_force(parser)
    parser.add_argument("--json", action="store_true")


def _add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="write over files that are there")


def _in_the_way(path: Path, why: str) -> FileError:
    return FileError(f"{path} would be written over ({why}): choose another place, or use --force.")


def read(options: argparse.Namespace) -> int:
    """Read a PyTorch module, without running it, and write it as a graph file."""
    try:
        text = reading.read_bytes(options.file, LARGEST_SOURCE).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{options.file} cannot be read: {error}.") from None
    graph = read_module(text)
    out = options.out or options.file.with_suffix(".graph.json")
    if out.exists() and not options.force:
        raise _in_the_way(out, "it may have been edited")
    files.save(graph, out)
    train_cli.show({"graph": str(out), "nodes": len(graph)}, options.json)
    return train_cli.DONE
