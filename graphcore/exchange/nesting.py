"""Nodes in the modules that they come from: composites inside composites, called as the user's.

A module of torch's own that became one node is that node; every other module is a composite with
its class as the title. What was done between two calls of the same module, or outside any, stands
where the user wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphcore import ops
from graphcore.dims import Batch
from graphcore.exchange.lowering.builder import Made, Port
from graphcore.exchange.lowering.lower import Lowered
from graphcore.exchange.program import Module
from graphcore.files.weights import plain_name
from graphcore.graph.elements import Edge, Node
from graphcore.graph.graph import Graph, usual_name

MOST_DEEP = 40
"""Composites inside each other; a graph file takes 50."""
_HOLDERS = ("Parameter", "Buffer", "Constant")


@dataclass(eq=False)
class Group:
    """A call of a module: nodes and groups, in order."""

    module: Module | None
    parent: Group | None = None
    name: str = ""
    parts: list[Made | Group] = field(default_factory=list)
    depth: int = 0

    def above(self) -> list[Group]:
        """This group and all around it, the net itself last."""
        found, group = [], self
        while True:
            found.append(group)
            if group.parent is None:
                return found
            group = group.parent


@dataclass
class Nested:
    """A graph with what its parameters and tables hold.

    Attributes:
        weights: name in the plan -> numbers.
        names: name in the module -> name in the plan.
        outputs: names of the nodes that give the net's results, in order.
    """

    graph: Graph
    weights: dict[str, np.ndarray[Any, Any]]
    names: dict[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    composites: int


def nest(lowered: Lowered, named: bool) -> Nested:
    """Put nodes into a graph.

    Args:
        named: whether parameters are to keep their names in the module, so that a file of its
            weights fits by name.
    """
    return _Nesting(lowered, named).run()


class _Nesting:
    def __init__(self, lowered: Lowered, named: bool) -> None:
        self._lowered, self._named = lowered, named
        self._top = Group(None)
        self._home: dict[Made, Group] = {}
        self._users: dict[Made, list[tuple[Made, str]]] = {}
        self._names: dict[Made, str] = {}
        self._owned: dict[tuple[Made, str], Made] = {}
        self._made = [m for m in lowered.made if m.operator not in _HOLDERS]
        self._composites = 0

    def run(self) -> Nested:
        for made in self._lowered.made:
            for name, port in made.inputs.items():
                self._users.setdefault(port.made, []).append((made, name))
        self._group()
        self._own_parameters()
        self._place_holders()
        _merge_single(self._top, self._home)
        self._add_outputs()
        self._name_all()
        graph = self._build(self._top)
        weights, names = self._weights()
        inputs = tuple(self._names[p.made] for p in self._lowered.inputs)
        outputs = tuple(self._names[m] for m in self._ends)
        return Nested(graph, weights, names, inputs, outputs, self._composites)

    # -- what stands where ------------------------------------------------------------------------

    def _add_outputs(self) -> None:
        """An Output node for each result that is not alone, or has a name of its own."""
        self._ends: list[Made] = []
        outputs = self._lowered.outputs
        for port, called in outputs:
            made = port.made
            plain = len(outputs) == 1 and not called and made.operator not in (*_HOLDERS, "Input")
            if plain and port.place == 0 and self._home[made] is self._top:
                self._ends.append(made)
                continue
            end = Made("Output", {}, {"x": port}, (port.shape,), (port.number,), (), called)
            self._top.parts.append(end)
            self._home[end] = self._top
            self._ends.append(end)

    def _own_parameters(self) -> None:
        """A parameter that one node alone uses, in the place of its own, belongs to the node."""
        for made in self._lowered.made:
            users = self._users.get(made, [])
            if made.operator != "Parameter" or len(users) != 1:
                continue
            user, name = users[0]
            if name in ops.get(user.operator).parameter_names(user.attributes) and (
                not self._named or self._keeps_name(made, user, name)
            ):
                self._owned[user, name] = made

    def _keeps_name(self, held: Made, user: Made, name: str) -> bool:
        """Whether a parameter is called as in the module when it belongs to a node."""
        assert held.tensor is not None
        group = self._home[user]
        alone = _is_layer(group) and len(group.parts) == 1
        path = [group.module.path] if group.module is not None and group.module.path else []
        node = [] if alone else [user.name or usual_name(user.operator)]
        return plain_name(".".join([*path, *node, name])) == plain_name(held.tensor.name)

    def _group(self) -> None:
        group = self._top
        for made in self._made:
            group = self._entered(group, made.modules[:MOST_DEEP])
            group.parts.append(made)
            self._home[made] = group

    def _entered(self, group: Group, modules: tuple[Module, ...]) -> Group:
        """The group of a call of a module, from the one before on; a new one where needed."""
        around = [g for g in reversed(group.above()) if g.module is not None]
        same = 0
        while same < min(len(around), len(modules)) and around[same].module == modules[same]:
            same += 1
        group = around[same - 1] if same else self._top
        for module in modules[same:]:
            inner = Group(module, group, depth=group.depth + 1)
            group.parts.append(inner)
            group = inner
        return group

    def _place_holders(self) -> None:
        """Parameters, tables and constants stand in the innermost group around all their users."""
        owned = set(self._owned.values())
        for made in self._lowered.made:
            if made.operator not in _HOLDERS or made in owned:
                continue
            homes = [self._home[u] for u, _ in self._users.get(made, []) if u in self._home]
            group = _around(homes) if homes else self._top
            if self._named and made.operator == "Parameter":
                group = next(g for g in group.above() if _is_inside(made, g))
            first = next((u for u, _ in self._users.get(made, []) if u in group.parts), None)
            place = group.parts.index(first) if first is not None else len(group.parts)
            group.parts.insert(place, made)
            self._home[made] = group

    # -- names ------------------------------------------------------------------------------------

    def _name_all(self) -> None:
        """Every name is free in its graph; the ends of the net come first."""
        stack = [self._top]
        while stack:
            group = stack.pop()
            taken: set[str] = set()
            ends = [
                p for p in group.parts
                if isinstance(p, Made) and (p.operator in ("Input", "Target") or p in self._ends)
            ]  # fmt: skip
            for part in [*ends, *(p for p in group.parts if p not in ends)]:
                name = _free(self._wished(part, group), taken)
                taken.add(name)
                if isinstance(part, Group):
                    part.name = name
                    stack.append(part)
                else:
                    self._names[part] = name

    def _wished(self, part: Made | Group, group: Group) -> str:
        if isinstance(part, Group):
            assert part.module is not None
            return _inside(part.module.path, group)
        if part.tensor is not None and part.operator != "Constant":
            return _inside(part.tensor.name, group)
        if part.operator == "Output" and not part.name:
            return "output"
        return part.name or usual_name(part.operator)

    # -- graphs -----------------------------------------------------------------------------------

    def _build(self, top: Group) -> Graph:
        """The graph of a group, those inside it first."""
        order, stack = [], [top]
        while stack:
            group = stack.pop()
            order.append(group)
            stack.extend(p for p in group.parts if isinstance(p, Group))
        self._inside: dict[Group, Graph] = {}
        self._ports_in: dict[Group, dict[tuple[Made, int], str]] = {}
        self._ports_out: dict[Group, dict[tuple[Made, int], str]] = {}
        crossing = _crossing(self._home)
        for group in reversed(order):
            self._inside[group] = self._graph_of(group, *crossing.get(group, ([], [])))
        return self._inside[top]

    def _graph_of(self, group: Group, entering: list[Port], leaving: list[Port]) -> Graph:
        taken = {self._names[p] if isinstance(p, Made) else p.name for p in group.parts}
        nodes, edges = [], []
        arriving: dict[tuple[Made, int], str] = {}
        for port in entering:
            name = _free("x", taken)
            taken.add(name)
            arriving[port.made, port.place] = name
            nodes.append(_input_port(name, port))
        for part in group.parts:
            nodes.append(self._node(part))
            edges += self._edges_into(part, group, arriving)
        going: dict[tuple[Made, int], str] = {}
        for port in leaving:
            name = _free("y", taken)
            taken.add(name)
            going[port.made, port.place] = name
            nodes.append(Node(name, "Output"))
            source = self._source(port, group, arriving)
            edges.append(Edge(*source, name, "x"))
        self._ports_in[group], self._ports_out[group] = arriving, going
        return Graph.build(nodes, edges)

    def _node(self, part: Made | Group) -> Node:
        if isinstance(part, Group):
            assert part.module is not None
            self._composites += 1
            title = part.module.title.rpartition(".")[2][:60]
            attributes = ops.get("Composite").complete({"title": title})
            return Node(part.name, "Composite", attributes, subgraph=self._inside[part])
        frozen = {
            name for (user, name), held in self._owned.items() if user is part and _fixed(held)
        } if self._owned else set()  # fmt: skip
        if part.operator == "Parameter" and _fixed(part):
            frozen = {"value"}
        return Node(self._names[part], part.operator, dict(part.attributes),
                    frozen=frozenset(frozen))  # fmt: skip

    def _edges_into(
        self, part: Made | Group, group: Group, arriving: dict[tuple[Made, int], str]
    ) -> list[Edge]:
        if isinstance(part, Group):
            return [
                Edge(*self._source(made.port(place), group, arriving), part.name, name)
                for (made, place), name in self._ports_in[part].items()
            ]
        return [
            Edge(*self._source(port, group, arriving), self._names[part], name)
            for name, port in part.inputs.items()
            if (part, name) not in self._owned
        ]

    def _source(
        self, port: Port, group: Group, arriving: dict[tuple[Made, int], str]
    ) -> tuple[str, str]:
        """Where in a group's graph a value comes from: a node, a group inside, a port."""
        key = port.made, port.place
        if key in arriving:
            return arriving[key], "y"
        home = self._home[port.made]
        if home is group:
            return self._names[port.made], port.output
        inner = next(g for g in home.above() if g.parent is group)
        return inner.name, self._ports_out[inner][key]

    # -- numbers ----------------------------------------------------------------------------------

    def _path(self, made: Made) -> str:
        groups = [g.name for g in reversed(self._home[made].above()) if g.name]
        return "/".join([*groups, self._names[made]])

    def _weights(self) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, str]]:
        weights: dict[str, np.ndarray[Any, Any]] = {}
        names: dict[str, str] = {}
        for (user, name), held in self._owned.items():
            assert held.tensor is not None
            key = f"{self._path(user)}.{name}"
            weights[key], names[held.tensor.name] = held.tensor.array, key
        for made in self._home:
            path = self._path(made)
            if made.operator in ("Parameter", "Buffer"):
                assert made.tensor is not None
                key = path if made.operator == "Parameter" else f"{path}.value"
                weights[key], names[made.tensor.name] = made.tensor.array, key
            for name, statistic in made.buffers.items():
                key = f"{path}.{name}"
                weights[key], names[statistic.name] = statistic.array, key
        return weights, names


