"""A net as a .pt2 file: the exported script through torch.export, checked before it is kept.

What was learned about the data lies beside it, and a self-test with the numbers it was checked by.
"""

from __future__ import annotations

import importlib.util
import io
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from graphcore.datasets.learned import Learned
from graphcore.errors import ExportError, short
from graphcore.files.atomic import make_folder, write_atomically
from graphcore.files.embedding import KEY, read_embedded
from graphcore.files.exported import digest_in_numbers, foreign_among, pack_numbers
from graphcore.files.torch.export import write as write_script
from graphcore.files.torch.script import TorchExport
from graphcore.graph.composites import levels
from graphcore.graph.graph import Graph
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_ERROR = 1e-5
_DIGEST = "program sha256"


def write(
    made: TorchExport, folder: Path, name: str, data: Learned | None = None
) -> tuple[Path, float]:
    """Write a net as torch.export keeps it; the first axis of what is fed may be of any length.

    Args:
        made: a traced export, its self-test with two samples at least.
        data: what was learned about the data.

    Returns:
        The file, and the largest difference of its answers from ours, over the largest number.

    Raises:
        ExportError: torch.export does not take the net, or the file gives other numbers.
        FileError: it cannot be written.
    """
    fed = tuple(made.self_test[name] for name in made.fed)
    make_folder(folder)
    path, learned, numbers, script = _files(folder, name)
    program, found = _exported(made, fed, name)
    embedded = read_embedded(made.graph)
    outputs = () if embedded is None else embedded.outputs
    wanted = [made.self_test[f"expected {output}"] for output in outputs]
    if embedded is not None and _draws(embedded.graph):
        wanted = found  # numbers drawn at random are torch's own
    off = max(_off(*pair) for pair in zip(found, wanted, strict=True))
    if off > LARGEST_ERROR:
        raise ExportError(f"torch.export gives other numbers, off by {off:.1e}: nothing written.")
    packed = io.BytesIO()
    torch.export.save(program, packed, extra_files={KEY: made.graph})
    content = packed.getvalue()
    if data is not None:
        write_atomically(learned, msgspec.json.format(msgspec.json.encode(data)) + b"\n")
    write_atomically(numbers, _numbers(content, fed, dict(zip(outputs, wanted, strict=True))))
    write_atomically(script, _SCRIPT.format(name=name, bar=LARGEST_ERROR).encode())
    write_atomically(path, content)
    return path, off


def _exported(
    made: TorchExport, fed: tuple[Tensor, ...], name: str
) -> tuple[torch.export.ExportedProgram, list[Tensor]]:
    """The program that torch.export makes of the script, and its answers; raises ExportError."""
    with tempfile.TemporaryDirectory(prefix="gradscape-") as scratch:
        net = _loaded(write_script(made, Path(scratch), name)).load()
    batch = torch.export.Dim.AUTO
    shapes = tuple({0: batch} if x.dim() and len(x) > 1 else None for x in fed)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # recurrent layers keep their weights in a list, too
            program = torch.export.export(net, fed, dynamic_shapes=shapes)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)  # as the self-test does
                return program, _listed(program.module()(*fed))
    except Exception as error:  # torch.export raises whatever a net made it
        reason = short(str(error).strip().splitlines()[0] if str(error).strip() else error, 160)
        raise ExportError(f"torch.export does not take this net: {reason}.") from None


def foreign_file(folder: Path, name: str) -> Path | None:
    """Return a file that ``write`` would replace and did not write itself, or None."""
    path, _, numbers, script = _files(folder, name)
    return foreign_among((path, numbers, script), path, lambda: digest_in_numbers(numbers, _DIGEST))


def _files(folder: Path, name: str) -> tuple[Path, Path, Path, Path]:
    """Program, what was learned about the data, numbers and script of the self-test."""
    return (
        folder / f"{name}.pt2", folder / f"{name}.data.json", folder / f"{name}.pt2.npz",
        folder / f"{name}_pt2_selftest.py",
    )  # fmt: skip


def _numbers(content: bytes, fed: tuple[Tensor, ...], wanted: dict[str, Tensor]) -> bytes:
    """What the self-test feeds, by place, and what comes out, by name."""
    arrays = {f"in:{i}": x.numpy() for i, x in enumerate(fed)}
    arrays |= {f"out:{k}": x.numpy() for k, x in wanted.items()}
    return pack_numbers(arrays, _DIGEST, content)


def _loaded(script: Path) -> Any:
    """The script of an export as a module."""
    spec = importlib.util.spec_from_file_location("gradscape_export", script)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def _draws(graph: Graph) -> bool:
    """Whether a graph draws numbers also where it does not train."""
    return any(
        node.op.random and not hasattr(torch.nn, node.operator)
        for _, level in levels(graph) for node in level
    )  # fmt: skip


def _listed(answer: Any) -> list[Tensor]:
    return list(answer) if isinstance(answer, tuple | list) else [answer]


def _off(found: Tensor, wanted: Tensor) -> float:
    largest = max(1.0, float(wanted.abs().max()))
    return float((found - wanted).abs().max()) / largest


_SCRIPT = '''"""Check that {name}.pt2 gives the numbers that Gradscape gave."""

import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
kept = np.load(HERE / "{name}.pt2.npz")
fed = [torch.from_numpy(kept[name]) for name in kept.files if name.startswith("in:")]
torch.manual_seed(0)
with torch.no_grad():
    found = torch.export.load(HERE / "{name}.pt2").module()(*fed)
found = found if isinstance(found, tuple | list) else [found]
wanted = {{name[4:]: kept[name] for name in kept.files if name.startswith("out:")}}
worst = 0.0
for (name, numbers), value in zip(wanted.items(), found, strict=True):
    off = float(np.abs(value.numpy() - numbers).max() / max(1.0, np.abs(numbers).max()))
    print(f"{{name:>20}}  {{tuple(value.shape)}}  off by {{off:.1e}}")
    worst = max(worst, off)
print("the same" if worst <= {bar} else "NOT THE SAME")
sys.exit(0 if worst <= {bar} else 1)
'''
