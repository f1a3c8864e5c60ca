"""The check of an imported net against the numbers of the module that it came from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.errors import GradscapeError
from graphcore.exchange.net import ImportedNet
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

TOLERANCE = 1e-4
"""Share of the largest number; above it the report says that the net is another."""


@dataclass
class Reference:
    """What a module itself answers, in evaluation mode if nothing else is said.

    Attributes:
        inputs: the tensors that it was fed, in order.
        outputs: its results, in order.
        gradients: of the sum of all results, by the parameters' names; empty where there are none.
        training: its results in training mode; empty where they are drawn at random.
        random: whether they are.
    """

    inputs: list[np.ndarray[Any, Any]] = field(default_factory=list)
    outputs: list[np.ndarray[Any, Any]] = field(default_factory=list)
    gradients: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    training: list[np.ndarray[Any, Any]] = field(default_factory=list)
    random: bool = False


def reference(module: Module, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Reference:
    """Run a module in both modes, in evaluation backward too; it stays as it was."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.enable_grad():
            outputs = _tensors(module(*arguments, **keywords))
            gradients = _gradients(module, outputs)
        training, random = _in_training(module, arguments, keywords)
    finally:
        for part, mode in modes:
            part.training = mode
    given = [v for v in (*arguments, *keywords.values()) if isinstance(v, torch.Tensor)]
    inputs, results = [_array(t) for t in given], [_array(t) for t in outputs]
    return Reference(inputs, results, gradients, training, random)


def _in_training(
    module: Module, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> tuple[list[np.ndarray[Any, Any]], bool]:
    """What it answers in training mode, nothing where that is random; and whether it is."""
    module.train()
    kept = [(buffer, buffer.clone()) for buffer in module.buffers()]
    answers = []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for seed in (0, 1):
            torch.manual_seed(seed)
            try:
                found = _tensors(
                    module(*map(_own, arguments), **{k: _own(v) for k, v in keywords.items()})
                )
                answers.append([_array(t) for t in found])
            except Exception:  # of the user's own code
                return [], False
            finally:
                for buffer, before in kept:
                    buffer.copy_(before)
    first, second = answers
    same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True))
    return (first, False) if same else ([], True)


def _own(value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else value


def _gradients(module: Module, outputs: list[Tensor]) -> dict[str, np.ndarray[Any, Any]]:
    wanted = {n: p for n, p in module.named_parameters() if p.requires_grad}
    reached = [t.sum() for t in outputs if t.requires_grad and t.is_floating_point()]
    if not wanted or not reached:
        return {}
    total = torch.stack(reached).sum()
    try:
        found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    except RuntimeError:  # a module that writes over what its own backward pass needs
        return {}
    return {
        name: _array(torch.zeros_like(wanted[name]) if g is None else g)
        for name, g in zip(wanted, found, strict=True)
    }


def _tensors(answer: Any) -> list[Tensor]:
    leaves = torch.utils._pytree.tree_leaves(answer)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    plain = tensor.detach().cpu()
    if plain.dtype in (torch.bfloat16, torch.float16):
        plain = plain.float()
    made: np.ndarray[Any, Any] = plain.numpy()
    return made.copy()


def compare(net: ImportedNet, wanted: Reference) -> None:
    """Note in the report how far the net is from the module; what it cannot say is a note."""
    report = net.report
    try:
        plan = net.compile(mode="inspect")
        plan.forward(dict(zip(net.inputs, wanted.inputs, strict=False)))
        values = [plan.value(name).cpu().numpy() for name in net.outputs]
        report.max_error = max(
            (_distance(y, w) for y, w in zip(values, wanted.outputs, strict=True)), default=0.0
        )
        if wanted.gradients:
            report.max_gradient_error = _gradient_distance(net, plan, values, wanted)
        trained = _training_distance(net, plan, wanted)
    except (GradscapeError, ValueError) as error:
        report.notes.append(f"It was opened but cannot be run: {str(error).rstrip('.')}.")
        return
    worst = max(report.max_error, report.max_gradient_error or 0.0)
    if worst <= TOLERANCE and not trained <= TOLERANCE:
        report.notes.append(
            "In training mode the module itself computes something else, as its forward asks for "
            "the mode; here the net computes in training what it does in evaluation."
        )
    elif not worst <= TOLERANCE and wanted.training and trained <= TOLERANCE:
        report.notes.append(
            "It computes in evaluation what it does in training mode, in which it was opened: "
            "module.eval() before that gives the other."
        )
    elif not worst <= TOLERANCE:
        report.notes.append(
            f"Its numbers are not {report.own}: it draws random numbers even in "
            "evaluation, or something was not understood."
        )


def _training_distance(net: ImportedNet, plan: Any, wanted: Reference) -> float:
    """How far the net is from the module in training mode; 0 where that is not known."""
    if wanted.random and not any(step.op.random for step in plan.steps):
        return math.inf
    if not wanted.training:
        return 0.0
    plan.forward(dict(zip(net.inputs, wanted.inputs, strict=False)), training=True)
    values = [plan.value(name).cpu().numpy() for name in net.outputs]
    return max((_distance(y, w) for y, w in zip(values, wanted.training, strict=True)), default=0.0)


def _gradient_distance(
    net: ImportedNet, plan: Any, values: list[np.ndarray[Any, Any]], wanted: Reference
) -> float:
    total: dict[str, Any] = {}
    for name, value in zip(net.outputs, values, strict=True):
        if value.dtype.kind == "f":
            plan.backward(name, np.ones_like(value))
            for key, g in plan.gradients.items():
                total[key] = total[key] + g if key in total else g.clone()
    largest = max((float(np.abs(g).max()) for g in wanted.gradients.values() if g.size), default=0)
    errors = [
        float(np.abs(total[net.report.names[n]].cpu().numpy() - g).max())
        for n, g in wanted.gradients.items()
        if g.size
    ]
    return max(errors, default=0.0) / (largest or 1.0)


def _distance(found: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any]) -> float:
    """Largest difference as a share of the largest number; infinite for another shape."""
    if found.shape != wanted.shape:
        return float("inf")
    if not wanted.size:
        return 0.0
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    difference = np.where(same, 0, np.abs(found.astype(np.float64) - wanted))
    finite = np.abs(wanted[np.isfinite(wanted)])
    scale = float(finite.max()) if finite.size else 1.0
    return float(difference.max()) / (scale or 1.0)
