"""What a lesson consists of, as the reader gives it: nothing of it has been carried out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from graphcore.lessons.language import Call, Expression

NUMBER_IN_TEXT = re.compile(r"\{([^{}\n]{1,200})\}")
"""A live number in prose: an expression, or the name of a measure, and perhaps a format."""


@dataclass(frozen=True)
class Live:
    """A number in a text that is computed when it is shown.

    Attributes:
        format: such as ".3f"; "" writes four significant digits.
        measure: id of the measure that it names; of another step's it is what came out there.
    """

    expression: Expression
    format: str = ""
    measure: str = ""

    def value(self, values: Mapping[str, Any], figures: Mapping[str, Any]) -> Any:
        """Return what is known of it, or None.

        Args:
            values: expression -> what it comes to now.
            figures: measure of another step -> what came out there; None if nothing did.
        """
        if self.measure in figures:
            return figures[self.measure]
        return values.get(str(self.expression))


@dataclass(frozen=True)
class Text:
    """A passage of Markdown with its live numbers.

    Attributes:
        lives: what stands between braces -> the number that it stands for.
    """

    markdown: str
    line: int = 1
    lives: dict[str, Live] = field(default_factory=dict)


@dataclass(frozen=True)
class Predict:
    """A question that is answered before the outcome is seen.

    Attributes:
        choices: of a question with choices; ``right`` is the place of the right one.
        outcome, tolerance: of a question for a number.
    """

    id: str
    question: Text
    line: int
    choices: tuple[str, ...] = ()
    right: int = 0
    outcome: Expression | None = None
    tolerance: float = 0.0


@dataclass(frozen=True)
class Reply:
    """A sentence for a check that does not hold; shown where ``when`` holds, or always."""

    text: Text
    when: Expression | None = None


@dataclass(frozen=True)
class Task:
    """Something to do, the check that it was done, and what is said if it was not."""

    text: Text
    line: int
    check: Expression | None = None
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True)
class Reveal:
    """What appears once the predictions are locked and the tasks done."""

    text: Text
    line: int


@dataclass(frozen=True)
class Measure:
    """A figure that the app computes here, and the band that it falls in.

    Attributes:
        band: lowest and highest; None where the course's own file has it.
    """

    id: str
    expression: Expression
    line: int
    band: tuple[float, float] | None = None


LOCKS = ("nodes", "attributes", "settings", "weights", "training")
"""What a lesson may keep from being changed."""
LookKind = Literal["node", "port", "edge", "attribute", "panel", "action"]


@dataclass(frozen=True)
class Look:
    """One thing to be highlighted, by its name.

    Attributes:
        name: a node; "node.input"; "a -> b"; "node.attribute"; or a panel or action.
    """

    kind: LookKind
    name: str
    line: int


Part: TypeAlias = Text | Predict | Task | Reveal | Measure


@dataclass(frozen=True)
class Step:
    """One step of a lesson.

    Attributes:
        parts: what is read, in order.
        setup: done when the step is entered.
        solution: does all tasks of the step.
        notes: for the teacher.
    """

    title: str
    line: int
    parts: tuple[Part, ...] = ()
    looks: tuple[Look, ...] = ()
    hints: tuple[Text, ...] = ()
    setup: tuple[Call, ...] = ()
    solution: tuple[Call, ...] = ()
    notes: tuple[Text, ...] = ()

    @property
    def predictions(self) -> tuple[Predict, ...]:
        """The questions of the step."""
        return tuple(p for p in self.parts if isinstance(p, Predict))

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks of the step."""
        return tuple(p for p in self.parts if isinstance(p, Task))

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The figures that are measured at its end."""
        return tuple(p for p in self.parts if isinstance(p, Measure))


@dataclass(frozen=True)
class Header:
    """The front matter.

    Attributes:
        graph: a preset, or a graph file beside the lesson; "" where ``layers`` or ``formula`` is.
        settings: training settings that differ from the graph's.
        concepts: what of which course text the lesson teaches, "000: activation functions".
        panels: those that are shown; the others are put away.
        after: ids of the lessons that come before.
        needs: data sets that have to be there.
        locked: which of ``LOCKS`` a student may not change.
        hidden: ids of the actions that are not offered.
    """

    title: str
    minutes: int = 6
    idea: str = ""
    graph: str = ""
    layers: str = ""
    formula: str = ""
    settings: dict[str, object] = field(default_factory=dict)
    concepts: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    seed: int = 0
    language: str = "en"


@dataclass(frozen=True)
class Lesson:
    """A lesson that was read and found to be in order.

    Attributes:
        id: the file's name without its endings.
        hash: of the file's content, SHA-256 in hexadecimal.
        folder: where it lies; files that it names are looked for there alone.
    """

    id: str
    header: Header
    steps: tuple[Step, ...]
    intro: Text
    hash: str
    folder: Path | None = None

    @property
    def predictions(self) -> dict[str, Predict]:
        """Every question by its id."""
        return {p.id: p for s in self.steps for p in s.predictions}

    @property
    def measures(self) -> dict[str, Measure]:
        """Every measure by its id."""
        return {m.id: m for s in self.steps for m in s.measures}
