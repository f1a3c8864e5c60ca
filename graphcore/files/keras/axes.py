"""Which values of a script for Keras have their channels last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from graphcore.dims import Shape
from graphcore.graph.flatten import FlatNode, Port
from graphcore.graph.shapes import Inferred


def permuted_dims(rank: int, last: bool) -> tuple[int, ...]:
    """Return how ``layers.Permute`` brings the channels to the end or back to the front."""
    return (*range(2, rank), 1) if last else (rank - 1, *range(1, rank - 1))


def first_wish(port: Port, nodes: Sequence[FlatNode]) -> str:
    """Return what the first operators behind a value that care want: "last", "graph", or "any"."""
    reached, wishes = {port}, set()
    for flat in nodes:
        if not reached & set(flat.inputs.values()):
            continue
        code = flat.node.op.keras
        axes = code.axes if code is not None else "graph"
        if axes == "any":
            reached |= {(flat.name, o) for o in flat.node.outputs}
        wishes.add(axes)
    return "last" if "last" in wishes else "graph" if "graph" in wishes else "any"


class AxisOrder:
    """Decides how the operators get their inputs.

    Args:
        nodes: of the net, in order.
        outputs: of the net.
        shape: gives the shape of a value.
    """

    def __init__(
        self, nodes: Sequence[FlatNode], outputs: Sequence[Port], shape: Callable[[Port], Shape]
    ) -> None:
        self._shape, self._ends = shape, set(outputs)
        self._parameters = {(n.name, "y") for n in nodes if n.node.operator == "Parameter"}
        self._readers: dict[Port, list[FlatNode]] = {}
        for flat in nodes:
            for port in flat.inputs.values():
                self._readers.setdefault(port, []).append(flat)

    def is_read(self, port: Port) -> bool:
        """Whether an operator or the net's caller gets a value."""
        return port in self._readers or port in self._ends

    def is_own(self, port: Port) -> bool:
        """Whether a value is a Parameter that one operator alone reads."""
        return port in self._parameters and len(self._readers[port]) == 1

    def is_weight(self, flat: FlatNode, inferred: Mapping[str, Inferred]) -> bool:
        """Whether a node is a Parameter that is the weight of a layer, and nothing else."""
        port = flat.name, "y"
        if not self.is_own(port):
            return False
        (reader,) = self._readers[port]
        return any(p == port and i in inferred[reader.name].parameters
                   for i, p in reader.inputs.items())  # fmt: skip

    def wants_last(
        self, flat: FlatNode, ports: Iterable[Port], lies_last: Callable[[Port], bool]
    ) -> bool:
        """Whether an operator gets its inputs with channels last.

        Args:
            ports: what it reads but its own parameters.
            lies_last: whether a value has its channels last now.
        """
        code, given = flat.node.op.keras, list(ports)
        if code is None or not given:
            return False
        if code.axes == "last":
            return True
        if code.rows == "makes":
            y = flat.name, flat.node.outputs[0]
            return lies_last(given[0]) and len(self._shape(y)) == 2 and self._any_order(y)
        if code.axes == "graph":
            return False
        wide = [p for p in given if len(self._shape(p)) > 0]
        ranks = {len(self._shape(p)) for p in wide}
        return len(ranks) == 1 and max(ranks) > 2 and all(map(lies_last, wide))

    def _any_order(self, port: Port) -> bool:
        """Whether all that read a flattened image are Linear layers, or take it number by number.

        Those layers can have the rows of their weights in another order instead.
        """
        waiting, seen = [port], {port}
        while waiting:
            at = waiting.pop()
            if at in self._ends or not self._readers.get(at):
                return False
            for flat in self._readers[at]:
                code, ends = flat.node.op.keras, [(flat.name, o) for o in flat.node.outputs]
                if code is not None and code.rows == "takes":
                    continue
                if code is None or code.axes != "any" or len(flat.inputs) > 1:
                    return False
                if flat.node.op.category == "shape" or self._shape(ends[0]) != self._shape(at):
                    return False
                waiting += [e for e in ends if e not in seen]
                seen.update(ends)
        return True
