"""The states of a run at many of its steps, so that one can go back to any of them.

A state is what going on from there needs: weights, optimiser state, random state, running
statistics; the data order follows from the step. States are kept in memory up to a limit and in
files past it. Steps are kept at a constant ratio of one to the next, because most happens at
the start: the number kept grows with the logarithm of the run's length.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from graphcore.errors import FileError

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.training.trainer import Trainer

PER_FOLD = 40
"""Snapshots kept per e-fold of the step count; each of the first PER_FOLD steps is kept."""
MEMORY, DISK = 256 << 20, 2 << 30
"""Bytes that the states of all runs may take in memory, and in files past that."""


class Moment:
    """The state of a run after ``step`` updates, in memory or in a file.

    Attributes:
        lr: learning rate of the run, before its schedule.
        epochs: how many the run was to have then; schedules depend on it.
        size: bytes.
        shapes: see ``net_shapes``.
    """

    _numbers = itertools.count()

    def __init__(self, step: int, lr: float, epochs: int, tensors: dict[str, Tensor]) -> None:
        self.step, self.lr, self.epochs = step, lr, epochs
        self.size = sum(t.nbytes for t in tensors.values())
        self.shapes = net_shapes(tensors)
        self.number = next(self._numbers)
        self._tensors: dict[str, Tensor] | None = tensors
        self._file: Path | None = None

    @classmethod
    def of(cls, trainer: Trainer) -> Moment:
        """The newest state of a run, copied to the machine's own memory."""
        tensors = {k: v.to("cpu") for k, v in trainer.state().items()}
        return cls(trainer.step, trainer.lr, trainer.settings.epochs, tensors)

    @property
    def in_memory(self) -> bool:
        """Whether it is not in a file."""
        return self._tensors is not None

    def tensors(self) -> dict[str, Tensor]:
        """The state, not to be written to; raises FileError if its file is gone or damaged."""
        if self._tensors is not None:
            return self._tensors
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        assert self._file is not None
        try:
            found: dict[str, Tensor] = load_file(self._file)
            return found
        except (OSError, SafetensorError) as error:
            raise FileError(f"The recorded step {self.step} cannot be read: {error}.") from None

    def put(self, trainer: Trainer, tensors: dict[str, Tensor] | None = None) -> None:
        """Give a run of the same net this state; raises EngineError or FileError.

        The learning rate stays the run's own: it is the one that the user has set.

        Args:
            tensors: the state, where it was read already.
        """
        found = self.tensors() if tensors is None else tensors
        trainer.load_state(found, self.step, trainer.settings.lr)
        trainer.settings = msgspec.structs.replace(trainer.settings, epochs=self.epochs)

    def write(self, folder: Path) -> None:
        """Move from memory into a file; raises OSError, and stays in memory then."""
        from safetensors import SafetensorError
        from safetensors.torch import save_file  # no copy of it all in memory

        assert self._tensors is not None
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"moment-{self.number}.safetensors"
        try:
            save_file(self._tensors, path)
        except SafetensorError as error:
            raise OSError(str(error)) from None
        self._tensors, self._file = None, path

    def delete(self) -> None:
        """Remove its file, if it has one."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)


def net_shapes(state: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes that are equal where a net and its optimiser are: how far it is does not matter."""
    return {
        name: tuple(tensor.shape)
        for name, tensor in state.items()
        if name not in ("epochs", "position") and not name.startswith("best:")
    }


class Timeline:
    """The moments of one run in the order of their steps.

    Attributes:
        per_fold: see ``PER_FOLD``; halved whenever room had to be made.
        begun: step at which the run began; moments grow rarer from there.
    """

    def __init__(
        self, moments: Iterable[Moment] = (), per_fold: int = PER_FOLD, begun: int = 0
    ) -> None:
        self.moments = list(moments)
        self.per_fold, self.begun = per_fold, begun

    @property
    def steps(self) -> list[int]:
        """The steps that one can go back to."""
        return [m.step for m in self.moments]

    def due(self, step: int) -> bool:
        """Whether the state after this step is one to keep."""
        if not self.moments:
            return True
        return step - self.moments[-1].step >= self._apart(step)

    def steps_until_due(self, step: int) -> int:
        """How many steps after this one the next state to keep may come, at the earliest."""
        if not self.moments:
            return 1
        return max(1, self.moments[-1].step + self._apart(step) - step)

    def _apart(self, step: int) -> int:
        return max(1, (step - self.begun) // self.per_fold)

    def add(self, moment: Moment) -> None:
        """Keep a moment that is later than all others, or replaces the last."""
        if self.moments and self.moments[-1].step >= moment.step:
            self.moments.pop()
        self.moments.append(moment)

    def at(self, step: int) -> Moment:
        """The last moment that is not after a step; the first if all are."""
        return self.moments[max(0, bisect_right(self.steps, step) - 1)]

    def until(self, step: int) -> Timeline:
        """The part up to a step, sharing its moments, for a run that begins there."""
        return Timeline([m for m in self.moments if m.step <= step], self.per_fold, step)

    def halve(self) -> bool:
        """Leave out every other moment but the first and the last; False if there are none."""
        if len(self.moments) < 3:
            return False
        self.moments = [*self.moments[:-1:2], self.moments[-1]]
        self.per_fold = max(1, self.per_fold // 2)
        return True


class Store:
    """Room for moments: memory up to a limit, then files up to another.

    Args:
        folder: for the files; None keeps everything in memory.

    Attributes:
        memory, disk: bytes in use.
        problem: why files cannot be written, or "".
    """

    def __init__(
        self, folder: Path | None = None, memory_limit: int = MEMORY, disk_limit: int = DISK
    ) -> None:
        self.folder, self.memory_limit, self.disk_limit = folder, memory_limit, disk_limit
        self.memory = self.disk = 0
        self.problem = ""
        self._kept: dict[int, Moment] = {}

    def add(self, moment: Moment) -> None:
        """Take a moment in; older ones move into files if memory is short."""
        if moment.number in self._kept:
            return
        self._kept[moment.number] = moment
        self.memory += moment.size
        if self.folder is None or self.problem:
            return
        for old in list(self._kept.values()):
            if self.memory <= self.memory_limit or old is moment:
                break
            if old.in_memory:
                self._spill(old, self.folder)

    def _spill(self, moment: Moment, folder: Path) -> None:
        try:
            moment.write(folder)
        except OSError as error:
            self.problem = (
                f"Earlier steps cannot be kept on disk ({error.strerror or error}): "
                "fewer of them are kept, training goes on."
            )
            return
        self.memory -= moment.size
        self.disk += moment.size

    @property
    def full(self) -> bool:
        """Whether moments have to be left out."""
        return self.memory > self.memory_limit or self.disk > self.disk_limit

    def keep_only(self, used: Iterable[Moment]) -> None:
        """Drop every moment that is not among these, with its file."""
        wanted = {m.number for m in used}
        for number in [n for n in self._kept if n not in wanted]:
            moment = self._kept.pop(number)
            moment.delete()
            if moment.in_memory:
                self.memory -= moment.size
            else:
                self.disk -= moment.size
