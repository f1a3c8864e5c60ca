"""Facts of a net as it is written for other programs."""

from __future__ import annotations

import re
from typing import Literal

from graphcore.errors import LessonError
from graphcore.lessons.functions import fact
from graphcore.lessons.state import State


@fact
def code(state: State, node: str, program: Literal["torch", "keras"] = "torch") -> str:
    """The line that makes a node in the script that Export writes for PyTorch or Keras.

    Example: code("hidden") == "nn.Linear(2, 4)"
    """
    from graphcore.files.keras import export as keras_export
    from graphcore.files.torch import export as torch_export

    state.node(node)
    name = re.escape(node)
    if program == "torch":
        script = torch_export.of_run(state.trainer, "net").script
        line = rf"^ +(?:self\.)?{name} = (.+?)(?:  #.*)?$"
    else:
        script = keras_export.of_run(state.trainer, "net").script
        line = rf"^ +(?:\w+ = )?(.*\"{name}\".*?),?(?:  #.*)?$"
    found = re.search(line, script, re.MULTILINE)
    if found is None:
        raise LessonError(f"{node} has no line of its own in the script.")
    return found[1]


@fact
def code_lines(state: State) -> float:
    """How many lines of the script for PyTorch compute the net's answer, one after the other."""
    from graphcore.files.torch import export as torch_export

    script = torch_export.of_run(state.trainer, "net").script
    found = re.search(r"def forward\(.*?\):\n(.*?)\n\n", script, re.DOTALL)
    return float(sum(" = " in line for line in found[1].splitlines())) if found else 0.0
