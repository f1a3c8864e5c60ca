"""Checkpoints: a folder with ``state.json`` and one safetensors file of tensors.

The tensors are written first under a new name, then the JSON that points at them replaces the
old one, then the old tensors go: whatever happens in between, one whole checkpoint is there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from graphcore.errors import FileError
from graphcore.files import graph_file
from graphcore.files.atomic import write_atomically
from graphcore.system import reading

if TYPE_CHECKING:
    from torch import Tensor

FORMAT_VERSION = 2
"""2: weights lie as ``Operator.transposed`` says."""
LARGEST_STATE = 2 * graph_file.MAX_BYTES + reading.MIB
"""The graph's text lies in it quoted."""


class CheckpointState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``state.json`` holds.

    Attributes:
        graph: the graph file's text, so that a checkpoint stands on its own.
        tensors: name of the safetensors file in the same folder.
    """

    format_version: int = FORMAT_VERSION
    step: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    lr: float
    graph: str
    tensors: str


def write_checkpoint(
    folder: Path, tensors: dict[str, Tensor], *, step: int, lr: float, graph: str
) -> None:
    """Write a checkpoint, replacing the one in the folder; raises FileError."""
    from safetensors.torch import save

    name = f"tensors-{step}.safetensors"
    state = CheckpointState(step=step, lr=lr, graph=graph, tensors=name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, save({k: v.contiguous() for k, v in tensors.items()}))
        write_atomically(folder / "state.json", msgspec.json.format(msgspec.json.encode(state)))
        left = (*folder.glob("tensors-*.safetensors"), *folder.glob(".tensors-*.tmp"))
        for old in left:  # the second kind is of a process that was killed while it wrote
            if old.name != name:
                old.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(f"The checkpoint could not be written to {folder}: {error}.") from None


def read_checkpoint(folder: Path) -> tuple[CheckpointState, dict[str, Tensor]]:
    """The newest checkpoint in a folder; raises FileError."""
    from graphcore.files import state_dict

    if not os.path.exists(folder / "state.json"):
        raise FileError(f"There is no checkpoint in {folder}: train --out DIR leaves one in DIR.")
    try:
        state = _read_state(folder)
    except (msgspec.MsgspecError, ValueError) as error:
        reason = str(error).strip("'. \n").partition("\n")[0][:120]
        raise FileError(f"The checkpoint in {folder} is damaged: {reason}.") from None
    if state.format_version != FORMAT_VERSION:
        raise FileError(
            f"The checkpoint in {folder} was written by another version of Gradscape: its "
            f"format is {state.format_version}, this one reads {FORMAT_VERSION}."
        )
    if os.path.basename(state.tensors) != state.tensors:
        raise FileError(f"The checkpoint in {folder} points outside its folder.")
    return state, state_dict.read_tensors(folder / state.tensors)


def newest_step(folder: Path) -> int | None:
    """Return the step of the checkpoint in a folder; None where there is none to be read."""
    try:
        return _read_state(folder).step
    except (FileError, msgspec.MsgspecError, ValueError):
        return None


def _read_state(folder: Path) -> CheckpointState:
    content = reading.read_bytes(folder / "state.json", LARGEST_STATE)
    return msgspec.json.decode(content, type=CheckpointState)
