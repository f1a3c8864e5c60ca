"""How the steps of a run make epochs: another size of batch, or other data, make other epochs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np


class EpochCount(msgspec.Struct, tag=True, frozen=True):
    """The count of epochs from a step on.

    Attributes:
        per_epoch: steps of an epoch.
        behind: how many more steps were made than epochs of this length would have taken.
        since: the step from which it counts.
    """

    per_epoch: int = 1
    behind: int = 0
    since: int = 0

    def position(self, step: int) -> int:
        """Return how many steps of this length the epochs done up to a step are."""
        return step - self.behind

    def for_length(self, per_epoch: int, step: int) -> EpochCount:
        """Return the count with epochs of another length from a step on.

        The epochs done stay what they are, the begun one to the nearest step that does not end it.
        """
        if per_epoch == self.per_epoch:
            return self
        whole, begun = divmod(self.position(step), self.per_epoch)
        place = min(round(begun / self.per_epoch * per_epoch), per_epoch - 1)
        return EpochCount(per_epoch, step - whole * per_epoch - place, step)


def epochs_done(counts: Sequence[EpochCount], steps: np.ndarray) -> np.ndarray:
    """Return the epochs done after each of some steps, the begun one in part.

    Args:
        counts: of a run, in the order of their steps; at least one.
    """
    since = [count.since for count in counts]
    places = np.maximum(np.searchsorted(since, steps, "right") - 1, 0)
    behind, per_epoch = np.array([(c.behind, c.per_epoch) for c in counts]).T
    done: np.ndarray = (steps - behind[places]) / per_epoch[places]
    return done


def epoch_of(counts: Sequence[EpochCount], step: int) -> int:
    """Return in which epoch, counted from 0, a step was made; steps are counted from 1."""
    return int(epochs_done(counts, np.array([step - 1]))[0])
