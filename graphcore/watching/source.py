"""The net of a script's module, and the module's numbers under the names that they have here."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphcore import files
from graphcore.datasets.probe import NAME as PROBE
from graphcore.datasets.probe import Probe
from graphcore.errors import ExportError, GraphError
from graphcore.exchange.live import example_of, from_module
from graphcore.graph.binding import bind
from graphcore.graph.training_settings import TrainingSettings
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from graphcore.exchange.net import ImportedNet

WRAPPERS = {"OptimizedModule": "_orig_mod", "DistributedDataParallel": "module",
            "DataParallel": "module"}  # fmt: skip
"""Modules of torch's own around a module -> where it lies in them."""


class _Place(NamedTuple):
    """A tensor of a module: its name in the plan, and where it is found."""

    name: str
    path: str
    table: str
    key: str
    shape: tuple[int, ...]


class Source:
    """A module that a script trains.

    Attributes:
        graph: the net with its loss, set to be looked at on the batch.
        probe: the batch.
        precision: of the loop's forward passes, where it is another than here; or "".
        clock: of what is spent on the weights: they are waited for where they are on a device.

    Raises:
        ExportError: torch.export does not take the module, or it is not one net with one loss;
            says why and what to change.
        FileError: it holds an operation that is not understood.
    """

    def __init__(self, module: Module, batch: Any, loss: Callable[..., Any] | None) -> None:
        inner = self._module = unwrapped(module)
        x, t = _pair(batch)
        elsewhere = any(p.device.type != "cpu" for p in inner.parameters())
        self.clock = time.perf_counter if elsewhere else time.thread_time
        half = {str(p.dtype) for p in inner.parameters() if p.dtype in halves()}
        self.precision = next(iter(half), "").removeprefix("torch.")
        net = _net(_on_cpu(inner), x, t, loss or _cross_entropy)
        self.probe = Probe(
            x.to(torch.float32).numpy(),
            t.to(torch.float32 if t.is_floating_point() else torch.int64).numpy(),
        )
        # as a file gives it back: the order of the nodes is that of the parameters
        self.graph = files.loads(files.dumps(net.graph))
        self.graph.training = self._settings(net, x, type(inner).__name__)
        self._fixed = dict(net.weights)
        self._places = list(_places(inner, net))
        for place in self._places:
            self._fixed.pop(place.name, None)
        self._look_at_precision(module)

    def weights(self) -> dict[str, Any]:
        """Name in the plan -> the numbers of this moment, not copied: tensors and arrays."""
        return {**self._fixed, **self.changing()}

    def changing(self) -> dict[str, Any]:
        """Those of ``weights`` that training can change.

        Raises:
            ExportError: the module is another than it was.
        """
        parts = dict(self._module.named_modules(remove_duplicate=False))
        found: dict[str, Any] = {}
        for place in self._places:
            table = getattr(parts.get(place.path), place.table, {})
            tensor = table.get(place.key)
            if tensor is None or tuple(tensor.shape) != place.shape:
                raise ExportError(f"{place.path or 'the module'} has other parameters than before")
            found[place.name] = tensor.detach()
        return found

    def _look_at_precision(self, module: Module) -> None:
        """Note what the first forward pass of the loop computes in, under AMP."""
        if self.precision or module is not unwrapped(module):
            return  # a hook on a compiled module has it compiled again

        def look(_module: Module, _given: Any) -> None:
            device = next((p.device.type for p in module.parameters()), "cpu")
            if torch.is_autocast_enabled(device):
                self.precision = str(torch.get_autocast_dtype(device)).removeprefix("torch.")
            hook.remove()

        hook = module.register_forward_pre_hook(look)

    def _settings(self, net: ImportedNet, x: Tensor, name: str) -> TrainingSettings:
        """Settings that name the batch; the optimiser is the script's, so none keeps a state."""
        try:
            binding = bind(net.graph)
        except GraphError as error:
            raise ExportError(
                f"{name} cannot be watched: {str(error).rstrip('.')}. A module of one input, and "
                "a loss of torch.nn.functional between its answer and the target, can be."
            ) from None
        classes = 0
        if self.probe.targets.dtype == np.int64:
            plan = net.compile(dtype="float32")
            plan.forward(binding.feeds(x, self.probe.targets))
            shape = plan.value(binding.output).shape
            classes = shape[1] if len(shape) > 1 else 0
        options = {"batch": self.probe.mark, "classes": int(classes)}
        return TrainingSettings(
            dataset=PROBE, dataset_options=options, epochs=1, batch=len(self.probe.inputs),
            optimizer="SGD",
        )  # fmt: skip


def _net(module: Module, x: Tensor, t: Tensor, loss: Callable[..., Any]) -> ImportedNet:
    """The net of a module with its loss; the script's own random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]):
        try:
            return from_module(module, (x, t), loss=loss)
        except ExportError as error:
            raise ExportError(f"{error} {_advice(str(error))}") from error


def _advice(error: str) -> str:
    """What to change where torch.export does not take a module."""
    if "data-dependent" in error:
        return (
            "A branch on the numbers of a batch cannot be exported: write it with torch.where, or "
            "watch the part of the module that has none."
        )
    return "torch.export.export(module, (x,)) says more; what it accepts can be watched."


def unwrapped(module: Module) -> Module:
    """The user's own module inside those that torch puts around it."""
    while (place := WRAPPERS.get(type(module).__name__)) and hasattr(module, place):
        module = getattr(module, place)
    return module


def halves() -> tuple[Any, ...]:
    """Kinds of numbers of 16 bits."""
    return torch.bfloat16, torch.float16


def _cross_entropy(answer: Tensor, target: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(answer, target)


def _pair(batch: Any) -> tuple[Tensor, Tensor]:
    """Input and target, on the host."""
    parts = example_of(batch).arguments if isinstance(batch, tuple | list) else ()
    if len(parts) != 2 or not all(isinstance(p, torch.Tensor) for p in parts):
        raise ExportError(
            "A batch to look at is a pair (x, y): what the module takes, one tensor, and the "
            "target of the loss."
        )
    x, t = (torch.as_tensor(p).detach().cpu() for p in batch)
    if x.dim() < 1 or t.dim() < 1 or len(x) != len(t):
        raise ExportError("The batch to look at has another number of inputs than of targets.")
    return _plain(x), _plain(t)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in halves() else tensor.clone()


def _on_cpu(module: Module) -> Module:
    """The module, or a copy where its numbers are on a device, or are rounded to 16 bits."""
    tensors = [*module.parameters(), *module.buffers()]
    if all(t.device.type == "cpu" and t.dtype not in halves() for t in tensors):
        return module
    try:
        return copy.deepcopy(module).cpu().float()
    except Exception as error:
        raise ExportError(
            f"{type(module).__name__} cannot be copied to the CPU ({str(error).splitlines()[0]}): "
            "call watch before the module is moved to its device."
        ) from error


def _places(module: Module, net: ImportedNet) -> Iterator[_Place]:
    """Where each tensor lies that training can change.

    Optimisers write into the tensors, but moving a module puts others into its tables.
    """
    for path, part in module.named_modules(remove_duplicate=False):
        for table in ("_parameters", "_buffers"):
            for key, tensor in getattr(part, table).items():
                name = net.report.names.get(f"{path}.{key}" if path else key)
                if name is not None and tensor is not None:
                    yield _Place(name, path, table, key, tuple(tensor.shape))
