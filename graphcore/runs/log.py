"""The metrics of a run as a table, and the files that other programs read them from."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from graphcore.errors import FileError
from graphcore.files.atomic import make_folder, write_atomically
from graphcore.runs import tensorboard
from graphcore.system import reading

LARGEST_CSV = 64 * reading.MIB
MOST_ROWS = 50_000
"""With more, every second one goes that holds no score: a long run is sampled evenly."""


class Row(msgspec.Struct):
    """One step: what was measured there; None where nothing was.

    Attributes:
        epoch: whole epochs done before the step.
        train_loss: of the step's batch, before its update.
        train_accuracy: of training samples in evaluation mode, after the step.
        test_loss, test_accuracy: of the test split, after the step.
        validation_loss, validation_accuracy: of the samples held back from training.
        lr: learning rate of the step.
        seconds: since the run began.
        further: losses of the second objective on, by the name of the node.
    """

    step: int
    epoch: int | None = None
    train_loss: float | None = None
    train_accuracy: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    lr: float | None = None
    seconds: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    further: dict[str, float] = {}

    @property
    def scored(self) -> bool:
        return self.test_loss is not None or self.validation_loss is not None


COLUMNS = tuple(name for name in Row.__struct_fields__ if name != "further")
FURTHER = "train_loss:"
"""In front of the name of a further loss, as a column."""
CURVES = {
    "train": {"loss": "train_loss", "accuracy": "train_accuracy", "learning rate": "lr"},
    "test": {"loss": "test_loss", "accuracy": "test_accuracy"},
    "validation": {"loss": "validation_loss", "accuracy": "validation_accuracy"},
}
"""Run in TensorBoard -> tag -> column: curves of one tag are drawn over each other."""


class RunLog:
    """Gathers the metrics of a run, in bounded memory.

    Attributes:
        begun: when the run began, in seconds since 1970.
    """

    def __init__(self) -> None:
        self.begun = time.time()
        self._rows: dict[int, Row] = {}
        self._every = 1

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def newest(self) -> int:
        """The last step; 0 where there is none."""
        return max(self._rows, default=0)

    @property
    def rows(self) -> list[Row]:
        """By step."""
        return [self._rows[step] for step in sorted(self._rows)]

    @property
    def further(self) -> list[str]:
        """Names of the losses beside the first."""
        return list(dict.fromkeys(name for row in self.rows for name in row.further))

    def note(
        self, step: int, further: Mapping[str, float] | None = None, **measured: float | None
    ) -> None:
        """Add what was measured at a step to its row; what is None is left out."""
        found: dict[str, Any] = {k: v for k, v in measured.items() if v is not None}
        if further:
            found["further"] = dict(further)
        if step not in self._rows:
            if step % self._every and not found.keys() & {"test_loss", "validation_loss"}:
                return
            self._rows[step] = Row(step)
            if len(self._rows) > MOST_ROWS:
                self._thin_out()
        row = self._rows.get(step)
        for name, value in found.items() if row is not None else ():
            setattr(row, name, value)

    def _thin_out(self) -> None:
        """Keep every second row, all that hold a score, and the newest."""
        self._every *= 2
        newest = max(self._rows)
        self._rows = {
            step: row
            for step, row in self._rows.items()
            if step % self._every == 0 or row.scored or step == newest
        }

    def forget_after(self, step: int) -> None:
        """Drop the rows after ``step``, which a resumed run writes again."""
        self._rows = {s: row for s, row in self._rows.items() if s <= step}

    def clear(self) -> None:
        """Start an empty log."""
        self.begun, self._rows, self._every = time.time(), {}, 1

    # -- files --------------------------------------------------------------------------------

    def csv(self) -> str:
        """The table with a line of names; an empty field where nothing was measured."""
        text = io.StringIO()
        writer, further = csv.writer(text, lineterminator="\n"), self.further
        writer.writerow([*COLUMNS, *(FURTHER + name for name in further)])
        for row in self.rows:
            own = [_shown(getattr(row, name)) for name in COLUMNS]
            writer.writerow([*own, *(_shown(row.further.get(name)) for name in further)])
        return text.getvalue()

    def write_csv(self, path: Path) -> None:
        """Write the table; raises FileError."""
        write_atomically(path, self.csv().encode())

    def write_events(self, folder: Path) -> None:
        """Write TensorBoard's event files to ``folder``/train and ``folder``/test.

        Event files that an earlier call left there are replaced.

        Raises:
            FileError: the disk is full, or the folder cannot be written.
        """
        for run in CURVES:
            scalars = list(self._scalars(run))
            if not scalars:
                continue
            place = folder / run
            old = list(place.glob("events.out.tfevents.*"))
            make_folder(place)
            name = tensorboard.file_name(self.begun)
            write_atomically(place / name, tensorboard.event_file(scalars, self.begun))
            for path in old:
                if path.name != name:
                    path.unlink(missing_ok=True)

    def _scalars(self, run: str) -> Iterator[tensorboard.Scalar]:
        for row in self.rows:
            for tag, column in CURVES[run].items():
                value = getattr(row, column)
                if value is not None:
                    at = self.begun + (row.seconds or 0.0)
                    yield tensorboard.Scalar(tag, row.step, float(value), at)
            for name, loss in row.further.items() if run == "train" else ():
                at = self.begun + (row.seconds or 0.0)
                yield tensorboard.Scalar(f"loss/{name}", row.step, loss, at)


def read_csv(path: Path) -> RunLog:
    """A table that was written before; raises FileError."""
    log = RunLog()
    try:
        text = reading.read_bytes(path, LARGEST_CSV).decode("utf-8")
        lines = list(csv.DictReader(io.StringIO(text)))
        for line in lines:
            known = {k: float(v) for k, v in line.items() if v and k in COLUMNS}
            more = {
                k.removeprefix(FURTHER): float(v)
                for k, v in line.items()
                if k and k.startswith(FURTHER) and v
            }
            log.note(int(known.pop("step")), more, **known)
    except (csv.Error, ValueError, KeyError, TypeError, OverflowError) as error:
        raise FileError(f"{path} cannot be read as metrics: {error}.") from None
    if lines:
        log.begun -= max((row.seconds or 0.0) for row in log.rows)
    return log


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and value < 1e15:
        return str(int(value))
    return f"{value:.9g}" if isinstance(value, float) else str(value)
