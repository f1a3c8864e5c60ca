"""Graph -> Plan: topological order, slots, flat buffers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate

from graphcore.engine.devices import usable_device
from graphcore.engine.execute import Step
from graphcore.engine.feeds import Feeds
from graphcore.engine.parameters import ParameterInfo
from graphcore.engine.plan import Mode, Plan
from graphcore.engine.precision import kept_in, usable_precision, use
from graphcore.errors import EngineError, ShapeError
from graphcore.graph.flatten import FlatNode, Port, flatten
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference
from graphcore.graph.training_settings import owner
from graphcore.late import torch
from graphcore.ops.initializers import fans_of


def compile(
    graph: Graph,
    device: str = "cpu",
    dtype: str = "float32",
    mode: Mode = "inspect",
    seed: int = 0,
    *,
    share: Plan | None = None,
    transposed: bool = False,
) -> Plan:
    """Turn a graph into a plan.

    Args:
        dtype: of all numbers: "float32" or "float64". "tf32" and "bfloat16" are float32 but for
            the operands of products (``Operator.reduced``), which are rounded.
        share: a plan of the same graph whose parameters, gradients, running statistics and
            random state the new one uses instead of its own.
        transposed: whether parameters may lie in memory as kernels read them fastest
            (``Operator.transposed``), not row by row; their shapes are the same.

    Raises:
        ShapeError: the first problem of the graph, with the node's name.
        EngineError: the device is not to be had, has too little memory or not the precision.
    """
    shapes = ShapeInference(graph)
    shapes.close()
    for problem in shapes.problems.values():
        raise ShapeError(problem.message, problem.fix, problem.node)
    transposed = share.transposed if share else transposed
    return _Compiler(graph, shapes, device, dtype, mode, seed, transposed).plan(share)


class _Compiler:
    """Builds one plan."""

    def __init__(
        self, graph: Graph, shapes: ShapeInference, device: str, dtype: str, mode: Mode, seed: int,
        transposed: bool,
    ) -> None:  # fmt: skip
        self.flat_graph = flatten(graph)
        self.objectives = graph.training.objectives
        self.inferred = shapes.flat()
        self.device, self.dtype = usable_device(device), kept_in(dtype)
        self.precision = usable_precision(dtype, self.device)
        self.rounds = use(self.precision, self.device)
        self.mode, self.seed, self.transposed = mode, seed, transposed
        self.slots: dict[Port, int] = {}
        self.layout: list[ParameterInfo] = []
        self.needed: set[int] = set()
        self.shown: set[int] = set()

    def plan(self, share: Plan | None) -> Plan:
        steps = [s for s in map(self._step, self.flat_graph.nodes) if s is not None]
        self.layout.sort(key=lambda p: (p.frozen, owner(p.node, self.objectives)))
        sizes = [math.prod(p.shape) for p in self.layout]
        for info, offset in zip(self.layout, accumulate([0, *sizes]), strict=False):
            info.offset = offset
        total = sum(sizes)
        trainable = sum(n for n, p in zip(sizes, self.layout, strict=True) if not p.frozen)
        plan = Plan(
            device=self.device, dtype=self.dtype, mode=self.mode, seed=self.seed, steps=steps,
            feeds=Feeds(
                {
                    n.name: (self.slots[n.name, "y"], n.node)
                    for n in self.flat_graph.nodes
                    if n.node.operator in ("Input", "Target")
                },
                self.device, self.dtype,
            ),
            slots=self.slots, flat_graph=self.flat_graph, layout=self.layout,
            values=[None] * len(self.slots),
            flat=share.flat if share else self._zeros(total),
            flat_grad=share.flat_grad if share else self._zeros(total),
            trainable=trainable, transposed=self.transposed, precision=self.precision,
            shown=self.shown,
            generator=share.generator if share else torch.Generator(self.device),
        )  # fmt: skip
        self._fill(plan, share)
        if share is None:
            plan.reset()
        return plan

    def _zeros(self, count: int) -> torch.Tensor:
        try:
            return torch.zeros(count, dtype=self.dtype, device=self.device)
        except RuntimeError:
            gigabytes = count * self.dtype.itemsize / 1e9
            raise EngineError(
                f"The net has {count:,} parameters, which take {gigabytes:,.0f} GB: more memory "
                f"than there is on {self.device}."
            ) from None

    def _fill(self, plan: Plan, share: Plan | None) -> None:
        """Views of the flat buffers, constants and running statistics."""
        for info in self.layout:
            for whole, views in ((plan.flat, plan.parameters), (plan.flat_grad, plan.gradients)):
                views[info.name] = info.within(whole)
            plan.values[self.slots[info.name, ""]] = plan.parameters[info.name]
        for flat in self.flat_graph.nodes:
            fed = flat.node.operator in ("Input", "Target", "Parameter")
            if flat.node.op.category == "source" and not fed:
                plan.values[self.slots[flat.name, "y"]] = self._fixed(flat, plan, share)
        plan.fix()
        for step in plan.steps:
            step.context.generator = plan.generator
            step.context.dtype = step.rounds or plan.dtype
            for name, (shape, start) in self.inferred[step.name].buffers.items():
                key = f"{step.name}.{name}"
                buffer = (
                    share.buffers[key]
                    if share
                    else torch.full(shape, start, dtype=self.dtype, device=self.device)
                )
                plan.buffers[key] = step.context.buffers[name] = buffer
                plan.buffer_starts[f"{step.name}.{name}"] = start

    def _fixed(self, flat: FlatNode, plan: Plan, share: Plan | None) -> torch.Tensor:
        """The numbers of a constant; zeros for a table that the net's weights bring."""
        attributes, key = flat.node.attributes, f"{flat.name}.value"
        kinds = {"float": self.dtype, "int": torch.int64, "bool": torch.bool}
        dtype = kinds[attributes["dtype"]]
        if "value" in attributes:
            return torch.tensor(attributes["value"], dtype=dtype, device=self.device)
        if share:
            plan.buffers[key] = share.buffers[key]
        else:
            plan.buffers[key] = torch.zeros(attributes["shape"], dtype=dtype, device=self.device)
        return plan.buffers[key]

    def _step(self, flat: FlatNode) -> Step | None:
        node = flat.node
        shapes = self.inferred[flat.name].parameters
        if node.operator == "Parameter":
            self.slots[flat.name, "y"] = self._parameter(flat, "value", shapes, flat.name)
            return None
        outputs = tuple(self._new_slot((flat.name, o)) for o in node.outputs)
        if node.op.category == "source":
            if node.operator == "Input" and node.attributes["dtype"] == "float":
                self.needed.update(outputs if self.mode == "inspect" else ())
                self.shown.update(outputs)
            return None
        inputs = {i: self.slots[p] for i, p in flat.inputs.items() if i not in shapes}
        for name in shapes:
            own = name not in flat.inputs
            inputs[name] = (
                self._parameter(flat, name, shapes, f"{flat.name}.{name}")
                if own
                else self.slots[flat.inputs[name]]
            )
        step = Step(
            flat.name, node.op, node.attributes, tuple(inputs.values()), tuple(inputs), outputs
        )
        if self.rounds is not None and node.op.reduced:
            step.rounds, step.wide = self.rounds, self.dtype
        needs = tuple(slot in self.needed for slot in step.inputs)
        step.context.needs = needs
        if any(needs) and node.op.differentiable:
            self.needed.update(outputs)
        if node.op.differentiable and not self.shown.isdisjoint(step.inputs):
            self.shown.update(outputs)
        return step

    def _parameter(
        self, flat: FlatNode, input: str, shapes: Mapping[str, tuple[int, ...]], name: str
    ) -> int:
        node = flat.node
        chosen = node.initializers.get(input, node.op.initializers[input])
        frozen = input in node.frozen
        fans = fans_of(dict(shapes))
        transposed = self.transposed and input in node.op.transposed
        self.layout.append(
            ParameterInfo(name, flat.name, shapes[input], chosen, fans, frozen, transposed)
        )
        slot = self._new_slot((name, ""))
        self.shown.add(slot)
        if not frozen or self.mode == "inspect":
            self.needed.add(slot)
        return slot

    def _new_slot(self, port: Port) -> int:
        return self.slots.setdefault(port, len(self.slots))
