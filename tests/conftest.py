"""What all tests have in common."""

from __future__ import annotations

import gc

from tests import mnist_once

mnist_once.keep()


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: no search for garbage need walk over it again."""
    gc.collect()
    gc.freeze()
