"""Random nets that can be trained: layers, branches, weights shared and frozen, losses, data.

A number names a net: the same one gives the same net, data and settings on every machine.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

import graphcore as gc
from graphcore.datasets import Dataset, Split
from graphcore.datasets.dataset import Task
from graphcore.datasets.normalization import Normalization
from graphcore.errors import GraphError
from graphcore.graph.composites import group
from graphcore.graph.elements import Node
from graphcore.graph.shapes import ShapeInference
from graphcore.graph.training_settings import Objective, TrainingSettings

CLASSES = 3
OPTIMIZERS = ("SGD", "SGD", "Adam", "AdamW", "RMSprop", "Adagrad")
ACTIVATIONS = ("ReLU", "ReLU", "Tanh", "Sigmoid", "LeakyReLU", "GELU", "SiLU", "ELU", "Softplus",
               "PReLU", "Hardtanh")  # fmt: skip
TARGETS = {"CrossEntropyLoss": "classes", "NLLLoss": "classes", "MSELoss": "numbers",
           "L1Loss": "numbers", "HuberLoss": "numbers", "HingeLoss": "signs",
           "SquaredHingeLoss": "signs", "BCEWithLogitsLoss": "bits"}  # fmt: skip


@dataclass
class Net:
    """A net with the data that it learns."""

    graph: gc.Graph
    data: Dataset


class RandomNet:
    """Draws one net node by node.

    Args:
        seed: which net.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.graph = gc.Graph()
        self.shapes = ShapeInference(self.graph)
        self.last = ""

    def net(self) -> Net:
        kind = self.rng.choice(("rows", "image", "image", "image", "sequence", "tokens"))
        shape = self._source(kind)
        first = self.last = "x"
        getattr(self, f"_{kind}")()
        self._to_rows()
        self._rows()
        losses = self._losses()
        self.shapes.close()
        self._freeze()
        settings = self._settings(losses)
        self._grouped(first)
        self.graph.set_training(settings)
        return Net(self.graph, self._data(kind, shape))

    # -- nodes --------------------------------------------------------------------------------

    def put(self, operator: str, *sources: str, **attributes: Any) -> Node:
        node = self.graph.add(operator, **attributes)
        for source in sources or (self.last,):
            self.graph.connect(source, node)
        self.last = node.name
        return node

    def shape(self, name: str = "") -> tuple[int, ...]:
        """Shape of a node's value without the axis of samples."""
        found = self.shapes.shape(name or self.last)
        assert found is not None, self.shapes.problem(name or self.last)
        return tuple(d for d in found[1:] if isinstance(d, int))

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def _source(self, kind: str) -> tuple[int, ...]:
        r = self.rng
        shape: tuple[int, ...] = {
            "rows": (r.randint(1, 6),),
            "image": (r.choice((1, 1, 2, 3, 4, 8)), r.randint(6, 12), r.randint(6, 12)),
            "sequence": (r.randint(2, 5), r.randint(1, 5)),
            "tokens": (r.randint(2, 5),),
        }[kind]
        self.graph.add("Input", name="x", shape=shape, dtype="int" if kind == "tokens" else "float")
        return shape

    # -- parts of a net -----------------------------------------------------------------------

    def _tokens(self) -> None:
        self.put("Embedding", num_embeddings=7, embedding_dim=self.rng.choice((2, 4)))
        self._sequence()

    def _sequence(self) -> None:
        r = self.rng
        for _ in range(r.randint(1, 2)):
            kind = r.choice(("RNN", "LSTM", "GRU", "GRU", "attention", "conv", "norm"))
            if kind == "attention":
                features = self.shape()[-1]
                heads = r.choice([h for h in (1, 2) if features % h == 0 and features > h] or [1])
                self.put("MultiheadAttention", num_heads=heads)
            elif kind == "conv":
                self.put("Transpose")
                out, kernel = r.randint(1, 5), r.choice((1, 3))
                self.put("Conv1d", out_channels=out, kernel_size=kernel, padding=1)
                self.put("Transpose")
            elif kind == "norm":
                self.put("LayerNorm")
            else:
                self.put(kind, hidden_size=r.randint(1, 5))

    def _image(self) -> None:
        for _ in range(self.rng.randint(1, 3)):
            if min(self.shape()[1:]) < 3:
                return
            self._convolution()

    def _convolution(self) -> None:
        r, channels = self.rng, self.shape()[0]
        out = r.choice((1, 2, 3, 4, 6, 8, 16))
        groups = r.choice([g for g in (1, 1, 2, channels) if not (channels % g or out % g)])
        kernel = r.choice((1, 2, 3, 3, 3))
        stride = 1 if kernel == 1 else r.choice((1, 1, 1, 2))
        self.put("Conv2d", out_channels=out, kernel_size=kernel, padding=r.randint(0, kernel // 2),
                 stride=stride, groups=groups, bias=self.chance(0.8))  # fmt: skip
        if self.chance(0.3):
            kind = r.choice(("BatchNorm2d", "BatchNorm2d", "GroupNorm", "Dropout2d"))
            self.put(kind, **({"num_groups": 1} if kind == "GroupNorm" else {}))
        if self.chance(0.7):
            self.put(r.choice(("ReLU", "ReLU", "ReLU", "Tanh", "PReLU")))
        if self.chance(0.2):
            self._residual()
        if self.shape()[0] % 2 == 0 and self.chance(0.15):
            self.put("Maxout")
        if min(self.shape()[1:]) >= 2 and self.chance(0.6):
            self.put(r.choice(("MaxPool2d", "MaxPool2d", "AvgPool2d")), kernel_size=2,
                     stride=r.choice((None, None, 1)))  # fmt: skip

    def _to_rows(self) -> None:
        shape = self.shape()
        if len(shape) == 2 and self.chance(0.3):
            self.put("Mean", dim=1)
        elif len(shape) == 3 and self.chance(0.2):
            self.put("AdaptiveAvgPool2d", output_size=1)
        if len(self.shape()) > 1:
            self.put("Flatten")

    def _rows(self) -> None:
        for _ in range(self.rng.randint(0, 3)):
            part = self.rng.choice((
                self._dense, self._dense, self._activation, self._activation, self._norm,
                self._residual, self._product, self._second_input, self._maxout, self._split,
                self._shared, self._statistic,
            ))  # fmt: skip
            part()

    def _dense(self, features: int = 0) -> None:
        node = self.put("Linear", out_features=features or self.rng.randint(1, 7))
        if self.chance(0.25):
            self._expose(node, "weight", (node.attributes["out_features"],))

    def _expose(self, node: Node, input: str, outer: tuple[int, ...]) -> str:
        """Give a parameter a node of its own; some are bent before they are used."""
        source = next(e.source for e in self.graph.edges_into(node) if e.input == "x")
        shape = (*outer, *self.shape(source))
        name = self.graph.add("Parameter", shape=shape).name
        if self.chance(0.3):
            bent = self.graph.add(self.rng.choice(("Tanh", "Neg")))
            self.graph.connect(name, bent)
            self.graph.connect(bent, node, input=input)
        else:
            self.graph.connect(name, node, input=input)
        return name

    def _activation(self) -> None:
        self.put(self.rng.choice(ACTIVATIONS))

    def _norm(self) -> None:
        kind = self.rng.choice(("BatchNorm1d", "LayerNorm", "Dropout", "Dropout"))
        if kind != "LayerNorm" or self.shape()[0] > 1:
            self.put(kind)

    def _residual(self) -> None:
        before = self.last
        self._activation()
        self.put(self.rng.choice(("Add", "Sub", "Maximum")), before, self.last)

    def _product(self) -> None:
        self.put("Mul", self.last, self.last)

    def _second_input(self) -> None:
        """An Input with a value of its own, the same for all samples."""
        shape = self.shape()
        value = [round(self.rng.uniform(-1, 1), 3) for _ in range(shape[0])]
        other = self.graph.add("Input", shape=shape, batch=False, value=value)
        self.put(self.rng.choice(("Add", "Mul")), self.last, other.name)

    def _maxout(self) -> None:
        self._dense(2 * self.rng.randint(1, 4))
        self.put("Maxout")

    def _split(self) -> None:
        self._dense(2 * self.rng.randint(1, 3))
        node = self.put("Split")
        a, b = node.outputs[:2]
        total = self.graph.add("Add")
        self.graph.connect(node, total, output=a)
        self.graph.connect(node, total, output=b)
        self.last = total.name

    def _shared(self) -> None:
        """Two layers in a row with one weight."""
        size = self.shape()[0]
        first = self.put("Linear", out_features=size)
        weight = self._expose(first, "weight", (size,))
        self._activation()
        second = self.put("Linear", out_features=size)
        self.graph.connect(weight, second, input="weight")

    def _statistic(self) -> None:
        """Something that all samples of a batch have in common."""
        before = self.last
        self.put(self.rng.choice(("Mean", "Max")), dim=0, keepdim=True)
        self.put("Sub", before, self.last)

    # -- losses -------------------------------------------------------------------------------

    def _losses(self) -> list[str]:
        features, kind = self.last, self.rng.choice(sorted(TARGETS))
        self.target = TARGETS[kind]
        self.graph.add("Target", name="t")
        self.put("Linear", features, out_features=CLASSES)
        first = self._loss(kind)
        if self.chance(0.6):
            return [first]
        alike = sorted(k for k, v in TARGETS.items() if v == self.target)
        self.put("Linear", features, out_features=CLASSES)
        second = self._loss(self.rng.choice(alike))
        if self.chance(0.5):
            return [first, second]
        half = self.graph.add("Constant", value=0.5)
        self.put("Mul", second, half.name)
        self.put("Add", first, self.last)
        return [self.last]

    def _loss(self, kind: str) -> str:
        if kind == "NLLLoss":
            self.put("LogSoftmax")
        options: dict[str, Any] = {"reduction": self.rng.choice(("mean", "mean", "sum"))}
        if kind in ("CrossEntropyLoss", "NLLLoss") and self.chance(0.3):
            options["weight"] = [1.0, 0.5, 2.0]
        if kind == "CrossEntropyLoss" and self.chance(0.3):
            options["label_smoothing"] = 0.1
        loss = self.graph.add(kind, **options)
        self.graph.connect(self.last, loss, input="x")
        self.graph.connect("t", loss, input="target")
        self.last = loss.name
        return loss.name

    # -- the rest -----------------------------------------------------------------------------

    def _freeze(self) -> None:
        """Some parameters stay as they are, never all."""
        every = [(n.name, p) for n in self.graph for p in self._owned(n)]
        if self.chance(0.6):
            for node, parameter in self.rng.sample(every, self.rng.randint(0, len(every) - 1)):
                self.graph.set_frozen(node, parameter, True)

    def _owned(self, node: Node) -> list[str]:
        taken = {e.input for e in self.graph.edges_into(node)}
        return [p for p in node.parameter_inputs if p not in taken]

    def _grouped(self, first: str) -> None:
        """Now and then a few nodes are put into a composite."""
        if not self.chance(0.2) or self.graph.training.objectives:
            return
        inner = [n for n in self.graph.topological_order()
                 if self.graph.node(n).op.category not in ("source", "loss")]  # fmt: skip
        at = self.rng.randrange(max(1, len(inner) - 1))
        try:
            change = group(self.graph, inner[at : at + 2], "block", ShapeInference(self.graph))
        except GraphError:
            return
        for name in change.gone:
            self.graph.remove(name)
        for node in change.nodes:
            self.graph.insert(node)
        for edge in change.edges:
            self.graph.connect_edge(edge)

    def _settings(self, losses: list[str]) -> TrainingSettings:
        r = self.rng
        settings = TrainingSettings(
            dataset="circle", optimizer=r.choice(OPTIMIZERS), lr=r.choice((0.001, 0.01, 0.05)),
            batch=r.choice((1, 4, 8, 11, 40)), epochs=50, seed=self.seed,
            clip_norm=r.choice((None, None, 1.0)), l1=r.choice((0.0, 0.0, 1e-3)),
            l2=r.choice((0.0, 0.0, 1e-2)),
        )  # fmt: skip
        names = {n.operator for n in self.graph}
        if settings.batch == 1 and names & {"BatchNorm1d", "BatchNorm2d"}:
            settings = msgspec.structs.replace(settings, batch=4)
        if len(losses) == 1:
            return settings
        graph = self.graph
        heads = [next(e.source for e in graph.edges_into(loss) if e.input == "x")
                 for loss in losses]  # fmt: skip
        if graph.node(heads[1]).operator == "LogSoftmax":
            heads[1] = graph.edges_into(heads[1])[0].source
        objectives = (Objective(loss=losses[0]), Objective(loss=losses[1], nodes=(heads[1],)))
        return msgspec.structs.replace(settings, objectives=objectives)

    def _data(self, kind: str, shape: tuple[int, ...]) -> Dataset:
        rng = np.random.default_rng(self.seed)
        count = 4 * int(rng.integers(6, 10)) + int(rng.integers(2)) * 2
        if kind == "tokens":
            inputs = rng.integers(0, 7, (count, *shape)).astype(np.float32)
        else:
            inputs = rng.normal(size=(count, *shape)).astype(np.float32)
        return _dataset(inputs, self.target, CLASSES, rng)


def _dataset(inputs: Any, target: str, width: int, rng: np.random.Generator) -> Dataset:
    wide = rng.normal(size=(len(inputs), width)).astype(np.float32)
    targets = {
        "classes": rng.integers(0, width, len(inputs)), "numbers": wide,
        "signs": np.sign(wide), "bits": (wide > 0).astype(np.float32),
    }[target]  # fmt: skip
    split = Split(inputs, np.ascontiguousarray(targets))
    task: Task = "classification" if target == "classes" else "regression"
    names = tuple(f"class {i}" for i in range(width)) if target == "classes" else ()
    unchanged = Normalization("none", np.zeros(()), np.ones(()))
    return Dataset("random", task, split, split, None, inputs.shape[1:], names, unchanged)


def data_for(graph: gc.Graph, seed: int, samples: int = 12) -> Dataset:
    """Random samples that a graph with an Input can be trained on."""
    rng = np.random.default_rng(seed)
    source = next(n for n in graph if n.operator == "Input")
    inputs = rng.normal(size=(samples, *source.attributes["shape"])).astype(np.float32)
    targets = {**TARGETS, "BCELoss": "bits"}
    judge = next((n for n in graph if n.operator in targets), None)
    scores = graph.edge_into(judge, "x") if judge is not None else None
    shape = ShapeInference(graph).shape(scores.source) if scores is not None else None
    width = shape[-1] if shape and isinstance(shape[-1], int) else 1
    return _dataset(inputs, targets[judge.operator] if judge else "numbers", width, rng)


def random_net(seed: int) -> Net:
    """The net of that number."""
    return RandomNet(seed).net()


def refrozen(graph: gc.Graph, seed: int) -> gc.Graph:
    """A copy of a graph with other parameters frozen, composites' too; at least one learns."""
    rng, graph = random.Random(seed), graph.copy()
    levels = [graph, *(n.subgraph for n in graph if n.subgraph is not None)]
    every = [(level, n.name, p) for level in levels for n in level for p in n.parameter_inputs]
    if len(every) > 1:
        for level, node, parameter in rng.sample(every, rng.randint(1, len(every) - 1)):
            level.set_frozen(node, parameter, True)
    return graph
