"""The graph, the operators, both passes, training, landscapes, data and files. No Qt, ever."""

from typing import TYPE_CHECKING, Any

from graphcore import errors, ops
from graphcore.datasets import load_dataset
from graphcore.engine.compiler import compile
from graphcore.files import load, save
from graphcore.graph.elements import Change, Edge, Frame, Node, Note
from graphcore.graph.expression import parse_expression
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings
from graphcore.training.trainer import Trainer

if TYPE_CHECKING:
    from graphcore.exchange.live import from_module
    from graphcore.exchange.opening import open_net

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
    "compile",
    "errors",
    "from_module",
    "load",
    "load_dataset",
    "open_net",
    "ops",
    "parse_expression",
    "save",
]

_LATE = {"from_module": "graphcore.exchange.live", "open_net": "graphcore.exchange.opening"}
"""Public functions whose modules are imported when they are first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LATE[name]), name)
