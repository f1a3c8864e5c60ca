"""Messages about activation maximisation: the picture that most excites a unit."""

from __future__ import annotations

from graphcore.records.arrays import Array
from graphcore.records.requests import Job, Reply


class MaximisationRequest(Job, frozen=True):
    """Look for the picture to which a unit responds most, by gradient ascent.

    Attributes:
        node: whose unit it is. unit: its number; of a convolution, a feature map.
        number: which search it is; its frames bear it.
    """

    node: str = ""
    unit: int = 0
    number: int = 0


class MaximisationFrame(Reply, frozen=True, kw_only=True):
    """How far the search is.

    Attributes:
        units: how many the node has.
        image: the picture, shape (C, H, W), in the data's own numbers.
        activation: of the unit at it; of a feature map, the mean.
        best: the training picture to which the unit responds most, of those looked at so far;
            index is its row, best_activation the unit's response.
        searched: how many training pictures were looked at.
        done: share of the search.
        problem: why there is none, or "".
        number: of the request.
    """

    node: str = ""
    unit: int = 0
    units: int = 0
    image: Array | None = None
    activation: float = 0.0
    best: Array | None = None
    index: int = -1
    label: str = ""
    best_activation: float = 0.0
    searched: int = 0
    done: float = 0.0
    problem: str = ""
    number: int = 0
