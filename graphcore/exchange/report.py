"""What became of a net while it was opened: the record that is shown, printed and kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


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
        notes: what was guessed, and what the file does not hold.
        max_error: largest difference of an output from the module's own, as a share of the
            largest output; None where there was nothing to compare with.
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
    notes: list[str] = field(default_factory=list)
    max_error: float | None = None
    max_gradient_error: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"{self.source}: {self.calls} calls became {self.nodes} nodes, {self.composites} of "
            f"them composites; {self.parameters:,} parameters, {self.bytes / 1e6:,.1f} MB."
        ]
        for overload, count in sorted(self.aten.items()):
            times = f" ({count} nodes)" if count > 1 else ""
            lines.append(f"{overload}{times} runs as an Aten node: there is no operator for it.")
        lines += [f"{name} is a placeholder: {why}" for name, why in self.placeholders.items()]
        lines += self.notes
        lines += self._checks()
        return "\n".join(lines)

    def _checks(self) -> list[str]:
        if self.max_error is None:
            return ["Not compared with the module's own output."]
        lines = [f"Largest difference from the module's own output: {self.max_error:.1e} of it."]
        if self.max_gradient_error is not None:
            lines.append(
                f"Largest difference of a parameter's gradient: {self.max_gradient_error:.1e} of "
                "the largest."
            )
        return lines