def _fixed(made: Made) -> bool:
    return made.tensor is not None and not made.tensor.trained


def _is_layer(group: Group) -> bool:
    return group.module is not None and group.module.is_torch_layer


def _is_inside(held: Made, group: Group) -> bool:
    """Whether a parameter is one of a group's module, or of a module in it."""
    path = group.module.path if group.module is not None else ""
    return held.tensor is not None and (not path or held.tensor.name.startswith(f"{path}."))


def _around(homes: Iterable[Group]) -> Group:
    """The innermost group that all of these lie in."""
    first, *others = homes
    for group in first.above():
        if all(group in other.above() for other in others):
            return group
    raise AssertionError("the net itself is around everything")


def _merge_single(top: Group, home: dict[Made, Group]) -> None:
    """A layer of torch's that is one node becomes that node, under the layer's name."""
    stack = [top]
    while stack:
        group = stack.pop()
        for place, part in enumerate(group.parts):
            if not isinstance(part, Group):
                continue
            alone = part.parts[0] if len(part.parts) == 1 and _is_layer(part) else None
            if isinstance(alone, Made) and alone.operator not in _HOLDERS:
                made = alone
                assert part.module is not None
                made.name = _inside(part.module.path, group)
                group.parts[place] = made
                home[made] = group
            else:
                stack.append(part)


