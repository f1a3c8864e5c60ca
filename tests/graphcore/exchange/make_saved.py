"""Writes the small files beside this one: ``python tests/graphcore/exchange/make_saved.py``.

Each net of ``nets`` as a ``.pt2`` file of ``torch.export.save``, and its own answer and gradients;
nets as ONNX files of both of torch's exporters, of which the newer needs the package onnxscript.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import onnx
import torch
from safetensors.numpy import save_file

from graphcore.exchange import check, live
from tests.graphcore.exchange.nets import NETS, seeded
from tests.graphcore.exchange.onnx_nets import ONNX_NETS, seeded_onnx

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
    write_onnx()


OLD, NEW = {"dynamo": False}, {"dynamo": True, "external_data": False}
STYLES = {
    "v9": {**OLD, "opset_version": 9},
    "v13": {**OLD, "opset_version": 13},
    "v17": {**OLD, "opset_version": 17},
    "new": NEW,
    "plain": {**NEW, "opset_version": 18, "optimize": False},
}
"""How torch is asked to write; "plain" is as its exporter leaves it before it simplifies."""
WRITTEN = {
    "residual": ("new", "plain"), "tied": ("new", "plain"), "attention": ("new",),
    "mobile": ("v9", "new", "plain"), "decoder": ("v17", "new", "plain"), "rows": ("v13", "new"),
    "mixed": ("v9", "v13", "new", "plain"), "unet": ("v13",),
}  # fmt: skip
FREE = ("new", "plain")
"""Of these the number of samples is left open, but for the first net."""
KEPT = ("pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy")


def write_onnx() -> None:
    """Write nets as ONNX files, without what only the exporter's author reads."""
    for name, styles in WRITTEN.items():
        if name in ONNX_NETS:
            net, x = seeded_onnx(name)
            inputs = {"x": x}
        else:
            net, inputs = seeded(name)
        for style in styles:
            path = SAVED / f"{name}_{style}.onnx"
            free = style in FREE and name != "residual"
            axes = {"dynamic_shapes": [{0: "batch"} for _ in inputs]} if free else {}
            if name == "rows" and style == "v13":
                axes = {"dynamic_axes": {"x": {0: "batch"}}}
            torch.onnx.export(net, tuple(inputs.values()), str(path), input_names=list(inputs),
                              **axes, **STYLES[style])  # fmt: skip
            model = onnx.load(path)
            for node in model.graph.node:
                node.doc_string = ""
                kept = [p for p in node.metadata_props if p.key in KEPT]
                del node.metadata_props[:]
                node.metadata_props.extend(kept)
            del model.graph.value_info[:], model.graph.metadata_props[:], model.metadata_props[:]
            for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
                del value.metadata_props[:]
            onnx.save(model, path)


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
