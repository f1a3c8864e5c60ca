"""A compiled graph: the steps in order, the parameters in one flat buffer, both passes.

A plan is compiled once and then run many times. In inspect mode every value and every edge's
gradient can be asked for after a pass; in train mode they are freed as soon as they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import lazy_loader

from graphcore.errors import EngineError, NotKept, UnknownNodeError
from graphcore.execute import Step, run_backward
from graphcore.feeds import Feeds, Rows
from graphcore.flatten import FlatGraph, Port
from graphcore.graph_reading import NodeOrName
from graphcore.initializers import initialize
from graphcore.lowering import Program
from graphcore.parameters import ParameterInfo, seed_of
from graphcore.sampling import first_sample

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

Mode = Literal["inspect", "train", "record"]
"""Keep every value and gradient; none; or all that a training step makes anyhow."""
PROGRAMS = 4
"""Sizes of batch that a plan in train mode keeps buffers for."""


@dataclass
class Plan:
    """A compiled graph. Made by ``compile``.

    Attributes:
        parameters: "node.input" (or "node", for a Parameter node) -> tensor, writable in place.
        gradients: the same names -> views of the flat gradient.
        buffers: "node.name" -> running statistics.
        feeds: what the Inputs and Targets take.
        flat, flat_grad: all parameters and all gradients, one behind the other; the first
            ``trainable`` numbers belong to parameters that are not frozen.
        draws_random: whether a forward pass in training draws random numbers.
    """

    device: torch.device
    dtype: torch.dtype
    mode: Mode
    seed: int
    steps: list[Step]
    feeds: Feeds
    slots: dict[Port, int]
    flat_graph: FlatGraph
    layout: list[ParameterInfo]
    values: list[Tensor | None]
    flat: Tensor
    flat_grad: Tensor
    trainable: int
    generator: torch.Generator
    parameters: dict[str, Tensor] = field(default_factory=dict)
    gradients: dict[str, Tensor] = field(default_factory=dict)
    buffers: dict[str, Tensor] = field(default_factory=dict)
    buffer_starts: dict[str, float] = field(default_factory=dict)
    _programs: list[Program] = field(default_factory=list)
    _grads: dict[int, Tensor] | None = None
    _edge_grads: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    _ran: bool = False
    _kept: int | None = None
    _program: Program | None = None

    draws_random: bool = False
    _fixed: list[Tensor | None] = field(default_factory=list)
    _parameter_slots: dict[int, Tensor] = field(default_factory=dict)
    _found: dict[tuple[str, str | None], int] = field(default_factory=dict)

    def fix(self) -> None:
        """Note what stays: parameters, constants. Called when all are in place."""
        self._fixed = list(self.values)
        self._parameter_slots = {
            self.slots[p.name, ""]: self.gradients[p.name] for p in self.layout
        }
        self.draws_random = any(step.op.random for step in self.steps)

    # -- passes -------------------------------------------------------------------------------

    def forward(self, feeds: Mapping[str, Any], *, training: bool = False) -> None:
        """Compute every node.

        Args:
            feeds: Input or Target name -> numpy array, tensor or number. An Input with a value
                of its own may be left out; so may a node that nothing depends on.
            training: whether Dropout drops and BatchNorm uses the batch.

        Raises:
            FeedError: a feed is missing, unknown or of the wrong shape.
        """
        self._grads, self._edge_grads, self._kept = None, {}, None
        self.__dict__.pop("_sampled", None)
        with torch.inference_mode():
            given = self.feeds.taken(feeds)
            if self.mode == "inspect":
                self._place(given)
                self._run_steps(training)
            else:
                self._run_program(given, training)
        self._ran = True

    def _run_steps(self, training: bool) -> None:
        for step in self.steps:
            step.context.training = training
            step.forward(self.values)

    def _place(self, given: Mapping[int, Tensor | Rows]) -> None:
        for slot, x in given.items():
            self.values[slot] = x.gathered() if isinstance(x, Rows) else x

    def _run_program(self, given: dict[int, Tensor | Rows], training: bool) -> None:
        """Run the buffered form that fits these feeds; make it if there is none."""
        program = next((p for p in self._programs if p.fits(given, training)), None)
        try:
            if program is None:
                self.values = list(self._fixed)
                self._place(given)
                program = Program(
                    self.steps, self.values, tuple(given), training, self.mode == "record"
                )
                self._programs = [program, *self._programs[: PROGRAMS - 1]]
            else:
                program.forward(given)
        except (RuntimeError, IndexError, ValueError, TypeError):
            self.values = list(self._fixed)
            self._place(given)
            self._run_steps(training)  # says which node cannot be computed, and why
            raise
        self.values = program.values
        self._program = program

    def backward(self, node: NodeOrName, grad: Any = None) -> None:
        """Compute ∂node/∂ everything; replaces the gradients of the last call.

        Args:
            grad: gradient to start from, of the node's shape; left out, 1 for a single number.
        """
        slot = self._slot(node)
        y = self.values[slot]
        if not self._ran or y is None:
            raise EngineError("There is nothing to go backward from: run forward first.")
        with torch.inference_mode():
            if self.mode != "inspect":
                one = grad is None and y.numel() == 1
                self._backward_program(
                    slot, None if one else self._seed_gradient(_name(node), y, grad)
                )
            else:
                seeds = {slot: self._seed_gradient(_name(node), y, grad)}
                grads, self._edge_grads = run_backward(self.steps, self.values, seeds)
                self._collect(grads)
                self._grads = grads

    def _backward_program(self, slot: int, seed: Tensor | None) -> None:
        assert self._program is not None
        found = self._program.backward(slot, seed, self._parameter_slots)
        self._grads, self._edge_grads = found.slots, found.edges
        self._kept = slot if self.mode == "train" else None

    def step(self, feeds: Mapping[str, Any], loss: NodeOrName) -> float:
        """Forward in training mode, backward from a loss of one number, and what it is."""
        if self.mode == "inspect":
            self.forward(feeds, training=True)
            self.backward(loss)
            return self.number(loss)
        self._edge_grads = {}
        self.__dict__.pop("_sampled", None)
        with torch.inference_mode():
            self._run_program(self.feeds.taken(feeds), True)
            slot, self._ran = self._slot(loss), True
            value = self.values[slot]
            if value is None:
                raise EngineError(f"{_name(loss)} cannot be gone backward from.")
            if value.numel() != 1:
                self._seed_gradient(_name(loss), value, None)  # says what is wrong
            self._backward_program(slot, None)
            return float(value)

    def _seed_gradient(self, name: str, y: Tensor, grad: Any) -> Tensor:
        if grad is None:
            if y.numel() != 1:
                raise EngineError(
                    f"{name} has the shape {tuple(y.shape)}: backward needs a gradient of that "
                    "shape to start from."
                )
            return torch.ones_like(y)
        seed = torch.as_tensor(grad, dtype=y.dtype, device=y.device)
        if seed.shape != y.shape:
            raise EngineError(
                f"{name} has the shape {tuple(y.shape)}, the gradient to start from has "
                f"{tuple(seed.shape)}."
            )
        return seed

    def _collect(self, grads: dict[int, Tensor]) -> None:
        """Put the parameters' gradients into the flat buffer."""
        for info in self.layout:
            slot = self.slots[info.name, ""]
            view = self.gradients[info.name]
            if slot in grads:
                view.copy_(grads[slot])
            else:
                view.zero_()

    def kernels(self) -> list[Callable[[], object]]:
        """What the last training step ran, kernel by kernel; for a plan in train mode."""
        return [] if self._program is None else self._program.closures()

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
            raise EngineError(f"{_name(node)} has no value yet: run forward first.")
        if value is None or self._passed(slot):
            raise NotKept(f"The value of {_name(node)} was not kept: compile in inspect mode.")
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

        Sums over the node's outgoing edges. None where no path leads to the loss. In record
        mode that of an Input is the first sample's, shape (1, *): training needs none.

        Args:
            first: only so many samples of the batch.
        """
        name = _name(node)
        if self._grads is None:
            raise EngineError(f"{name} has no gradient yet: run backward first.")
        slot = self._slot(name, output)
        if name in self.gradients:
            g = self.gradients[name] if slot in self._grads else None
        elif self.mode == "train" and slot not in self._grads:
            raise NotKept(f"The gradient of {name} was not kept: compile in inspect mode.")
        else:
            g = self._grads.get(slot)
            if g is None and self.mode == "record":
                g = self._recorded_gradient(slot, first)
        return None if g is None else self._copied(g, slot, first)

    def _recorded_gradient(self, slot: int, first: int | None) -> Tensor | None:
        """A gradient that the training step made on the way, or had no use for."""
        with torch.inference_mode():
            g = self._program.inner_gradient(slot, first) if self._program else None
            return self._sampled[0].get(slot) if g is None else g

    @cached_property
    def _sampled(self) -> tuple[dict[int, Tensor], dict[tuple[str, str], Tensor]]:
        """Gradients of the first sample where training computes none; kept until the next pass."""

        def gradient(slot: int) -> Tensor | None:
            g = (self._grads or {}).get(slot)
            return self._program.inner_gradient(slot, 1) if g is None and self._program else g

        with torch.inference_mode():
            return first_sample(self.steps, self.values.__getitem__, gradient, self._fixed)

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
        start, end = _name(source), _name(target)
        wanted = {p for p in self.slots if p[0] == start} | {
            self.flat_graph.resolve(p) for p in self.flat_graph.aliases if p[0] == start
        }
        for flat in self.flat_graph.nodes:
            if flat.name == end:
                for name, port in flat.inputs.items():
                    if port in wanted and input in (None, name):
                        g = self._edge_grads.get((end, name))
                        if g is None and self.mode == "record":
                            g = self._sampled[1].get((end, name))
                            g = self._recorded_gradient(self.slots[port], first) if g is None else g
                        return None if g is None else self._copied(g, self.slots[port], first)
        raise UnknownNodeError(f"There is no edge from {start} to {end}.")

    @property
    def slot_gradients(self) -> Mapping[int, Tensor]:
        """Slot -> gradient, of the last backward pass."""
        return self._grads or {}

    # -- parts --------------------------------------------------------------------------------

    def reset(self, seed: int | None = None) -> None:
        """Start over: draw every parameter anew, clear the buffers and the random state."""
        self.seed = self.seed if seed is None else seed
        for info in self.layout:
            generator = torch.Generator().manual_seed(seed_of(self.seed, info.name))
            start = initialize(info.initializer, info.shape, info.fans, generator)
            self.parameters[info.name].copy_(start)
        for name, start_value in self.buffer_starts.items():
            self.buffers[name].fill_(start_value)
        self.generator.manual_seed(seed_of(self.seed, "dropout"))

    def copy_state(self, other: Plan) -> None:
        """Take over the weights and running statistics of another plan of the same net."""
        with torch.inference_mode():
            self.flat.copy_(other.flat)
            for name, buffer in self.buffers.items():
                buffer.copy_(other.buffers[name])

    def number(self, node: NodeOrName) -> float:
        """The value of a node that is one number; raises NotKept as ``value`` does."""
        value = self.values[self._slot(node)]
        return float(value if value is not None else self.value(node))

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

    def _slot(self, node: NodeOrName, output: str | None = None) -> int:
        name = _name(node)
        if (name, output) not in self._found:
            self._found[name, output] = self._find_slot(name, output)
        return self._found[name, output]

    def _find_slot(self, name: str, output: str | None) -> int:
        if output is None:
            ports = [p for p in self.slots if p[0] == name]
            ports += [p for p in self.flat_graph.aliases if p[0] == name]
            if not ports:
                raise UnknownNodeError(f"There is no node called {name!r} in the plan.")
            port = ports[0]
        else:
            port = (name, output)
        port = self.flat_graph.resolve(port)
        if port not in self.slots:
            raise UnknownNodeError(f"{name} has no output called {output!r}.")
        return self.slots[port]


def _name(node: NodeOrName) -> str:
    return node if isinstance(node, str) else node.name
