"""Opens torchvision's nets and says how far they are from torch, and what runs as Aten.

    python tests/bench/famous_nets.py [NAME ...]

Needs torchvision, which the project itself does not; without its compiled part it serves, too.
Weights are drawn, running statistics are not 0 and 1, dropout is switched off.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch

import graphcore as gc

SIZES = {
    "alexnet": 224, "vgg16": 64, "googlenet": 96, "resnet18": 64, "resnet50": 64,
    "densenet121": 64, "mobilenet_v2": 64, "mobilenet_v3_small": 64, "efficientnet_b0": 64,
    "shufflenet_v2_x1_0": 64, "squeezenet1_1": 64, "vit_b_16": 224, "swin_t": 64,
    "convnext_tiny": 64, "inception_v3": 299,
}  # fmt: skip
"""Name -> side of the pictures that it is tried with."""
NEVER = ("conv", "linear", "norm", "attention", "pool")
"""Parts of names of what must have an operator here."""


def models() -> Any:
    """torchvision's models, also where its compiled part does not fit the torch that is here."""
    register = torch.library.register_fake

    def tolerant(name: str, *given: Any, **more: Any) -> Any:
        return (lambda f: f) if name.startswith("torchvision::") else register(name, *given, **more)

    torch.library.register_fake = tolerant  # type: ignore[assignment]
    import torchvision  # type: ignore[import-not-found, unused-ignore]

    torch.library.register_fake = register
    return torchvision.models


def made(name: str) -> torch.nn.Module:
    """A net with drawn weights that has no chance in it."""
    torch.manual_seed(0)
    more: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name == "googlenet":
        more["aux_logits"] = False
    net: torch.nn.Module = getattr(models(), name)(weights=None, num_classes=10, **more)
    for part in net.modules():
        if hasattr(part, "p") and isinstance(part.p, float):
            part.p = 0.0
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm) and part.running_var is not None:
            part.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr]
            part.running_var.uniform_(0.8, 1.2)
        if type(part).__name__ == "StochasticDepth":
            part.p = 0.0
    return net.eval()


def trial(name: str) -> str:
    """One net in evaluation mode: differences, nodes, and what has no operator."""
    net, start = made(name), time.perf_counter()
    side = SIZES[name]
    x = torch.sin(0.37 * torch.arange(2 * 3 * side * side).double()).float()
    opened = gc.from_module(net, x.reshape(2, 3, side, side))
    report = opened.report
    ours = 1 - sum(report.aten.values()) / report.nodes
    heavy = [o for o in report.aten if any(n in o for n in NEVER)]
    count = sum(p.numel() for p in net.parameters())
    return (
        f"{name}: output {report.max_error:.1e}, gradients {report.max_gradient_error or 0:.1e}, "
        f"{report.nodes} nodes, {ours:.1%} ours, Aten {dict(report.aten)}"
        f"{', NEVER: ' + ', '.join(heavy) if heavy else ''}"
        f"{'' if count == report.parameters else f', {report.parameters} parameters of {count}'}, "
        f"{time.perf_counter() - start:.0f} s {report.notes or ''}"
    )


def main() -> None:
    for name in sys.argv[1:] or SIZES:
        try:
            print(trial(name), flush=True)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    main()
