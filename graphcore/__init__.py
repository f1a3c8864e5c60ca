"""The graph, the operators, both passes, training, landscapes, data and files. No Qt, ever."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from graphcore import errors, ops
from graphcore.datasets import load_dataset
from graphcore.engine.compiler import compile
from graphcore.files import load, save
from graphcore.graph.elements import Change, Edge, Frame, Node, Note
from graphcore.graph.expression import parse_expression
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import check
from graphcore.graph.training_settings import TrainingSettings
from graphcore.training.trainer import Trainer

if TYPE_CHECKING:
    from graphcore.exchange.live import from_module
    from graphcore.exchange.opening import open_net
    from graphcore.scripting.activations import activations
    from graphcore.scripting.landscape import landscape
    from graphcore.scripting.predict import predict
    from graphcore.scripting.transfer import replace_head
    from graphcore.watching.watch import watch

_LATE = {
    "activations": "graphcore.scripting.activations",
    "from_module": "graphcore.exchange.live",
    "landscape": "graphcore.scripting.landscape",
    "open_net": "graphcore.exchange.opening",
    "predict": "graphcore.scripting.predict",
    "replace_head": "graphcore.scripting.transfer",
    "watch": "graphcore.watching.watch",
}
"""Public functions whose modules are imported when they are first used."""
__version__ = "0.1.0"
__all__ = [
    "Change",
    "Edge",
    "Frame",
    "Graph",
    "Node",
    "Note",
    "Trainer",
    "TrainingSettings",
    "activations",
    "check",
    "compile",
    "errors",
    "from_module",
    "landscape",
    "load",
    "load_dataset",
    "open_net",
    "ops",
    "parse_expression",
    "predict",
    "replace_head",
    "save",
    "watch",
]


def __getattr__(name: str) -> Any:
    """Return a public function whose module was not imported yet."""
    if name not in _LATE:
        raise AttributeError(f"module 'graphcore' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_LATE[name]), name)
    return found
