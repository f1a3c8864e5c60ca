"""A plan in its buffered form, for one size of batch: nothing is allocated while it trains.

Every value has a buffer that lives across steps. An operator with a ``lower`` (``ops.kernels``)
writes straight into it; any other runs its ordinary ``forward`` and ``vjp``, and the result is
copied. Gradients of parameters are written where the optimiser reads them. Buffers of other
gradients are reused as soon as the step that filled them has been passed, so that a net needs
no more memory than eager PyTorch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from graphcore.engine.execute import Step
from graphcore.engine.fast.fusion import Fused, rewritten, windows_tie
from graphcore.engine.fast.over_rounded import over_rounded
from graphcore.engine.feeds import Rows
from graphcore.late import torch
from graphcore.ops import Context
from graphcore.ops.kernels.buffered import Closure, Kernels, move, unbroadcast

if TYPE_CHECKING:
    from torch import Tensor


class Program:
    """Both passes of a list of steps over fixed buffers.

    Building it runs the forward pass once, with the feeds that it is given.

    Args:
        steps: in topological order.
        values: one entry per slot; feeds, parameters and constants are in place.
        feeds: slots whose values change from run to run.
        training: whether Dropout drops and BatchNorm uses the batch.
        keep: whether every value and gradient stays to be looked at.
        apart: slots of parameters whose gradients change once more behind the pass, by a penalty
            or a limit: what came back along each edge to them is kept for itself.

    Attributes:
        values: the buffers, one per slot; None where a rewrite has left a value out.
    """

    def __init__(
        self, steps: Sequence[Step], values: Sequence[Tensor | None], feeds: Sequence[int],
        training: bool, keep: bool = False, apart: Collection[int] = (),
    ) -> None:  # fmt: skip
        self.training, self.keep, self.apart = training, keep, apart
        self.values = list(values)
        for slot in feeds:
            self.values[slot] = _own(values[slot])
        self.feeds: dict[int, Any] = {slot: self.values[slot] for slot in feeds}
        self.steps: list[Step] = []
        self.kernels: list[Kernels | None] = []
        self._moving: set[int] = set()
        self._contexts: list[Context] = []
        self._forward: list[Closure] = []
        self._plain: set[Closure] = set()
        self._backwards: dict[int, Backward] = {}
        self._in_order = windows_tie(steps, self.values)
        alone = self._in_order or any(step.rounds is not None for step in steps)
        for step in steps if alone else rewritten(steps):
            self._lower(step)

    def _lower(self, step: Step) -> None:
        kernels = self._kernels(step)
        if kernels is None and isinstance(step, Fused):
            for part in step.parts:
                self._lower(part)
            return
        if kernels is None:
            closure: Closure | None = _running(step, self.values)
            self._plain.add(closure)  # type: ignore[arg-type]
            self._moving.update(step.outputs)
            self._contexts.append(step.context)
        else:
            self.values[step.outputs[0]] = kernels.output
            closure = kernels.forward
            if closure is not None:
                closure()
            if kernels.moves:
                self._moving.update(step.outputs)
        self.steps.append(step)
        self.kernels.append(kernels)
        if closure is not None:
            self._forward.append(closure)

    def _kernels(self, step: Step) -> Kernels | None:
        """What runs a step over buffers; None where it runs as it does in inspection."""
        inputs: list[Any] = [self.values[slot] for slot in step.inputs]
        if isinstance(step, Fused):
            return step.lower(*inputs)
        step.context.training = self.training
        step.context.moving = tuple(slot in self._moving for slot in step.inputs)
        if self._in_order:
            return None
        if step.rounds is not None:
            return over_rounded(step, inputs)
        return step.op.lower(step.context, *inputs, **step.attributes)

    def fits(self, feeds: Mapping[int, Tensor | Rows], training: bool) -> bool:
        """Whether these feeds have the sizes and types that the buffers were made for."""
        return training == self.training and all(
            self.feeds[slot].shape == x.shape and self.feeds[slot].dtype == x.dtype
            for slot, x in feeds.items()
        )

    def forward(self, feeds: Mapping[int, Tensor | Rows]) -> None:
        """Compute every value."""
        for slot, x in feeds.items():
            if isinstance(x, Rows):
                torch.index_select(x.data, 0, x.rows, out=self.feeds[slot])
            else:
                self.feeds[slot].copy_(x)
        self._set_contexts()
        for closure in self._forward:
            closure()

    def backward_from(self, slot: int) -> Backward:
        """The backward pass from a value that ``backward`` has gone back from."""
        return self._backwards[slot]

    def kernels_of(self, slot: int) -> tuple[list[Closure], set[Closure]]:
        """What both passes run, in order, and which of it belongs to operators not lowered.

        Args:
            slot: the value that ``backward`` has gone back from; the caller sees to it that the
                gradient to start from is 1 (``prepare``).
        """
        found = self._backwards[slot]
        return [*self._forward, *found.closures], self._plain | found.plain

    def prepare(self, slot: int) -> None:
        """What has to be in place before ``kernels_of`` are run."""
        self._backwards[slot].start_at(None)
        self._set_contexts()

    def _set_contexts(self) -> None:
        """Tell the operators that are not lowered whether this is training."""
        for context in self._contexts:
            context.training = self.training

    def inner_value(self, slot: int, first: int | None) -> Tensor | None:
        """A value that a rewrite has left out, from what took its place."""
        for step, kernels in zip(self.steps, self.kernels, strict=True):
            if isinstance(step, Fused) and kernels is not None and slot in step.inner:
                return kernels.inner_values(first)[step.inner.index(slot)]
        return None

    def backward(self, slot: int, seed: Tensor | None, gradients: Mapping[int, Tensor]) -> Backward:
        """Compute the gradient of every parameter from that of one value.

        Args:
            seed: gradient to start from; None is 1.
            gradients: slot of each parameter -> where its gradient is to be put.

        Returns:
            Which gradients there are, and where.
        """
        if slot not in self._backwards:
            self._backwards[slot] = Backward(self, slot, gradients)
        found = self._backwards[slot]
        found.start_at(seed)
        for closure in found.closures:
            closure()
        return found


class Backward:
    """The backward pass from one value.

    Attributes:
        seed: buffer of the gradient to start from; ``starts_at_one`` says that it holds 1.
        closures: what is run, in order; ``plain`` are those of operators not lowered.
        reached: slots of the parameters that get a gradient.
        slots: slot -> its gradient; of the parameters alone where not all are kept.
        edges: (step, input) -> the gradient that comes back along that edge, if all are kept.
    """

    def __init__(self, program: Program, slot: int, gradients: Mapping[int, Tensor]) -> None:
        self._program, self._parameters = program, gradients
        self._spare: dict[Any, list[Tensor]] = {}
        self.closures: list[Closure] = []
        self.plain: set[Closure] = set()
        self.reached: set[int] = set()
        self.edges: dict[tuple[str, str], Tensor] = {}
        self.starts_at_one = False
        self.seed = torch.empty_like(program.values[slot])  # type: ignore[arg-type]
        self.slots: dict[int, Tensor] = {slot: self.seed}
        for step, kernels in zip(reversed(program.steps), reversed(program.kernels), strict=True):
            if any(step.context.needs) and any(o in self.slots for o in step.outputs):
                self._step(step, kernels)
        self.closures += [g.zero_ for s, g in gradients.items() if s not in self.reached]
        if not program.keep:
            self.slots = {s: gradients[s] for s in self.reached}

    def start_at(self, seed: Tensor | None) -> None:
        """Begin with this gradient; None is 1."""
        if seed is not None:
            self.seed.copy_(seed)
        elif not self.starts_at_one:
            self.seed.fill_(1)
        self.starts_at_one = seed is None

    def _step(self, step: Step, kernels: Kernels | None) -> None:
        targets: list[Tensor | None] = []
        sums: list[tuple[Tensor, Tensor]] = []
        reader = step.parts[0].name if isinstance(step, Fused) else step.name
        ports = zip(step.inputs, step.input_names, step.context.needs, strict=True)
        for slot, name, need in ports:
            targets.append(self._target(slot, sums) if need else None)
            if need and self._program.keep:
                self.edges[reader, name] = targets[-1]  # type: ignore[assignment]
        if kernels is None:
            run = _copying_back(step, self._program.values, self.slots, targets)
            self.plain.add(run)
        else:
            run = kernels.backward(self.slots[step.outputs[0]], *targets)
        self.closures.append(run)
        for slot in self._program.apart:
            if slot in step.inputs and slot in self.slots:
                self._separate(self.slots[slot])
        for whole, part in sums:
            self._separate(whole)
            self.closures.append(_adding(whole, part))
            self._give_back(part)
        for slot in step.outputs:
            if slot in self.slots and self.slots[slot] is not self.seed:
                self._give_back(self.slots[slot])

    def _target(self, slot: int, sums: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Where a gradient is written: the slot's buffer, or beside it to be added."""
        value = self._program.values[slot]
        assert value is not None
        if slot in self.slots:
            part = self._lend(value)
            sums.append((self.slots[slot], part))
            return part
        if slot in self._parameters:
            self.reached.add(slot)
            self.slots[slot] = self._parameters[slot]
        else:
            self.slots[slot] = self._lend(value)
        return self.slots[slot]

    def _separate(self, whole: Tensor) -> None:
        """Keep what came along an edge apart from the sum that it begins."""
        for edge, gradient in self.edges.items():
            if gradient is whole:
                self.edges[edge] = first = torch.empty_like(gradient)
                self.closures.append(partial(first.copy_, gradient))

    def _lend(self, like: Tensor) -> Tensor:
        spare = self._spare.get(_kind(like))
        return spare.pop() if spare else torch.empty_like(like)

    def _give_back(self, buffer: Tensor) -> None:
        if not self._program.keep:
            self._spare.setdefault(_kind(buffer), []).append(buffer)


