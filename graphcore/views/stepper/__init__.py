"""Messages for going through both passes of one sample step by step.

The engine computes both passes at once and sends everything there is to see; the window shows it
a step at a time, so that no step waits for anything.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from graphcore.records.arrays import Array
from graphcore.records.pictures import Picture
from graphcore.records.requests import Ask, Look, Reply, Shown
from graphcore.training.sample import Sample


class WalkRequest(Look, frozen=True):
    """Say what is to be gone through.

    Attributes:
        batch: how many samples go through together, ``sample`` the first of them: the loss and
            its gradients are their average. What is shown of a value is the first one's.
        training: whether dropout drops and batch norm takes the batch's own statistics.
        refresh: counts up to ask for it again now.
    """

    sample: Sample = Sample()
    refresh: int = 0
    batch: int = 1
    training: bool = False


class CheckRequest(Ask, frozen=True):
    """Compare gradients of the sample that is shown with central finite differences.

    Attributes:
        step: how far each number is moved to either side.
        part: a parameter "node.input", a node's value "node", an edge "source -> target.input",
            or "" for every parameter and the value of every node.
    """

    step: float = 1e-6
    part: str = ""


class Term(msgspec.Struct, tag=True, frozen=True):
    """What one edge hands back in the backward pass: upstream × local = downstream.

    Attributes:
        upstream: gradient of the target's output, if it is one number.
        local: derivative of the target's output by this input, if both are single numbers.
        downstream: the gradient that goes back along the edge, if it is one number.
        size: root mean square of that gradient.
    """

    source: str
    target: str
    input: str
    upstream: float | None
    local: float | None
    downstream: float | None
    size: float


class Curve(msgspec.Struct, tag=True, frozen=True):
    """An activation function over the range of what goes into it.

    Attributes:
        x, y, slope: the function and its derivative.
        edges, counts: histogram of the numbers that go in, one edge more than counts.
        flat: share of them where the slope is below a hundredth: saturated or dead.
    """

    x: Array
    y: Array
    slope: Array
    edges: Array
    counts: Array
    flat: float


class Quantity(msgspec.Struct, tag=True, frozen=True):
    """Something that is computed on the way to a node's output, for the sample that is shown.

    Attributes:
        array: one number, shape (); a row of them, (n,); or maps of them, (n, m) or (k, n, m).
    """

    name: str
    array: Array


class Update(msgspec.Struct, tag=True, frozen=True):
    """What the optimiser would make of one parameter.

    Attributes:
        before, gradient, after: if the parameter is one number.
        gradient_size, change_size: root mean squares of the gradient and of the change.
        moments: name of each of the optimiser's moments -> its number, or its root mean square.
        numbers: the first numbers of "value", "gradient", every moment after the update, and
            "after". count: how many the parameter has.
        rate: its learning rate as a multiple of the run's.
    """

    name: str
    before: float | None
    gradient: float | None
    after: float | None
    gradient_size: float
    change_size: float
    moments: dict[str, float]
    numbers: dict[str, Array] = {}
    count: int = 1
    rate: float = 1.0


class NumbersRequest(Ask, frozen=True):
    """Send all numbers of a node, "conv1", or of a parameter, "conv1.weight", at a sample.

    Attributes:
        sample: None is the one that is gone through.
    """

    name: str
    sample: Sample | None = None


class NumbersFrame(Reply, frozen=True, kw_only=True):
    """All numbers of a node or a parameter of the sample that is gone through.

    Attributes:
        tensors: "value" and "gradient"; of a parameter also every moment of the optimiser after
            the update, and "after", its value then. What is not there is left out.
        problem: why there is none, or "".
    """

    name: str
    tensors: dict[str, Array] = {}
    problem: str = ""


class ElementRequest(Ask, frozen=True):
    """Write out one number of a node's output.

    Attributes:
        index: of the number, without the axis of samples; () for the first.
        backward: not the number itself, but the gradient of the first weight that goes into it.
    """

    node: str
    index: tuple[int, ...] = ()
    backward: bool = False


class Factor(msgspec.Struct, tag=True, frozen=True):
    """A number of a tensor that the node's formula calls by a letter."""

    letter: str
    index: tuple[int, ...]
    value: float


