"""The graph, the operators, both passes, training, landscapes, data and files. No Qt, ever."""

from graphcore import errors, ops
from graphcore.compiler import compile
from graphcore.elements import Change, Edge, Frame, Node, Note
from graphcore.expression import parse_expression
from graphcore.files import load, save
from graphcore.graph import Graph
from graphcore.settings import TrainingSettings

__version__ = "0.1.0"
__all__ = [
    "Change",
    "Edge",
    "Frame",
    "Graph",
    "Node",
    "Note",
    "TrainingSettings",
    "compile",
    "errors",
    "load",
    "ops",
    "parse_expression",
    "save",
]
