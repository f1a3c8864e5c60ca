"""Opens the ONNX files of the onnx wheel's own test data, runs them and compares the outputs.

    python tests/bench/onnx_cases.py [GROUP ...]

GROUP is light, pytorch-converted, pytorch-operator, simple or node; left out, the first four.
"node" has one operator in each file, also those that no net has. An output is equal where it is so
to 1e-5 of the largest number, or to the tolerance that the case states itself.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test import loader

import graphcore as gc
from graphcore.errors import GradscapeError
from graphcore.exchange.nesting import identifier

DATA = Path(loader.DATA_DIR)
GROUPS = ("light", "pytorch-converted", "pytorch-operator", "simple")
TOLERANCE = 1e-5


@dataclass
class Trial:
    """One file with what goes in and what has to come out."""

    name: str
    path: Path
    fed: list[Any]
    wanted: list[Any]
    tolerance: float = TOLERANCE


def _tensor(path: Path, kind: Any) -> Any:
    """A tensor or a list of them, as the model says."""
    if kind.WhichOneof("value") == "sequence_type":
        return numpy_helper.to_list(onnx.SequenceProto.FromString(path.read_bytes()))
    return numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


def _fed(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    held = {t.name for t in model.graph.initializer}
    return [i for i in model.graph.input if i.name not in held]


def light() -> Iterator[Trial]:
    """Well-known nets whose weights are all alike; the input is the runner's own."""
    for path in sorted((DATA / "light").glob("*.onnx")):
        model = onnx.load(path)
        fed = []
        for one in _fed(model):
            shape = tuple(d.dim_value for d in one.type.tensor_type.shape.dim)
            count = int(np.prod(shape))
            fed.append((np.arange(count).astype(np.float32) / count).reshape(shape))
        wanted = [
            _tensor(path.with_name(f"{path.stem}_output_{i}.pb"), o.type)
            for i, o in enumerate(model.graph.output)
        ]
        yield Trial(path.stem, path, fed, wanted, 1e-3)


def folders(group: str) -> Iterator[Trial]:
    """One folder a case, with numbers beside the model."""
    for folder in sorted((DATA / group).iterdir()):
        path = folder / "model.onnx"
        if not path.exists():
            continue
        model = onnx.load(path)
        for data in sorted(folder.glob("test_data_set_*")):
            fed = [_tensor(data / f"input_{i}.pb", v.type) for i, v in enumerate(_fed(model))]
            wanted = [
                _tensor(data / f"output_{i}.pb", o.type) for i, o in enumerate(model.graph.output)
            ]
            yield Trial(folder.name, path, fed, wanted)


def nodes(folder: Path) -> Iterator[Trial]:
    """Every operator alone, of the newest version."""
    for case in loader.load_model_tests(kind="node"):
        path = folder / f"{case.name}.onnx"
        path.write_bytes(case.model.SerializeToString())
        for fed, wanted in case.data_sets:
            tensors = [
                numpy_helper.to_array(v) if isinstance(v, onnx.TensorProto) else v for v in fed
            ]
            yield Trial(case.name, path, tensors, list(wanted), max(TOLERANCE, case.rtol))


def tried(trial: Trial) -> str:
    """What is wrong with a case, or ""; only a GradscapeError may come out of opening."""
    numbers = [np.zeros(()) if isinstance(v, list) else np.asarray(v) for v in trial.fed]
    try:
        net = gc.open_net(trial.path, example=numbers)
        names = [identifier(one.name) for one in _fed(onnx.load(trial.path))]
        given = [a for name, a in zip(names, numbers, strict=True) if name in net.inputs]
        plan = net.compile()
        plan.forward(dict(zip(net.inputs, given, strict=True)))
        found = [plan.value(o).numpy() for o in net.outputs]
    except GradscapeError as error:
        return str(error)
    for y, wanted in zip(found, trial.wanted, strict=True):
        if y.shape != np.shape(wanted):
            return f"DIFFERENT: the shape {y.shape}, not {np.shape(wanted)}"
        same = np.isclose(y, wanted, rtol=0, atol=0, equal_nan=True)
        finite = np.abs(np.asarray(wanted, np.float64)[np.isfinite(np.asarray(wanted, float))])
        largest = float(finite.max(initial=0.0)) or 1.0
        with np.errstate(invalid="ignore"):
            off = np.where(same, 0.0, np.abs(y.astype(np.float64) - wanted)).max(initial=0.0)
        if not off <= trial.tolerance * largest:
            return f"DIFFERENT: off by {off / largest:.1e} of the largest number"
    return ""


def main() -> None:
    warnings.simplefilter("ignore")
    groups = sys.argv[1:] or GROUPS
    total = good = 0
    with tempfile.TemporaryDirectory() as folder:
        for group in groups:
            cases = {"light": light, "node": lambda: nodes(Path(folder))}
            failed, count = {}, 0
            for trial in cases.get(group, lambda g=group: folders(g))():
                count += 1
                try:
                    why = tried(trial)
                except Exception as error:
                    why = f"CRASHED: {type(error).__name__}: {error}"
                if why:
                    failed[trial.name] = why
            print(f"{group}: {count - len(failed)} of {count} open, run and are equal")
            for name, why in failed.items():
                print(f"    {name}: {why}")
            total, good = total + count, good + count - len(failed)
    print(f"{good} of {total} ({good / max(1, total):.1%})")


if __name__ == "__main__":
    main()
