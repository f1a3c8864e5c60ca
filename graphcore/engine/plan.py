"""A compiled graph: the steps in order, the parameters in one flat buffer, both passes.

A plan is compiled once and then run many times. In inspect mode every value and every edge's
gradient can be asked for after a pass; in train mode they are freed as soon as they are used.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graphcore.engine.execute import Step, run_backward
from graphcore.engine.fast.buffered import Backward, Program
from graphcore.engine.fast.cached_step import Repetition
from graphcore.engine.feeds import Feeds, Rows
from graphcore.engine.parameters import LARGE, ParameterInfo, seed_of
from graphcore.engine.skipped_gradients import Gradients, Skipped
from graphcore.errors import EngineError, NotKept, UnknownNodeError, short
from graphcore.graph.elements import NodeOrName
from graphcore.graph.flatten import FlatGraph, Port
from graphcore.late import torch
from graphcore.ops.initializers import initialize
from graphcore.ops.kernels.buffered import Closure
from graphcore.records.precision import Precision

if TYPE_CHECKING:
    from torch import Tensor

Mode = Literal["inspect", "train", "record"]
"""Keep every value and gradient; none; or all that a training step makes anyhow."""
KERNEL_ERRORS = (RuntimeError, IndexError, ValueError, TypeError)
"""What torch's kernels raise."""
PROGRAMS = 4
"""Sizes of batch that a plan in train mode keeps buffers for."""


