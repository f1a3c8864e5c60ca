"""Damaged and hostile ONNX files: one sentence each, nothing read elsewhere, nothing allocated."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import graphcore as gc
from graphcore.errors import FileError
from tests.bench.mutated_exports import damaged_onnx, trial

SAVED = Path(__file__).parent / "saved"


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_file_is_a_net_or_a_sentence(seed: int, tmp_path: Path) -> None:
    files = sorted(SAVED.glob("*.onnx"))
    trial(damaged_onnx(files[seed % len(files)].read_bytes(), random.Random(seed)), tmp_path,
          ".onnx")  # fmt: skip


def changed(tmp_path: Path, change: Callable[[Any], None]) -> Path:
    """A copy of a saved net whose graph was changed."""
    model = onnx.load(SAVED / "unet_v13.onnx")
    change(model.graph)
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def outside(location: str, **more: Any) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        tensor = graph.initializer[0]
        tensor.data_location = 1
        tensor.ClearField("raw_data")
        for key, value in {"location": location, **more}.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(value)

    return change


def test_weights_beside_the_file_are_read_and_none_elsewhere(tmp_path: Path) -> None:
    whole = onnx.load(SAVED / "unet_v13.onnx").graph.initializer[0]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "weights.bin").write_bytes(b"\0" * 8 + whole.raw_data)
    (tmp_path / "secret").write_bytes(b"\0" * 4000)
    os.symlink(tmp_path / "secret", tmp_path / "in" / "link")
    inside = tmp_path / "in"
    net = gc.open_net(changed(inside, outside("weights.bin", offset=8)))
    wanted = onnx.numpy_helper.to_array(whole)
    assert any(np.array_equal(w, wanted) for w in net.weights.values())
    for location, why in (
        ("../secret", "outside its folder"), (str(tmp_path / "secret"), "outside its folder"),
        ("link", "link leads out of its folder"), ("", "outside its folder"),
        ("missing.bin", r"There is no file .*missing\.bin"), ("weights.bin", None),
    ):  # fmt: skip
        if why is not None:
            with pytest.raises(FileError, match=why):
                gc.open_net(changed(inside, outside(location)))
    with pytest.raises(FileError, match=r"is cut off in weights\.bin"):
        gc.open_net(changed(inside, outside("weights.bin", offset=400)))


def test_sizes_that_lie_allocate_nothing(tmp_path: Path) -> None:
    def enlarge(graph: Any) -> None:
        graph.initializer[0].dims[0] = 2**40

    def huge_input(graph: Any) -> None:
        graph.input[0].type.tensor_type.shape.dim[2].dim_value = 2**40

    with pytest.raises(FileError, match="which cannot be"):
        gc.open_net(changed(tmp_path, enlarge))
    with pytest.raises(FileError, match="is too large"):
        gc.open_net(changed(tmp_path, huge_input))


def test_circles_and_names_that_are_there_twice_are_refused(tmp_path: Path) -> None:
    def circle(graph: Any) -> None:
        graph.node[0].input[0] = graph.node[-1].output[0]

    def twice(graph: Any) -> None:
        graph.node[1].output[0] = graph.node[0].output[0]

    with pytest.raises(FileError, match=r"it does not say where .* comes from"):
        gc.open_net(changed(tmp_path, circle))
    with pytest.raises(FileError, match="twice"):
        gc.open_net(changed(tmp_path, twice))
