"""The batch that a net is looked at on while a script trains it; it travels with the run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from graphcore.datasets.dataset import Array, Dataset, Split
from graphcore.datasets.normalization import Normalization
from graphcore.datasets.registry import Option, Request, Samples, dataset
from graphcore.errors import DataError, short

NAME = "probe"


@dataset(
    NAME, "Probe batch of a script", task=None, shape=None, classes=None,
    options=(Option("batch", "", "Which batch: the mark that its run gave it."),
             Option("classes", 0, "How many classes there are; 0 where the answer is a number.",
                    0)),
)  # fmt: skip
def load_probe(request: Request) -> Samples:
    """The batch that a script gave with its net to be watched: it lies in the recorded run."""
    raise DataError(
        "The probe batch of a script's training loop lies in its recorded run: open the .gradrun "
        "file, or choose other data."
    )


@dataclass(frozen=True, eq=False)
class Probe:
    """One batch of a script.

    Attributes:
        inputs: float32, shape (n, *input_shape).
        targets: int64 or float32, with a row per sample.
    """

    inputs: Array
    targets: Array

    def __post_init__(self) -> None:
        a, b = self.inputs, self.targets
        if a.dtype != np.float32 or b.dtype not in (np.float32, np.int64):
            raise DataError("A probe batch has inputs of float32, targets of float32 or int64.")
        if not (a.ndim and b.ndim and len(a) == len(b) > 0):
            raise DataError("A probe batch has one target per input, and one of them at least.")

    @property
    def mark(self) -> str:
        """A name of these numbers; other numbers have another."""
        return hashlib.sha256(self.inputs.tobytes() + self.targets.tobytes()).hexdigest()[:12]

    def to_bytes(self) -> bytes:
        """Return the batch as a file of safetensors."""
        from safetensors.numpy import save

        return bytes(save({"inputs": self.inputs, "targets": self.targets}))

    @classmethod
    def of_bytes(cls, content: bytes) -> Probe:
        """Return the batch of a file; raises DataError."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            arrays = load(content)
            return cls(arrays["inputs"], arrays["targets"])
        except (SafetensorError, LookupError, ValueError, TypeError) as error:
            raise DataError(f"The probe batch is damaged: {short(error)}.") from None

    def dataset(self, classes: int) -> Dataset:
        """Return the batch as data: all of it is each split, always in this order."""
        split = Split(np.ascontiguousarray(self.inputs), np.ascontiguousarray(self.targets))
        names = tuple(map(str, range(classes)))
        as_it_is = Normalization("none", np.zeros((), np.float32), np.ones((), np.float32))
        note = (
            "The losses are those of a script's own training loop. All else is computed here, on "
            f"its batch of {len(split):,} samples, in evaluation mode."
        )
        return Dataset(
            NAME, "classification" if names else "regression", split, split, None,
            self.inputs.shape[1:], names, as_it_is, note, fixed_order=True,
        )  # fmt: skip
