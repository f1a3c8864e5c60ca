"""A graph that grows layer by layer, with composites inside composites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphcore import ops
from graphcore.graph.drawing.layers import layout
from graphcore.graph.drawing.rows import fold
from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference
from graphcore.graph.training_settings import TrainingSettings

ASPECT = 1.8
"""Width over height of the drawing."""
PICTURE = (3, 224, 224)
CLASSES = 1000
"""Of ImageNet."""
SAMPLES = 20
"""Of random numbers that stand in for data."""


class Chain:
    """A graph whose next layer is fed by the one before it.

    Args:
        shape: of one sample that goes in.

    Attributes:
        last: name of the newest node.
    """

    def __init__(self, shape: tuple[int, ...], batch: bool = True, dtype: str = "float") -> None:
        self.graph = Graph()
        self.last = self.graph.add("Input", name="x", shape=shape, batch=batch, dtype=dtype).name
        self._shapes = ShapeInference(self.graph)

    def layer(
        self, operator: str, name: str, *sources: str,
        starts: Mapping[str, str] | None = None, **attributes: Any,
    ) -> str:  # fmt: skip
        """Add a node and return its name.

        Args:
            sources: nodes that feed it, in order; left out, the newest node.
            starts: parameter -> initialiser.
        """
        node = self.graph.add(operator, name=name, **attributes)
        for parameter, initializer in (starts or {}).items():
            self.graph.set_initializer(node, parameter, initializer)
        return self._fed(node, sources)

    def block(
        self, name: str, title: str, fill: Callable[[Chain], object], source: str = ""
    ) -> str:
        """Add a composite with one input and one output, and return its name.

        Args:
            title: what it is, such as the class that torchvision has for it.
            fill: adds the layers inside.
        """
        arriving = self._shapes.shape(source or self.last) or ()
        lengths = tuple(d for d in arriving if isinstance(d, int))
        inner = Chain(lengths, batch=len(lengths) < len(arriving))
        fill(inner)
        inner.layer("Output", "y")
        inner._shapes.close()
        attributes = ops.get("Composite").complete({"title": title})
        node = Node(name, "Composite", attributes, subgraph=inner.graph)
        return self._fed(self.graph.insert(node), (source,) if source else ())

    def parameter(self, name: str, shape: tuple[int, ...], start: str) -> str:
        """Add a parameter that stands alone, and return its name; the chain ends where it did."""
        node = self.graph.add("Parameter", name=name, shape=shape)
        self.graph.set_initializer(node, "value", start)
        return node.name

    def _fed(self, node: Node, sources: tuple[str, ...]) -> str:
        for source in sources or (self.last,):
            self.graph.connect(source, node)
        self.last = node.name
        return node.name

    def finish(
        self, classes: int = CLASSES, heads: Mapping[str, float] | None = None, **data: Any
    ) -> Graph:
        """Add target and loss, and return the graph laid out, with its data and settings.

        Args:
            heads: nodes that answer too -> weight of their losses beside that of the last node.
            data: options of the random numbers that stand in for data.
        """
        self.graph.add("Target", name="target")
        self.layer("CrossEntropyLoss", "main_loss" if heads else "loss", self.last, "target")
        for i, (head, weight) in enumerate((heads or {}).items(), 1):
            total = self.last
            loss = self.layer("CrossEntropyLoss", f"{head}_loss", head, "target")
            share = self.graph.add("Constant", name=f"{head}_weight", value=weight).name
            part = self.layer("Mul", f"{head}_part", loss, share)
            self.layer("Add", "loss" if i == len(heads or {}) else f"sum{i}", total, part)
        self._shapes.close()
        shape = self.graph.node("x").attributes["shape"]
        options = {"shape": "x".join(map(str, shape)), "classes": classes, "samples": SAMPLES}
        picture = shape == PICTURE
        self.graph.set_training(
            TrainingSettings(
                dataset="random",
                dataset_options={**options, **({"spread": "even"} if picture else {}), **data},
                normalization="imagenet" if picture else "none", batch=4, optimizer="SGD",
                optimizer_options={"momentum": 0.9}, lr=0.01,
            )
        )  # fmt: skip
        places = layout(self.graph)
        for name, place in (places if heads else fold(self.graph, places, ASPECT)).items():
            self.graph.update(name, position=place)
        return self.graph


def he(bias: bool = False) -> dict[str, str]:
    """Return how a convolution before a ReLU starts (He et al., 2015)."""
    return {"weight": "kaiming_normal", **({"bias": "zeros"} if bias else {})}
