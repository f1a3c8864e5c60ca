"""Two hundred random graphs: values and gradients equal those of the same expression in torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

import graphcore as gc
from graphcore.graph.shapes import ShapeInference

BATCH = 3
Parameters = dict[str, Tensor]
Compute = Callable[..., Tensor]

ELEMENTWISE: dict[str, Compute] = {
    "Tanh": torch.tanh, "Sigmoid": torch.sigmoid, "Softplus": functional.softplus,
    "SiLU": functional.silu, "GELU": functional.gelu, "ReLU": torch.relu,
    "LeakyReLU": functional.leaky_relu, "ELU": functional.elu, "Sin": torch.sin,
    "Cos": torch.cos, "Neg": torch.neg, "Softmax": lambda x: functional.softmax(x, -1),
    "LogSoftmax": lambda x: functional.log_softmax(x, -1),
}  # fmt: skip
BINARY: dict[str, Compute] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Maximum": torch.maximum,
    "Minimum": torch.minimum,
}  # fmt: skip
REDUCTIONS: dict[str, Compute] = {
    "Sum": lambda x: x.sum(-1, keepdim=True),
    "Mean": lambda x: x.mean(-1, keepdim=True),
    "Max": lambda x: x.amax(-1, keepdim=True),
}


@dataclass
class Made:
    """A node, its shape at ``BATCH`` samples, and what it is in torch."""

    name: str
    shape: tuple[int, ...]
    sources: tuple[str, ...] = ()
    compute: Compute | None = None


class Builder:
    """Draws a graph node by node, and the same in torch."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw, self.graph = draw, gc.Graph()
        self.shapes = ShapeInference(self.graph)
        self.made: list[Made] = []
        kinds = st.sampled_from([(4,), (5,), (2, 6, 6), (3, 4)])
        for shape in draw(st.lists(kinds, min_size=1, max_size=3)):
            self.made.append(Made(self.graph.add("Input", shape=shape).name, (BATCH, *shape)))

    def pick(self, fits: Callable[[Made], bool] = lambda made: True) -> Made | None:
        found = [made for made in self.made if fits(made)]
        return self.draw(st.sampled_from(found)) if found else None

    def put(self, operator: str, *sources: Made, compute: Compute, **attributes: Any) -> None:
        """``compute`` takes the node's parameters, then the values of the sources."""
        name = self.graph.add(operator, **attributes).name
        for source in sources:
            self.graph.connect(source.name, name)
        shape = self.shapes.shape(name)
        assert shape is not None, self.shapes.problem(name)
        known = tuple(d if isinstance(d, int) else BATCH for d in shape)
        self.made.append(Made(name, known, tuple(s.name for s in sources), compute))

    # -- kinds of nodes -----------------------------------------------------------------------

    def elementwise(self) -> None:
        x, name = self.pick(), self.draw(st.sampled_from(sorted(ELEMENTWISE)))
        assert x is not None
        self.put(name, x, compute=lambda _p, v, f=ELEMENTWISE[name]: f(v))

    def binary(self) -> None:
        a = self.pick()
        assert a is not None
        b = self.pick(lambda m: _broadcasts(a.shape, m.shape))
        assert b is not None
        name = self.draw(st.sampled_from(sorted(BINARY)))
        self.put(name, a, b, compute=lambda _p, u, v, f=BINARY[name]: f(u, v))

    def reduction(self) -> None:
        x, name = (
            self.pick(lambda m: len(m.shape) > 1),
            self.draw(st.sampled_from(sorted(REDUCTIONS))),
        )
        if x is not None:
            self.put(name, x, dim=-1, keepdim=True,
                     compute=lambda _p, v, f=REDUCTIONS[name]: f(v))  # fmt: skip

    def linear(self) -> None:
        x = self.pick(lambda m: len(m.shape) == 2)
        if x is not None:
            self.put("Linear", x, out_features=self.draw(st.integers(1, 6)),
                     compute=lambda p, v: functional.linear(v, p["weight"], p["bias"]))  # fmt: skip

    def norm(self) -> None:
        x = self.pick(lambda m: len(m.shape) == 2 and m.shape[1] > 1)
        if x is not None:
            self.put("LayerNorm", x, compute=lambda p, v: functional.layer_norm(
                v, v.shape[1:], p["weight"], p["bias"]))  # fmt: skip

    def image(self) -> None:
        x = self.pick(lambda m: len(m.shape) == 4 and min(m.shape[2:]) >= 3)
        if x is None:
            return
        kind = self.draw(st.sampled_from(["Conv2d", "MaxPool2d", "AvgPool2d", "Flatten"]))
        if kind == "Conv2d":
            stride, padding = self.draw(st.integers(1, 2)), self.draw(st.integers(0, 2))
            self.put(
                "Conv2d", x, out_channels=self.draw(st.integers(1, 4)), kernel_size=3,
                stride=stride, padding=padding, compute=lambda p, v: functional.conv2d(
                    v, p["weight"], p["bias"], stride, padding),
            )  # fmt: skip
        elif kind == "Flatten":
            self.put("Flatten", x, compute=lambda _p, v: v.flatten(1))
        else:
            pool = functional.max_pool2d if kind == "MaxPool2d" else functional.avg_pool2d
            self.put(kind, x, kernel_size=2, compute=lambda _p, v: pool(v, 2))

    def reshape(self) -> None:
        x = self.pick(lambda m: len(m.shape) >= 3)
        if x is not None:
            self.put("Transpose", x, compute=lambda _p, v: v.transpose(-2, -1))

    def concat(self) -> None:
        a = self.pick(lambda m: len(m.shape) == 2)
        b = self.pick(lambda m: len(m.shape) == 2)
        if a is not None and b is not None:
            self.put("Concat", a, b, compute=lambda _p, u, v: torch.cat([u, v], 1))

    def finish(self) -> None:
        """The sum of the means of everything that nobody reads."""
        total: Made | None = None
        for end in [m for m in self.made if not self.graph.edges_from(m.name)]:
            self.put("Mean", end, compute=lambda _p, v: v.mean())
            mean = self.made[-1]
            if total is not None:
                self.put("Add", total, mean, compute=lambda _p, u, v: u + v)
                mean = self.made[-1]
            total = mean
        self.shapes.close()