@dataclass
class Plan:
    """A compiled graph: run it, then look at what came of it. Made by ``compile``.

    Attributes:
        places: "node.input" (or "node", for a Parameter node) -> tensor in ``room``.
        gradients: the same names -> views of the flat gradient.
        buffers: "node.name" -> running statistics.
        feeds: what the Inputs and Targets take.
        flat, flat_grad: all parameters and all gradients, one behind the other; the first
            ``trainable`` numbers belong to parameters that are not frozen. Parameters are drawn
            when they are first looked at or used: see ``waits``.
        room: where the parameters lie, drawn or not.
        waits: whether they have not been drawn yet.
        given: numbers that parameters and buffers start with in place of their rules, by name.
        shown: slots that have a gradient in inspect mode.
        transposed: whether parameters lie as ``Operator.transposed`` says, not row by row.
        precision: in which products are computed; everything else in ``dtype``.
        draws_random: whether a forward pass in training draws random numbers.
        most_programs: sizes of batch that buffers are kept for in train and record mode.
        repeated: the step that was just made, if it was one made before over other rows.
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
    room: Tensor
    flat_grad: Tensor
    trainable: int
    transposed: bool
    precision: Precision
    shown: set[int]
    generator: torch.Generator
    waits: bool = False
    places: dict[str, Tensor] = field(default_factory=dict)
    gradients: dict[str, Tensor] = field(default_factory=dict)
    buffers: dict[str, Tensor] = field(default_factory=dict)
    buffer_starts: dict[str, float | Tensor] = field(default_factory=dict)
    given: dict[str, Tensor] = field(default_factory=dict)
    most_programs: int = PROGRAMS
    _programs: list[Program] = field(default_factory=list)
    _grads: dict[int, Tensor] | None = None
    _edge_grads: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    _ran: bool = False
    _kept: int | None = None
    _program: Program | None = None
    _repetitions: dict[tuple[NodeOrName, int], Repetition] = field(default_factory=dict)
    repeated: Repetition | None = None
    draws_random: bool = False
    _fixed: list[Tensor | None] = field(default_factory=list)
    _parameter_slots: dict[int, Tensor] = field(default_factory=dict)
    _frozen: set[int] = field(default_factory=set)
    _parameter_nodes: set[int] = field(default_factory=set)
    _skipped: Skipped | None = None
    _found: dict[tuple[str, str | None], int] = field(default_factory=dict)
    _when_drawn: list[Callable[[], object]] = field(default_factory=list)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """Name -> tensor, drawn by now, writable in place."""
        self.draw()
        return self.places

    @property
    def rests(self) -> bool:
        """Whether it is large and nothing has needed its weights so far."""
        return self.waits and self.room.nbytes >= LARGE

    @property
    def flat(self) -> Tensor:
        """All parameters, drawn by now."""
        self.draw()
        return self.room

    @cached_property
    def gradient_square(self) -> Tensor:
        """Sum of the squares of the gradients that the last ``step`` found, one number."""
        return self.flat_grad.new_zeros(())

    def fix(self) -> None:
        """Note what stays: parameters, constants. Called when all are in place."""
        self._fixed = list(self.values)
        self._parameter_slots = {
            self.slots[p.name, ""]: self.gradients[p.name] for p in self.layout
        }
        self._parameter_nodes = {self.slots[p.name, ""] for p in self.layout if p.name == p.node}
        self._frozen = {self.slots[p.name, ""] for p in self.layout if p.frozen}
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
        self.draw()
        self._grads, self._edge_grads, self._kept, self.repeated = None, {}, None, None
        self._skipped = None
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

    def _run_program(self, given: Mapping[int, Tensor | Rows], training: bool) -> None:
        """Run the buffered form that fits these feeds; make it if there is none."""
        program = next((p for p in self._programs if p.fits(given, training)), None)
        try:
            if program is None:
                self._let_go(self.most_programs - 1)
                self.values = list(self._fixed)
                self._place(given)
                program = Program(
                    self.steps, self.values, tuple(given), training, self.mode == "record",
                    self._parameter_nodes,
                )  # fmt: skip
                self._programs.insert(0, program)
            else:
                program.forward(given)
        except KERNEL_ERRORS:
            self.values = list(self._fixed)
            self._place(given)
            self._run_steps(training)  # says which node cannot be computed, and why
            raise
        self.values = program.values
        self._program = program

    def draw_alike(self, place: int = 0) -> None:
        """Have the next pass draw the numbers that it draws after every such call.

        Args:
            place: of the samples; those at another one get other numbers.
        """
        if self.draws_random:
            self.generator.manual_seed(self.seed + place)

    def release(self) -> None:
        """Give the buffers of train and record mode back; the next pass makes new ones."""
        self._let_go(0)
        self._ran = False

    def _let_go(self, most: int) -> None:
        """Keep the buffers of the newest sizes of batch alone."""
        gone = len(self._programs) > most
        del self._programs[most:]
        for key in [k for k, r in self._repetitions.items() if r.program not in self._programs]:
            del self._repetitions[key]
        if self._program not in self._programs:
            self._program = self.repeated = None
            self.values = list(self._fixed)
        if gone and self.most_programs < PROGRAMS:
            gc.collect()  # a program and its closures know each other: its buffers wait for this

    def backward(self, node: NodeOrName, grad: Any = None) -> None:
        """Compute ∂node/∂ everything; replaces the gradients of the last call.

        Args:
            grad: gradient to start from, of the node's shape; left out, 1 for a single number.
        """
        slot, self.repeated = self._slot(node), None
        y = self.values[slot]
        if not self._ran or y is None:
            raise EngineError("There is nothing to go backward from: run forward first.")
        with torch.inference_mode():
            if self.mode != "inspect":
                one = grad is None and y.numel() == 1
                self._backward_program(
                    slot, None if one else self._seed_gradient(name_of(node), y, grad)
                )
            else:
                seeds = {slot: self._seed_gradient(name_of(node), y, grad)}
                grads, self._edge_grads = run_backward(self.steps, self.values, seeds)
                self._collect(grads)
                self._grads = grads

    def _backward_program(self, slot: int, seed: Tensor | None) -> None:
        assert self._program is not None
        self._take(slot, self._program.backward(slot, seed, self._parameter_slots))
        self._note_skipped()

    def _take(self, slot: int, found: Backward) -> None:
        """Show what a backward pass has found."""
        self._grads, self._edge_grads = found.slots, found.edges
        self._kept = slot if self.mode == "train" else None

    def _note_skipped(self) -> None:
        """Keep what the gradients that the step has skipped need, before an update."""
        if self.mode == "record" and self._grads is not None:
            learned = self.flat[: self.trainable]
            self._skipped = Skipped(
                self.steps, self._computed, self._grads, self.shown, self._fixed, learned
            )

    def _computed(self, slot: int, first: int | None = None) -> Tensor | None:
        """Return the value of a slot, of a number of samples; None if there is none."""
        value = self.values[slot]
        if value is None:
            return self._program.inner_value(slot, first) if self._program else None
        return value[:first] if first is not None and value.dim() else value

    def step(self, feeds: Mapping[str, Any], loss: NodeOrName) -> float:
        """Forward in training mode, backward from a loss of one number, and what it is.

        ``gradient_square`` then is the sum of the squares of all gradients.
        """
        if not torch.is_inference_mode_enabled():  # to enter it takes as long as two kernels
            with torch.inference_mode():
                return self.step(feeds, loss)
        again = self._repetition(feeds, loss)
        found = None if again is None else self.repeat(next(iter(feeds.values())).rows)
        if found is not None:
            return found
        self.forward(feeds, training=True)
        value = self.values[self._slot(loss)]
        if value is None:
            raise EngineError(f"{name_of(loss)} cannot be gone backward from.")
        self.backward(loss)
        self._measure()
        self._note_repetition(feeds, loss)
        return float(value)

    def repeat(self, rows: Tensor) -> float | None:
        """``repeated`` once more over other rows, under inference mode; returns the loss.

        None if a kernel refuses them: ``step`` then says which node cannot be computed.
        """
        assert self.repeated is not None
        try:
            loss = self.repeated.run(rows)
        except KERNEL_ERRORS:
            self.repeated = None
            return None
        self._note_skipped()
        return loss

    def reached_from(self, loss: NodeOrName) -> set[str]:
        """Names of the parameters that a gradient of this node gets to."""
        found = {self._slot(loss)}
        for step in reversed(self.steps):
            if found.intersection(step.outputs):
                needs = zip(step.inputs, step.context.needs, strict=True)
                found.update(slot for slot, need in needs if need)
        return {p.name for p in self.layout if self.slots[p.name, ""] in found}

    def _repetition(self, feeds: Mapping[str, Any], loss: NodeOrName) -> Repetition | None:
        """An earlier step that was the same but for the rows."""
        given = next(iter(feeds.values()), None)
        if type(given) is not Rows:
            return None
        again = self._repetitions.get((loss, given.rows.shape[0]))
        if again is None or not again.takes(feeds):
            return None
        if again is not self.repeated:
            self.repeated, self._program, self.values = again, again.program, again.program.values
            self._take(again.slot, again.begin())
        return again

    def _measure(self) -> None:
        g = self.flat_grad[: self.trainable]
        torch.dot(g, g, out=self.gradient_square)

    def _note_repetition(self, feeds: Mapping[str, Any], loss: NodeOrName) -> None:
        """Remember the step that was just made, if all that it was fed are rows of data."""
        if self._program is None:
            return
        data = {}
        for name, given in feeds.items():
            slot, node = self.feeds.sources[name]
            if (
                type(given) is not Rows
                or self.feeds.as_fed(name, node, given).data is not given.data
            ):
                return
            data[name] = given.data, self._program.feeds[slot]
        if data and len(data) == len(self._program.feeds):
            self._repetitions[loss, len(given.rows)] = Repetition(
                self._program, self._slot(loss), data, given.rows.clone(), self._measure
            )

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

    def kernels(self) -> list[Closure]:
        """What the last training step ran, kernel by kernel; for a plan in train mode."""
        return [] if self.repeated is None else self.repeated.kernels()

    # -- looking ------------------------------------------------------------------------------

    def value(
        self, node: NodeOrName, output: str | None = None, *, first: int | None = None
    ) -> Tensor:
        """A copy of the node's value; raises NotKept in train mode if it was freed.

        Args:
            first: number of samples of the batch that are returned; None is all.
        """
        self.draw()
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
            first: number of samples of the batch that are returned; None is all.
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
        """Device, types and layout, as ``compile`` takes them: for a plan like this one."""
        device, dtype = str(self.device), self.precision
        return {"device": device, "dtype": dtype, "transposed": self.transposed}

    def draw(self) -> None:
        """Give the parameters the numbers that they start with, if that has waited."""
        if not self.waits:
            return
        self.waits = False
        with torch.inference_mode():
            for info in self.layout:
                self.places[info.name].copy_(self.start_of(info))
        waiting, self._when_drawn = self._when_drawn, []
        with torch.inference_mode(False):
            for tell in waiting:
                tell()

    def when_drawn(self, tell: Callable[[], object]) -> None:
        """Call a function as soon as the parameters are drawn, before they are used."""
        self._when_drawn.append(tell)

    def _overwrite(self) -> dict[str, Tensor]:
        """The parameters, all of which are to be given other numbers: they need not be drawn."""
        if self._when_drawn:
            self.draw()
        self.waits = False
        return self.places

    def reset(self, seed: int | None = None) -> None:
        """Start over: draw every parameter again, clear the buffers and the random state."""
        self.seed = self.seed if seed is None else seed
        if not self.waits:
            self.waits = True
            self.draw()
        for name, start_value in self.buffer_starts.items():
            self.buffers[name].copy_(torch.as_tensor(start_value))
        for name in self.given.keys() & self.buffers.keys():
            self.buffers[name].copy_(self.given[name])
        self.generator.manual_seed(seed_of(self.seed, "dropout"))

    def begin_with(self, given: Mapping[str, Any]) -> None:
        """Let parameters and buffers have these numbers, now and after every reset.

        Args:
            given: tensors or arrays by name. Left out are those of another name or shape.
        """
        own = {**self.places, **self.buffers}
        self._give(given)
        with torch.inference_mode():
            for name, tensor in self.given.items():
                if not (self.waits and name in self.places):
                    own[name].copy_(tensor)

    def start_later_with(self, given: Mapping[str, Any]) -> None:
        """Let parameters and buffers have these numbers after every reset; see ``begin_with``."""
        self.draw()
        self._give(given)

    def _give(self, given: Mapping[str, Any]) -> None:
        own = {**self.places, **self.buffers}
        fitting = {n: a for n, a in given.items() if n in own and own[n].shape == a.shape}
        self.given = {
            n: a if isinstance(a, torch.Tensor) else torch.from_numpy(np.array(a))
            for n, a in fitting.items()
        }

    def start_of(self, info: ParameterInfo) -> Tensor:
        """Return the numbers that a parameter starts with: given, or drawn by its rule."""
        if info.name in self.given:
            return self.given[info.name]
        generator = torch.Generator().manual_seed(seed_of(self.seed, info.name))
        return initialize(info.initializer, info.shape, info.fans, generator)

    def is_at_start(self, info: ParameterInfo) -> bool:
        """Whether a parameter has the numbers that it starts with."""
        if self.waits:
            return True
        weight = self.parameters[info.name]
        return torch.equal(weight, self.start_of(info).to(weight))

    def copy_state(self, other: Plan) -> None:
        """Take over the weights and running statistics of another plan of the same net."""
        with torch.inference_mode():
            for name, parameter in self._overwrite().items():
                parameter.copy_(other.parameters[name])
            for name, buffer in self.buffers.items():
                buffer.copy_(other.buffers[name])

    def state(self) -> dict[str, Tensor]:
        """Copies of the weights ("flat") and of the running statistics ("buffer:NAME")."""
        self.draw()
        return {k: v.clone() for k, v in self.parts_of_state().items()}

    def parts_of_state(self) -> dict[str, Tensor]:
        """What ``state`` copies, the plan's own tensors, drawn or not."""
        statistics = {f"buffer:{name}": buffer for name, buffer in self.buffers.items()}
        return {"flat": self.room, **statistics}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take up what ``state`` of a plan of the same net gave."""
        self._overwrite()
        with torch.inference_mode():
            self.room.copy_(state["flat"])
            for name, buffer in self.buffers.items():
                buffer.copy_(state[f"buffer:{name}"])

    def state_dict(self) -> dict[str, Tensor]:
        """Return copies of all parameters and running statistics by name, in torch's layout.

        numpy.savez("net.npz", **plan.state_dict())
        """
        with torch.inference_mode(False):
            return {k: v.clone() for k, v in {**self.parameters, **self.buffers}.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over parameters and running statistics, tensors or arrays: all or nothing.

        Raises:
            EngineError: one is missing, is of another shape or holds no numbers, or there is one
                that the net does not have; nothing has changed.
        """
        own = {**self.places, **self.buffers}
        unknown = next((name for name in state if name not in own), None)
        if unknown is not None:
            raise EngineError(f"The net has no parameter {short(unknown)}: nothing was loaded.")
        given = {name: _fitting(name, tensor, state) for name, tensor in own.items()}
        self._overwrite()
        with torch.inference_mode():
            for name, tensor in own.items():
                tensor.copy_(given[name])

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
        name = name_of(node)
        if (name, output) not in self._found:
            self._found[name, output] = self._find_slot(name, output)
        return self._found[name, output]

    def _find_slot(self, name: str, output: str | None) -> int:
        if output is None:
            ports = [p for p in self.slots if p[0] == name]
            ports += [p for p in self.flat_graph.aliases if p[0] == name]
            if not ports:
                raise UnknownNodeError(f"There is no node called {name!r}.")
            port = ports[0]
        else:
            port = (name, output)
        port = self.flat_graph.resolve(port)
        if port not in self.slots:
            raise UnknownNodeError(f"{name} has no output called {output!r}.")
        return self.slots[port]


def _fitting(name: str, own: Tensor, state: Mapping[str, Any]) -> Tensor:
    """The tensor of a state that goes into one of the net's; raises EngineError."""
    if name not in state:
        raise EngineError(f"The state holds nothing for {short(name)}: nothing was loaded.")
    try:
        found = torch.as_tensor(state[name])
    except (TypeError, ValueError, RuntimeError):
        raise EngineError(f"{short(name)} holds no numbers: nothing was loaded.") from None
    if found.shape != own.shape:
        raise EngineError(
            f"{short(name)} has the shape {tuple(own.shape)} in the net and {tuple(found.shape)} "
            "in the state: nothing was loaded."
        )
    return found


def name_of(node: NodeOrName) -> str:
    return node if isinstance(node, str) else node.name
