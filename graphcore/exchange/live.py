"""A live ``nn.Module``: exported by torch in the caller's own process, then read as any file is."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import logging
import re
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphcore.errors import ExportError, FileError, short
from graphcore.exchange import check
from graphcore.exchange.net import ImportedNet, net_of
from graphcore.exchange.opening import open_pt2
from graphcore.exchange.program import Opaque
from graphcore.exchange.pt2 import document
from graphcore.exchange.targets import with_loss
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

_STARRED = inspect.Parameter.VAR_POSITIONAL
_PACKAGE = Path(__file__).resolve().parents[1]
_FRAME = re.compile(r'File "([^"\n]*)", line (\d+)')
_SENTENCE = re.compile(r"^(.{20,400}?[.!])(\s|$)", re.DOTALL)


@dataclass
class Example:
    """What ``forward`` is called with."""

    arguments: tuple[Any, ...]
    keywords: dict[str, Any]

    def tensors(self) -> Iterator[Tensor]:
        """All tensors, in order."""
        for value in (*self.arguments, *self.keywords.values()):
            if isinstance(value, torch.Tensor):
                yield value


def example_of(given: Any) -> Example:
    """An example as ``forward`` takes it; raises ExportError."""
    if isinstance(given, Mapping):
        found = Example((), {str(k): _tensor(v) for k, v in given.items()})
    elif isinstance(given, tuple | list):
        found = Example(tuple(map(_tensor, given)), {})
    else:
        found = Example((_tensor(given),), {})
    if next(found.tensors(), None) is None:
        raise ExportError("The example has no tensor in it.")
    return doubled(found)


def _tensor(value: Any) -> Any:
    import numpy as np

    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def _batch(example: Example) -> int | None:
    """Length of the first tensor's first axis."""
    first = next(example.tensors())
    return first.shape[0] if first.dim() else None


def doubled(example: Example) -> Example:
    """An example of two samples where it had one, which torch would take for a constant."""
    if _batch(example) != 1:
        return example

    def twice(value: Any) -> Any:
        whole = isinstance(value, torch.Tensor) and value.dim() > 0 and value.shape[0] == 1
        return torch.cat([value, value]) if whole else value

    return Example(
        tuple(map(twice, example.arguments)), {k: twice(v) for k, v in example.keywords.items()}
    )


def from_module(
    module: Module, example: Any, *, loss: Callable[..., Any] | None = None
) -> ImportedNet:
    """Make a net of a live module.

    Args:
        example: what ``forward`` takes: a tensor, a tuple, or a dict of keyword arguments; with
            ``loss`` a tuple whose last part is the target.
        loss: a function of the module's answer and the target; the net then ends in it.

    Raises:
        ExportError: torch.export does not take the module; says why and where.
        FileError: it holds an operation that is not understood; says which and where.
    """
    given = example_of(example)
    called = type(module).__name__
    exported = module if loss is None else with_loss(module, loss)
    initialise(module, given, has_target=loss is not None)
    with tempfile.TemporaryDirectory(prefix="gradscape-") as folder:
        path = Path(folder) / "net.pt2"
        write_pt2(exported, given, path)
        net = _read(path, module, given) if loss is not None else open_pt2(path)
    net.report.source = called
    wanted = check.reference(exported, given.arguments, given.keywords)
    if loss is not None:
        own = {name.removeprefix("module."): g for name, g in wanted.gradients.items()}
        wanted.gradients = own
    check.compare(net, wanted)
    return net


def _read(path: Path, module: Module, example: Example) -> ImportedNet:
    """The net of a module with its loss: names without what was put around them."""
    from graphcore.exchange import targets

    names = list(inspect.signature(module.forward).parameters)
    for batch in (True, False):
        with contextlib.suppress(Opaque):
            program = targets.unwrapped(document.read(path, batch=batch), names)
            return net_of(program, path.name)
    raise FileError("The sizes in the module are not understood.")


def initialise(module: Module, example: Example, *, has_target: bool = False) -> None:
    """Run lazy layers once, so that they have weights."""
    lazy = [p for p in (*module.parameters(), *module.buffers()) if _is_lazy(p)]
    if not lazy:
        return
    arguments = example.arguments[: -1 if has_target else None]
    with torch.no_grad(), _evaluating(module), explained(type(module).__name__):
        module(*arguments, **example.keywords)


def _is_lazy(parameter: Any) -> bool:
    return bool(torch.nn.parameter.is_lazy(parameter))


