"""What the tests of the engine have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def denormal_numbers() -> Iterator[None]:
    """They are there again behind a test that called the command line, which does without."""
    yield
    torch.set_flush_denormal(False)
