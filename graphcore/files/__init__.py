"""Graph files, the clipboard's text, and writing that never leaves half a file."""

from graphcore.files.atomic import write_atomically
from graphcore.files.clipboard import Pasted, dumps_selection, paste
from graphcore.files.graph_file import FORMAT_VERSION, dumps, load, loads, save

__all__ = [
    "FORMAT_VERSION",
    "Pasted",
    "dumps",
    "dumps_selection",
    "load",
    "loads",
    "paste",
    "save",
    "write_atomically",
]
