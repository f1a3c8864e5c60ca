"""Damages exported nets and weights and opens them: each ends in a net or in one sentence.

python tests/bench/mutated_exports.py [COUNT] [.pt2|.onnx|.safetensors|.pth]
"""

from __future__ import annotations

import copy
import io
import json
import random
import struct
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import onnx
import torch
from safetensors.torch import save

import graphcore as gc
from graphcore.errors import GradscapeError
from graphcore.files import weights
from graphcore.files.onnx import writer
from graphcore.files.state_dict import read_state_dict
from graphcore.graph.layer_list import parse_layers

SAVED = Path(__file__).resolve().parents[1] / "graphcore" / "exchange" / "saved"


def damaged(data: bytes, r: random.Random) -> bytes:
    """One of five kinds of damage."""
    kind = r.randrange(5)
    return _cut_or_spoilt(data, r, kind) if kind < 2 else _with_other_content(data, r, kind)


def _cut_or_spoilt(data: bytes, r: random.Random, kind: int) -> bytes:
    if kind == 0:
        return data[: r.randrange(len(data))]
    spoilt = bytearray(data)
    for _ in range(r.choice([1, 4, 64])):
        spoilt[r.randrange(len(spoilt))] = r.randrange(256)
    return bytes(spoilt)


def _with_other_content(data: bytes, r: random.Random, kind: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        entries = {e.filename: old.read(e) for e in old.infolist()}
    chosen = r.choice(sorted(n for n in entries if "sample_inputs" not in n))
    if kind == 2:
        del entries[chosen]
    elif kind == 3:
        entries[chosen] = entries[chosen][: r.randrange(len(entries[chosen]) + 1)]
    else:
        for name in [n for n in entries if n.endswith(".json")]:
            document = json.loads(entries[name])
            for _ in range(r.choice([1, 1, 5])):
                _spoil(document, r)
            entries[name] = json.dumps(document).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as new:
        for name, content in entries.items():
            new.writestr(name, content)
    return made.getvalue()


OTHERS: list[Any] = [
    None, -1, 0, 2**40, 2**70, 1e30, "", "x" * 300, [], {}, True, "torch.ops.os.system.default",
    "../../etc/passwd", [[[]]], {"as_int": 2**50}, "aten._x.default",
]  # fmt: skip


def _spoil(document: Any, r: random.Random) -> None:
    """Put something else at a random place."""
    here = document
    for _ in range(r.randrange(1, 12)):
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = r.choice(keys)
        if isinstance(here[key], dict | list) and here[key] and r.random() < 0.85:
            here = here[key]
            continue
        here[key] = copy.deepcopy(r.choice(OTHERS))
        return


def damaged_onnx(data: bytes, r: random.Random) -> bytes:
    """A cut, other bytes, or a graph that says what cannot be."""
    kind = r.randrange(4)
    if kind < 2:
        return _cut_or_spoilt(data, r, kind)
    model = onnx.load_model_from_string(data)
    for _ in range(r.choice([1, 1, 4])):
        r.choice(SPOILERS)(model.graph, r)
    return model.SerializeToString()


SIZES = [-(2**63), -1, 0, 1, 2, 3, 7, 64, 2**20, 2**31, 2**40, 2**62, 2**63 - 1]
PLACES = ["../../etc/passwd", "/etc/passwd", "C:\\x", "net.onnx", "", "a\0b", "..", "/dev/zero"]


def _outside(graph: Any, r: random.Random) -> None:
    """A weight that is said to lie in another file."""
    tensor = r.choice(graph.initializer)
    tensor.data_location = 1
    for key, value in (("location", r.choice(PLACES)), ("offset", str(r.choice(SIZES)))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def _lie(graph: Any, r: random.Random) -> None:
    """A weight or an input of another shape or kind."""
    if r.random() < 0.6:
        tensor = r.choice(graph.initializer)
        if r.random() < 0.3 or not tensor.dims:
            tensor.data_type = r.randrange(0, 30)
        else:
            tensor.dims[r.randrange(len(tensor.dims))] = r.choice(SIZES)
        return
    kind = r.choice(graph.input).type.tensor_type
    if r.random() < 0.3 or not kind.shape.dim:
        kind.elem_type = r.randrange(0, 30)
    else:
        r.choice(kind.shape.dim).dim_value = r.choice(SIZES)


def _rewire(graph: Any, r: random.Random) -> None:
    """An input from elsewhere: later nodes, itself, nowhere; or a name that is there twice."""
    node = r.choice([n for n in graph.node if n.input])
    names = [o for n in graph.node for o in n.output] + [t.name for t in graph.initializer]
    if r.random() < 0.7:
        node.input[r.randrange(len(node.input))] = r.choice([*names, "nowhere", ""])
    else:
        node.output[0] = r.choice(names)


def _other_operator(graph: Any, r: random.Random) -> None:
    node = r.choice(graph.node)
    known = sorted(s.name for s in onnx.defs.get_all_schemas())
    node.op_type = r.choice([*known, "NoSuchOperator", "", "x" * 300])
    if r.random() < 0.1:
        node.domain = "com.microsoft"


def _other_attribute(graph: Any, r: random.Random) -> None:
    attributes = [a for n in graph.node for a in n.attribute]
    if not attributes:
        return
    a = r.choice(attributes)
    if a.ints:
        a.ints[r.randrange(len(a.ints))] = r.choice(SIZES)
        if r.random() < 0.3:
            a.ints.append(r.choice(SIZES))
    elif r.random() < 0.5:
        a.i = r.choice(SIZES)
    else:
        a.type = r.randrange(0, 15)


def _other_constant(graph: Any, r: random.Random) -> None:
    """Sizes in constants, of shapes above all, that cannot be."""
    whole = [t for t in graph.initializer if t.data_type == 7 and t.raw_data]
    whole += [a.t for n in graph.node for a in n.attribute if a.t.data_type == 7 and a.t.raw_data]
    if whole:
        tensor = r.choice(whole)
        count = len(tensor.raw_data) // 8
        numbers = list(struct.unpack(f"<{count}q", tensor.raw_data[: 8 * count]))
        numbers[r.randrange(count)] = r.choice(SIZES)
        tensor.raw_data = struct.pack(f"<{count}q", *numbers)


def _gone(graph: Any, r: random.Random) -> None:
    del graph.node[r.randrange(len(graph.node))]


SPOILERS = (
    _outside, _lie, _rewire, _other_operator, _other_attribute, _other_constant, _other_constant,
    _gone,
)  # fmt: skip


def trial(data: bytes, folder: Path, suffix: str = ".pt2") -> str:
    """Open damaged content; returns "" for a net, else the sentence; lets no other error pass."""
    path = folder / f"net{suffix}"
    path.write_bytes(data)
    try:
        net = gc.open_net(path)
        gc.files.dumps(net.graph)
    except GradscapeError as error:
        text = str(error)
        assert text.strip(), "an empty sentence"
        assert "Traceback" not in text
        return text
    return ""


def weights_trial(data: bytes, folder: Path, suffix: str) -> str:
    """Load damaged weights into a net: all of them, or a sentence and the net as it was."""
    path, plan = folder / f"net{suffix}", gc.compile(parse_layers("4-6-relu-3"))
    path.write_bytes(data)
    before = {k: v.clone() for k, v in plan.state_dict().items()}
    try:
        tensors = read_state_dict(path)
        weights.fill(plan, weights.match_weights(weights.state(plan), tensors), tensors)
    except GradscapeError as error:
        text = str(error)
        assert text.strip(), "an empty sentence"
        assert "Traceback" not in text
        assert all(torch.equal(v, before[k]) for k, v in plan.state_dict().items())
        return text
    return ""


class Trap:
    """What a pickle would run if it were opened as one."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return open, (self.mark, "w")


def whole_weights(suffix: str, mark: Path) -> list[bytes]:
    """Files of weights that are in order, and one with a planted pickle."""
    plan = gc.compile(parse_layers("4-6-relu-3"))
    state = {k: v.clone() for k, v in plan.state_dict().items()}
    if suffix == ".safetensors":
        return [save(state)]
    found = []
    for zipped in (True, False):
        for kept in (state, {"model": state, "trap": Trap(str(mark))}):
            made = io.BytesIO()
            torch.save(kept, made, _use_new_zipfile_serialization=zipped)
            found.append(made.getvalue())
    return found


def damaged_weights(data: bytes, r: random.Random) -> bytes:
    """A cut, other bytes, or another header or entry."""
    if data[:2] == b"PK":
        kind = r.randrange(4)
        return _cut_or_spoilt(data, r, kind) if kind < 2 else _with_other_content(data, r, kind)
    if data[8:9] != b"{" or r.random() < 0.4:
        return _cut_or_spoilt(data, r, r.randrange(2))
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    for _ in range(r.choice([1, 1, 5])):
        _spoil(header, r)
    text = json.dumps(header).encode()
    size = r.choice([len(text), len(text), r.choice([0, 2**40, 2**63])])
    return size.to_bytes(8, "little") + text + data[8 + length :]


def own_exports(suffix: str) -> list[bytes]:
    """Files of ours, which carry the graph that they came from."""
    if suffix != ".onnx":
        return []
    graph = parse_layers("4-6-relu-3")
    model = writer.model_of(graph, gc.compile(graph), name="net")
    return [model.SerializeToString()] * 8


KINDS: dict[str, tuple[Any, Any]] = {
    ".pt2": (damaged, trial), ".onnx": (damaged_onnx, trial),
    ".safetensors": (damaged_weights, weights_trial), ".pth": (damaged_weights, weights_trial),
}  # fmt: skip


def main() -> None:
    count = int(sys.argv[1]) if sys.argv[1:] else 500
    for suffix, (damage, attempt) in KINDS.items():
        if suffix not in sys.argv[2:] and sys.argv[2:]:
            continue
        start, opened, r = time.perf_counter(), 0, random.Random(1)
        whole = [p.read_bytes() for p in sorted(SAVED.glob(f"*{suffix}"))]
        with tempfile.TemporaryDirectory() as folder:
            mark = Path(folder) / "ran"
            known = attempt is trial
            whole = whole + own_exports(suffix) if known else whole_weights(suffix, mark)
            for i in range(count):
                data = damage(whole[i % len(whole)], r)
                try:
                    opened += not attempt(data, Path(folder), suffix)
                    assert not mark.exists(), "something in the file was run"
                except BaseException:
                    Path(f"damaged_{i}{suffix}").write_bytes(data)
                    print(f"number {i} ended otherwise; see damaged_{i}{suffix}", flush=True)
                    raise
        print(f"{count} damaged {suffix} files: {opened} opened, {count - opened} refused in a "
              f"sentence, {time.perf_counter() - start:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main()
