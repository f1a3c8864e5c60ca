"""A lesson played without a window: the session that the engine process runs, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from graphcore import datasets, files
from graphcore.errors import GradscapeError, LessonError, short
from graphcore.files import graph_file
from graphcore.graph.expression import parse_expression
from graphcore.graph.graph import Graph
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.training_settings import TrainingSettings
from graphcore.late import torch
from graphcore.lessons.actions import graph_of
from graphcore.lessons.format import Lesson, Look, Step
from graphcore.lessons.functions import ACTIONS
from graphcore.lessons.language import Call, Value
from graphcore.lessons.places import ACTION_NAMES, PANEL_NAMES
from graphcore.lessons.state import State
from graphcore.session import messages as m
from graphcore.session.session import Session

MOST_SECONDS = 300.0
"""Of computing that a lesson may take."""


def graph_named(lesson: Lesson, name: str) -> Graph:
    """The graph of a file beside a lesson, or of a preset; raises LessonError."""
    if name.endswith(".json"):
        path = file_beside(lesson, name)
        try:
            return graph_file.load(path)
        except GradscapeError as error:
            raise LessonError(str(error)) from None
    return graph_of(name)


def file_beside(lesson: Lesson, name: str) -> Path:
    """The path of a file beside a lesson; raises LessonError unless it lies there itself."""
    folder = lesson.folder
    if folder is None or "/" in name or "\\" in name or name.startswith("."):
        raise LessonError(f"{short(name)} does not lie beside the lesson.")
    path = folder / name
    if path.is_symlink():
        raise LessonError(f"{name} is a link: a lesson reads files of its own folder alone.")
    return path


def check_files(graph: Graph, lesson: Lesson | None) -> None:
    """Let a graph's data set read the files beside its lesson, named there without a folder.

    Raises:
        LessonError: it names a file anywhere else.
    """
    training = graph.training
    if training.dataset not in datasets.names():
        return
    paths = [o.name for o in datasets.describe(training.dataset).options if o.path]
    found = {name: training.dataset_options[name] for name in paths
             if training.dataset_options.get(name)}  # fmt: skip
    folder = lesson.folder.resolve() if lesson is not None and lesson.folder else None
    for name, value in found.items():
        path = Path(str(value))
        inside = folder is not None and path.name == str(value) and (folder / path).is_file()
        if (
            folder is None
            or not (inside or path.parent == folder)
            or (folder / path.name).is_symlink()
        ):
            raise LessonError(
                f"A lesson reads no file outside its folder: the option {name} of the data set "
                f"{training.dataset} names one."
            )
        found[name] = str(folder / path.name)
    if found:
        options = {**training.dataset_options, **found}
        graph.set_training(msgspec.structs.replace(training, dataset_options=options))


def first_graph(lesson: Lesson, seed: int | None = None) -> Graph:
    """The graph that a lesson begins with; raises LessonError."""
    header = lesson.header
    try:
        if header.graph:
            graph = graph_named(lesson, header.graph)
        else:
            graph = (
                parse_layers(header.layers) if header.layers else parse_expression(header.formula)
            )
        if header.settings:
            full = {**msgspec.structs.asdict(graph.training), **header.settings}
            graph.set_training(msgspec.convert(full, TrainingSettings))
        check_files(graph, lesson)
    except (GradscapeError, msgspec.ValidationError) as error:
        raise LessonError(f"{lesson.id}: {error}") from None
    return seeded(graph, header.seed if seed is None else seed)


def seeded(graph: Graph, seed: int) -> Graph:
    """The same graph with the seed of the lesson, and without notes, which tell too much."""
    for name in tuple(graph.notes):
        graph.set_note(name, None)
    graph.set_training(msgspec.structs.replace(graph.training, seed=seed))
    return graph


class Play:
    """One lesson being played; a ``Player`` of its actions.

    Attributes:
        state: what its checks look at.
        figures: what the measures of the steps that were played came to.
    """

    def __init__(
        self, lesson: Lesson, seed: int | None = None, seconds: float = MOST_SECONDS
    ) -> None:
        self.lesson = lesson
        self.seed = lesson.header.seed if seed is None else seed
        self._until = time.process_time() + seconds
        self._seconds = seconds
        self._said: list[Any] = []
        self.session = Session(self._said.append, "cpu")
        self.state = State(self.session)
        self.figures: dict[str, Value] = {}
        self.open_graph(first_graph(lesson, self.seed))

    # -- steps --------------------------------------------------------------------------------

    def enter(self, step: Step) -> None:
        """Begin a step: do its setup and note the weights."""
        for call in step.setup:
            self.act(call)
        self.state.begin()

    def solve(self, step: Step) -> None:
        """Do all tasks of a step."""
        for call in step.solution:
            self.act(call)

    def note_figures(self, step: Step) -> None:
        """Measure what a step measures at its end."""
        for measure in step.measures:
            self.figures[measure.id] = self.state.value(measure.expression)

    def act(self, call: Call) -> None:
        """Carry out one action; raises LessonError with its line."""
        try:
            ACTIONS.call(self, call)
        except GradscapeError as error:
            raise LessonError(f"line {call.line}: {call.name}: {error}") from None

    def missing(self, look: Look) -> str:
        """Why a highlight names nothing; "" if it does."""
        name, graph = look.name, self.session.graph
        node, _, port = name.rpartition(".")
        ends = tuple(part.strip() for part in name.split("->"))
        kinds: dict[str, Callable[[], bool]] = {
            "node": lambda: graph.at(name) is not None,
            "port": lambda: port in graph.inputs(node) or port in graph.node(node).outputs,
            "attribute": lambda: port in graph.at(node).attributes,
            "edge": lambda: (
                len(ends) == 2 and any((e.source, e.target) == ends for e in graph.edges)
            ),
            "panel": lambda: name in PANEL_NAMES,
            "action": lambda: name in ACTION_NAMES,
        }
        try:
            there = kinds[look.kind]()
        except GradscapeError:
            there = False
        return "" if there else f"there is no {look.kind} {name!r} to be highlighted"

    # -- what actions do ----------------------------------------------------------------------

    def edit(self, change: Callable[[Graph], None]) -> None:
        """Change the graph; weights that still fit stay."""
        graph = self.session.graph.copy()
        change(graph)
        self._load(graph, keep=True)

    def open_graph(self, graph: Graph) -> None:
        """Take another graph, from its start."""
        self._load(graph, keep=False)

    def lesson_graph(self, name: str) -> Graph:
        """The graph of a file beside the lesson, or of a preset."""
        return seeded(graph_named(self.lesson, name), self.seed)

    def open_run(self, name: str) -> None:
        """Take up the runs of a file beside the lesson."""
        self._said.clear()
        self.session.open_runs(str(file_beside(self.lesson, name)))
        check_files(self.session.graph, self.lesson)
        self._raise_failures()

    def _load(self, graph: Graph, keep: bool) -> None:
        check_files(graph, self.lesson)
        self._said.clear()
        self.session.load(m.Load(files.dumps(graph), keep=keep))
        self._raise_failures()

    def train(self, epochs: int, steps: int) -> None:
        """Train a number of epochs and steps, or to the end; a run that diverges ends there."""
        trainer = self.state.trainer
        self._said.clear()
        self.session.run(m.Run(epochs * trainer.steps_per_epoch + steps or None))
        while self.session.seconds_to_wait() is not None:
            self.session.train()
            if time.process_time() > self._until:
                raise LessonError(f"the lesson takes longer than {self._seconds:.0f} s.")
        self._raise_failures(but="diverged")

    def reset(self) -> None:
        """Go back to the start of the run."""
        self.session.reset()

    def put_numbers(
        self, parameter: str, places: tuple[int, ...], values: tuple[float, ...]
    ) -> None:
        """Change numbers of a parameter by hand."""
        numbers = self.state.parameter(parameter)
        if any(not 0 <= place < numbers.numel() for place in places):
            raise LessonError(f"{parameter} has {numbers.numel()} numbers.")
        with self.session.changed_by_hand(), torch.inference_mode():
            for place, value in zip(places, values, strict=True):
                numbers.reshape(-1)[place] = value
            self.session.altered.add(parameter)

    def show(self, panel: str) -> None:
        """Bring a panel to the front."""
        if panel not in PANEL_NAMES:
            raise LessonError(f"there is no panel {panel!r}; there are: {', '.join(PANEL_NAMES)}.")
        self.state.shown |= {panel}

    def show_plane(self, kind: str) -> None:
        """Have the landscape show a kind of plane."""
        self.state.plane = kind

    def _raise_failures(self, but: str = "") -> None:
        for said in self._said:
            if isinstance(said, m.Failure) and said.kind != but:
                raise LessonError(said.message)
