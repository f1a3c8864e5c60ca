"""Whatever a user names, every reader answers with its content or with one sentence, at once."""

from __future__ import annotations

import contextlib
import copy
import csv
import gzip
import io
import json
import os
import random
import resource
import socket
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

import graphcore as gc
from graphcore import datasets, presets
from graphcore.cli import main as cli
from graphcore.cli.exchange import read as read_source
from graphcore.datasets import idx
from graphcore.datasets.images.pixels import read_image
from graphcore.datasets.table.rows import read_table
from graphcore.errors import GradscapeError
from graphcore.files import graph_file
from graphcore.files.state_dict import read_tensors
from graphcore.files.torch import export
from graphcore.runs.checkpoint import newest_step, read_checkpoint, write_checkpoint
from graphcore.runs.log import read_csv
from graphcore.runs.run_file import read_runs
from graphcore.runs.runs import Runs
from graphcore.runs.snapshots import Moment, Timeline
from graphcore.training.trainer import Trainer

MIB = 1 << 20


def source(path: Path) -> None:
    class Options:
        file, out, json, force = path, Path("never written"), True, False
        run_file, check, class_name, input = False, False, "", ()

    read_source(Options)  # type: ignore[arg-type]


def checkpoint_state(path: Path) -> None:
    """The path in place of the state of a checkpoint; so with its tensors and the others below."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state.json"
        stand_in(path, state)
        assert newest_step(Path(folder)) is None
        read_checkpoint(Path(folder))


def checkpoint_tensors(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder), {"flat": torch.ones(3)}, step=4, lr=0.1, graph="{}")
        stand_in(path, Path(folder) / "tensors-4.safetensors")
        read_checkpoint(Path(folder))


def page(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stand_in(path, Path(folder) / "report.html")
        told = io.StringIO()
        with contextlib.redirect_stderr(told):
            assert cli.main(["report", folder]) == 1
        raise GradscapeError(told.getvalue().removeprefix("gradscape: ").strip())


def exported(path: Path) -> None:
    """Neither of the files of an export is read unless it is an ordinary one."""
    for ending in ("py", "safetensors"):
        with tempfile.TemporaryDirectory() as folder:
            stand_in(path, Path(folder) / f"net.{ending}")
            assert export.foreign_file(Path(folder), "net") in (
                None,
                Path(folder) / f"net.{ending}",
            )
    raise GradscapeError("foreign")


def stand_in(path: Path, place: Path) -> None:
    """Let a link to the path take a place; raise GradscapeError where no link can name it."""
    place.unlink(missing_ok=True)
    try:
        place.symlink_to(path)
    except (OSError, ValueError) as error:
        raise GradscapeError("no link") from error


READERS: dict[str, Callable[[Path], object]] = {
    "graph": gc.load,
    "table": read_table,
    "idx": idx.read,
    "image": lambda path: read_image(path, "RGB", 8),
    "weights": read_tensors,
    "run": read_runs,
    "metrics": read_csv,
    "source": source,
}
BY_LINK: dict[str, Callable[[Path], object]] = {
    "checkpoint": checkpoint_state,
    "checkpoint's tensors": checkpoint_tensors,
    "report": page,
    "export": exported,
}


def said(read: Callable[[Path], object], path: Path) -> str:
    """The sentence of a refusal, checked for what every sentence is; "" if there was none."""
    try:
        read(path)
    except GradscapeError as error:
        text = str(error)
        assert text == " ".join(text.split()), text
        assert 0 < len(text) <= 300, text
        assert " object at 0x" not in text, text
        return text
    return ""


# -- what is no file ------------------------------------------------------------------------------


def odd_paths(folder: Path) -> dict[str, Path]:
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "round").symlink_to(folder / "and round")
    (folder / "and round").symlink_to(folder / "round")
    (folder / "to a pipe").symlink_to(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
    for name, size in (("sparse", 50 << 30), ("small sparse", 100 * MIB)):
        with (folder / name).open("wb") as file:
            file.truncate(size)
    named = ("pipe", "folder", "loop", "round", "to a pipe", "socket", "sparse", "small sparse")
    return {
        **{name: folder / name for name in named},
        "missing": folder / "missing",
        "nothing": Path(),
        "long name": folder / ("x" * 5_000),
        "long path": folder / "/".join(["y" * 200] * 50),
        "lines": folder / "a\nb\n<object at 0x12>",
        "zero byte": folder / "a\0b",
        "below a file": folder / "sparse" / "b",
        "zeros": Path("/dev/zero"),
        "terminal": Path("/dev/tty"),
        "memory": Path("/proc/self/mem"),
        "kernel": Path("/proc/kmsg"),
        "core": Path("/proc/kcore"),
    }


@pytest.mark.parametrize("kind", READERS | BY_LINK)
def test_what_is_no_ordinary_file_is_a_sentence_at_once(kind: str, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for what, path in odd_paths(tmp_path).items():
        sentence = said((READERS | BY_LINK)[kind], path)
        # A file of the kernel's is read as the empty file that it says it is.
        assert sentence or (kind == "metrics" and str(path).startswith("/proc")), what
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200 << 10


def test_a_typed_path_is_a_sentence_too(tmp_path: Path) -> None:
    for path in ("~nobody-of-this-name/x", "", "x" * 5_000, "a\0b", "/dev/zero", "/proc"):
        for name, options in (
            ("csv", {"path": path}),
            ("image-folder", {"path": path}),
            ("idx", {"images": path, "labels": path}),
        ):
            with pytest.raises(GradscapeError) as refusal:
                datasets.load(name, options=options)
            assert len(str(refusal.value)) <= 300
        with pytest.raises(GradscapeError):
            presets.resolve(path)


# -- what grows ------------------------------------------------------------------------------------


def bombs(folder: Path) -> dict[str, tuple[str, Path]]:
    sizes = np.array([200 * MIB], ">u4").tobytes()
    with gzip.open(folder / "idx", "wb", 9) as packed:
        packed.write(b"\0\0\x08\x01" + sizes)
        for _ in range(200):
            packed.write(bytes(MIB))
    with zipfile.ZipFile(folder / "run", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run.json", b" " * (200 * MIB))
    (folder / "commas").write_bytes(b"," * (120 * MIB))
    (folder / "rows").write_bytes(b"a,b\n" + b"1,2\n" * (20 * MIB))
    (folder / "blanks").write_bytes(b"\n" * (120 * MIB))
    (folder / "columns").write_text(",".join(map(str, range(20_000))))
    (folder / "quote").write_bytes(b'a,b\n"' + b"x\n" * (30 * MIB))
    (folder / "brackets").write_bytes(b"[" + b"{}," * (5 * MIB))
    (folder / "nested").write_bytes(b"[" * MIB)
    (folder / "header").write_bytes((1 << 40).to_bytes(8, "little") + b"{" + bytes(MIB))
    tables = ("commas", "rows", "blanks", "columns", "quote")
    return {
        "gzip": ("idx", folder / "idx"), "deflate": ("run", folder / "run"),
        **{name: ("table", folder / name) for name in tables},
        "brackets": ("graph", folder / "brackets"), "nested": ("graph", folder / "nested"),
        "header": ("weights", folder / "header"),
    }  # fmt: skip


def test_what_unpacks_or_parses_to_too_much_is_a_sentence(tmp_path: Path) -> None:
    made = bombs(tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for what, (kind, path) in made.items():
        assert said(READERS[kind], path), what
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 200 << 10, what


def test_ten_thousand_columns_are_a_table(tmp_path: Path) -> None:
    with (tmp_path / "wide.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(f"c{i}" for i in range(10_000))
        rows.writerows([str(i % 7 + k) for i in range(10_000)] for k in range(4))
    data = datasets.load("csv", options={"path": str(tmp_path / "wide.csv")})
    assert data.input_shape == (9_999,)


# -- foreign values in sentences -------------------------------------------------------------------

PARTS = ("x", "a b\n", "'\"", "<Q object at 0x7f>", "\x1b")
NAMES = [(part * n)[:n] for n in (1_000, 100_000) for part in PARTS]


@pytest.mark.parametrize("name", NAMES, ids=lambda n: f"{n[:4]!r} {len(n)}")
def test_a_long_name_is_cut_in_every_sentence(name: str, tmp_path: Path) -> None:
    node = {"name": "a", "operator": "Linear", "attributes": {"out_features": 2}}
    graphs: list[dict[str, Any]] = [
        {"format_version": name}, {name: 1, "format_version": 1},
        *({"format_version": 1, "nodes": [{**node, key: value}]} for key, value in (
            ("name", name), ("operator", name), ("attributes", {name: 1}),
            ("attributes", {"out_features": name}), ("initializers", {"weight": name}),
            ("initializers", {name: "zeros"}), ("frozen", [name]), (name, 1))),
        {"format_version": 1, "nodes": [node], "edges": [name]},
        {"format_version": 1, "nodes": [node], "edges": [f"a.{name} -> a.x"]},
        {"format_version": 1, "notes": [{"name": name, "text": ""}] * 2},
        {"format_version": 1, "training": {name: 1}},
        {"format_version": 1, "training": {"lr": name}},
    ]  # fmt: skip
    path = tmp_path / "a.graph.json"
    refused = 0
    for content in graphs:
        path.write_text(json.dumps(content))
        refused += said(gc.load, path) != ""
    assert refused >= len(graphs) - 1  # a long identifier is the name of a node
    for rows in (
        [["a", name], ["1"]],
        [["a", "b"], ["1", "2"], [name, "3"]] + [["1", "2"]] * 30,
        [[name, name], ["1", "2"]],
        [["a", "b"]] + [[f"{name}{i}", "1"] for i in range(40)],
    ):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        options = {"path": str(path), "target": "", "task": "regression"}
        assert said(lambda _, o=options: datasets.load("csv", options=o), path)
    for load in (
        lambda: datasets.load(name),
        lambda: datasets.load("csv", options={name: 1}),
        lambda: datasets.load("csv", options={"path": str(path), "target": name}),
        lambda: datasets.load("csv", options={"path": str(path), "task": name}),
    ):
        assert said(lambda _, f=load: f(), path)


def test_a_number_of_thousands_of_digits_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.graph.json"
    for value in ("9" * 6_000, "-" + "9" * 25, "1e999999"):
        path.write_text(f'{{"format_version": {value}}}')
        assert said(gc.load, path)
        path.write_text('{"format_version": 1, "nodes": [{"name": "a", "operator": "Linear", '
                        f'"attributes": {{"out_features": {value}}}}}]}}')  # fmt: skip
        assert said(gc.load, path)


# -- damage ----------------------------------------------------------------------------------------

CASES = 25
"""Of each kind of file."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One good file of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    graph = presets.load("lenet5")
    trainer = Trainer(presets.load("xor"), datasets.load("xor4"))
    tensors = save(Moment.of(trainer).tensors())
    run = {
        "format_version": 2, "current": 1, "moments": [
            {"step": 0, "lr": 0.5, "epochs": 3, "tensors": "moments/0.safetensors"}],
        "runs": [{"number": 1, "name": "Run 1", "parent": None, "begun_at": 0, "steps": 0,
                  "graph": graph_file.dumps(presets.load("xor")).decode(), "moments": [0],
                  "rows": [[1, 0.1, 0.5], [2, 0.2, 0.4]], "tests": [], "accuracies": []}],
    }  # fmt: skip
    with zipfile.ZipFile(folder / "run", "w") as archive:
        archive.writestr("run.json", json.dumps(run))
        archive.writestr("moments/0.safetensors", tensors)
    image = np.random.default_rng(0).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    Image.fromarray(image).save(folder / "image", "PNG")
    return {
        "graph": graph_file.dumps(graph),
        "table": b"a,b,c\n" + b"".join(b"%d,%d.5,word%d\n" % (i, i, i % 3) for i in range(40)),
        "idx": b"\0\0\x08\x03\0\0\0\x04\0\0\0\x05\0\0\0\x06" + bytes(range(120)),
        "image": (folder / "image").read_bytes(),
        "weights": tensors,
        "run": (folder / "run").read_bytes(),
        "metrics": b"step,epoch,train_loss,lr,seconds\n1,0,0.5,0.1,0.2\n2,0,0.4,0.1,0.3\n",
    }


