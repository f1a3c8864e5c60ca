"""Every refusal of the package, one class per reason.

    GradscapeError
    ├── GraphError                 a change that the graph cannot take
    │   ├── UnknownOperatorError   no operator of that name is registered
    │   ├── UnknownNodeError       no node of that name
    │   ├── UnknownPortError       the node has no such input or output
    │   ├── NameRefusedError       not an identifier, or taken
    │   ├── AttributeRefusedError  no such attribute, or a value that does not fit
    │   ├── InputTakenError        the input has an edge already
    │   └── CycleError             the edge would close a cycle
    ├── ShapeError                 shapes that do not fit together; may carry a Fix
    ├── ExpressionError            text that is no formula or layer list
    ├── FileError                  a graph file or checkpoint that cannot be read or written
    ├── ExportError                a graph that another format has no words for
    ├── DataError                  a data set that cannot be found, fetched or read
    ├── LessonError                a lesson, a check or an answer file that cannot be read or played
    └── EngineError                a pass or a training run that cannot go on
        ├── FeedError              a fed array is missing or has the wrong shape
        ├── NotKept                the value was freed: the plan runs in train mode
        ├── NonFiniteError         a value became NaN or infinite
        ├── LostProcessError       a process that shares the run is gone
        └── WorkerError            the engine process answered with an error

Each message is one sentence that names the thing, the value got and what would fit; the same
text reaches the status bar, the log, the command line and the tests. ``GradscapeError`` keeps
every message to one line of at most 300 characters, whatever was quoted in it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any, Literal

QUOTED = 60
"""Characters of a foreign value that a message quotes: a name, a cell, a header, a path."""
SENTENCE = 300
"""Characters of a whole message."""
_UNBROKEN = 120
_ADDRESS = re.compile(r" object at 0x[0-9a-fA-F]*")
_QUOTATION = re.compile(r"(?<!\w)(['\"])(?!\s)((?:(?!\1).){61,})\1(?!\w)")


def short(value: object, limit: int = QUOTED) -> str:
    """Return a foreign value on one line of at most ``limit`` characters.

    The middle of a long value is left out: the end of a path says most.
    """
    text = os.fsdecode(value) if isinstance(value, bytes | os.PathLike) else str(value)
    if len(text) > 2 * limit:
        text = f"{text[:limit]}…{text[-limit:]}"  # what follows takes long over a long text
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[head + 1 - limit :]}"


def quote(value: object) -> str:
    """Return a foreign value as Python would write it, on one line of at most 60 characters."""
    if isinstance(value, str) and len(value) > 2 * QUOTED:
        value = f"{value[:QUOTED]}…{value[-QUOTED:]}"
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write an integer of more than 4,300 digits
        return "a number of thousands of digits"
    if len(text) <= QUOTED:
        return text
    return f"{text[0]}{short(text[1:-1], QUOTED - 2)}{text[-1]}"


def sentence(message: str) -> str:
    """Return a message as one line of at most 300 characters, without addresses of objects."""
    text = _ADDRESS.sub("", short(message, 8 * SENTENCE))
    text = _QUOTATION.sub(lambda m: f"{m[1]}{short(m[2], QUOTED - 2)}{m[1]}", text)
    words = [short(word, _UNBROKEN) for word in text.split()]
    return short(" ".join(words), SENTENCE)


class GradscapeError(Exception):
    """Base of every refusal; ``str(error)`` is a sentence fit to be shown."""

    def __init__(self, message: str = "") -> None:
        super().__init__(sentence(message))


class GraphError(GradscapeError):
    """A change that the graph cannot take."""


class UnknownOperatorError(GraphError):
    """No operator of that name is registered."""


class UnknownNodeError(GraphError):
    """No node of that name is in the graph."""


class UnknownPortError(GraphError):
    """The node has no input or output of that name."""


class NameRefusedError(GraphError):
    """A name that is no identifier, or that another node has."""


class AttributeRefusedError(GraphError):
    """No such attribute, or a value that does not fit it."""


class InputTakenError(GraphError):
    """The input has an edge already; an input takes one."""


class CycleError(GraphError):
    """The edge would make a node depend on itself."""


@dataclass(frozen=True)
class Fix:
    """A change that would make shapes fit.

    ``kind`` is "insert" (put ``operator`` on the edge into ``input``) or "set" (give the
    node ``attributes``); ``label`` is what a button says.
    """

    kind: Literal["insert", "set"]
    label: str
    operator: str = ""
    input: str = "x"
    attributes: dict[str, Any] = field(default_factory=dict)


class ShapeError(GradscapeError):
    """Shapes that do not fit together.

    Attributes:
        fix: a change that would help, or None.
        node: name of the node at fault, once it is known.
    """

    def __init__(self, message: str, fix: Fix | None = None, node: str = "") -> None:
        super().__init__(message)
        self.fix = fix
        self.node = node


class ExpressionError(GradscapeError):
    """Text that is no formula or layer list."""


class FileError(GradscapeError):
    """A graph file or checkpoint that cannot be read or written."""


class ExportError(GradscapeError):
    """A graph that another format has no words for."""


class DataError(GradscapeError):
    """A data set that cannot be found, fetched or read."""


class LessonError(GradscapeError):
    """A lesson, a check or an answer file that cannot be read or played."""


class EngineError(GradscapeError):
    """A pass or a training run that cannot go on."""


class FeedError(EngineError):
    """A fed array is missing or has the wrong shape."""


class NotKept(EngineError):  # noqa: N818 - the name is part of the public interface
    """The value was freed during the pass: compile with ``mode="inspect"`` to see it."""


class NonFiniteError(EngineError):
    """A value became NaN or infinite.

    Attributes:
        node: the first node where it happened.
        phase: "forward" or "backward".
    """

    def __init__(self, message: str, node: str = "", phase: str = "forward") -> None:
        super().__init__(message)
        self.node = node
        self.phase = phase


class LostProcessError(EngineError):
    """A process that shares the run is gone."""


class WorkerError(EngineError):
    """The engine process answered with an error."""