@contextlib.contextmanager
def _evaluating(module: Module) -> Iterator[None]:
    """Evaluation mode for a while; every part gets its own mode back."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextlib.contextmanager
def explained(name: str, what: str = "cannot be exported") -> Iterator[None]:
    """An error of the user's own code, or of torch about it, as one sentence with its line."""
    try:
        yield
    except (ExportError, FileError, KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        raise ExportError(f"{name} {what}: {_reason(error)}{_place(error)}.") from error


def _reason(error: Exception) -> str:
    files = [Path(f.filename).name for f in traceback.extract_tb(error.__traceback__)]
    if "rnn.py" in files and "FakeTensor" in str(error):  # sizes that are read off the numbers
        return "torch.export takes no packed sequences: give the layer the padded one"
    text = " ".join(str(error).split("\n\n")[0].split()) or type(error).__name__
    match = _SENTENCE.match(text)
    return short((match[1] if match else text).rstrip(".!"), 200)


def _place(error: BaseException) -> str:
    """The innermost line of the user's own: of the message, else of the traceback."""
    told = [(f, int(n)) for f, n in _FRAME.findall(str(error))]
    traced = [(f.filename, f.lineno or 0) for f in traceback.extract_tb(error.__traceback__)]
    frames = [f for f in told if _is_own(f[0])] or [f for f in traced if _is_own(f[0])]
    return f" ({Path(frames[-1][0]).name}, line {frames[-1][1]})" if frames else ""


def _is_own(file: str) -> bool:
    """Whether a file is neither torch's nor of this package."""
    torchs = "/torch/" in file.replace("\\", "/") or file.startswith("<")
    return not torchs and _PACKAGE not in Path(file).parents


def write_pt2(module: Module, example: Example, path: Path) -> None:
    """Export a module to a file, its batch axis free where torch can keep it free.

    Raises:
        ExportError: torch.export does not take the module.
    """
    with _quiet(), explained(type(module).__name__):
        try:
            _write(module, example, path)
        except Exception:
            if not _register_records(module, example):
                raise
            _write(module, example, path)


def _write(module: Module, example: Example, path: Path) -> None:
    try:
        program = _exported(module, example, _dynamic(module, example))
    except Exception:
        program = _exported(module, example, None)
    torch.export.save(program, path)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch logs of an export; what matters of it is in the error."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _exported(module: Module, example: Example, dynamic: Any) -> Any:
    with _masks_unread():
        return torch.export.export(
            module, example.arguments, example.keywords, dynamic_shapes=dynamic, strict=False
        )


@contextlib.contextmanager
def _masks_unread() -> Iterator[None]:
    """Without torch's transformers looking whether a mask that they are given is the causal one.

    It is a hint for faster kernels, and what cannot be exported of them.
    """
    from torch.nn.modules import transformer

    before = transformer._detect_is_causal_mask
    transformer._detect_is_causal_mask = lambda mask, is_causal=None, size=None: bool(is_causal)
    try:
        yield
    finally:
        transformer._detect_is_causal_mask = before


def _register_records(module: Module, example: Example) -> bool:
    """Let torch.export write the records that a module answers with: their fields are results.

    Returns whether there is one that it could not write before.
    """
    pytree, found = torch.utils._pytree, False
    with torch.no_grad(), _evaluating(module):
        queue = [module(*example.arguments, **example.keywords)]
    while queue:
        record = queue.pop()
        kind = type(record)
        called = f"{kind.__module__}.{kind.__qualname__}"
        if isinstance(record, tuple) and hasattr(record, "_fields"):
            if kind not in pytree.SUPPORTED_SERIALIZED_TYPES:
                pytree._register_namedtuple(kind, serialized_type_name=called)
                found = True
        elif dataclasses.is_dataclass(kind) and kind not in pytree.SUPPORTED_NODES:
            torch.export.register_dataclass(kind, serialized_type_name=called)
            found = True
        if isinstance(record, Mapping):
            queue += record.values()
        elif isinstance(record, tuple | list):
            queue += record
    return found


def _dynamic(module: Module, example: Example) -> Any:
    """A free first axis for every tensor that has as many samples as the first one.

    Those that ``forward`` takes as one ``*arguments`` are one entry.
    """
    batch, free = _batch(example), {0: torch.export.Dim.AUTO}
    if batch is None:
        return None

    def axes(value: Any) -> Any:
        whole = isinstance(value, torch.Tensor) and value.dim() > 0 and value.shape[0] == batch
        return free if whole else None

    named = {k: axes(v) for k, v in example.keywords.items() if isinstance(v, torch.Tensor)}
    listed = tuple(axes(v) for v in example.arguments if v is not None)
    if named and listed:
        return None
    kinds = [p.kind for p in inspect.signature(module.forward).parameters.values()]
    starred = kinds.index(_STARRED) if _STARRED in kinds else None
    if listed and starred is not None:
        return (*listed[:starred], listed[starred:])
    return named or listed
