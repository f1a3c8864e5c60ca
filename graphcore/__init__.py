"""The graph, the operators, both passes, training, landscapes, data and files. No Qt, ever."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphcore import errors, ops
    from graphcore.datasets import load_dataset
    from graphcore.engine.compiler import compile
    from graphcore.exchange.live import from_module
    from graphcore.exchange.opening import open_net
    from graphcore.files import load, save
    from graphcore.graph.elements import Change, Edge, Frame, Node, Note
    from graphcore.graph.expression import parse_expression
    from graphcore.graph.graph import Graph
    from graphcore.graph.shapes import check
    from graphcore.graph.training_settings import TrainingSettings
    from graphcore.scripting.activations import activations
    from graphcore.scripting.landscape import landscape
    from graphcore.scripting.predict import predict
    from graphcore.scripting.transfer import replace_head
    from graphcore.training.trainer import Trainer
    from graphcore.watching.watch import watch

_LATE = {
    "Change": "graphcore.graph.elements",
    "Edge": "graphcore.graph.elements",
    "Frame": "graphcore.graph.elements",
    "Graph": "graphcore.graph.graph",
    "Node": "graphcore.graph.elements",
    "Note": "graphcore.graph.elements",
    "Trainer": "graphcore.training.trainer",
    "TrainingSettings": "graphcore.graph.training_settings",
    "activations": "graphcore.scripting.activations",
    "check": "graphcore.graph.shapes",
    "compile": "graphcore.engine.compiler",
    "errors": "",
    "from_module": "graphcore.exchange.live",
    "landscape": "graphcore.scripting.landscape",
    "load": "graphcore.files",
    "load_dataset": "graphcore.datasets",
    "open_net": "graphcore.exchange.opening",
    "ops": "",
    "parse_expression": "graphcore.graph.expression",
    "predict": "graphcore.scripting.predict",
    "replace_head": "graphcore.scripting.transfer",
    "save": "graphcore.files",
    "watch": "graphcore.watching.watch",
}
"""Every public name -> the module that it stands in, imported when it is first used; "" marks a
module of its own. The window starts its engine before it needs any of them."""
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
    """Return a public name whose module was not imported yet."""
    if name not in _LATE:
        raise AttributeError(f"module 'graphcore' has no attribute {name!r}")
    module = _LATE[name]
    found = globals()[name] = (
        getattr(import_module(module), name) if module else import_module(f"graphcore.{name}")
    )
    return found
