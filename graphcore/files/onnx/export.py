"""Writing a net as an ONNX file, with what was learned about its data and a self-test beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from graphcore.datasets.learned import Learned, Scale, learned
from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.errors import ExportError, FileError, short
from graphcore.files.atomic import make_folder, write_atomically
from graphcore.files.exported import digest_in_numbers, foreign_among, pack_numbers
from graphcore.files.onnx.writer import model_of, run_reference
from graphcore.graph.graph import Graph
from graphcore.system import reading
from graphcore.training.trainer import Trainer

if TYPE_CHECKING:
    import onnx

SAMPLES = 16
"""Samples of the test split in the self-test."""
LARGEST = 2**31 - 1
"""Bytes of one protobuf message, and so of a file without further ones."""
_IN, _OUT, _DIGEST = "in:", "out:", "onnx sha256"


@dataclass(frozen=True)
class OnnxExport:
    """What an export consists of.

    Attributes:
        fed, expected: what the self-test feeds and what comes out, by name.
        data: what was learned about the data, or None.
    """

    model: onnx.ModelProto
    fed: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]
    data: Learned | None = None


def of_run(trainer: Trainer, name: str, inside: bool = False) -> OnnxExport:
    """A net with the weights it has now; raises ExportError.

    Args:
        inside: whether the model normalises its input itself.
    """
    binding, data = trainer.binding, learned(trainer.data)
    answer = binding.output if binding.input else ""
    plan = trainer.looking_plan()
    x, t = trainer.tensors(trainer.data.test, SAMPLES)
    plan.forward(binding.feeds(x, t))
    model = model_of(trainer.graph, plan, name=name, answer=answer, data=data, inside=inside)
    fed: dict[str, np.ndarray] = {}
    for given in model.graph.input:
        fed[given.name] = plan.value(given.name).cpu().numpy()
    if inside and data.normalization.kind != "none" and binding.input in fed:
        raw = trainer.data.normalization.invert(trainer.data.test.inputs[:SAMPLES])
        fed[binding.input] = np.asarray(raw, np.float32).reshape(fed[binding.input].shape)
    beside = msgspec.structs.replace(data, normalization=Scale()) if inside else data
    return OnnxExport(model, fed, _expected(model, plan), beside if binding.input else None)


def of_calculation(graph: Graph, weights: Plan, name: str) -> OnnxExport:
    """A graph whose inputs have their own values; raises ExportError, FeedError."""
    plan = compile(graph, mode="inspect")
    plan.copy_state(weights)
    plan.forward({})
    model = model_of(graph, plan, name=name)
    fed = {given.name: plan.value(given.name).cpu().numpy() for given in model.graph.input}
    return OnnxExport(model, fed, _expected(model, plan))


def _expected(model: onnx.ModelProto, plan: Plan) -> dict[str, np.ndarray]:
    """The values of the model's outputs; those of a composite by the name of what is inside."""
    return {out.name: plan.value(out.name).cpu().numpy() for out in model.graph.output}


def write(made: OnnxExport, folder: Path, name: str) -> Path:
    """Write the model and what belongs to it; returns the model's path. Raises FileError.

    The self-test carries the digest of the model, by which ``foreign_file`` knows it again.
    """
    if made.model.ByteSize() > LARGEST:
        raise ExportError("The net is larger than 2 GiB, more than one ONNX file holds.")
    make_folder(folder)
    content = made.model.SerializeToString()
    model, data, numbers, script = _files(folder, name)
    arrays = {f"{_IN}{k}": v for k, v in made.fed.items()}
    arrays |= {f"{_OUT}{k}": v for k, v in made.expected.items()}
    if made.data is not None:
        write_atomically(data, msgspec.json.format(msgspec.json.encode(made.data)) + b"\n")
    write_atomically(numbers, pack_numbers(arrays, _DIGEST, content))
    write_atomically(script, _SCRIPT.format(name=name).encode())
    write_atomically(model, content)
    return model


def foreign_file(folder: Path, name: str) -> Path | None:
    """Return a file that ``write`` would replace and did not write itself, or None."""
    model, _, numbers, _ = files = _files(folder, name)
    return foreign_among(files, model, lambda: digest_in_numbers(numbers, _DIGEST))


def _files(folder: Path, name: str) -> tuple[Path, Path, Path, Path]:
    """Model, what was learned about the data, numbers and script of the self-test."""
    return (
        folder / f"{name}.onnx", folder / f"{name}.data.json", folder / f"{name}.selftest.npz",
        folder / f"{name}_selftest.py",
    )  # fmt: skip


def self_test(path: Path) -> float:
    """Run a model that ``write`` left in the reference evaluator.

    Returns:
        The largest difference from our numbers, over the largest number.

    Raises:
        FileError, ExportError: a file cannot be read, or the model does not run.
    """
    import onnx

    numbers = path.with_suffix(".selftest.npz")
    try:
        model = onnx.load_model_from_string(reading.read_bytes(path, LARGEST))
        with reading.opened(numbers, LARGEST) as file, np.load(file, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
    except (ValueError, KeyError, EOFError) as error:
        raise FileError(f"{short(path.name)} cannot be read: {short(error)}.") from None
    fed = {k.removeprefix(_IN): v for k, v in arrays.items() if k.startswith(_IN)}
    worst = 0.0
    for output, found in zip(model.graph.output, run_reference(model, fed), strict=True):
        wanted = arrays[f"{_OUT}{output.name}"]
        largest = max(1.0, float(np.abs(wanted).max(initial=0.0)))
        worst = max(worst, float(np.abs(found - wanted).max(initial=0.0)) / largest)
    return worst


_SCRIPT = '''"""Check that {name}.onnx gives the numbers that Gradscape gave."""

import sys
from pathlib import Path

import numpy as np
import onnx

HERE = Path(__file__).parent
path = HERE / "{name}.onnx"
kept = np.load(HERE / "{name}.selftest.npz")
fed = {{name[3:]: kept[name] for name in kept.files if name.startswith("in:")}}
try:
    import onnxruntime

    found = onnxruntime.InferenceSession(path).run(None, fed)
except ImportError:
    from onnx.reference import ReferenceEvaluator

    found = ReferenceEvaluator(onnx.load(path)).run(None, fed)
worst = 0.0
for output, value in zip(onnx.load(path).graph.output, found):
    wanted = kept["out:" + output.name]
    off = float(np.abs(value - wanted).max() / max(1.0, np.abs(wanted).max()))
    print(f"{{output.name:>20}}  {{value.shape}}  off by {{off:.1e}}")
    worst = max(worst, off)
print("the same" if worst <= 1e-5 else "NOT THE SAME")
sys.exit(0 if worst <= 1e-5 else 1)
'''