def damaged(data: bytes, seed: int) -> bytes:
    """Cut off, with flipped bits, with a size that lies, or with a part twice or gone."""
    rng, made = random.Random(seed), bytearray(data)
    at = rng.randrange(len(data))
    match seed % 5:
        case 0:
            del made[at:]
        case 1:
            for _ in range(rng.choice((1, 3, 20))):
                made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
        case 2:
            width = rng.choice((1, 4, 8))
            place = rng.randrange(min(64, len(made))) if seed % 2 else len(made) - 1 - at // 2
            made[place : place + width] = rng.choice((b"\xff", b"\x7f", b"\0")) * width
        case 3:
            made[at:at] = made[at // 2 : at // 2 + rng.randrange(1, 200)]
        case 4:
            del made[at : at + rng.randrange(1, 50)]
    return bytes(made)


@pytest.mark.parametrize("kind", [k for k in READERS if k != "source"])
def test_a_damaged_file_is_read_or_refused_in_one_sentence(
    kind: str, whole: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(whole[kind])
    assert said(READERS[kind], path) == ""
    refused = 0
    for seed in range(CASES):
        path.write_bytes(damaged(whole[kind], seed))
        refused += said(READERS[kind], path) != ""
    assert refused


ODD = (None, -1, 2**63, 2**70, 1e308, "x", [], {}, True, [[]], "\0", [1, 2, 3], [[1], [1, 2]])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside a JSON value."""
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    found = [path] if path else []
    for key in keys:
        found += places(value[key], (*path, key))
    return found


def test_a_run_file_with_an_odd_value_changes_nothing_unless_it_is_taken_up_whole(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "file.gradrun"
    path.write_bytes(whole["run"])
    with zipfile.ZipFile(path) as archive:
        content = json.loads(archive.read("run.json"))
        tensors = archive.read("moments/0.safetensors")
    trainer = Trainer(presets.load("xor"), datasets.load("xor4"))
    runs = Runs()
    runs.begin(trainer, b"{}")
    kept = runs.current
    refused = 0
    for at in places(content):
        for odd in random.Random(str(at)).sample(ODD, 4):
            changed = copy.deepcopy(content)
            holder = changed
            for key in at[:-1]:
                holder = holder[key]
            holder[at[-1]] = odd
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("run.json", json.dumps(changed))
                archive.writestr("moments/0.safetensors", tensors)
            refused += said(read_runs, path) != ""
    assert refused > 20
    state = Moment.of(trainer).tensors()
    damaged_run = copy.copy(kept)
    state["generator"] = torch.zeros_like(state["generator"])
    damaged_run.timeline = Timeline([Moment(0, 0.1, 1, state)])
    with pytest.raises(GradscapeError):
        runs.take(trainer, kept.number, [damaged_run])
    assert runs.current is kept
    assert list(runs.all.values()) == [kept]
