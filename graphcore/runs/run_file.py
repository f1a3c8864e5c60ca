"""Recorded runs in one file: a zip archive with ``run.json`` and the states as safetensors.

Nothing is unpacked to disk. The tensors of a state are the member ``moments/N.safetensors``; a
state that several runs share is there once.
"""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from graphcore.datasets.learned import Learned
from graphcore.datasets.probe import Probe
from graphcore.errors import FileError, GradscapeError, short
from graphcore.files.atomic import atomic_file
from graphcore.files.graph_file import loads
from graphcore.records.epoch_count import EpochCount
from graphcore.records.score import Score
from graphcore.runs.curves import SMOOTHING, Curves
from graphcore.runs.snapshots import Moment, Timeline
from graphcore.system import reading

if TYPE_CHECKING:
    from graphcore.runs.runs import Run, Runs

LARGEST, LARGEST_TEXT = 4096 * reading.MIB, 64 * reading.MIB
FORMAT_VERSION = 2
"""2: weights lie as ``Operator.transposed`` says."""
SavedScore = tuple[int, float | None, float | None, int, bool]
"""Step, loss, accuracy and number of samples of a test, and whether they were all."""


class SavedMoment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A state; ``tensors`` is the name of its member."""

    step: int
    lr: float
    epochs: int
    tensors: str


class SavedRun(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A run; ``moments`` and ``probe`` are places in the lists of all. See ``Run``, ``Curves``."""

    number: int
    name: str
    graph: str
    parent: int | None
    begun_at: int
    by_hand: bool = False
    steps: int
    moments: tuple[int, ...]
    rows: tuple[tuple[float | None, ...], ...]
    tests: tuple[SavedScore, ...]
    accuracies: tuple[tuple[int, float], ...]
    trainings: tuple[float | None, ...] = ()
    rates: tuple[float | None, ...] = ()
    validations: tuple[SavedScore, ...] = ()
    data: Learned | None = None
    probe: int | None = None
    watched: bool = False
    smoothing: float = SMOOTHING
    counts: tuple[EpochCount, ...] = ()
    tested_from: int | None = None