KINDS = (Builder.elementwise, Builder.binary, Builder.reduction, Builder.linear, Builder.norm,
         Builder.image, Builder.reshape, Builder.concat)  # fmt: skip


@st.composite
def builders(draw: st.DrawFn) -> Builder:
    builder = Builder(draw)
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=2, max_size=14)):
        kind(builder)
    builder.finish()
    return builder


def _broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two values with batch axes fit together and keep the batch axis in front."""
    return len(a) == len(b) and all(m == n or 1 in (m, n) for m, n in zip(a, b, strict=True))


def in_torch(builder: Builder, feeds: dict[str, Tensor], plan: gc.Plan) -> dict[str, Tensor]:
    """Every value, with the plan's parameters as leaves called "node.parameter"."""
    values = {k: v.clone().requires_grad_() for k, v in feeds.items()}
    values |= {k: v.clone().requires_grad_() for k, v in plan.parameters.items()}
    for made in builder.made:
        if made.compute is not None:
            own = {
                k.rpartition(".")[2]: v for k, v in values.items() if k.startswith(f"{made.name}.")
            }
            values[made.name] = made.compute(own, *(values[s] for s in made.sources))
    return values


@settings(max_examples=200, deadline=None, derandomize=True, database=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(builders(), st.integers(0, 2**31))
def test_a_random_graph_computes_what_torch_does(builder: Builder, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    feeds = {
        m.name: torch.randn(m.shape, generator=generator, dtype=torch.float64)
        for m in builder.made if m.compute is None
    }  # fmt: skip
    end = builder.made[-1].name
    plan = gc.compile(builder.graph, dtype="float64", mode="inspect", seed=seed % 1000)
    theirs = in_torch(builder, feeds, plan)
    theirs[end].backward()
    plan.forward(feeds, training=True)
    plan.backward(end)
    for made in builder.made:
        torch.testing.assert_close(plan.value(made.name), theirs[made.name].detach(),
                                   rtol=1e-9, atol=1e-11)  # fmt: skip
    quick = gc.compile(builder.graph, dtype="float64", mode="train", seed=seed % 1000)
    for _ in range(2):  # the second time in buffers that are there already
        quick.step(feeds, end)
    for name in plan.parameters:
        g = theirs[name].grad
        wanted = torch.zeros_like(theirs[name]) if g is None else g
        torch.testing.assert_close(plan.grad(name), wanted, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(quick.gradients[name], wanted, rtol=1e-9, atol=1e-11)
    for name in feeds:
        g = theirs[name].grad
        mine = plan.grad(name)
        if g is not None and mine is not None:
            torch.testing.assert_close(mine, g, rtol=1e-9, atol=1e-11)
