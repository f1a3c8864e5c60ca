"""Writes the small files beside this one: ``python tests/graphcore/exchange/make_saved.py``.

Each net of ``nets`` as a ``.pt2`` file of ``torch.export.save``, and its own answer and gradients.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from safetensors.numpy import save_file

from graphcore.exchange import check, live
from tests.graphcore.exchange.nets import NETS, seeded

SAVED = Path(__file__).parent / "saved"


def main() -> None:
    for name in NETS:
        net, inputs = seeded(name)
        live.write_pt2(net, live.Example((), inputs), SAVED / f"{name}.pt2")
        found = check.reference(net, (), inputs)
        arrays = {f"in{i}": a for i, a in enumerate(found.inputs)}
        arrays |= {f"out{i}": a for i, a in enumerate(found.outputs)}
        arrays |= {f"gradient:{n}": a for n, a in found.gradients.items()}
        save_file({k: v.copy() for k, v in arrays.items()}, SAVED / f"{name}.safetensors")
        without_folders(SAVED / f"{name}.pt2")


def without_folders(path: Path) -> None:
    """Leave the names of files in the traces of a file, not where they lay."""
    with zipfile.ZipFile(path) as old:
        entries = {e.filename: old.read(e) for e in old.infolist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in entries.items():
            data = content
            if name.endswith("models/model.json"):
                data = re.sub(rb'File \\"/(?:[^"\\/]*/)*(torch/)?', rb'File \\"\1', content)
            new.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


if __name__ == "__main__":
    main()
