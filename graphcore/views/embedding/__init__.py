"""Messages of the embedding: the samples as points, by what a layer makes of them."""

from __future__ import annotations

from graphcore.records.arrays import Array
from graphcore.records.requests import Job, Look, Reply, Shown


class EmbeddingRequest(Look, frozen=True):
    """The samples as points, by the values of a node; "" is the one that answers."""

    node: str = ""


class TsneRequest(Job, frozen=True):
    """Embed the samples by t-SNE; ``node`` as in ``EmbeddingRequest``."""

    node: str = ""


class EmbeddingFrame(Shown, frozen=True, kw_only=True):
    """Samples of the test split in a plane, by what a layer makes of them.

    Attributes:
        node: whose values they are; ``size`` numbers per sample.
        points: shape (n, 2), in the units of the values.
        labels, answers: class of each sample, and what the net takes it for; -1 for none.
        shares: of the variance that each of the two principal components holds; 0 with t-SNE.
        images: shape (n, H, W), the pictures of the samples; None where they are none.
        problem: why there is nothing to see, or "".
    """

    node: str = ""
    size: int = 0
    step: int = 0
    points: Array | None = None
    labels: Array | None = None
    answers: Array | None = None
    classes: tuple[str, ...] = ()
    shares: tuple[float, float] = (0.0, 0.0)
    images: Array | None = None
    problem: str = ""


class TsneFrame(Reply, frozen=True, kw_only=True):
    """How far t-SNE is, and in the end what it found.

    Attributes:
        progress: 0 to 1.
        embedding: where the samples lie, when it is done.
        problem: why there is none, or "".
    """

    node: str = ""
    progress: float = 0.0
    embedding: EmbeddingFrame | None = None
    problem: str = ""
