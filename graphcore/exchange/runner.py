"""The process in which a user's file is run, and nothing else: it exports the module in it.

    python -P graphcore/system/start.py graphcore.exchange.runner FOLDER

FOLDER holds ``request.json``; the answer is left there: ``net.pt2``, the module's own numbers and
``answer.json``. What the file prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.errors import ExportError, GradscapeError, short
from graphcore.exchange import check, guessing, inputs, live, sources
from graphcore.late import torch
from graphcore.system import memory

if TYPE_CHECKING:
    from torch.nn import Module

LEAST_MEMORY = 2 << 30


def main(folder: Path) -> None:
    """Answer the request in a folder."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.dup2(2, 1)  # prints of the user's file are no answer of ours
    _end_with_parent()
    _limit_memory()
    request = json.loads((folder / "request.json").read_text())
    answer: dict[str, Any] = {}
    try:
        answer = export(request, folder)
    except GradscapeError as error:
        answer["error"] = str(error)
    except MemoryError:
        answer["error"] = f"{request['name']} needs more memory than there is."
    (folder / "answer.json").write_text(json.dumps(answer))


def _end_with_parent() -> None:
    """End when the process that started this one has: its end of standard input is closed then.

    The user's file reads from nowhere.
    """
    held = os.dup(0)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)

    def wait() -> None:
        while os.read(held, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _limit_memory() -> None:
    """No more memory than is free: then the file ends in an error, not the machine."""
    try:
        import resource
    except ImportError:  # there is no such limit on this system
        return
    free = memory.available()
    if free is not None:
        most = max(LEAST_MEMORY, free)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def export(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Export the module of a request; returns the answer; raises ExportError."""
    torch.manual_seed(0)
    made = module_of(load(Path(request["path"])), request["class_name"], request["name"])
    guessed = ""
    if request["tensors"]:
        example = _given(folder, request["tensors"])
    else:
        specs = [inputs.InputSpec(n, d, tuple(s)) for n, d, s in request["inputs"]]
        if not specs:
            specs = [guessing.guess(made)]
            guessed = str(specs[0])
        example = _example(made, specs)
    made.eval()
    live.initialise(made, example)
    live.write_pt2(made, example, folder / "net.pt2")
    _write_reference(check.reference(made, example.arguments, example.keywords), folder)
    return {"class": type(made).__name__, "guessed": guessed}


def _given(folder: Path, names: list[str]) -> live.Example:
    from safetensors.torch import load_file

    tensors = load_file(folder / "example.safetensors")
    placed = tuple(tensors[f"t{i}"] for i, n in enumerate(names) if not n)
    return live.doubled(
        live.Example(placed, {n: tensors[f"t{i}"] for i, n in enumerate(names) if n})
    )


def _example(module: Module, specs: list[inputs.InputSpec]) -> live.Example:
    rows = guessing.smallest_table(module)
    tensors = [torch.from_numpy(inputs.filled(s, i, rows)) for i, s in enumerate(specs)]
    pairs = list(zip(specs, tensors, strict=True))
    return live.Example(
        tuple(t for s, t in pairs if not s.name), {s.name: t for s, t in pairs if s.name}
    )


def _write_reference(found: check.Reference, folder: Path) -> None:
    from safetensors.numpy import save_file

    arrays = {f"in{i}": a for i, a in enumerate(found.inputs)}
    arrays |= {f"out{i}": a for i, a in enumerate(found.outputs)}
    arrays |= {f"training{i}": a for i, a in enumerate(found.training)}
    arrays["random"] = np.asarray(int(found.random))
    arrays |= {f"gradient:{n}": a for n, a in found.gradients.items()}
    save_file({k: v.copy() for k, v in arrays.items()}, folder / "check.safetensors")


# -- the user's file ------------------------------------------------------------------------------


def load(path: Path) -> Any:
    """Run a file as a module of its own name; raises ExportError."""
    name = re.sub(r"\W", "_", path.stem) or "net"
    name = name if name not in sys.modules else f"{name}_file"
    sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ExportError(f"{path.name} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with live.explained(path.name, "cannot be run"):
        try:
            spec.loader.exec_module(module)
        except SystemExit as end:
            raise ExportError(f"{path.name} ends by itself (exit {end.code!r}).") from None
    return module


def module_of(file: Any, wanted: str | None, name: str) -> Module:
    """The module to export: the one that is wanted, or the only one that fits."""
    own = vars(file)
    classes = {
        n: c for n, c in own.items()
        if isinstance(c, type) and issubclass(c, torch.nn.Module) and c.__module__ == file.__name__
    }  # fmt: skip
    there = {n: m for n, m in own.items() if isinstance(m, torch.nn.Module)}
    if wanted:
        return _wanted(wanted, classes, there, name)
    if len(there) == 1:
        return next(iter(there.values()))
    made, why = {}, ""
    for n, c in classes.items():
        try:
            made[n] = c()
        except Exception as error:
            why = short(error, 100)
    inner = {type(part) for m in made.values() for part in m.modules() if part is not m}
    fitting = [n for n, m in made.items() if type(m) not in inner] + (
        list(there) if len(there) > 1 else []
    )
    if len(fitting) == 1:
        return made[fitting[0]]
    if not fitting:
        listed = ", ".join(classes)
        if not classes:
            raise ExportError(f"{name} has no class of nn.Module and no module.")
        raise ExportError(
            f"No class of {name} can be made without arguments ({why}): choose one of {listed} "
            'with its arguments, such as --class "Net(10)".'
        )
    raise ExportError(f"{name} has several modules: choose one of {', '.join(fitting)}.")


def _wanted(wanted: str, classes: dict[str, Any], there: dict[str, Module], name: str) -> Module:
    called, arguments, keywords = sources.read_call(wanted)
    if called in there and not arguments and not keywords:
        return there[called]
    if called not in classes:
        listed = ", ".join([*classes, *there]) or "none"
        raise ExportError(f"{name} has no module called {short(called)}; it has: {listed}.")
    with live.explained(called, "cannot be made"):
        found: Module = classes[called](*arguments, **keywords)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
