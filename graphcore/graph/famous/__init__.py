"""Famous nets, made by rule: their layers, sizes and names, and no weights.

Names are those of torchvision's state dicts (of GPT-2: those of its published weights), so that
a file of weights fits by name: ``layer1.0.conv1.weight`` is ``layer1/_0/conv1.weight`` here.
"""

from __future__ import annotations

from collections.abc import Callable

from graphcore.graph.famous import googlenet, mobilenet, plain, resnet, transformers
from graphcore.graph.graph import Graph

NETS: dict[str, Callable[[], Graph]] = {
    **plain.NETS, **googlenet.NETS, **resnet.NETS, **mobilenet.NETS, **transformers.NETS,
}  # fmt: skip
"""Name -> what makes a fresh graph of it."""
