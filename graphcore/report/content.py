"""What a report says of a run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from graphcore.dims import format_shape
from graphcore.errors import GradscapeError
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import Inferred, ShapeInference
from graphcore.graph.training_settings import TrainingSettings
from graphcore.landscapes.planes import random_plane
from graphcore.landscapes.surface import Surface
from graphcore.records.score import Score
from graphcore.runs.log import Row, RunLog
from graphcore.training.trainer import Trainer
from graphcore.views.decision_map import DecisionFrame
from graphcore.views.decision_map import compute as probing
from graphcore.views.health import HealthFrame
from graphcore.views.health import compute as health
from graphcore.views.results import ResultsFrame
from graphcore.views.results.compute import results

LANDSCAPE_SAMPLES, RESOLUTION = 200, 17

Say = Callable[[str], None]


@dataclass(frozen=True)
class Layer:
    """A row of the table of nodes: what it is, its output's shape, its learned numbers."""

    name: str
    operator: str
    shape: str
    parameters: int


@dataclass(frozen=True)
class Report:
    """Everything that a page shows.

    Attributes:
        written: when, as text. log: metrics of the run, None where none were kept.
        landscape: loss on a random plane through the weights, None if it was not wanted.
    """

    name: str
    graph: Graph
    settings: TrainingSettings
    written: str
    step: int
    dataset: str
    samples: tuple[int, int]
    note: str
    normalization: str
    train: Score
    test: Score
    parameters: int
    layers: tuple[Layer, ...]
    results: ResultsFrame
    decision: DecisionFrame
    health: HealthFrame
    log: RunLog | None
    landscape: Surface | None

    @property
    def rows(self) -> list[Row]:
        """The metrics by step."""
        return self.log.rows if self.log is not None else []


def gather(
    trainer: Trainer, name: str, log: RunLog | None, *,
    landscape: bool = True, say: Say | None = None,
) -> Report:  # fmt: skip
    """Look at a trained net from every side.

    Args:
        say: called with what is being done.
    """
    data, say = trainer.data, say or _silent
    say("scores")
    train, test = trainer.evaluate(data.train), trainer.evaluate(data.test)
    say("mistakes")
    found = results(trainer)
    decision = probing.decision_map(trainer)
    say("health")
    last = max((row.step for row in log.rows), default=0) if log is not None else 0
    return Report(
        name=name, graph=trainer.graph, settings=trainer.settings,
        written=time.strftime("%Y-%m-%d %H:%M"), step=trainer.step or last, dataset=data.name,
        samples=(len(data.train), len(data.test)), note=data.note,
        normalization=data.normalization.describe(), train=train, test=test,
        parameters=trainer.plan.flat.numel(), layers=_layers(trainer.graph), results=found,
        decision=decision,
        health=_health(trainer), log=log,
        landscape=_landscape(trainer, say) if landscape else None,
    )  # fmt: skip


def _silent(_what: str) -> None:
    pass


def _health(trainer: Trainer) -> HealthFrame:
    try:
        return health.examine(trainer)
    except GradscapeError as error:
        return HealthFrame(problem=str(error))


def _landscape(trainer: Trainer, say: Say) -> Surface | None:
    """The loss around the weights; None for a net without any."""
    if not trainer.plan.flat.numel():
        return None
    x, t = trainer.tensors(trainer.data.test, LANDSCAPE_SAMPLES)
    surface = Surface(
        trainer.evaluation_plan(), random_plane(trainer.plan, trainer.settings.seed),
        trainer.binding.feeds(x, t), trainer.binding.loss, (-1.0, 1.0, -1.0, 1.0), RESOLUTION,
    )  # fmt: skip
    while not surface.work(0.5):
        say(f"landscape {surface.level} of {len(surface.levels)}")
    return surface


def _layers(graph: Graph) -> tuple[Layer, ...]:
    shapes = ShapeInference(graph)
    found = []
    for name in graph.topological_order():
        node, known = graph.node(name), shapes.inferred(name)
        shape = known.outputs[0] if known.outputs else None
        text = "" if shape is None else format_shape(shape)
        operator = node.operator + (" (bypassed)" if node.bypassed else "")
        found.append(Layer(name, operator, text, _numbers(known)))
    shapes.close()
    return tuple(found)


def _numbers(known: Inferred) -> int:
    """Learned numbers of a node, those inside a composite with it."""
    total, waiting = 0, [known]
    while waiting:
        one = waiting.pop()
        total += sum(math.prod(shape) for shape in one.parameters.values())
        waiting.extend(one.inner.values())
    return total
