"""What became of a net while it was opened: the record that is shown, printed and kept."""

from __future__ import annotations

import builtins
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec


@dataclass
class ImportReport:
    """What became what.

    Attributes:
        source: name of the file, or the class of the module.
        calls: calls in the exported graph; nodes: nodes of ours, those inside composites counted.
        composites: modules that became composites.
        parameters: numbers that training can change, tied ones once; bytes: of all that is kept.
        aten: overloads that run as an Aten node -> how many nodes.
        placeholders: operators that have no counterpart at all.
        names: name of each parameter and buffer in the module -> its name in the plan.
        guessed: shape of the input, as it is typed, where none was given; "" otherwise.
        notes: what the file does not hold, and what else should be known.
        max_error: largest difference of an output from the module's own, as a share of the
            largest output; None where there was nothing to compare with.
        own: whose output it is compared with, as the lines say it.
        max_gradient_error: the same for the parameters' gradients of the sum of the outputs.
    """

    source: str
    calls: int = 0
    nodes: int = 0
    composites: int = 0
    parameters: int = 0
    bytes: int = 0
    aten: dict[str, int] = field(default_factory=dict)
    placeholders: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    guessed: str = ""
    notes: list[str] = field(default_factory=list)
    max_error: float | None = None
    max_gradient_error: float | None = None
    own: str = "the module's own"

    def as_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        return asdict(self)

    def as_json(self) -> builtins.bytes:
        """The record as it lies beside the graph file."""
        return msgspec.json.format(msgspec.json.encode(self)) + b"\n"

    def summary(self) -> str:
        """What became what, in a sentence."""
        if not self.calls:
            return f"{self.nodes} nodes, read from its source."
        return (
            f"{self.calls} calls became {self.nodes} nodes, {self.composites} of them composites; "
            f"{self.parameters:,} parameters, {_size(self.bytes)}."
        )

    def __str__(self) -> str:
        lines = [f"{self.source}: {self.summary()}"]
        for overload, count in sorted(self.aten.items()):
            times = f" ({count} nodes)" if count > 1 else ""
            lines.append(f"{overload}{times} runs as an Aten node: there is no operator for it.")
        return "\n".join([*lines, *self.to_know(), *self.checks()])

    def to_know(self) -> list[str]:
        """What was guessed, what does not run, and what the file does not hold."""
        lines = [f"{name} is a placeholder: {why}" for name, why in self.placeholders.items()]
        if self.guessed:
            lines.append(f"The input's shape {self.guessed} is a guess.")
        return [*lines, *self.notes]

    def checks(self) -> list[str]:
        """How the net's numbers compare with the module's own."""
        if self.max_error is None:
            return [f"Not compared with {self.own} output."]
        lines = [self._said("The output", "s", self.max_error)]
        if self.max_gradient_error is not None:
            lines.append(self._said("The parameters' gradients", "", self.max_gradient_error))
        return lines

    def _said(self, what: str, ending: str, error: float) -> str:
        if not error:
            return f"{what} equal{ending} {self.own}, bit for bit."
        return f"{what} differ{ending} from {self.own} by {error:.1e} of the largest at most."


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"


def beside(graph: Path) -> tuple[Path, Path]:
    """Return where the weights and the report of an imported graph's file lie."""
    stem = graph.name.removesuffix(".json").removesuffix(".graph")
    return graph.with_name(f"{stem}.safetensors"), graph.with_name(f"{stem}.import.json")
