"""What all tests have in common."""

from __future__ import annotations

import gc
import os

import pytest

from tests import mnist_once
from tests.app.warm_engine import WarmEngine

mnist_once.keep()


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: no search for garbage need walk over it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def warm_engine(tmp_path_factory):
    """A process that has imported torch and forks an engine for every window."""
    engine = WarmEngine(tmp_path_factory.mktemp("warm"))
    yield engine
    engine.end()


@pytest.fixture
def engine_command(request):
    """The command of a window's engine: forked from the warm one, where that can be done.

    Tests marked ``cold`` start the engine as users do.
    """
    if request.node.get_closest_marker("cold") or not hasattr(os, "fork"):
        return None
    warm = request.getfixturevalue("warm_engine")
    warm.wait()
    return warm.command
