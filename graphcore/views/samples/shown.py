"""Messages of a sample that was chosen to be looked at, instead of that of the running step."""

from __future__ import annotations

import msgspec

from graphcore.records.pictures import Picture


class SampleRequest(msgspec.Struct, tag=True, frozen=True):
    """Nodes whose pictures are wanted for a test sample; none for no sample."""

    nodes: tuple[str, ...] = ()
    sample: int = 0


class SampleFrame(msgspec.Struct, tag=True, frozen=True, kw_only=True):
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
