"""Data sets by name: generated points, handwritten digits, tables and folders of images."""

# Importing a family registers its data sets; the order here is the order of names().
from graphcore.datasets import mnist, playground, points, small, by_hand, table, images, arrays  # noqa: I001, F401
from graphcore.datasets import probe  # noqa: F401
from graphcore.datasets import augmentation
from graphcore.datasets.dataset import Dataset, Split, Task, called
from graphcore.datasets.mnist import fetch_mnist, find_mnist
from graphcore.datasets.normalization import KINDS as NORMALIZATIONS
from graphcore.datasets.normalization import Normalization
from graphcore.datasets.nothing import NOTHING
from graphcore.datasets.places import files_of, found
from graphcore.datasets.registry import (
    NO_FILE,
    DatasetInfo,
    Option,
    check_options,
    describe,
    load,
    load_dataset,
    named,
    names,
    shared_options,
)

__all__ = [
    "NORMALIZATIONS",
    "NOTHING",
    "NO_FILE",
    "Dataset",
    "DatasetInfo",
    "Normalization",
    "Option",
    "Split",
    "Task",
    "augmentation",
    "called",
    "check_options",
    "describe",
    "fetch_mnist",
    "files_of",
    "find_mnist",
    "found",
    "load",
    "load_dataset",
    "named",
    "names",
    "shared_options",
]
