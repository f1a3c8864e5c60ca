"""Opens ordinary PyTorch files of a folder and says how many are equal to torch.

    python tests/bench/modules.py FOLDER [--export|--run|--source]

FOLDER holds NAME.py with a class Net, NAME.safetensors with its weights and NAME.expected.json
with the number of parameters, one input and torch's own answer in evaluation mode. ``--export``
(the default) takes the module live, ``--run`` runs the file in a process of its own, ``--source``
reads it only: there a file may also be refused by name, but never be opened wrongly.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

import graphcore as gc
from graphcore.errors import GradscapeError
from graphcore.exchange.net import ImportedNet
from graphcore.files.weights import fit_weights


def example(expected: dict[str, Any], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The input of a file, by the rule of its folder: waves, or indices for tokens."""
    found = {}
    for i, (name, record) in enumerate(expected["inputs"].items()):
        k = torch.arange(math.prod(record["shape"]))
        whole = "token" in name
        numbers = (3 * k + 1) % 10 if whole else (torch.sin(0.37 * k.double()) + i).to(dtype)
        found[name] = numbers.reshape(record["shape"])
    return found


def live(path: Path, inputs: dict[str, torch.Tensor], dtype: torch.dtype) -> torch.nn.Module:
    """The module of a file with its weights."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    net: torch.nn.Module = module.Net().eval()
    with torch.no_grad():
        net(**{k: v.float() if v.is_floating_point() else v for k, v in inputs.items()})
    net.load_state_dict(load_file(path.with_suffix(".safetensors")), strict=False)
    return net.to(dtype)


def differences(
    net: ImportedNet, module: torch.nn.Module, inputs: dict[str, torch.Tensor], training: bool
) -> float:
    """Largest difference of an output or a gradient, as a share of the largest number."""
    module.train(training)
    plan = net.compile(mode="inspect")
    plan.forward(dict(zip(net.inputs, inputs.values(), strict=True)), training=training)
    answers = torch.utils._pytree.tree_leaves(module(**inputs))
    parameters = {n: p for n, p in module.named_parameters() if p.requires_grad}
    wanted = torch.autograd.grad(
        sum(y.sum() for y in answers), list(parameters.values()), allow_unused=True
    )
    worst, found = 0.0, dict.fromkeys(plan.parameters, torch.zeros(()))
    for name, y in zip(net.outputs, answers, strict=True):
        worst = max(worst, share(plan.value(name), y.detach(), y.detach()))
        plan.backward(name, torch.ones_like(y))
        found = {k: found[k] + g for k, g in plan.gradients.items()}
    largest = torch.cat([g.flatten() for g in wanted if g is not None])
    for (name, p), g in zip(parameters.items(), wanted, strict=True):
        reference = torch.zeros_like(p) if g is None else g
        worst = max(worst, share(found[net.report.names[name]], reference, largest))
    return worst


def share(found: torch.Tensor, wanted: torch.Tensor, among: torch.Tensor) -> float:
    """Largest difference as a share of the largest number."""
    if found.shape != wanted.shape:
        return math.inf
    return float((found - wanted).abs().max() / among.abs().max().clamp_min(1e-30))


def exported(path: Path, expected: dict[str, Any]) -> str:
    """Say what is wrong with a file that is taken live; "" for nothing."""
    for dtype, bar in ((torch.float32, 1e-5), (torch.float64, 1e-9)):
        inputs = example(expected, dtype)
        module = live(path, inputs, dtype)
        net = gc.from_module(module, inputs)
        if net.report.parameters != expected["parameters"]:
            return f"{net.report.parameters} parameters, not {expected['parameters']}"
        random = any(s.op.random and s.attributes["p"] for s in net.compile().steps)
        for training in (False,) if random else (False, True):
            worst = differences(net, module, inputs, training)
            if not worst <= bar:
                return f"{dtype}, training={training}: off by {worst:.1e}"
    return ""


def opened(path: Path, expected: dict[str, Any], run: bool) -> str:
    """Say what is wrong with a file that is run, or read; "" for nothing, "refused: ..."."""
    inputs = example(expected, torch.float32)
    try:
        net = gc.open_net(path, run=run, example=inputs)
    except GradscapeError as error:
        return str(error) if run else f"refused: {error}"
    plan = net.compile(mode="inspect")
    count = sum(p.numel() for p in plan.parameters.values())
    if count != expected["parameters"]:
        return f"{count} parameters, not {expected['parameters']}"
    module = live(path, inputs, torch.float32)
    fit_weights(plan, {**module.state_dict()})
    plan.forward(dict(zip(net.inputs, inputs.values(), strict=True)))
    answers = torch.utils._pytree.tree_leaves(module(**inputs))
    if len(answers) != len(net.outputs):
        return f"{len(net.outputs)} results, not {len(answers)}"
    worst = max(
        share(plan.value(n), y.detach(), y.detach())
        for n, y in zip(net.outputs, answers, strict=True)
    )
    return "" if worst <= 1e-5 else f"off by {worst:.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    ways = parser.add_mutually_exclusive_group()
    for way in ("export", "run", "source"):
        ways.add_argument(f"--{way}", dest="way", action="store_const", const=way, default="export")
    options = parser.parse_args()
    results = {}
    for path in sorted(options.folder.glob("*.py")):
        expected = json.loads(path.with_suffix(".expected.json").read_text())
        try:
            if options.way == "export":
                results[path.name] = exported(path, expected)
            else:
                results[path.name] = opened(path, expected, options.way == "run")
        except Exception as error:
            results[path.name] = f"{type(error).__name__}: {error}"
        print(f"{path.name}: {results[path.name] or 'equal'}", flush=True)
    equal = sum(not r for r in results.values())
    refused = sum(r.startswith("refused") for r in results.values())
    print(f"{equal} of {len(results)} equal, {refused} refused by name, "
          f"{len(results) - equal - refused} wrong")  # fmt: skip


if __name__ == "__main__":
    main()
