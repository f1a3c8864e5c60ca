"""Graph files from anywhere: each is refused with a sentence, or trains."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from graphcore import datasets, files, presets
from graphcore.records.requests import Reply
from graphcore.session import data_cache
from graphcore.session import messages as m
from graphcore.session.session import Session
from graphcore.system import memory
from graphcore.worker.protocol import encode
from tests.graphcore.session.mutations import mutated

ROOM = 3 << 30
"""Bytes that a file may have the process take."""


@contextmanager
def bounded_memory() -> Iterator[None]:
    """No more than ``ROOM`` beyond what the process has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@cache
def _read(name, options, normalization, seed):
    return datasets.load(name, options=dict(options), normalization=normalization, seed=seed)


class Kept:
    """In place of ``graphcore.datasets`` in a session: each data set is read once."""

    Dataset = datasets.Dataset
    called = staticmethod(datasets.called)

    @staticmethod
    def load(name, *, options, normalization, seed, data_dir, progress, files=None):
        try:
            return _read(name, tuple(options.items()), normalization, seed)
        except TypeError:  # options that are no key
            return datasets.load(name, options=options, normalization=normalization, seed=seed)


def loaded_and_trained(text: bytes) -> list[m.Failure]:
    """What a session says against a file; it trains two steps where it says nothing."""
    said: list[Reply] = []
    session = Session(lambda reply: (encode(reply), said.append(reply)), "cpu")
    data_cache.datasets, before = Kept, data_cache.datasets
    try:
        session.load(m.Load(text))
        if session.trainer is not None:
            session.run(m.Run(2))
        session.watch(m.Watch(tuple(n.name for n in session.graph), ()))
        session.want_frame()
        for _ in range(6):
            session.work()
    finally:
        data_cache.datasets = before
    failures = [reply for reply in said if isinstance(reply, m.Failure)]
    assert failures or session.net is not None
    for failure in failures:
        assert failure.kind in ("load", "run", "diverged", "untrainable")
        assert "\n" not in failure.message
        assert len(failure.message) <= 300
    return failures


SEEDS = (
    *range(40), 77, 85, 116, 143, 197, 199, 216, 1087, 1254, 1308, 1336, 1744, 1754, 1779, 1870,
    1975, 2049, 2064, 2121, 2185,
)  # fmt: skip
"""The last twenty once ended the process, each for another reason."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mutated_file_is_refused_or_trains(seed: int) -> None:
    what, text = mutated(seed)
    print(what)
    with bounded_memory():
        loaded_and_trained(text)


def changed(preset: str, training: dict | None = None, **attributes: dict) -> bytes:
    """A preset's file with other settings and attributes, unchecked."""
    record = json.loads(files.dumps(presets.load(preset)))
    record["training"] |= training or {}
    for node in record["nodes"]:
        node.setdefault("attributes", {}).update(attributes.get(node["name"], {}))
    return json.dumps(record).encode()


REFUSED = {
    "no schedule": (changed("xor", {"schedule": "wave"}), "no schedule called 'wave'"),
    "no optimiser": (changed("xor", {"optimizer": "Magic"}), "no optimiser called 'Magic'"),
    "no data set": (changed("xor", {"dataset": "moon"}), "no data set called 'moon'"),
    "an empty batch": (changed("xor", {"batch": 0}), "batch takes a whole number of at least 1"),
    "a penalty": (changed("xor", {"l1": 1e300}), "l1 takes a number"),
    "a whole number": (changed("xor", {"seed": 2**70}), "seed takes a whole number"),
    "an attribute": (changed("xor", hidden={"out_features": 2**64}), "whole number up to"),
    "parameters": (changed("xor", hidden={"out_features": 2**40}), "the largest value has"),
    "a value": (changed("lenet5", {"batch": 60_000}, conv1={"out_channels": 2000}),
                "numbers for a batch of"),
    "one class": (changed("xor", out={"out_features": 1}), "class"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_no_run_can_be_made_of_is_a_sentence(kind: str) -> None:
    text, words = REFUSED[kind]
    with bounded_memory():
        (failure, *_) = loaded_and_trained(text)
    assert words in failure.message
    assert not failure.details


def test_parts_of_a_split_that_are_below_nothing_are_refused() -> None:
    from graphcore.errors import ShapeError
    from graphcore.ops.slicing import Split

    for sizes in ((-2, 12), (-1, -1, 20), (-1, -1, -1)):
        with pytest.raises(ShapeError):
            Split.infer_shape((2, 10), split_sizes=sizes, dim=1)


def test_a_run_that_the_free_memory_does_not_hold_is_not_begun(monkeypatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 100_000)
    (failure,) = loaded_and_trained(changed("mlp"))
    assert failure.kind == "load"
    assert "GB are free" in failure.message


def test_the_free_memory_is_that_of_the_machine_or_of_its_group(tmp_path, monkeypatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    4000 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    assert memory.available() == 4000 * 1024
    (tmp_path / "memory.max").write_text("3000\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert memory.available() == 2000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() == 4000 * 1024
    (tmp_path / "meminfo").unlink()
    assert memory.available() is None
