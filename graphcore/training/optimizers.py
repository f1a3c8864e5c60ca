"""Optimisers: how a gradient changes the weights, by torch.optim's rules.

All work on one flat tensor of parameters and one of gradients. Where torch has a fused kernel
it is called directly; otherwise the optimiser of torch.optim itself does the step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from graphcore.errors import AttributeRefusedError, EngineError
from graphcore.late import torch
from graphcore.training.options import check_all

if TYPE_CHECKING:
    from torch import Tensor


class Optimizer:
    """Base of all optimisers.

    Attributes:
        options: keyword -> default, torch's own.
        formula: the update as LaTeX; help is the docstring's first line.
        repeats: whether every update but the first makes the same calls on the same tensors.

    Args:
        w: the parameters, one flat tensor, changed in place.
        g: their gradients, same shape, read at each step.
    """

    name = ""
    options: Mapping[str, Any] = {}
    formula = ""
    repeats = False

    def __init__(self, w: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        self.w, self.g = w, g
        self.chosen = {**self.options, **options}
        self.steps = torch.zeros((), dtype=torch.float32, device=w.device)
        self.state: dict[str, Tensor] = {"step": self.steps}
        self.prepare()

    @classmethod
    def check_together(cls, chosen: Mapping[str, Any]) -> None:
        """Raise AttributeRefusedError where options that fit one by one do not go together."""

    def prepare(self) -> None:
        """Allocate the state."""

    def update(self, lr: float | Tensor) -> None:
        """One step with this learning rate; where it ``repeats`` that may be a tensor, shape ()."""
        raise NotImplementedError

    def buffer(self, name: str, value: float = 0.0) -> Tensor:
        """A state tensor like w, kept in checkpoints."""
        with torch.inference_mode(False):
            self.state[name] = torch.full_like(self.w, value)
        return self.state[name]

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take over a saved state; raises EngineError if it is another optimiser's."""
        for name, tensor in self.state.items():
            if name not in state:
                raise EngineError(
                    f"The saved state has no {name}: it is not one of {self.name} with these "
                    "options."
                )
            tensor.copy_(state[name])


_table: dict[str, type[Optimizer]] = {}


def optimizer(cls: type[Optimizer]) -> type[Optimizer]:
    """Register an optimiser under its class name."""
    cls.name = cls.__name__
    _table[cls.name] = cls
    return cls


def names() -> tuple[str, ...]:
    """Names of all optimisers."""
    return tuple(_table)


def get(name: str) -> type[Optimizer]:
    """The registered class; raises AttributeRefusedError."""
    if name not in _table:
        raise AttributeRefusedError(
            f"There is no optimiser called {name!r}; there are: {', '.join(_table)}."
        )
    return _table[name]


def check(name: str, options: Mapping[str, Any]) -> None:
    """Raise AttributeRefusedError unless there is such an optimiser and its options fit."""
    cls = get(name)
    check_all(name, cls.options, options)
    cls.check_together({**cls.options, **options})


def make(name: str, w: Tensor, g: Tensor, options: Mapping[str, Any]) -> Optimizer:
    """An optimiser for a flat parameter and gradient; raises AttributeRefusedError."""
    check(name, options)
    return get(name)(w, g, options)


@optimizer
class SGD(Optimizer):
    """Gradient descent, with momentum if asked: v ← μv + g, w ← w − ηv.

    Source: torch.optim.SGD; Sutskever et al., ICML 2013 (Nesterov).
    """

    repeats = True
    options = {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False}
    formula = r"v \leftarrow \mu v + g,\quad w \leftarrow w - \eta v"

    @classmethod
    def check_together(cls, chosen: Mapping[str, Any]) -> None:
        if chosen["nesterov"] and (chosen["momentum"] <= 0 or chosen["dampening"] != 0):
            raise AttributeRefusedError("SGD: nesterov needs a momentum and no dampening.")

    def prepare(self) -> None:
        self.velocity = [self.buffer("velocity")] if self.chosen["momentum"] else []
        self.begun = False

    def update(self, lr: float | Tensor) -> None:
        o = self.chosen
        first = bool(self.velocity) and not self.begun and self.steps.item() == 0
        torch._fused_sgd_(
            [self.w], [self.g], self.velocity, weight_decay=o["weight_decay"],
            momentum=o["momentum"], lr=lr, dampening=o["dampening"], nesterov=o["nesterov"],
            maximize=False, is_first_step=first,
        )  # fmt: skip
        if self.velocity and not self.begun:
            self.steps.fill_(1)
            self.begun = True


