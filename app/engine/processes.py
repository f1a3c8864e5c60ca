"""Which processes of this machine live."""

from __future__ import annotations

import os


def lives(process: int) -> bool:
    """Whether there is a process of this number; where that cannot be asked, there is."""
    if os.name == "nt":  # a signal would end it there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
