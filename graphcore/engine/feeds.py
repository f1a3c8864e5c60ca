"""What a net is fed: arrays as tensors that fit, or one sentence why they do not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphcore.errors import FeedError
from graphcore.graph.elements import Node
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor


class Rows(NamedTuple):
    """Some rows of a tensor, gathered where they are needed.

    Attributes:
        rows: their indices, shape (N,).
    """

    data: Tensor
    rows: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.data.shape[1:])

    @property
    def dtype(self) -> torch.dtype:
        return self.data.dtype

    def gathered(self) -> Tensor:
        """The rows as a tensor of their own."""
        return self.data.index_select(0, self.rows)


@dataclass
class Feeds:
    """The Inputs and Targets of a plan.

    Attributes:
        sources: name -> slot and node.
    """

    sources: Mapping[str, tuple[int, Node]]
    device: torch.device
    dtype: torch.dtype
    _known: dict[str, Any] = field(default_factory=dict)

    def taken(self, feeds: Mapping[str, Any]) -> dict[int, Tensor | Rows]:
        """Slot of each Input and Target -> what it is fed; raises FeedError."""
        for name in feeds:
            if name not in self.sources:
                known = ", ".join(self.sources) or "none"
                raise FeedError(
                    f"{name!r} is no Input or Target of this graph; there are: {known}."
                )
        given: dict[int, Tensor | Rows] = {}
        for name, (slot, node) in self.sources.items():
            if name in feeds:
                given[slot] = self.as_fed(name, node, feeds[name])
            elif node.attributes.get("value") is not None:
                given[slot] = self.as_fed(name, node, node.attributes["value"])
            else:
                raise FeedError(f"{name} was given nothing: feed it an array.")
        return given

    def as_fed(self, name: str, node: Node, given: Any) -> Tensor | Rows:
        """What is fed, as a tensor that fits, or rows of one; raises FeedError."""
        data = given.data if isinstance(given, Rows) else given
        tensor = data
        if not isinstance(data, torch.Tensor) or self._known.get(name) != _kind(data):
            tensor = self._converted(name, node, data)
            if tensor is data:
                self._known[name] = _kind(data)
        return Rows(tensor, given.rows) if isinstance(given, Rows) else tensor

    def _converted(self, name: str, node: Node, given: Any) -> Tensor:
        try:
            # By way of numpy: torch itself would round Python numbers to float32.
            given_array = given if isinstance(given, torch.Tensor) else np.asarray(given)
            tensor = torch.as_tensor(given_array, device=self.device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise FeedError(f"{name} takes numbers, got {type(given).__name__}: {error}.") from None
        classes = node.operator == "Target" and not tensor.is_floating_point()
        whole = classes or node.attributes.get("dtype") == "int"
        tensor = tensor.to(torch.int64 if whole else self.dtype)
        if node.operator == "Input":
            shape = tuple(node.attributes["shape"])
            if node.attributes["value"] is given and node.attributes["batch"]:
                tensor = _in_rows(name, tensor, shape)
            elif node.attributes["value"] is given and tensor.numel() == math.prod(shape):
                tensor = tensor.reshape(shape)
            actual = tuple(tensor.shape[1:] if node.attributes["batch"] else tensor.shape)
            if actual != shape or (node.attributes["batch"] and tensor.dim() == 0):
                wanted = ("N, " if node.attributes["batch"] else "") + ", ".join(map(str, shape))
                raise FeedError(f"{name} takes the shape ({wanted}), got {tuple(tensor.shape)}.")
        return tensor


def _in_rows(name: str, value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """An Input's own value as samples of its shape; raises FeedError."""
    one = math.prod(shape)
    if not value.numel() or value.numel() % one:
        raise FeedError(
            f"{name}: its value has {value.numel():,} numbers, which makes no whole number of "
            f"samples of {one:,}."
        )
    return value.reshape(-1, *shape)


def _kind(tensor: Tensor) -> Any:
    """Everything that decides whether a tensor can be fed as it is."""
    return tensor.shape[1:], tensor.dim(), tensor.dtype, tensor.device