def _kind(tensor: Tensor) -> Any:
    return tuple(tensor.shape), tensor.stride(), tensor.dtype


def _own(x: Tensor | None) -> Tensor | None:
    return None if x is None else x.clone(memory_format=torch.preserve_format)


def _same_place(x: Tensor | None) -> Tensor | None:
    """Another tensor over the same numbers, with the strides that it has after every later run.

    A copy may have others along an axis of one sample, and kernels go by them.
    """
    if x is None:
        return None
    other = x.new_empty(0)
    move(other, x)
    return other


def _adding(whole: Tensor, part: Tensor) -> Closure:
    return lambda: whole.add_(part)


def _running(step: Step, values: list[Tensor | None]) -> Closure:
    """Run an operator's ordinary forward; what it returns takes the output's place."""
    step.forward(values)
    own: list[Any] = [_same_place(values[slot]) for slot in step.outputs]

    def run() -> None:
        step.forward(values)
        for slot, buffer in zip(step.outputs, own, strict=True):
            move(buffer, values[slot])  # type: ignore[arg-type]
            values[slot] = buffer

    for slot, buffer in zip(step.outputs, own, strict=True):
        values[slot] = buffer
    return run


def _copying_back(
    step: Step,
    values: list[Tensor | None],
    grads: Mapping[int, Tensor],
    targets: Sequence[Tensor | None],
) -> Closure:
    """Run an operator's vjp and copy what it returns."""
    found = [grads.get(slot) for slot in step.outputs]
    single = len(found) == 1

    def run() -> None:
        g = [
            torch.zeros_like(values[slot]) if g is None else g  # type: ignore[arg-type]
            for slot, g in zip(step.outputs, found, strict=True)
        ]
        gradients = step.backward(values, g[0] if single else tuple(g))
        for target, gx in zip(targets, gradients, strict=True):
            if target is not None:
                if gx is None:
                    target.zero_()
                else:
                    target.copy_(unbroadcast(gx, target.shape))

    return run
