"""The loss on a plane around a net's weights: as arrays, and as a picture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graphcore.colors import colored
from graphcore.datasets import Dataset
from graphcore.errors import EngineError
from graphcore.files.atomic import write_atomically
from graphcore.landscapes.planes import Plane, Span, principal_plane, random_plane, span_of_path
from graphcore.landscapes.surface import Surface
from graphcore.late import torch
from graphcore.scripting.net import net_of

if TYPE_CHECKING:
    from graphcore.training.trainer import Trainer

PIXELS = 480
"""Side of the picture."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """The loss on a grid of a plane through the space of all weights.

    Attributes:
        a, b: coordinates of the columns and rows; the net's own weights are at (0, 0).
        loss: shape (rows, columns), mean over the samples.
        labels: what the two axes are.
        path: the run so far on the plane, shape (k, 2); empty where none was kept.
    """

    a: np.ndarray
    b: np.ndarray
    loss: np.ndarray
    labels: tuple[str, str]
    path: np.ndarray

    def picture(self, side: int = PIXELS) -> np.ndarray:
        """Return pixels (side, side, 3): the logarithm of the loss, low dark and high light."""
        above = np.log1p(self.loss - self.loss.min())
        shares = above / max(float(above.max()), 1e-12)
        rows = np.linspace(len(self.b) - 1, 0, side).round().astype(int)
        columns = np.linspace(0, len(self.a) - 1, side).round().astype(int)
        return colored(shares[np.ix_(rows, columns)])

    def save(self, path: str | Path) -> None:
        """Write the picture as PNG; raises FileError."""
        write_atomically(path, self._repr_png_())

    def _repr_png_(self) -> bytes:
        """Return the picture that a notebook shows."""
        from PIL import Image

        out = io.BytesIO()
        Image.fromarray(self.picture()).save(out, "PNG")
        return out.getvalue()


def landscape(
    run_or_graph: Any, data: Dataset | None = None, *, plane: Literal["random", "pca"] = "random",
    resolution: int = 25, span: float = 1.0, samples: int = 500, seed: int = 0,
) -> Landscape:  # fmt: skip
    """Compute the loss around the weights of a net.

        found = gc.landscape(trainer, resolution=31)
        plt.contourf(found.a, found.b, found.loss)
        found.save("landscape.png")

    Args:
        run_or_graph: as ``predict`` takes it.
        data: to take the loss over; left out, the graph's own.
        plane: two random directions, filter-normalised; or, of saved runs, the two principal
            components of the path.
        resolution: points per side. span: half a random plane's width, in lengths of the weights.
        samples: of the test split, that the loss is taken over. seed: of the random directions.

    Raises:
        EngineError: there is no loss, or no path to lay a plane through.
        FileError, DataError: net or data cannot be read.
    """
    if resolution < 2 or samples < 1 or not span > 0:
        raise EngineError("A landscape needs a resolution from 2, samples from 1, a span above 0.")
    net = net_of(run_or_graph)
    if hasattr(run_or_graph, "evaluation_plan") and data is None:
        data = run_or_graph.data
    trainer = net.trainer(data)
    if not trainer.trains:
        raise EngineError("The net has no loss: add a target and a loss first.")
    chosen, limits = _plane(trainer, net.path, plane, span, seed)
    x, t = trainer.tensors(trainer.data.test, samples)
    binding = trainer.binding
    surface = Surface(trainer.evaluation_plan(), chosen, binding.feeds(x, t), binding.loss,
                      limits, resolution)  # fmt: skip
    while not surface.work(1.0):
        pass
    path = chosen.places(list(net.path)) if net.path else np.zeros((0, 2))
    return Landscape(surface.a, surface.b, surface.values, chosen.labels, path)


def _plane(
    trainer: Trainer, path: tuple[Any, ...], kind: str, span: float, seed: int
) -> tuple[Plane, Span]:
    if kind == "random":
        return random_plane(trainer.plan, seed), (-span, span, -span, span)
    if kind != "pca":
        raise EngineError(f"A plane is 'random' or 'pca', not {kind!r}.")
    matrix = torch.stack([flat.to(trainer.plan.flat) for flat in path]) if len(path) > 2 else None
    found = None if matrix is None else principal_plane(matrix, trainer.plan.flat)
    if found is None or matrix is None:
        raise EngineError(
            "The plane of the path's principal components needs a path: give it saved runs "
            "(.gradrun) of three steps or more, or take plane='random'."
        )
    return found, span_of_path(found, matrix)
