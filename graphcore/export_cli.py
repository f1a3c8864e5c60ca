"""``gradscape export`` and ``import``: graphs for other programs, and from them."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphcore import files, presets, torch_export, train_cli
from graphcore.errors import FileError
from graphcore.files import weights
from graphcore.files.torch_import import read_module
from graphcore.files.torch_script import TorchExport
from graphcore.graph import Graph
from graphcore.plan import Plan

FORMATS = ("torch",)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``export``."""
    parser.add_argument("file", help="graph file, preset, or the folder of a run (train --out)")
    parser.add_argument("--to", choices=FORMATS, default="torch",
                        help="torch: a PyTorch script with weights and a self-test")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--name", help="what the files are called; left out, as the graph")
    train_cli.add_data_options(parser)


def export(options: argparse.Namespace) -> int:
    """Write the files and say where."""
    given = Path(options.file)
    trained = given if given.is_dir() else None
    graph = files.load(trained / "graph.graph.json") if trained else presets.resolve(options.file)
    name = torch_export.module_name(options.name or given.name.removesuffix(".graph.json"))
    path = torch_export.write(_made(graph, trained, name, options), options.out, name)
    train_cli.show({"script": str(path), "weights": str(path.with_suffix(".safetensors")),
                    "self_test": f"python {path}"}, options.json)  # fmt: skip
    return train_cli.DONE


def _made(
    graph: Graph, trained: Path | None, name: str, options: argparse.Namespace
) -> TorchExport:
    if torch_export.is_calculation(graph):
        plan = torch_export.calculation(graph)
        _fill(plan, trained)
        return torch_export.of_calculation(graph, plan, name)
    trainer = train_cli.make_trainer(graph, options)
    _fill(trainer.plan, trained)
    return torch_export.of_run(trainer, name)


def _fill(plan: Plan, trained: Path | None) -> None:
    if trained is not None:
        weights.read_weights(trained / "weights.safetensors", plan)


def add_import_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``import``."""
    parser.add_argument("file", type=Path, help="Python source with a class of nn.Module")
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="graph file; left out, beside the source")  # fmt: skip
    parser.add_argument("--json", action="store_true")


def read(options: argparse.Namespace) -> int:
    """Read a PyTorch module, without running it, and write it as a graph file."""
    try:
        text = options.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(f"{options.file} cannot be read: {reason}.") from None
    graph = read_module(text)
    out = options.out or options.file.with_suffix(".graph.json")
    files.save(graph, out)
    train_cli.show({"graph": str(out), "nodes": len(graph)}, options.json)
    return train_cli.DONE
