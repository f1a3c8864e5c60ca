"""The data set of the net at work, read again only where other data are asked for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from graphcore import datasets
from graphcore.datasets.probe import NAME as PROBE
from graphcore.datasets.probe import Probe
from graphcore.errors import DataError
from graphcore.graph.training_settings import TrainingSettings
from graphcore.records.requests import Reply
from graphcore.session import messages as m


class KeptData:
    """Reads data sets, telling the window how far it is, and keeps the last.

    Attributes:
        files: where paths of a window on another machine lie on this one.
    """

    def __init__(
        self, send: Callable[[Reply], None], given_up: threading.Event | None = None
    ) -> None:
        self._send, self._given_up = send, given_up or threading.Event()
        self.files: Mapping[str, Path] = {}
        self._folder = ""
        self._ahead: tuple[Any, threading.Thread, list[datasets.Dataset]] | None = None
        self._kept: tuple[Any, datasets.Dataset] | None = None
        self._named: tuple[Any, datasets.Dataset] | None = None
        self._probes: dict[str, Probe] = {}

    def give(self, probe: Probe) -> None:
        """Have the batch of a script among the data that settings can name."""
        self._probes[probe.mark] = probe

    def of(self, s: TrainingSettings, folder: str | None = None) -> datasets.Dataset:
        """The data that these settings name; raises DataError and keeps the last then.

        Args:
            folder: where to look first, "" for nowhere; None: where it was looked the last time.
        """
        if folder is not None:
            self._folder = folder
        key = self._key(s)
        if self._kept is None or self._kept[0] != key:
            self._given_up.clear()
            data = self._read_ahead(key) or self._read(s)
            self._kept = key, data
            self._send(
                m.DataRead(
                    data.name, data.header, data.target, tuple(data.input_shape),
                    len(data.classes), data.note,
                )
            )  # fmt: skip
        named = key, s.class_names
        if self._named is None or self._named[0] != named:
            self._named = named, datasets.called(self._kept[1], s.class_names)
        return self._named[1]

    def read_ahead(self, s: TrainingSettings, folder: str) -> None:
        """Begin to read data in a thread of its own, while the process imports what trains.

        What goes wrong there is said when the data are wanted, and read again.
        """
        self._folder, found = folder, list[datasets.Dataset]()

        def read() -> None:
            with contextlib.suppress(DataError):
                found.append(self._read(s))

        thread = threading.Thread(target=read, daemon=True)
        self._ahead = self._key(s), thread, found
        thread.start()

    def _read_ahead(self, key: Any) -> datasets.Dataset | None:
        """What was read ahead, if it is what is wanted now."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead[0] != key:
            return None
        ahead[1].join()
        return ahead[2][0] if ahead[2] else None

    def _key(self, s: TrainingSettings) -> Any:
        files = {k: self.files[k] for k in s.dataset_options.values() if k in self.files}
        return s.dataset, dict(s.dataset_options), s.normalization, s.seed, self._folder, files

    def _read(self, s: TrainingSettings) -> datasets.Dataset:
        probe = self._probes.get(s.dataset_options.get("batch", ""))
        if s.dataset == PROBE and probe is not None:
            return probe.dataset(s.dataset_options.get("classes", 0))
        return datasets.load(
            s.dataset, options=s.dataset_options, normalization=s.normalization, seed=s.seed,
            data_dir=Path(self._folder) if self._folder else None, progress=self._progress,
            files=self.files,
        )  # fmt: skip

    def _progress(self, what: str, done: int, total: int) -> None:
        """Tell how far the reading is; raises DataError where the window has given it up."""
        if self._given_up.is_set():
            raise DataError(f"Reading {what} was cancelled: choose other data, or the same again.")
        self._send(m.Progress(what, done, total))