def _crossing(home: dict[Made, Group]) -> dict[Group, tuple[list[Port], list[Port]]]:
    """For each group, the values that enter it and those that leave it, each once."""
    found: dict[Group, tuple[dict[tuple[Made, int], Port], dict[tuple[Made, int], Port]]] = {}
    for target, group_of in home.items():
        for port in target.inputs.values():
            if port.made not in home:
                continue  # owned by the node
            here, there = group_of.above(), home[port.made].above()
            key = port.made, port.place
            for group in here:
                if group not in there:
                    found.setdefault(group, ({}, {}))[0].setdefault(key, port)
            for group in there:
                if group not in here:
                    found.setdefault(group, ({}, {}))[1].setdefault(key, port)
    return {g: (list(a.values()), list(z.values())) for g, (a, z) in found.items()}


def _input_port(name: str, port: Port) -> Node:
    dims = tuple(d for d in port.shape if not isinstance(d, Batch))
    batch = len(dims) < len(port.shape)
    given = {"shape": tuple(max(1, d) for d in dims), "batch": batch}
    number = "float" if port.number == "float" else "int"
    return Node(name, "Input", ops.get("Input").complete({**given, "dtype": number}))


def _inside(path: str, group: Group) -> str:
    """A path of the module as a name in a group: what the group's own path says is left out."""
    around = group.module.path if group.module is not None else ""
    inner = path.removeprefix(f"{around}.") if around else path
    return identifier(inner)


def identifier(text: str) -> str:
    """A text as a name that a node can have: "0" becomes "_0"."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text) or "node"
    return f"_{name}" if name[0].isdigit() else name


def _free(wished: str, taken: set[str]) -> str:
    base = identifier(wished)
    name, i = base, 2
    while name in taken:
        name, i = f"{base}_{i}", i + 1
    return name
