"""A graph as a readable PyTorch script, with its weights and a test that it computes the same.

Each operator says itself how it is written (``Operator.torch_code``); here the nodes are put in
order, named, and shared out to the net (``forward``) and to what judges it (``loss``).
"""

from __future__ import annotations

import keyword
import pprint
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from graphcore.dims import format_shape
from graphcore.engine.plan import Plan
from graphcore.errors import ExportError
from graphcore.files.embedding import embedded
from graphcore.files.torch.raw import RAW_TEST, TORCH, RawPart
from graphcore.files.torch.template import DOCS, HEAD, LOADING, METHOD, NET, TESTING
from graphcore.graph.flatten import FlatNode, Port, flatten
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import Inferred, ShapeInference
from graphcore.graph.training_settings import TrainingSettings
from graphcore.late import torch
from graphcore.ops import torch_code

if TYPE_CHECKING:
    from torch import Tensor

_TAKEN = {
    "json",
    "safe_open",
    "self",
    "torch",
    "nn",
    "F",
    "sys",
    "Path",
    "load_file",
    "net",
    "saved",
    "found",
    "HERE",
}
_FED = ("Input", "Target")
FEW_NUMBERS = 64


@dataclass(frozen=True)
class TorchExport:
    """What an export consists of: text, and tensors by name for two safetensors files.

    Attributes:
        predictions: raw samples and the answers to them for the self-test, as JSON; or "".
        fed: names of what ``forward`` takes, in its order, as the self-test calls them.
        graph: the part that ``forward`` computes, as a .pt2 file carries it; or "".
    """

    script: str
    weights: dict[str, Tensor]
    self_test: dict[str, Tensor]
    predictions: str = ""
    fed: tuple[str, ...] = ()
    graph: str = ""


def export(
    graph: Graph,
    plan: Plan,
    feeds: Mapping[str, Any],
    *,
    name: str,
    answer: str = "",
    raw: RawPart | None = None,
    traced: bool = False,
) -> TorchExport:
    """Write a graph as a PyTorch script.

    Args:
        plan: of this graph, in inspect mode; its weights are exported. A forward pass is run.
        feeds: what the self-test feeds.
        name: what the files are called.
        answer: node whose value is the net's answer; left out, all that nothing reads.
        raw: how raw samples are prepared and answers named; left out, the script cannot do that.
        traced: whether torch.export is to take the net, which has names of its own on modules.

    Raises:
        ExportError: an operator has no counterpart in PyTorch.
    """
    plan.forward(feeds)
    return _Writer(graph, plan, name, answer, raw, traced).export()


def trained(graph: Graph) -> str:
    """Return the training settings that differ from the defaults, as source."""
    own = msgspec.to_builtins(graph.training)
    usual = msgspec.to_builtins(TrainingSettings())
    changed = {k: v for k, v in own.items() if k == "dataset" or v != usual[k]}
    return pprint.pformat(changed, width=86, sort_dicts=False).replace("\n", "\n" + " " * 10)


