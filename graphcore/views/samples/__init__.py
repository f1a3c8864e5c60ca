"""Messages about the samples of a data set, a page at a time, and the one that is looked at."""

from __future__ import annotations

from graphcore.records.arrays import Array
from graphcore.records.pictures import Picture
from graphcore.records.requests import Look, Shown
from graphcore.training.sample import SplitName


class SamplesRequest(Look, frozen=True):
    """Show a page of the data set.

    Attributes:
        start, count: which of the samples that are asked for, in their order.
        label: a class, or -1 for all.
        wrong: only those that the net gets wrong, of the split's first 10,000.
    """

    split: SplitName = "test"
    start: int = 0
    count: int = 24
    label: int = -1
    wrong: bool = False


class SamplesFrame(Shown, frozen=True, kw_only=True):
    """A page of the data set.

    Attributes:
        start, total: where the page begins, and how many samples there are of what was asked for.
        indices: rows of the split.
        labels, answers: what each is, and what the net takes it for; "" where there are no classes.
        images: shape (n, H, W), 0 to 1; None where samples are no pictures.
        rows: the first numbers of each sample, shape (n, k), before normalisation.
        classes: names of all classes.
        columns: what each number of a sample with one axis is called; empty if it has no name.
        step: training step whose weights gave the answers.
        problem: why there is no page, or "".
    """

    split: SplitName = "test"
    start: int = 0
    total: int = 0
    indices: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    images: Array | None = None
    rows: Array | None = None
    classes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    step: int = 0
    problem: str = ""


class SampleRequest(Look, frozen=True):
    """Nodes whose pictures are wanted for a test sample; none for no sample."""

    nodes: tuple[str, ...] = ()
    sample: int = 0

    @property
    def wanted(self) -> bool:
        """Whether there is something to compute."""
        return self.visible and bool(self.nodes)


class SampleFrame(Shown, frozen=True, kw_only=True):
    """Both passes of one test sample, with the weights of a step in evaluation mode.

    Attributes:
        samples: how many test samples there are.
        label, answer: its class and what the net takes it for; -1 for none.
        values, gradients: pictures by node, and by "node.input" for its parameters.
        problem: why there is nothing to see, or "".
    """

    step: int = 0
    sample: int = 0
    samples: int = 0
    label: int = -1
    answer: int = -1
    classes: tuple[str, ...] = ()
    values: dict[str, Picture] = {}
    gradients: dict[str, Picture] = {}
    problem: str = ""
