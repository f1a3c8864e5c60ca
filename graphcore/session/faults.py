"""Errors in the engine process: each becomes one sentence, and its stack goes to standard error."""

from __future__ import annotations

import sys
import traceback

from graphcore.errors import GradscapeError
from graphcore.late import torch
from graphcore.session import messages as m

LONGEST = 300
"""Characters of a sentence."""
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


class WindowGone(Exception):  # noqa: N818 - no error, but the end of the work
    """The window that reads the replies is gone."""


def out_of_memory(error: BaseException) -> bool:
    """Return whether there was too little memory, of the machine or of the device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


def failure(kind: m.FailureKind, error: Exception, doing: str) -> m.Failure:
    """Return the reply for an error, and log the stack of one that is unexpected.

    Args:
        doing: what the engine was at, such as "the request Load".
    """
    if isinstance(error, GradscapeError):
        return m.Failure(kind, sentence(str(error)), sentence(getattr(error, "node", "")))
    stack = _readable("".join(traceback.format_exception(error)))
    print(stack, file=sys.stderr, flush=True)
    if out_of_memory(error):
        text = f"There is not enough memory for {doing}: a smaller net or batch may fit."
    else:
        first = str(error).strip().partition("\n")[0][:120]
        cause = f"{type(error).__name__}: {first}" if first else type(error).__name__
        text = f"An unexpected error ended {doing} ({cause}); the engine goes on."
    return m.Failure(kind, sentence(text), details=stack)


def sentence(text: str) -> str:
    """Return a text as one line of at most ``LONGEST`` characters that can be sent."""
    line = " ".join(_readable(text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _readable(text: str) -> str:
    """Without halves of surrogate pairs, as names of files may hold."""
    return text.encode(errors="replace").decode()