@dataclass
class _Writer:
    """Writes one script."""

    graph: Graph
    plan: Plan
    name: str
    answer: str
    raw: RawPart | None = None
    traced: bool = False
    weights: dict[str, Tensor] = field(default_factory=dict)
    _kept: dict[str, str] = field(default_factory=dict)
    _helpers: dict[str, None] = field(default_factory=dict)
    _made: list[str] = field(default_factory=list)
    _names: dict[Port, str] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._flat = flatten(self.graph)
        self._nodes = {n.name: n for n in self._flat.nodes}
        self._inferred: dict[str, Inferred] = ShapeInference(self.graph).flat()
        self._methods = set(dir(torch.nn.Module())) | {"loss"}
        if self.traced:
            self._methods |= set(dir(torch.fx.GraphModule))
        self._read = {port for n in self._flat.nodes for port in n.inputs.values()}

    def export(self) -> TorchExport:
        for flat in self._flat.nodes:
            self._name(flat)
        judging = self._judging()
        net = [n for n in self._flat.nodes if n.name not in judging and self._computes(n)]
        judges = [n for n in self._flat.nodes if n.name in judging and self._computes(n)]
        body, losses = ([self._line(n) for n in part] for part in (net, judges))
        results = self._results(net, judges)
        wanted = self._read_by(judges, judges)
        ends = self._ends(judges)
        parts = [*self._helpers, self._net(), self._method("forward", net, body, results)]
        if judges:
            parts.append(self._method("loss", judges, losses, ends, wanted))
        parts.append(self._loading())
        answers = self.raw is not None and len(self._read_by(net, net)) == 1 and bool(results)
        raw = self.raw if answers and results[0] == self._answer_port() else None
        if raw is not None:
            answer = "net(prepare(raw))[0]" if len(results) > 1 else "net(prepare(raw))"
            parts += [raw.text(answer, TORCH), RAW_TEST.format(name=self.name)]
        parts.append(self._testing(net, results, wanted, ends, raw is not None))
        return TorchExport(
            self._head("".join(parts), raw is not None), self.weights,
            self._tensors(results + ends), raw.predictions() if raw is not None else "",
            tuple(name for name, _ in self._read_by(net, net)), self._graph(net, results),
        )  # fmt: skip

    def _graph(self, net: Sequence[FlatNode], results: Sequence[Port]) -> str:
        """What ``forward`` computes as a graph, with the names that its tensors have here."""
        fed = {source for n in net for source, _ in n.inputs.values()}
        part = [n for n in self._flat.nodes if n in net or n.name in fed]
        return embedded(self.graph, part, results, self._kept) if results else ""

    def _head(self, text: str, raw: bool) -> str:
        functional = "import torch.nn.functional as F\n" if "F." in text else ""
        head = HEAD.format(
            name=self.name, functional=functional, trained=trained(self.graph),
            json="import json\n" if raw else "",
            safe_open="from safetensors import safe_open\n" if raw else "",
        )  # fmt: skip
        return head + text

    # -- names --------------------------------------------------------------------------------

    def _name(self, flat: FlatNode) -> None:
        """Choose what a node's outputs are called in the script."""
        on_net = flat.node.operator in ("Parameter", "Constant", "Buffer")
        ports = [(flat.name, o) for o in flat.node.outputs]
        for port in ports:
            tail = f"_{port[1]}" if port != ports[0] else ""
            name = self._free(flat.name + tail, on_net or self._has_layer(flat))
            self._names[port] = f"self.{name}" if on_net else name

    def _free(self, path: str, on_net: bool) -> str:
        name = re.sub(r"\W", "_", path)
        while (
            keyword.iskeyword(name) or name in self._used | _TAKEN
            or (on_net and name in self._methods)
        ):  # fmt: skip
            name += "_"
        self._used.add(name)
        return name

    def _has_layer(self, flat: FlatNode) -> bool:
        code = flat.node.op.torch_code
        named = "{layer}" in code.call if isinstance(code.call, str) else False
        return code.layer or named or (not code.call and hasattr(torch.nn, flat.node.operator))

    def _computes(self, flat: FlatNode) -> bool:
        return flat.node.op.category != "source"

    # -- who does what ------------------------------------------------------------------------

    def _judging(self) -> set[str]:
        """Nodes that depend on a target or a loss: they are no part of the net itself."""
        found = {o.loss for o in self.graph.training.objectives}
        for flat in self._flat.nodes:
            begins = flat.node.operator == "Target" or flat.node.op.category == "loss"
            if begins or any(source in found for source, _ in flat.inputs.values()):
                found.add(flat.name)
        return found

    def _read_by(self, nodes: Sequence[FlatNode], but: Sequence[FlatNode]) -> list[Port]:
        """Values that these nodes read and others compute; then what is fed, as in the graph."""
        own = {n.name for n in but}
        found: dict[Port, None] = {}
        for flat in nodes:
            for port in flat.inputs.values():
                if port[0] not in own and not self._names[port].startswith("self."):
                    found[port] = None
        fed = [p for p in found if self._nodes[p[0]].node.operator in _FED]
        place = {node.name: i for i, node in enumerate(self.graph)}
        fed.sort(key=lambda port: place.get(port[0], len(place)))
        return [p for p in found if p not in fed] + fed

    def _ends(self, nodes: Sequence[FlatNode]) -> list[Port]:
        """First outputs of the nodes that nothing reads."""
        return [
            (n.name, n.node.outputs[0])
            for n in nodes
            if not any((n.name, o) in self._read for o in n.node.outputs)
        ]

    def _results(self, net: Sequence[FlatNode], judges: Sequence[FlatNode]) -> list[Port]:
        """What ``forward`` returns: the answer first, then what else the losses read."""
        own = {n.name for n in net}
        found: dict[Port, None] = {}
        answer = self._answer_port()
        if answer is not None and answer[0] in own:
            found[answer] = None
        found.update({p: None for p in self._read_by(judges, judges) if p[0] in own})
        return list(found) or self._ends(net)

    def _answer_port(self) -> Port | None:
        """The value that is the net's answer, if one was named."""
        direct = [(n.name, o) for n in self._flat.nodes for o in n.node.outputs]
        inside = [p for p in self._flat.aliases if p[0] == self.answer]
        found = [p for p in direct if p[0] == self.answer] or inside
        return self._flat.resolve(found[0]) if found else None

    # -- one node -----------------------------------------------------------------------------

    def _line(self, flat: FlatNode) -> str:
        ports = [(flat.name, o) for o in flat.node.outputs]
        outputs = [self._names[p] if p in self._read or p == ports[0] else "_" for p in ports]
        shape = self._inferred[flat.name].outputs[0]
        note = f"  # {format_shape(shape)}" if shape else ""
        return f"        {', '.join(outputs)} = {self._expression(flat)}{note}\n"

    def _expression(self, flat: FlatNode) -> str:
        op, code = flat.node.op, flat.node.op.torch_code
        parameters = self._inferred[flat.name].parameters
        given = {i: self._names[p] for i, p in flat.inputs.items() if i not in parameters}
        shapes = {i: self._shape(p) for i, p in flat.inputs.items()}
        inputs = ", ".join(given.values())
        if code.helper:
            self._helpers[f"\n\n{code.helper.strip()}\n"] = None
        values = {**flat.node.attributes, **given, "inputs": inputs, "shapes": shapes}
        if self._has_layer(flat):
            values["layer"] = f"self.{self._layer(flat, shapes)}"
        if callable(code.call):
            return code.call(values)
        if code.call:
            return code.call.format(**values)
        if "layer" in values:
            return f"{values['layer']}({inputs})"
        function = getattr(torch, op.name.lower(), None)
        if function is None or parameters:
            raise ExportError(
                f"{flat.name}: {op.name} has no counterpart in PyTorch; nothing was written."
            )
        return torch_code.call(
            f"torch.{op.name.lower()}", function, *given.values(), **flat.node.attributes
        )

    def _shape(self, port: Port) -> Any:
        flat = self._nodes[port[0]]
        return self._inferred[flat.name].outputs[flat.node.outputs.index(port[1])]

    def _layer(self, flat: FlatNode, shapes: Mapping[str, Any]) -> str:
        """Make the node's layer in the constructor; returns what it is called."""
        op, code = flat.node.op, flat.node.op.torch_code
        name = self._names[flat.name, flat.node.outputs[0]]
        known = self._inferred[flat.name].parameters
        further = {
            n: torch_code.Source(text.format(**{**shapes, **known}))
            for n, text in code.arguments.items()
        }
        attributes = {k: v for k, v in flat.node.attributes.items() if k not in further}
        made = getattr(torch.nn, op.name, None)
        if made is None:
            keywords = ", ".join(f"{k}={v!r}" for k, v in attributes.items())
            self._made.append(f"        self.{name} = {op.name}({keywords})\n")
        else:
            text = torch_code.layer(made, op.name, {**further, **attributes})
            self._made.append(f"        self.{name} = {text}\n")
        for input in known:
            self._parameter(flat, input, f"{name}.{code.names.get(input, input)}")
        for buffer in self._inferred[flat.name].buffers:
            self.weights[f"{name}.{buffer}"] = self.plan.buffers[f"{flat.name}.{buffer}"]
            self._kept[f"{flat.name}.{buffer}"] = f"{name}.{buffer}"
            self.weights[f"{name}.num_batches_tracked"] = torch.tensor(0)
        return name

    def _parameter(self, flat: FlatNode, input: str, name: str) -> None:
        """Note the weights of a layer's own parameter, or tie it to the one that it shares."""
        port = flat.inputs.get(input)
        if port is None:
            self.weights[name] = self.plan.parameters[f"{flat.name}.{input}"]
            self._kept[f"{flat.name}.{input}"] = name
        elif self._nodes[port[0]].node.operator == "Parameter":
            self._made.append(f"        self.{name} = {self._names[port]}\n")
            self.weights[name] = self.plan.parameters[port[0]]
        else:
            raise ExportError(
                f"{flat.name}: its {input} is computed by {port[0]}, which a layer of PyTorch "
                "cannot take; nothing was written."
            )
        if input in flat.node.frozen:
            self._made.append(f"        self.{name}.requires_grad_(False)\n")

    # -- the parts of the script --------------------------------------------------------------

    def _net(self) -> str:
        sources = []
        for flat in self._flat.nodes:
            name = self._names[flat.name, flat.node.outputs[0]] if flat.node.outputs else ""
            if flat.node.operator == "Parameter":
                shape = tuple(flat.node.attributes["shape"])
                frozen = ", requires_grad=False" if "value" in flat.node.frozen else ""
                sources.append(
                    f"        {name} = nn.Parameter(torch.empty({_lengths(shape)}){frozen})\n"
                )
                self.weights[name.removeprefix("self.")] = self.plan.parameters[flat.name]
                self._kept[flat.name] = name.removeprefix("self.")
            elif flat.node.operator in ("Constant", "Buffer"):
                sources.append(self._constant(flat, name.removeprefix("self.")))
        made = "".join([*sources, *self._made]) or "        pass\n"
        return NET.format(made=made, inputs=self._inputs())

    def _inputs(self) -> dict[str, tuple[Any, ...]]:
        """Shape of what ``forward`` takes; "N" is the batch."""
        found = {}
        for node in self.graph:
            if node.operator == "Input":
                shape = tuple(node.attributes["shape"])
                found[self._names[node.name, "y"]] = (
                    ("N", *shape) if node.attributes["batch"] else shape
                )
        return found

    def _constant(self, flat: FlatNode, name: str) -> str:
        """A few numbers stand in the script itself, many among the weights."""
        value = self.plan.value(flat.name)
        if value.numel() > FEW_NUMBERS:
            self.weights[name] = value
            kind = "" if value.is_floating_point() else f", dtype={value.dtype}"
            made = f"torch.zeros({_lengths(value.shape)}{kind})"
        else:
            kind = ", dtype=torch.float64" if value.dtype == torch.float64 else ""
            made = f"torch.tensor({value.tolist()}{kind}), persistent=False"
        return f'        self.register_buffer("{name}", {made})\n'

    def _method(
        self, method: str, nodes: Sequence[FlatNode], lines: Sequence[str], results: Sequence[Port],
        wanted: Sequence[Port] | None = None,
    ) -> str:  # fmt: skip
        ports = self._read_by(nodes, nodes) if wanted is None else wanted
        taken = ", ".join(["self", *(self._names[p] for p in ports)])
        back = ", ".join(self._names[p] for p in results)
        return METHOD.format(
            method=method, taken=taken, doc=DOCS[method], lines="".join(lines), back=back
        )

    def _loading(self) -> str:
        double = ".double()" if self.plan.dtype == torch.float64 else ""
        return LOADING.format(name=self.name, double=double)

    def _testing(
        self, net: Sequence[FlatNode], results: Sequence[Port], wanted: Sequence[Port],
        ends: Sequence[Port], raw: bool,
    ) -> str:  # fmt: skip
        lines = [
            f'    net.{self._names[n.name, n.node.outputs[0]]}.held = saved["{n.name}"]\n'
            for n in net if n.node.op.random and self._has_layer(n)
            and not hasattr(torch.nn, n.node.operator)
        ]  # fmt: skip
        lines.append("    with torch.no_grad():\n")
        fed = {p for p in self._names if self._nodes[p[0]].node.operator in _FED}

        def said(ports: Sequence[Port]) -> str:
            return ", ".join(f'saved["{p[0]}"]' if p in fed else self._names[p] for p in ports)

        for method, given, found in (
            ("net", self._read_by(net, net), results), ("net.loss", wanted, ends),
        ):  # fmt: skip
            if found:
                back = ", ".join(self._names[p] for p in found)
                lines.append(f"        {back} = {method}({said(given)})\n")
        pairs = ", ".join(f'"{_label(p)}": {self._names[p]}' for p in (*results, *ends))
        more = " and raw_test()" if raw else ""
        return TESTING.format(name=self.name, lines="".join(lines), found=pairs, raw=more)

    def _tensors(self, ports: Sequence[Port]) -> dict[str, Tensor]:
        """What the self-test feeds, holds and expects."""
        found: dict[str, Tensor] = {}
        for flat in self._flat.nodes:
            held = flat.node.op.random and not hasattr(torch.nn, flat.node.operator)
            if flat.node.operator in _FED or held:
                found[flat.name] = self.plan.value(flat.name)
        for node, output in ports:
            found[f"expected {_label((node, output))}"] = self.plan.value(node, output)
        return {k: v.detach().cpu().contiguous() for k, v in found.items()}


def _lengths(shape: Sequence[int]) -> str:
    return ", ".join(map(str, shape)) or "()"


def _label(port: Port) -> str:
    return port[0] if port[1] == "y" else f"{port[0]}.{port[1]}"