class _AdamRule(Optimizer):
    """Adam and AdamW differ in where the weight decay goes, and in its default."""

    repeats = True
    kernel: Callable[..., None]
    formula = (
        r"m \leftarrow \beta_1 m + (1-\beta_1) g,\quad v \leftarrow \beta_2 v + (1-\beta_2) g^2,"
        r"\quad w \leftarrow w - \eta\,\hat{m}/(\sqrt{\hat{v}} + \epsilon)"
    )

    def prepare(self) -> None:
        self.m, self.v = self.buffer("exp_avg"), self.buffer("exp_avg_sq")
        self.v_max = [self.buffer("max_exp_avg_sq")] if self.chosen["amsgrad"] else []

    def run(self, kernel: Callable[..., None], lr: float | Tensor) -> None:
        o = self.chosen
        self.steps += 1
        kernel(
            [self.w], [self.g], [self.m], [self.v], self.v_max, [self.steps], lr=lr,
            beta1=o["beta1"], beta2=o["beta2"], weight_decay=o["weight_decay"], eps=o["eps"],
            amsgrad=o["amsgrad"], maximize=False,
        )  # fmt: skip


_ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False}


@optimizer
class Adam(_AdamRule):
    """Momentum and a step size of its own for every weight, from running means of g and g².

    Source: torch.optim.Adam; Kingma & Ba, ICLR 2015.
    """

    options = _ADAM

    def update(self, lr: float | Tensor) -> None:
        self.run(torch._fused_adam_, lr)


@optimizer
class AdamW(_AdamRule):
    """Adam with the weight decay taken off the weights directly.

    Source: torch.optim.AdamW; Loshchilov & Hutter, ICLR 2019.
    """

    options = {**_ADAM, "weight_decay": 1e-2}

    def update(self, lr: float | Tensor) -> None:
        self.run(torch._fused_adamw_, lr)


class _TorchOptim(Optimizer):
    """Hands the step to the class of the same name in torch.optim."""

    def prepare(self) -> None:
        cls = getattr(torch.optim, self.name)
        with torch.inference_mode(False):
            self.inner = cls([self.w], lr=1.0, foreach=False, **self.chosen)
            start = self.w.clone()
            self.w.grad = torch.zeros_like(self.w)
            self.inner.step()  # torch makes its state at the first step; the next lines undo it
            self.w.copy_(start)
        self.w.grad = None
        for name, tensor in self.inner.state[self.w].items():
            if isinstance(tensor, torch.Tensor):
                self.state[name] = tensor.zero_()

    def update(self, lr: float | Tensor) -> None:
        self.inner.param_groups[0]["lr"] = lr
        self.w.grad = self.g
        self.inner.step()
        self.w.grad = None


@optimizer
class RMSprop(_TorchOptim):
    """Divide each step by a running root mean square of the gradient.

    Source: torch.optim.RMSprop; Tieleman & Hinton, Coursera lecture 6.5 (2012).
    """

    options = {"alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0, "centered": False}
    formula = (
        r"v \leftarrow \alpha v + (1-\alpha) g^2,\quad w \leftarrow w - \eta\,g/(\sqrt{v}+\epsilon)"
    )


@optimizer
class Adagrad(_TorchOptim):
    """Divide each step by the root of the sum of all squared gradients so far.

    Source: torch.optim.Adagrad; Duchi, Hazan & Singer, JMLR 12 (2011).
    """

    options = {"lr_decay": 0.0, "weight_decay": 0.0, "eps": 1e-10}
    formula = r"v \leftarrow v + g^2,\quad w \leftarrow w - \eta\,g/(\sqrt{v}+\epsilon)"


@optimizer
class Adadelta(_TorchOptim):
    """Step sizes from running means of g² and of past steps; the rate is usually 1.

    Source: torch.optim.Adadelta; Zeiler (2012).
    """

    options = {"rho": 0.9, "eps": 1e-6, "weight_decay": 0.0}
    formula = r"w \leftarrow w - \eta\,\frac{\mathrm{RMS}(\Delta w)}{\mathrm{RMS}(g)}\,g"
