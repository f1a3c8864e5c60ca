"""Messages about which parts of a picture an answer rests on."""

from __future__ import annotations

from graphcore.records.arrays import Array
from graphcore.records.requests import Look, Shown
from graphcore.training.sample import Sample


class AttributionRequest(Look, frozen=True):
    """Explain one sample.

    Attributes:
        node: convolution whose maps are weighed (Grad-CAM); "" for the last one.
    """

    sample: Sample = Sample()
    node: str = ""


class AttributionFrame(Shown, frozen=True, kw_only=True):
    """What the net's answer to a sample rests on.

    Attributes:
        image: the sample, shape (C, H, W), as it is fed.
        saliency: gradient of the answer's score with respect to it, same shape.
        cam: Grad-CAM of ``node``, shape (H, W), 0 to 1; None where there is no convolution.
        convolutions: nodes that Grad-CAM can be taken at.
        nudged: the sample moved along the gradient until the answer changes, or None.
        size: how far each number was moved at most.
        label, answer, share: the class, the net's answer and its probability; ``new_answer`` and
            ``new_share`` those of the nudged sample.
        problem: why there is nothing to see, or "".
    """

    step: int = 0
    sample: int = 0
    samples: int = 0
    image: Array | None = None
    saliency: Array | None = None
    cam: Array | None = None
    node: str = ""
    convolutions: tuple[str, ...] = ()
    nudged: Array | None = None
    size: float = 0.0
    label: str = ""
    answer: str = ""
    share: float = 0.0
    new_answer: str = ""
    new_share: float = 0.0
    problem: str = ""
