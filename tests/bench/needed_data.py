"""Benchmarks are about their own data: without it they do not run."""

from __future__ import annotations

import sys

from graphcore.datasets import find_mnist


def need_mnist() -> None:
    """End with a sentence and exit code 1 where MNIST is not on this machine."""
    if find_mnist() is None:
        sys.exit(
            "This benchmark needs MNIST, which is not here: name its folder in $GRADSCAPE_DATA "
            "(as DIR/mnist), or fetch it with: gradscape data fetch mnist"
        )
