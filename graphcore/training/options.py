"""Which numbers fit the options of optimisers, schedules and runs: one table, checked everywhere.

The ranges are those of torch.optim and its schedulers, within single precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphcore.errors import AttributeRefusedError

LARGEST = 3.4e38
"""Beyond it there is no number of single precision."""
MANY = 2**31
"""Epochs, samples and seeds end here or beyond; the bound is said of a number that meets it."""
QUOTED = 60
"""Characters of a refused value that are shown."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``minimum`` to ``maximum``, themselves included unless ``open`` names them.

    Attributes:
        open: bounds that do not fit themselves.
    """

    minimum: float = -LARGEST
    maximum: float = LARGEST
    open: tuple[float, ...] = ()

    def holds(self, number: float) -> bool:
        """Return whether a number fits."""
        return self.minimum <= number <= self.maximum and number not in self.open

    def __str__(self) -> str:
        low = "above" if self.minimum in self.open else "of at least"
        high = "below" if self.maximum in self.open else "of at most"
        bounds = [(low, self.minimum)] if self.minimum > -LARGEST else []
        bounds += [(high, self.maximum)] if self.maximum < MANY else []
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds)


NOT_NEGATIVE, POSITIVE, AT_LEAST_ONE = Range(0), Range(0, open=(0,)), Range(1)
SHARE, BELOW_ONE = Range(0, 1), Range(0, 1, open=(1,))

OF_RUN: Mapping[str, Range] = {
    "epochs": Range(1, MANY), "batch": Range(1, MANY), "patience": AT_LEAST_ONE,
    "lr": NOT_NEGATIVE, "clip_norm": NOT_NEGATIVE, "l1": NOT_NEGATIVE, "l2": NOT_NEGATIVE,
    "seed": Range(0, 2**53),
}  # fmt: skip
"""Setting of a run -> what fits it."""
OPTIONS: Mapping[str, Range] = {
    "momentum": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE, "eps": NOT_NEGATIVE,
    "beta1": BELOW_ONE, "beta2": BELOW_ONE, "alpha": NOT_NEGATIVE, "lr_decay": NOT_NEGATIVE,
    "rho": SHARE,
    "step every": AT_LEAST_ONE, "warmup share": SHARE, "onecycle share": SHARE,
    "onecycle start": POSITIVE, "onecycle end": POSITIVE,
    "plateau gamma": Range(maximum=1, open=(1,)),
}  # fmt: skip
"""Option -> what fits it; "schedule option" where the word means another thing elsewhere."""


def fitting(name: str, owner: str = "") -> Range:
    """Return the numbers that fit an option of a run, or of the optimiser or schedule ``owner``."""
    if not owner:
        return OF_RUN.get(name, Range())
    return OPTIONS.get(f"{owner} {name}", OPTIONS.get(name, Range()))


def check(name: str, value: Any, default: Any, owner: str = "", shown: str = "") -> None:
    """Raise AttributeRefusedError unless a value is of the default's kind and fits.

    Args:
        owner: the optimiser or schedule whose option it is; "" for a setting of the run.
        shown: what it is called in the message, if not by its name.
    """
    what = shown or (f"{owner}: {name}" if owner else name)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise AttributeRefusedError(f"{what} takes true or false, got {_quoted(value)}.")
        return
    whole, bounds = isinstance(default, int), fitting(name, owner)
    if not _is_number(value, whole) or not bounds.holds(value):
        kind = "a whole number" if whole else "a number"
        got = f"{_quoted(value)}{_beyond(value, bounds)}"
        raise AttributeRefusedError(f"{what} takes {f'{kind} {bounds}'.strip()}, got {got}.")


def _quoted(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python does not write whole numbers of thousands of digits
        text = "a number of too many digits"
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}…"


def _beyond(value: Any, bounds: Range) -> str:
    """The largest number that fits, for one that is larger."""
    beyond = isinstance(value, int | float) and not value <= bounds.maximum
    return f" (at most {bounds.maximum:.10g})" if beyond and bounds.maximum >= MANY else ""


def _is_number(value: Any, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return False
    try:
        return abs(float(value)) <= LARGEST
    except OverflowError:
        return False


def check_all(owner: str, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise AttributeRefusedError unless the options given to an optimiser or schedule fit it."""
    for name, value in given.items():
        if name not in defaults:
            listed = ", ".join(defaults) or "none"
            raise AttributeRefusedError(
                f"{owner} has no option {name[:QUOTED]!r}; it has: {listed}."
            )
        check(name, value, defaults[name], owner)