class SavedRuns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``run.json`` holds.

    Attributes:
        probes: how many batches of scripts there are.
    """

    format_version: int = FORMAT_VERSION
    current: int
    runs: tuple[SavedRun, ...]
    moments: tuple[SavedMoment, ...]
    probes: int = 0


def write_runs(path: Path, runs: Runs) -> None:
    """Write all runs of a session, whole or not at all; raises FileError."""
    from safetensors.torch import save

    assert runs.current is not None
    probes = list({id(r.probe): r.probe for r in runs.all.values() if r.probe}.values())
    moments = {m.number: m for run in runs.all.values() for m in run.timeline.moments}
    places = {number: i for i, number in enumerate(moments)}
    saved = SavedRuns(
        current=runs.current.number,
        runs=tuple(_saved(run, places, probes) for run in runs.all.values()),
        moments=tuple(
            SavedMoment(m.step, m.lr, m.epochs, f"moments/{i}.safetensors")
            for i, m in enumerate(moments.values())
        ),
        probes=len(probes),
    )
    with (
        atomic_file(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive,
    ):
        archive.writestr("run.json", msgspec.json.encode(saved))
        for entry, moment in zip(saved.moments, moments.values(), strict=True):
            archive.writestr(entry.tensors, save(moment.tensors()))
        for i, probe in enumerate(probes):
            archive.writestr(_probe_name(i), probe.to_bytes())


def _probe_name(place: int) -> str:
    return f"probes/{place}.safetensors"


def _saved(run: Run, places: dict[int, int], probes: list[Probe]) -> SavedRun:
    curves = run.curves
    probe = next((i for i, p in enumerate(probes) if p is run.probe), None)
    return SavedRun(
        number=run.number, name=run.name, graph=run.graph.decode(), parent=run.parent,
        begun_at=run.begun_at, by_hand=run.by_hand, steps=run.steps,
        moments=tuple(places[m.number] for m in run.timeline.moments),
        rows=tuple(tuple(row) for row in curves.rows.tolist()), rates=tuple(curves.rates),
        tests=_told(curves.tests), trainings=tuple(t.training for t in curves.tests),
        validations=_told(curves.validations),
        accuracies=tuple(curves.accuracies), data=run.data, probe=probe, watched=run.watched,
        smoothing=curves.smoothing, counts=run.counts,
        tested_from=run.tested_from,
    )  # fmt: skip


def read_runs(path: Path) -> tuple[int, list[Run]]:
    """Number of the current run, and all runs; raises FileError and has changed nothing then."""
    from safetensors import SafetensorError

    try:
        with reading.opened(path, LARGEST) as file, zipfile.ZipFile(file) as archive:
            _check_members(archive.infolist(), file.seek(0, os.SEEK_END))
            saved = msgspec.json.decode(archive.read("run.json"), type=SavedRuns)
            _check(saved)
            moments = [_moment(archive, entry) for entry in saved.moments]
            probes = [Probe.of_bytes(archive.read(_probe_name(i))) for i in range(saved.probes)]
        runs = [_run(entry, moments, probes) for entry in saved.runs]
    except _RunFileError as error:
        raise FileError(f"{short(path.name)}: {error}") from None
    except FileError:
        raise
    except (zipfile.BadZipFile, msgspec.MsgspecError, SafetensorError, struct.error, LookupError,
            ValueError, TypeError, OverflowError, NotImplementedError, RuntimeError, EOFError,
            GradscapeError) as error:  # fmt: skip
        text = str(error).strip("'\". \n").splitlines() or [type(error).__name__]
        raise FileError(f"{short(path.name)} is damaged: {text[0]}.") from None
    return saved.current, runs


class _RunFileError(GradscapeError):
    """What is wrong with the content, without the name of the file."""


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    """Raise unless all members lie in the file as they are: a packed one may be any size."""
    if any(m.compress_type != zipfile.ZIP_STORED for m in members):
        raise _RunFileError("a part of it is packed; runs are saved unpacked.")
    if any(m.file_size != m.compress_size for m in members):
        raise _RunFileError("its parts are not as long as it says.")
    if sum(m.file_size for m in members) > size:
        raise _RunFileError("its parts are larger than the whole.")
    text = [m.file_size for m in members if m.filename == "run.json"]
    if text and text[0] > LARGEST_TEXT:
        raise _RunFileError(f"its run.json is larger than {LARGEST_TEXT >> 20} MiB.")


def _check(saved: SavedRuns) -> None:
    """Raise unless the parts refer to each other and to nothing else."""
    if saved.format_version != FORMAT_VERSION:
        raise _RunFileError(
            f"it was written by another version of Gradscape: its format is "
            f"{saved.format_version}, this one reads {FORMAT_VERSION}."
        )
    numbers = [run.number for run in saved.runs]
    if saved.current not in numbers or len(set(numbers)) != len(numbers):
        raise _RunFileError("its current run is not among its runs.")
    for i, entry in enumerate(saved.moments):
        if entry.tensors != f"moments/{i}.safetensors":
            raise _RunFileError("it points outside itself.")
    for run in saved.runs:
        known = all(0 <= place < len(saved.moments) for place in run.moments)
        if not known or not run.moments:
            raise _RunFileError(f"{run.name} has states that are not there.")
        if run.probe is not None and not 0 <= run.probe < saved.probes:
            raise _RunFileError(f"{run.name} has a probe batch that is not there.")


def _moment(archive: zipfile.ZipFile, entry: SavedMoment) -> Moment:
    from safetensors.torch import load

    return Moment(entry.step, entry.lr, entry.epochs, load(archive.read(entry.tensors)))


def _run(entry: SavedRun, moments: list[Moment], probes: list[Probe]) -> Run:
    from graphcore.runs.runs import Run

    graph = entry.graph.encode()
    try:
        training = loads(graph).training
    except FileError as error:
        raise _RunFileError(f"the graph of {entry.name}: {error}") from None
    kept = [moments[place] for place in entry.moments]
    if [m.step for m in kept] != sorted({m.step for m in kept}):
        raise _RunFileError(f"the states of {entry.name} are not in the order of their steps.")
    if any(count.per_epoch < 1 for count in entry.counts):
        raise _RunFileError(f"{entry.name} counts its epochs in no steps.")
    run = Run(
        entry.number, entry.name, graph, training, entry.parent, entry.begun_at,
        entry.by_hand, entry.steps, Timeline(kept, begun=entry.begun_at), _curves(entry),
        data=entry.data, probe=None if entry.probe is None else probes[entry.probe],
        watched=entry.watched, counts=entry.counts,
    )  # fmt: skip
    if entry.tested_from is not None:
        run.tested_from = entry.tested_from
    return run


def _curves(entry: SavedRun) -> Curves:
    none = float("nan")
    rows = np.array([[none if v is None else v for v in row] for row in entry.rows], np.float64)
    if not len(rows):
        rows = np.zeros((0, 3))
    if rows.ndim != 2 or rows.shape[1] < 3:
        raise _RunFileError(f"the curves of {entry.name} have too few columns.")
    if not 0 <= entry.smoothing < 1:
        raise _RunFileError(f"the losses of {entry.name} cannot be smoothed by what it says.")
    trainings = entry.trainings or (None,) * len(entry.tests)
    if len(trainings) != len(entry.tests):
        raise _RunFileError(f"{entry.name} has not one training accuracy for each test.")
    tests = [
        msgspec.structs.replace(test, training=share)
        for test, share in zip(_scores(entry.tests), trainings, strict=True)
    ]
    if len(entry.rates) not in (0, len(rows)):
        raise _RunFileError(f"{entry.name} has not one learning rate for each loss.")
    rates = [none if rate is None else rate for rate in entry.rates]
    curves = Curves.of(
        rows, tests, list(entry.accuracies), entry.smoothing, rates, entry.tested_from or 0
    )
    curves.validations = _scores(entry.validations, held_back=True)
    return curves


def _told(scores: list[Score]) -> tuple[SavedScore, ...]:
    return tuple((s.step, s.loss, s.accuracy, s.samples, s.whole) for s in scores)


def _scores(saved: tuple[SavedScore, ...], held_back: bool = False) -> list[Score]:
    none = float("nan")
    return [
        Score(none if loss is None else loss, accuracy, samples, step, whole, held_back)
        for step, loss, accuracy, samples, whole in saved
    ]