class ElementFrame(Reply, frozen=True, kw_only=True):
    """One number as the sum that it is: share · Σ left · right + bias.

    Attributes:
        left, right: the first factors of the sum; without ``right`` the terms are ``left`` alone.
        squares: the terms are (left − right)².
        count: how many terms the sum has.
        total: the number itself. Without terms the node's numbers are no such sums.
        backward: it is a gradient, ∂L/∂W.
    """

    node: str
    backward: bool = False
    index: tuple[int, ...] = ()
    left: tuple[Factor, ...] = ()
    right: tuple[Factor, ...] = ()
    squares: bool = False
    count: int = 0
    share: float = 1.0
    bias: Factor | None = None
    total: float = 0.0


class WalkFrame(Shown, frozen=True, kw_only=True):
    """Both passes of one sample.

    Nodes inside composites are called "composite/node".

    Attributes:
        forward: names of the nodes in the order in which they are computed, composites opened.
        backward: names in the order in which the gradient reaches them; empty without a loss.
        end: the node that the gradient starts from.
        numbers, slopes: value and gradient of every node that holds one number, in full.
        values, gradients: pictures of all nodes.
        terms: what runs back along every edge.
        aliases: ports of composites and composites -> the node whose value is theirs.
        curves: activation functions by node. quantities: what is computed on the way, by node.
        jacobians: ∂output/∂input where it is small, by node.
        updates: what the optimiser would do then; empty where nothing is trained.
        unchanged: names of the parameters that it would leave as they are.
        rule, lr: name of the optimiser, and the run's learning rate; "" without a loss.
        label, answer: the sample's class and the net's, or "". likeliest: the classes that the net
            gives most, with their probabilities; at most five.
        held: how many values are held; ``free_answer`` is the net's without that.
        problem: why what is to be held or shown cannot be, or "".
        sample, samples: its row in the split, and how many there are; ``given``: the sample's own
            numbers, before normalisation.
        together: how many samples went through together, ``sample`` the first of them.
        unknown: whether the sample was typed and no true value of it is known: the target and
            what is computed from it are left out, and there is no backward pass.
        step: training step whose weights these are.
    """

    forward: tuple[str, ...] = ()
    backward: tuple[str, ...] = ()
    end: str = ""
    numbers: dict[str, float] = {}
    slopes: dict[str, float] = {}
    values: dict[str, Picture] = {}
    gradients: dict[str, Picture] = {}
    terms: tuple[Term, ...] = ()
    curves: dict[str, Curve] = {}
    quantities: dict[str, tuple[Quantity, ...]] = {}
    jacobians: dict[str, tuple[Quantity, ...]] = {}
    aliases: dict[str, str] = {}
    updates: tuple[Update, ...] = ()
    unchanged: tuple[str, ...] = ()
    rule: str = ""
    lr: float = 0.0
    label: str = ""
    answer: str = ""
    likeliest: tuple[tuple[str, float], ...] = ()
    held: int = 0
    free_answer: str = ""
    problem: str = ""
    sample: int = 0
    samples: int = 0
    given: Array | None = None
    together: int = 1
    unknown: bool = False
    step: int = 0


class Checked(msgspec.Struct, tag=True, frozen=True):
    """One tensor, where its gradient and the finite difference are furthest apart.

    Attributes:
        error: relative to the tensor's largest gradient.
        place: of the number, in row order. own, difference: its gradient both ways.
        reason: what is left comes from rounding, the curve within the step, or a kink in it, or
            the loss is too large for the step to be seen in it; else the gradient is wrong.
        kinks: how many more numbers had a kink within the step; they are left out.
    """

    error: float
    place: int
    own: float
    difference: float
    reason: Literal["rounding", "curve", "kink", "wrong", "lost"]
    kinks: int = 0


class CheckFrame(Reply, frozen=True):
    """What was compared, by name.

    Attributes:
        part: what was asked for.
        problem: why nothing could be compared, or "".
    """

    checked: dict[str, Checked]
    step: float = 0.0
    part: str = ""
    problem: str = ""
