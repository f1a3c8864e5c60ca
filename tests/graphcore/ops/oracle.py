"""What every operator is held against: its own case, run by us, by autograd and by differences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor

from graphcore.ops import Case, Context, OperatorClass, all_operators
from graphcore.ops.kernels.buffered import unbroadcast


@dataclass
class Trial:
    """One case of one operator with its inputs drawn.

    Attributes:
        inputs: data inputs, then parameters.
        needs: for each input, whether it can have a gradient.
    """

    op: OperatorClass
    case: Case
    attributes: dict[str, Any]
    inputs: list[Tensor]

    @property
    def needs(self) -> tuple[bool, ...]:
        return tuple(t.is_floating_point() for t in self.inputs)

    def context(self) -> Context:
        shapes = self.case.shapes
        wanted = self.op.buffer_shapes(*shapes, **self.attributes)
        like = self.inputs[-1] if self.inputs else torch.zeros(())
        dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
        buffers = {k: torch.full(shape, v, dtype=dtype) for k, (shape, v) in wanted.items()}
        return Context(self.case.training, torch.Generator(), buffers, None, self.needs)

    @cached_property
    def g(self) -> tuple[Tensor, ...]:
        """A random gradient to start from, for each output."""
        return self.output_gradients(self.forward())

    @cached_property
    def answer(self) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]:
        """Outputs, and gradients of the inputs from ``g``."""
        return self.both(None, self.g)

    def forward(self, inputs: list[Tensor] | None = None) -> tuple[Tensor, ...]:
        """Outputs as a tuple, computed as the engine computes them."""
        return self.both(inputs, None)[0]

    def both(
        self, inputs: list[Tensor] | None, g: tuple[Tensor, ...] | None
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]:
        """Outputs, and gradients of the inputs where ``g`` is given."""
        inputs = self.inputs if inputs is None else inputs
        context = self.context()
        with torch.inference_mode():
            y = self.op.run_forward(context, inputs, self.attributes)
            outputs = y if isinstance(y, tuple) else (y,)
            if g is None:
                return outputs, ()
            gradients = self.op.run_vjp(
                context, g if len(outputs) > 1 else g[0], y, inputs, self.attributes
            )
            assert len(gradients) == len(inputs)
            summed = tuple(
                None if gx is None else unbroadcast(gx, x.shape)
                for gx, x in zip(gradients, inputs, strict=True)
            )
        return outputs, summed

    def reference(
        self, g: tuple[Tensor, ...] | None = None
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Outputs and gradients of plain torch (zeros where autograd finds no path)."""
        assert self.case.reference is not None
        inputs = [t.clone().requires_grad_(t.is_floating_point()) for t in self.inputs]
        y = self.case.reference(*inputs)
        outputs = tuple(y) if isinstance(y, tuple | list) else (y,)
        detached = tuple(t.detach() for t in outputs)
        if g is None:
            return detached, ()
        linked = [(t, gt) for t, gt in zip(outputs, g, strict=True) if t.requires_grad]
        leaves = [t for t in inputs if t.requires_grad]
        grads = torch.autograd.grad(
            [t for t, _ in linked], leaves, [gt for _, gt in linked], allow_unused=True
        ) if linked else [None] * len(leaves)  # fmt: skip
        zeroed = (
            torch.zeros_like(t) if gt is None else gt for t, gt in zip(leaves, grads, strict=True)
        )
        return detached, tuple(zeroed)

    def output_gradients(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """A random gradient to start from, for each output."""
        generator = torch.Generator().manual_seed(7)
        return tuple(
            torch.randn(y.shape, generator=generator, dtype=torch.float64).to(y.dtype)
            for y in outputs
        )


@cache
def trials() -> tuple[Trial, ...]:
    """Every case of every operator, drawn once; nobody writes into their inputs."""
    return tuple(draw(op, case) for op in all_operators() for case in op.cases())


def draw(op: OperatorClass, case: Case, dtype: torch.dtype = torch.float64) -> Trial:
    """Draw the inputs of a case; the same numbers for every dtype."""
    generator = torch.Generator().manual_seed(len(op.name) + sum(map(sum, case.shapes)))
    attributes = op.complete(case.attributes)
    domains = case.domain
    if isinstance(domains, str):
        domains = (domains,) * len(case.shapes)
    inputs = [
        _draw(shape, domain, generator) for shape, domain in zip(case.shapes, domains, strict=True)
    ]
    if case.classes:
        inputs[-1] = torch.randint(case.classes, case.shapes[-1], generator=generator)
    for shape in op.parameter_shapes(*case.shapes, **attributes).values():
        inputs.append(_draw(shape, "any", generator))
    cast = [t.to(dtype) if t.is_floating_point() else t for t in inputs]
    return Trial(op, case, attributes, cast)


def _draw(shape: tuple[int, ...], domain: str, generator: torch.Generator) -> Tensor:
    normal = torch.randn(shape, generator=generator, dtype=torch.float64)
    count = math.prod(shape)
    if domain == "distinct":
        order = torch.randperm(count, generator=generator).double()
        return ((order - count / 2) * 0.037 + 0.011).reshape(shape)
    return {
        "any": lambda: normal,
        "positive": lambda: normal.abs() + 0.2,
        "unit": lambda: normal.sigmoid() * 0.9 + 0.05,
        "away": lambda: normal + 0.1 * normal.sign(),
        "sign": normal.sign,
        "mask": (normal > 0).double,
        "probability": lambda: normal.softmax(1),
        "log_probability": lambda: normal.log_softmax(1),
    }[domain]()


def label(trial: Trial) -> str:
    """Name of a trial in the tests' output."""
    shapes = "x".join("-".join(map(str, s)) or "()" for s in trial.case.shapes)
    given = ",".join(f"{k}={v}" for k, v in trial.case.attributes.items())
    training = "training" if trial.case.training else ""
    return " ".join(filter(None, (trial.op.name, shapes, given.replace(" ", ""), training)))
