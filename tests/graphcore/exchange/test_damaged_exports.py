"""Damaged and hostile ``.pt2`` files: one sentence each, nothing executed, nothing allocated."""

from __future__ import annotations

import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import graphcore as gc
from graphcore.errors import FileError
from graphcore.exchange.pt2 import archive
from tests.bench.mutated_exports import damaged, trial

SAVED = Path(__file__).parent / "saved"


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_file_is_a_net_or_a_sentence(seed: int, tmp_path: Path) -> None:
    whole = sorted(SAVED.glob("*.pt2"))[seed % 5].read_bytes()
    trial(damaged(whole, random.Random(seed)), tmp_path)


def changed(tmp_path: Path, change: Callable[[dict[str, bytes]], None], name: str = "tied") -> Path:
    """A copy of a saved net with other entries; names are those inside the outer folder."""
    with zipfile.ZipFile(SAVED / f"{name}.pt2") as old:
        entries = {e.filename.partition("/")[2]: old.read(e) for e in old.infolist()}
    change(entries)
    path = tmp_path / "net.pt2"
    with zipfile.ZipFile(path, "w") as new:
        for inner, data in entries.items():
            new.writestr(f"net/{inner}", data)
    return path


def edited(tmp_path: Path, entry: str, edit: Callable[[Any], None], name: str = "tied") -> Path:
    """A copy in which one JSON entry is another."""

    def change(entries: dict[str, bytes]) -> None:
        document = json.loads(entries[entry])
        edit(document)
        entries[entry] = json.dumps(document).encode()

    return changed(tmp_path, change, name)


WEIGHTS = "data/weights/model_weights_config.json"


def record(document: Any) -> Any:
    return next(iter(document["config"].values()))


class Planted:
    """What a pickle runs when it is opened."""

    def __reduce__(self) -> Any:
        return exec, ("import builtins; builtins.planted = True",)


def test_a_pickle_in_it_is_never_opened(tmp_path: Path) -> None:
    import builtins

    def change(entries: dict[str, bytes]) -> None:
        for name in list(entries):
            if "sample_inputs" in name or name.endswith("weight_0"):
                entries[name] = pickle.dumps(Planted())

    with pytest.raises(FileError):
        gc.open_net(changed(tmp_path, change))
    assert not hasattr(builtins, "planted")
    path = edited(tmp_path, WEIGHTS, lambda d: record(d).update(use_pickle=True))
    with pytest.raises(FileError, match="is a pickle, which is never opened; save it again"):
        gc.open_net(path)


def test_a_path_out_of_the_file_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"\0" * 400)
    for name in ("../../secret", str(secret)):
        path = edited(tmp_path, WEIGHTS, lambda d, n=name: record(d).update(path_name=n))
        with pytest.raises(FileError, match="is missing in it"):
            gc.open_net(path)


def test_sizes_that_lie_allocate_nothing(tmp_path: Path) -> None:
    def enlarge(document: Any) -> None:
        meta = record(document)["tensor_meta"]
        meta["sizes"] = [{"as_int": 2**40}, {"as_int": 4}]

    with pytest.raises(FileError, match="which cannot be"):
        gc.open_net(edited(tmp_path, WEIGHTS, enlarge))

    def stride(document: Any) -> None:
        record(document)["tensor_meta"]["strides"] = [{"as_int": 4000}, {"as_int": 1}]

    with pytest.raises(FileError, match="fewer numbers than its shape"):
        gc.open_net(edited(tmp_path, WEIGHTS, stride))


def test_an_entry_that_unpacks_to_very_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("net/models/model.json", b" " * (20 << 20))
    with pytest.raises(FileError, match="packed in a way that torch does not use"):
        gc.open_net(path)


def test_a_large_json_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_JSON", 1 << 10)
    with pytest.raises(FileError, match="is larger than"):
        gc.open_net(SAVED / "tied.pt2")


def test_a_call_that_no_table_holds_is_refused_by_name(tmp_path: Path) -> None:
    def call(target: str) -> Callable[[Any], None]:
        def edit(document: Any) -> None:
            for node in document["graph_module"]["graph"]["nodes"]:
                if node["target"].endswith("tanh.default"):
                    node["target"] = target

        return edit

    for target in ("torch.ops.aten._tanh_of_mine.default", "torch.ops.aten.as_strided.default"):
        path = edited(tmp_path, "models/model.json", call(target))
        with pytest.raises(FileError, match=f"{target[10:]} is not understood"):
            gc.open_net(path)
    path = edited(tmp_path, "models/model.json", call("torch.ops.other.thing.default"))
    with pytest.raises(FileError, match=r"other\.thing\.default is not understood"):
        gc.open_net(path)


def test_other_kinds_of_zip_are_named(tmp_path: Path) -> None:
    for entries, why in (
        (("serialized_exported_program.json", "version"), "an older torch wrote it"),
        (("net/models/model.json", "net/data/weights/model.pt"), "an older torch wrote it"),
        (("net/data.pkl",), "a pickle of torch.save"),
        (("net/other",), "it is no exported net"),
    ):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as new:
            for entry in entries:
                new.writestr(entry, b"{}")
        path = tmp_path / "net.pt2"
        path.write_bytes(made.getvalue())
        with pytest.raises(FileError, match=why):
            gc.open_net(path)
    (tmp_path / "net.pt2").write_bytes(b"PK no zip")
    with pytest.raises(FileError, match="it is not a whole zip file"):
        gc.open_net(tmp_path / "net.pt2")
