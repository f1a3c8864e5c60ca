"""Functions that lessons may name: what checks ask and what solutions do, one table each.

A function is added by one decorator on one function: its name, its arguments with their types and
its docstring are what the reader checks, ``gradscape lesson help`` prints and editors propose.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from graphcore.errors import LessonError, quote, short
from graphcore.lessons.format import LOCKS
from graphcore.lessons.language import Call

_KINDS = {str: "a text", float: "a number", int: "a whole number", bool: "True or False",
          tuple: "a list"}  # fmt: skip


@dataclass(frozen=True)
class Function:
    """One registered function.

    Attributes:
        usage: as it is written, such as ``accuracy(split="test")``.
        help: its docstring.
    """

    name: str
    run: Callable[..., Any]
    usage: str
    help: str
    hints: dict[str, Any]
    signature: inspect.Signature

    @property
    def summary(self) -> str:
        """The first sentence of the help."""
        return self.help.partition("\n")[0]


class Table:
    """Functions by name.

    Args:
        what: what one of them is called in a sentence.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._functions: dict[str, Function] = {}

    def add(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Register a function whose first argument is the state or the player; a decorator."""
        signature = inspect.signature(function)
        parameters = list(signature.parameters.values())[1:]
        hints = get_type_hints(function)
        name = function.__name__.rstrip("_")
        usage = ", ".join(str(p.replace(annotation=inspect.Parameter.empty)) for p in parameters)
        self._functions[name] = Function(
            name, function, f"{name}({usage})", inspect.cleandoc(function.__doc__ or ""),
            hints, signature.replace(parameters=parameters),
        )  # fmt: skip
        return function

    def __iter__(self) -> Iterator[Function]:
        return iter(self._functions.values())

    def get(self, name: str) -> Function:
        """The function of that name; raises LessonError and names the nearest ones."""
        found = self._functions.get(name)
        if found is None:
            import difflib

            near = difflib.get_close_matches(name, self._functions, 3, 0.5)
            fits = (
                f"did you mean {' or '.join(near)}" if near else "gradscape lesson help lists all"
            )
            raise LessonError(f"There is no {self.what} called {short(name)!r}; {fits}.")
        return found

    def bound(self, call: Call) -> tuple[Function, dict[str, Any]]:
        """The function of a call and its arguments by name; raises LessonError if one is unfit."""
        function = self.get(call.name)
        try:
            given = function.signature.bind(*call.arguments, **dict(call.named))
        except TypeError:
            raise LessonError(f"{short(call)} does not fit {function.usage}.") from None
        arguments: dict[str, Any] = {}
        for name, value in given.arguments.items():
            kind = function.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                arguments.update({k: _plain(v) for k, v in value.items()})
            else:
                arguments[name] = _fitted(function, name, value)
        return function, arguments

    def call(self, owner: Any, call: Call) -> Any:
        """Run a call for a state or a player; raises what the function raises."""
        function, arguments = self.bound(call)
        return function.run(owner, **arguments)


def _fitted(function: Function, name: str, value: Any) -> Any:
    """An argument in the type that the function takes; raises LessonError."""
    hint = function.hints[name]
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    if choices:
        if value not in choices:
            listed = ", ".join(repr(c) for c in choices)
            raise LessonError(f"{function.name}: {name} is one of {listed}, not {quote(value)}.")
        return value
    options: tuple[Any, ...] = get_args(hint) or (hint,)
    kinds = [k for k in options if k in _KINDS]
    for kind in kinds:
        if kind is int and _is_whole(value):
            return int(value)
        if kind is float and type(value) is float:
            return value
        if kind in (str, bool, tuple) and type(value) is kind:
            return _plain(value)
    fits = " or ".join(_KINDS[k] for k in kinds)
    raise LessonError(f"{function.name}: {name} is {fits}, not {quote(value)}.")


def _is_whole(value: Any) -> bool:
    return type(value) is float and value.is_integer() and abs(value) < 2**53


def _plain(value: Any) -> Any:
    """A number without a fraction as a whole number, which attributes want."""
    if isinstance(value, tuple):
        return tuple(_plain(v) for v in value)
    return int(value) if _is_whole(value) else value


FACTS, ACTIONS = Table("check function"), Table("action")
fact, action = FACTS.add, ACTIONS.add


def known_fact(call: Call) -> None:
    """Raise LessonError unless a call of a check fits a registered function."""
    FACTS.bound(call)


def help_text() -> str:
    """Return every function with its help, as ``gradscape lesson help`` prints it."""
    parts = []
    for title, table in (("What checks may ask", FACTS), ("What solutions may do", ACTIONS)):
        parts.append(f"{title}\n{'=' * len(title)}\n")
        for function in sorted(table, key=lambda f: f.name):
            indented = function.help.replace("\n", "\n    ")
            parts.append(f"{function.usage}\n    {indented}\n")
    title = "What the front matter may lock"
    parts.append(f"{title}\n{'=' * len(title)}\n\nlocked = [{', '.join(map(repr, LOCKS))}]\n")
    return "\n".join(parts)
