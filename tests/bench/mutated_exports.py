"""Damages exported nets at random and opens them: each ends in a net or in one sentence.

python tests/bench/mutated_exports.py [COUNT]
"""

from __future__ import annotations

import copy
import io
import json
import random
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import graphcore as gc
from graphcore.errors import GradscapeError

SAVED = Path(__file__).resolve().parents[1] / "graphcore" / "exchange" / "saved"


def damaged(data: bytes, r: random.Random) -> bytes:
    """One of five kinds of damage."""
    kind = r.randrange(5)
    if kind == 0:
        return data[: r.randrange(len(data))]
    if kind == 1:
        spoilt = bytearray(data)
        for _ in range(r.choice([1, 4, 64])):
            spoilt[r.randrange(len(spoilt))] = r.randrange(256)
        return bytes(spoilt)
    return _with_other_content(data, r, kind)


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


def trial(data: bytes, folder: Path) -> str:
    """Open damaged content; returns "" for a net, else the sentence; lets no other error pass."""
    path = folder / "net.pt2"
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


def main() -> None:
    count, start = int(sys.argv[1]) if sys.argv[1:] else 500, time.perf_counter()
    whole, r, opened = [p.read_bytes() for p in sorted(SAVED.glob("*.pt2"))], random.Random(1), 0
    with tempfile.TemporaryDirectory() as folder:
        for i in range(count):
            data = damaged(whole[i % len(whole)], r)
            try:
                opened += not trial(data, Path(folder))
            except BaseException:
                Path(f"damaged_{i}.pt2").write_bytes(data)
                print(f"number {i} ended otherwise; see damaged_{i}.pt2", flush=True)
                raise
    print(f"{count} damaged files: {opened} opened, {count - opened} refused in a sentence, "
          f"{time.perf_counter() - start:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main()
