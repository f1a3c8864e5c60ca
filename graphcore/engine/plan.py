"""A compiled graph: the steps in order, the parameters in one flat buffer, both passes.

A plan is compiled once and then run many times. In inspect mode every value and every edge's
gradient can be asked for after a pass; in train mode they are freed as soon as they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphcore.engine.feeds import Rows
from graphcore.engine.parameters import ParameterInfo, seed_of
from graphcore.engine.passes import Mode, Passes, name_of
from graphcore.engine.skipped_gradients import Gradients
from graphcore.errors import EngineError, NotKept, UnknownNodeError
from graphcore.graph.reading import NodeOrName
from graphcore.late import torch
from graphcore.ops.initializers import initialize

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Mode", "Plan"]


@dataclass
class Plan(Passes):
    """A compiled graph: run it, then look at what came of it. Made by ``compile``."""

    # -- looking ------------------------------------------------------------------------------

    def value(
        self, node: NodeOrName, output: str | None = None, *, first: int | None = None
    ) -> Tensor:
        """A copy of the node's value; raises NotKept in train mode if it was freed.

        Args:
            first: only so many samples of the batch.
        """
        slot = self._slot(node, output)
        value = self.values[slot]
        if value is None and self.mode == "record" and self._program is not None:
            with torch.inference_mode():
                value = self._program.inner_value(slot, first)
        if value is None and not self._ran:
            raise EngineError(f"{name_of(node)} has no value yet: run forward first.")
        if value is None or self._passed(slot):
            raise NotKept(f"The value of {name_of(node)} was not kept: compile in inspect mode.")
        return self._copied(value, slot, first)

    def _copied(self, tensor: Tensor, slot: int, first: int | None) -> Tensor:
        with torch.inference_mode(False):
            whole = first is None or tensor.dim() == 0 or self._fixed[slot] is not None
            return tensor.clone() if whole else tensor[:first].clone()

    def _passed(self, slot: int) -> bool:
        """Whether the backward pass has gone past a value that is not kept."""
        computed = self._kept is not None and any(slot in step.outputs for step in self.steps)
        return computed and slot != self._kept

    def grad(
        self, node: NodeOrName, output: str | None = None, *, first: int | None = None
    ) -> Tensor | None:
        """A copy of the loss's gradient with respect to a node or "node.parameter".

        Sums over the node's outgoing edges. None where no path leads to the loss.

        Args:
            first: only so many samples of the batch.
        """
        name = name_of(node)
        if self._grads is None:
            raise EngineError(f"{name} has no gradient yet: run backward first.")
        slot = self._slot(name, output)
        if name in self.gradients and slot in self._grads:
            g: Tensor | None = self.gradients[name]
        elif self.mode == "train" and name not in self.gradients and slot not in self._grads:
            raise NotKept(f"The gradient of {name} was not kept: compile in inspect mode.")
        else:
            g = self._grads.get(slot)
            if g is None and (skipped := self._skipped_gradients(slot, first)):
                g = skipped.slots.get(slot)
        return None if g is None else self._copied(g, slot, first)

    def _skipped_gradients(self, slot: int, first: int | None) -> Gradients | None:
        """What the step skipped, with the gradient of a slot if it was among that."""
        frozen = slot in self._frozen
        if self._skipped is None or (self._fixed[slot] is not None and not frozen):
            return None
        return self._skipped.find(first, frozen)

    def edge_grad(
        self, source: NodeOrName, target: NodeOrName, *, input: str | None = None,
        first: int | None = None,
    ) -> Tensor | None:  # fmt: skip
        """A copy of the gradient that came back along one edge; None where none did.

        With several edges between the two nodes and no ``input`` named, the first is meant.
        """
        if self._grads is None:
            raise EngineError("There are no gradients yet: run backward first.")
        if self.mode == "train":
            raise NotKept("Gradients of edges are kept in inspect mode only.")
        start, end = name_of(source), name_of(target)
        wanted = {p for p in self.slots if p[0] == start} | {
            self.flat_graph.resolve(p) for p in self.flat_graph.aliases if p[0] == start
        }
        for flat in self.flat_graph.nodes:
            if flat.name == end:
                for name, port in flat.inputs.items():
                    if port in wanted and input in (None, name):
                        g, slot = self._edge_grads.get((end, name)), self.slots[port]
                        if g is None and (skipped := self._skipped_gradients(slot, first)):
                            g = skipped.edges.get((end, name))
                        return None if g is None else self._copied(g, slot, first)
        raise UnknownNodeError(f"There is no edge from {start} to {end}.")

    @property
    def slot_gradients(self) -> Mapping[int, Tensor]:
        """Slot -> gradient, of the last backward pass."""
        return self._grads or {}

    def number(self, node: NodeOrName) -> float:
        """The value of a node that is one number; raises NotKept as ``value`` does."""
        value = self.values[self._slot(node)]
        return float(value if value is not None else self.value(node))

    def finds_gradient(self, parameter: str) -> bool:
        """Return whether backward puts a parameter's gradient into ``gradients``."""
        return self.mode == "inspect" or self.slots[parameter, ""] not in self._frozen

    # -- parts --------------------------------------------------------------------------------

    @property
    def made_for(self) -> dict[str, Any]:
        """Device, precision and layout, as ``compile`` takes them: for a plan like this one."""
        dtype = str(self.dtype).removeprefix("torch.")
        return {"device": str(self.device), "dtype": dtype, "turned": self.turned}

    def reset(self, seed: int | None = None) -> None:
        """Start over: draw every parameter anew, clear the buffers and the random state."""
        self.seed = self.seed if seed is None else seed
        for info in self.layout:
            self.parameters[info.name].copy_(self.start_of(info))
        for name, start_value in self.buffer_starts.items():
            self.buffers[name].fill_(start_value)
        self.generator.manual_seed(seed_of(self.seed, "dropout"))

    def start_of(self, info: ParameterInfo) -> Tensor:
        """Draw the numbers that a parameter starts with."""
        generator = torch.Generator().manual_seed(seed_of(self.seed, info.name))
        return initialize(info.initializer, info.shape, info.fans, generator)

    def is_at_start(self, info: ParameterInfo) -> bool:
        """Whether a parameter has the numbers that it starts with."""
        weight = self.parameters[info.name]
        return torch.equal(weight, self.start_of(info).to(weight))

    def copy_state(self, other: Plan) -> None:
        """Take over the weights and running statistics of another plan of the same net."""
        with torch.inference_mode():
            for name, parameter in self.parameters.items():
                parameter.copy_(other.parameters[name])
            for name, buffer in self.buffers.items():
                buffer.copy_(other.buffers[name])

    def state(self) -> dict[str, Tensor]:
        """Copies of the weights ("flat") and of the running statistics ("buffer:NAME")."""
        statistics = {f"buffer:{name}": buffer for name, buffer in self.buffers.items()}
        return {k: v.clone() for k, v in {"flat": self.flat, **statistics}.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take up what ``state`` of a plan of the same net gave."""
        with torch.inference_mode():
            self.flat.copy_(state["flat"])
            for name, buffer in self.buffers.items():
                buffer.copy_(state[f"buffer:{name}"])

    def slot(self, node: NodeOrName) -> int:
        """Where the value of a node lies; raises UnknownNodeError."""
        return self._slot(node)

    def fed(self, feeds: Mapping[str, Any]) -> dict[int, Tensor]:
        """Slot of everything that is fed or constant -> its value; raises FeedError."""
        with torch.inference_mode():
            given = self.feeds.taken(feeds)
        fed = {s: x.gathered() if isinstance(x, Rows) else x for s, x in given.items()}
        constant = {
            s: x
            for s, x in enumerate(self._fixed)
            if x is not None and s not in self._parameter_slots
        }
        return {**constant, **fed}
