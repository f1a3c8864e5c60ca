"""Messages of the digit pad: what the net makes of a drawing, and the samples most like it."""

from __future__ import annotations

import msgspec

from graphcore.records.arrays import Array
from graphcore.records.pictures import Picture
from graphcore.records.requests import Ask, Look, Reply, Shown


class NearestRequest(Ask, frozen=True):
    """A drawing whose nearest training samples are wanted.

    Attributes:
        pixels, centred: as in ``DigitRequest``.
        node: whose values are compared; "" for the inputs themselves.
    """

    pixels: Array
    centred: bool = True
    node: str = ""


class Neighbour(msgspec.Struct, tag=True, frozen=True):
    """A training sample: its place in the split, class, distance and picture (H, W)."""

    index: int
    label: int
    distance: float
    image: Array


class NearestFrame(Reply, frozen=True, kw_only=True):
    """The training samples that are nearest to a drawing, the nearest first.

    Attributes:
        node: whose values were compared; "" for the inputs.
        searched: how many training samples were gone through.
        problem: why there are none, or "".
    """

    node: str = ""
    searched: int = 0
    classes: tuple[str, ...] = ()
    found: tuple[Neighbour, ...] = ()
    problem: str = ""


class DigitRequest(Look, frozen=True):
    """A drawing to be run through the net.

    Attributes:
        pixels: brightness 0 to 1, shape (H, W); any size.
        centred: whether it is put in the middle the way MNIST's digits were.
        watch: nodes whose pictures are wanted.
    """

    pixels: Array
    centred: bool = True
    watch: tuple[str, ...] = ()


class DigitFrame(Shown, frozen=True, kw_only=True):
    """What the net makes of a drawing.

    Attributes:
        shares: probability of each class.
        seen: the picture as the net gets it, shape (H, W), before normalisation.
        values: pictures of the nodes that were asked for.
        problem: why it makes nothing of it, or "".
    """

    classes: tuple[str, ...] = ()
    shares: Array | None = None
    seen: Array | None = None
    values: dict[str, Picture] = {}
    problem: str = ""
