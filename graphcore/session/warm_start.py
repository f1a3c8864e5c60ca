"""What the next net of a document begins with: weights of a file, and those of the net before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graphcore.engine.plan import Plan
from graphcore.files.state_dict import read_tensors
from graphcore.training.trainer import Trainer
from graphcore.training.transfer.keep_weights import Kept, take_over
from graphcore.training.transfer.renames import Renames, under_new_names
from graphcore.training.transfer.silent_units import Growth

if TYPE_CHECKING:
    from torch import Tensor


class WarmStart:
    """Keeps weights from one net of a document to the next.

    Attributes:
        tensors: of a file, by name: what nets start with, now and after every reset.
        file: their path; "" where they come from none.
        aside: the net that was trained, while there is none that can be.
    """

    def __init__(self) -> None:
        self.tensors = dict[str, "Tensor"]()
        self.file = ""
        self.aside: Trainer | None = None
        self._gone: dict[str, Tensor] = {}
        self._renames = Renames()

    def rename(self, pairs: tuple[tuple[str, str], ...]) -> None:
        """Find weights under the names that their nodes were given since."""
        self._renames.add(pairs)
        self.tensors = under_new_names(self.tensors, pairs)

    def read(self, file: str) -> None:
        """Let nets start with the weights of a file; raises FileError."""
        if file != self.file:
            self.tensors = read_tensors(Path(file)) if file else {}
            self.file = file

    def begin(self, plan: Plan) -> None:
        """Let a net start with the weights of the file."""
        plan.begin_with(self.tensors)

    def keep_edited_initialisers(self, new: Trainer, current: Trainer | None) -> None:
        """Let a parameter whose initialiser an edit has changed start by it, not from a file."""
        before = self.aside or current
        rules = {} if before is None else {p.name: p.initializer for p in before.plan.layout}
        layout = new.plan.layout
        changed = {p.name for p in layout if rules.get(p.name, p.initializer) != p.initializer}
        if changed & self.tensors.keys():
            self.tensors = {k: v for k, v in self.tensors.items() if k not in changed}
            new.plan.begin_with(self.tensors)
            new.plan.reset()

    def take_over(self, new: Trainer, current: Trainer | None, growth: Growth) -> Kept:
        """Give the new net every weight of the one before that still fits."""
        old = self._source(current)
        return Kept() if old is None else take_over(new, old, self._gone, growth, self._renames)

    def set_aside(self, current: Trainer | None) -> None:
        """Keep the net that was trained: what it has learned goes on in the next."""
        self.aside = self._source(current)

    def adopt(self, new: Trainer, current: Trainer | None) -> None:
        """Note that a net takes the place of another, which is kept until one can be trained."""
        if new.trains:
            self.aside = None
            self._renames.clear()
        else:
            self.set_aside(current)

    def _source(self, current: Trainer | None) -> Trainer | None:
        """The net whose weights go on: the one that was trained, with what was changed since."""
        if self.aside is None or current is None:
            return self.aside or current
        ours, theirs = self.aside.plan.parameters, current.plan.parameters
        for name in ours.keys() & theirs.keys():
            if ours[name].shape == theirs[name].shape:
                ours[name].copy_(theirs[name])
        return self.aside

    def forget_learned(self) -> None:
        """Let the next net begin with its initial weights, whatever was learned or changed."""
        self.aside = None
        self._renames.clear()
        self._gone.clear()

    def forget_gone(self) -> None:
        """Keep no weights of nodes that were deleted."""
        self._gone.clear()

    def forget(self) -> None:
        """Keep nothing, the weights of the file neither: another document is opened."""
        self.forget_learned()
        self.tensors, self.file = {}, ""
