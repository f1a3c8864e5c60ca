"""A net as a .pt2 file: the exported script through torch.export, checked before it is kept."""

from __future__ import annotations

import importlib.util
import io
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphcore.errors import ExportError, short
from graphcore.files.atomic import make_folder, write_atomically
from graphcore.files.embedding import KEY
from graphcore.files.torch.export import write as write_script
from graphcore.files.torch.script import TorchExport
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_ERROR = 1e-5


def program_file(folder: Path, name: str) -> Path:
    """Where ``write`` puts its file."""
    return folder / f"{name}.pt2"


def write(
    made: TorchExport, fed: tuple[Tensor, ...], folder: Path, name: str
) -> tuple[Path, float]:
    """Write a net as torch.export keeps it; the first axis of what is fed may be of any length.

    Args:
        fed: what the net is fed, two samples at least.

    Returns:
        The file, and the largest difference of its answer from the script's, over the largest
        number of that.

    Raises:
        ExportError: torch.export does not take the net, or the file gives other numbers.
        FileError: it cannot be written.
    """
    make_folder(folder)
    path = program_file(folder, name)
    with tempfile.TemporaryDirectory(prefix="gradscape-") as scratch:
        net = _loaded(write_script(made, Path(scratch), name)).load()
    batch = torch.export.Dim.AUTO
    shapes = tuple({0: batch} if x.dim() and len(x) > 1 else None for x in fed)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # recurrent layers keep their weights in a list, too
            program = torch.export.export(net, fed, dynamic_shapes=shapes)
            wanted, found = net(*fed), program.module()(*fed)
    except Exception as error:  # torch.export raises whatever a net made it
        reason = short(str(error).strip().splitlines()[0] if str(error).strip() else error, 160)
        raise ExportError(f"torch.export does not take this net: {reason}.") from None
    off = _off(found, wanted)
    if off > LARGEST_ERROR:
        raise ExportError(f"torch.export gives other numbers, off by {off:.1e}: nothing written.")
    packed = io.BytesIO()
    torch.export.save(program, packed, extra_files={KEY: made.graph})
    write_atomically(path, packed.getvalue())
    return path, off


def _loaded(script: Path) -> Any:
    """The script of an export as a module."""
    spec = importlib.util.spec_from_file_location("gradscape_export", script)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def _off(found: Any, wanted: Any) -> float:
    first, second = (x[0] if isinstance(x, tuple) else x for x in (found, wanted))
    largest = max(1.0, float(second.abs().max()))
    return float((first - second).abs().max()) / largest
