"""What a Python source says of its modules, read and never run: classes, arguments, inputs."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphcore.errors import ExportError, FileError, short
from graphcore.system import reading

LARGEST_SOURCE = 4 * reading.MIB
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Choice:
    """One module of a file that can be opened.

    Attributes:
        name: of the class, or of the module that the file makes itself.
        arguments: of the class, those that it cannot do without.
        inputs: of ``forward``, those that it cannot do without; empty where it is not in the file.
        made: whether the file makes it itself.
    """

    name: str
    arguments: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    made: bool = False


def source_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a ``.py`` file; raises FileError."""
    try:
        return reading.read_bytes(path, LARGEST_SOURCE).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{short(path)} cannot be read: {error}.") from None


def choices(text: str) -> tuple[Choice, ...]:
    """Return the modules of a source, the likeliest first: the last class that no other uses.

    A text that is not Python has none.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    modules = [name for name in classes if _is_module(name, classes)]
    used = {name for name in modules for other in modules if _mentions(classes[other], name)}
    ordered = [n for n in reversed(modules) if n not in used] + [n for n in modules if n in used]
    made = (Choice(name, made=True) for name in _made(tree, set(modules)))
    return (*(_choice(name, classes) for name in ordered), *made)


def _choice(name: str, classes: Mapping[str, ast.ClassDef]) -> Choice:
    made = _method(name, "__init__", classes)
    forward = _method(name, "forward", classes)
    return Choice(
        name, () if made is None else _needed(made), () if forward is None else _needed(forward)
    )


def _bases(node: ast.ClassDef) -> Iterator[str]:
    for base in node.bases:
        yield ast.unparse(base)


def _is_module(name: str, classes: Mapping[str, ast.ClassDef]) -> bool:
    """Whether a class is one of torch's modules, by its bases or, for other bases, its forward."""
    seen, queue = set[str](), [name]
    while queue:
        name = queue.pop()
        node = classes.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        bases = list(_bases(node))
        own = any(isinstance(part, _FUNCTIONS) and part.name == "forward" for part in node.body)
        if any(base.rpartition(".")[2] == "Module" or "nn." in base for base in bases):
            return True
        if own and bases:
            return True
        queue += bases
    return False


def _mentions(node: ast.ClassDef, name: str) -> bool:
    return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node))


def _method(name: str, method: str, classes: Mapping[str, ast.ClassDef]) -> ast.arguments | None:
    """The arguments of a method, of the class or of the first base in the file that has it."""
    queue, seen = [name], set[str]()
    while queue:
        name = queue.pop(0)
        node = classes.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        for part in node.body:
            if isinstance(part, _FUNCTIONS) and part.name == method:
                return part.args
        queue += _bases(node)
    return None


def _needed(arguments: ast.arguments) -> tuple[str, ...]:
    """Names of the arguments without a default, without ``self``."""
    placed = [*arguments.posonlyargs, *arguments.args]
    placed = placed[: len(placed) - len(arguments.defaults)][1:]
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return tuple(a.arg for a in (*placed, *(a for a, default in pairs if default is None)))


def _made(tree: ast.Module, modules: set[str]) -> Iterator[str]:
    """Names that the file gives to modules that it makes itself."""
    for node in tree.body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        called = ast.unparse(node.value.func)
        if called in modules or called.rpartition(".")[2] == "Sequential":
            yield from (t.id for t in node.targets if isinstance(t, ast.Name))


def call_text(name: str, arguments: Mapping[str, str]) -> str:
    """Return a class with its arguments as it is called; raises ExportError.

    Args:
        arguments: name -> a plain value as Python writes it: a number, "text", a list, True.
    """
    for key, text in arguments.items():
        try:
            ast.literal_eval(text.strip())
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
            raise ExportError(
                f"{key} needs a plain value, such as 10, 0.5, 'text' or [1, 2], not {short(text)}."
                if text.strip() else f"{name} needs a value for {key}, such as 10."
            ) from None  # fmt: skip
    listed = ", ".join(f"{key}={text.strip()}" for key, text in arguments.items())
    return f"{name}({listed})" if listed else name


def read_call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Read ``Net`` or ``Net(10, hidden=3)`` with plain values; raises ExportError."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        if isinstance(tree, ast.Name):
            return tree.id, [], {}
        assert isinstance(tree, ast.Call)
        assert isinstance(tree.func, ast.Name)
        named = {k.arg: ast.literal_eval(k.value) for k in tree.keywords if k.arg}
        return tree.func.id, [ast.literal_eval(a) for a in tree.args], named
    except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError):
        raise ExportError(
            f"{short(text)} is no class with plain arguments, such as Net or Net(10)."
        ) from None
