"""Opens famous nets, looks into one sample, trains ten steps, and prints seconds and memory.

    python tests/bench/big_nets.py [NAME ...]        python tests/bench/big_nets.py --torchvision

Each net is measured in a process of its own. With ``--torchvision``, which needs that package,
torchvision's nets give their state dicts to the presets, and the answers are compared.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import graphcore as gc
from graphcore import presets
from graphcore.files import weights
from graphcore.graph.counts import counts
from graphcore.graph.runnable import runnable_part
from graphcore.graph.shapes import ShapeInference, training_bytes
from graphcore.scripting.net import load_data

NETS = ("resnet50", "resnet152", "gpt2", "vit_b_16")
STEPS = 10
OPENING = 2.0
"""Seconds that opening the largest may take."""
SAME = 1e-5
"""Largest difference of an answer, over the largest of them."""


def timed(what: str, run: Callable[[], Any]) -> Any:
    """Run, and print the processor's seconds and the most memory so far."""
    begun = time.process_time()
    found = run()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  {what:32} {time.process_time() - begun:6.2f} s   {most:5.2f} GiB", flush=True)
    return found


def measure(name: str) -> None:
    """One net from its rule to ten steps of training."""
    begun = time.process_time()
    graph = timed("made by rule", lambda: presets.load(name))
    shapes = timed("shapes of every node", lambda: ShapeInference(graph))
    assert time.process_time() - begun < OPENING
    found = counts(graph, shapes)
    data = load_data(graph)
    plan = timed("weights drawn", lambda: gc.compile(runnable_part(graph)))
    x = graph.node("x").attributes
    sample = data.test.inputs[:1].astype(np.int64 if x["dtype"] == "int" else np.float32)
    timed("every layer of one sample", lambda: plan.forward({"x": sample}))
    values = [plan.value(step.name) for step in plan.steps]
    print(f"  {found.nodes} nodes, {found.parameters:,} parameters, {len(values)} values")
    plan, values = None, []
    trainer = timed("trainer", lambda: gc.Trainer(graph, data))
    told = training_bytes(shapes, graph.training.batch, 4) / 2**30
    print(f"  said before the run: about {told:.2f} GiB at a batch of {graph.training.batch}")
    timed(f"{STEPS} steps", lambda: [trainer.train_step() for _ in range(STEPS)])
    timed("a step that is looked at", lambda: trainer.train_step(record=True))


def compare(names: list[str]) -> None:
    """Give the presets the weights of torchvision's nets, and compare the answers."""
    from famous_nets import models  # type: ignore[import-not-found, unused-ignore]

    shared = [n for n in presets.names() if hasattr(models(), n) and (not names or n in names)]
    for name in shared:
        torch.manual_seed(0)
        more = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
        net = getattr(models(), name)(weights=None, **more).eval()
        for part in net.modules():
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
                part.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr]
                part.running_var.uniform_(0.8, 1.2)  # type: ignore[union-attr]
        x = torch.randn(2, 3, 224, 224)
        with torch.no_grad():
            wanted = net(x)
        part = runnable_part(presets.load(name))
        plan, theirs = gc.compile(part), net.state_dict()
        fit = weights.match_weights(weights.state(plan), theirs)
        weights.fill(plan, fit, theirs)
        plan.forward({"x": x})
        end = next(n for n in reversed(part.topological_order()) if part.edges_into(n))
        off = float((plan.value(end) - wanted).abs().max() / wanted.abs().max())
        print(f"{name}: {len(fit.sources)} tensors by name, {len(fit.by_shape)} otherwise, "
              f"answers off by {off:.1e}", flush=True)  # fmt: skip
        assert off <= SAME
        assert not fit.by_shape


def main() -> None:
    """Measure the nets that are named, each in a process of its own."""
    named = sys.argv[1:]
    if named[:1] == ["--torchvision"]:
        compare(named[1:])
    elif named[:1] == ["--here"]:
        measure(named[1])
    else:
        for name in named or NETS:
            print(name, flush=True)
            subprocess.run([sys.executable, __file__, "--here", name], check=True)


if __name__ == "__main__":
    main()
