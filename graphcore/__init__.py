"""The graph, the operators, both passes, training, landscapes, data and files. No Qt, ever."""

from graphcore import errors, ops
from graphcore.datasets import load_dataset
from graphcore.engine.compiler import compile
from graphcore.files import load, save
from graphcore.graph.elements import Change, Edge, Frame, Node, Note
from graphcore.graph.expression import parse_expression
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings
from graphcore.training.trainer import Trainer

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
    "load",
    "load_dataset",
    "ops",
    "parse_expression",
    "save",
]
