"""A module together with its loss, and how the loss is taken off its names again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphcore.exchange.program import Call, Module, Program, replaced
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import nn

_INNER = "module"


def with_loss(module: nn.Module, loss: Callable[..., Any]) -> nn.Module:
    """A module that takes the target last and answers with the loss."""

    class WithLoss(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.module = module
            self.train(module.training)

        def forward(self, *given: Any) -> Any:
            return loss(self.module(*given[:-1]), given[-1])

    WithLoss.__name__ = type(module).__name__  # errors name the user's class
    return WithLoss()


def unwrapped(program: Program, names: list[str]) -> Program:
    """A program of ``with_loss`` with the module's own names; the last input is the target."""
    program.tensors = {
        k: replace(t, name=t.name.removeprefix(f"{_INNER}.")) for k, t in program.tensors.items()
    }
    program.inert = {
        k: replace(t, name=t.name.removeprefix(f"{_INNER}.")) for k, t in program.inert.items()
    }
    called = dict(zip(program.inputs, [*names[: len(program.inputs) - 1], "target"], strict=False))
    for call in program.calls:
        call.modules = tuple(map(_unwrapped, call.modules[1:] if _inside(call) else call.modules))
        call.arguments = {k: replaced(v, called) for k, v in call.arguments.items()}
    program.values.update({new: program.values[old] for old, new in called.items()})
    program.inputs = tuple(called.get(n, n) for n in program.inputs)
    program.target = program.inputs[-1]
    return program


def _inside(call: Call) -> bool:
    return bool(call.modules) and call.modules[0].path == _INNER


def _unwrapped(module: Module) -> Module:
    return replace(module, path=module.path.removeprefix(f"{_INNER}."))
