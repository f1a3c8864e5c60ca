"""Transfer learning in a script: a trained net with a fresh head, on other data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from graphcore import datasets
from graphcore.files import weights as files
from graphcore.graph import freezing, heads
from graphcore.graph.training_settings import TrainingSettings
from graphcore.late import torch
from graphcore.scripting.net import load_data, net_of
from graphcore.training.trainer import Trainer


def replace_head(
    run_or_graph: Any, classes: int, data: datasets.Dataset | None = None, *,
    freeze: bool = True, unfreeze_from: str = "", weights: str | os.PathLike[str] | None = None,
    settings: TrainingSettings | None = None,
) -> Trainer:  # fmt: skip
    """Return a run of a trained net whose last layer is a fresh one, on other data.

        gc.replace_head("run", 5, data).run(steps=200)
        gc.replace_head("resnet50", 3, pictures, weights="resnet50.pth").run(epochs=5)

    Args:
        run_or_graph: as ``predict`` takes it.
        classes: how many the new data have.
        data: what it is trained on; left out, what the graph's settings name.
        freeze: whether all layers but the new one are kept out of training.
        unfreeze_from: path of a node, ``block/layer`` inside composites, from which on layers are
            trained all the same.
        weights: a state dict (.safetensors, .pth) that the net begins with.

    Raises:
        FileError: the net or its weights cannot be read.
        GraphError: the net has no layer that tells classes apart, or no such node.
    """
    net = net_of(run_or_graph)
    if weights is not None:
        net = net.with_weights(Path(weights))
    graph = heads.replace_head(net.graph, classes, freeze)
    if unfreeze_from:
        levels, name = freezing.levels_to(graph, unfreeze_from)
        freezing.set_all(freezing.along(levels, [name], onward=True), frozen=False)
    trainer = Trainer(graph, load_data(graph) if data is None else data, settings)
    given = {} if net.weights is None else net.weights
    with torch.inference_mode():
        for name, tensor in files.state(trainer.plan).items():
            if name in given and tuple(given[name].shape) == tuple(tensor.shape):
                tensor.copy_(torch.as_tensor(given[name]))
    return trainer
