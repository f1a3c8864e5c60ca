"""How many threads compute, and for how long they wait awake."""

import os

import torch

import graphcore  # noqa: F401 - sets up what torch reads when it is loaded
from graphcore.engine import processor


def test_a_block_has_its_own_number_of_threads() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with processor.at_most(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with processor.at_most(None):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_threads_do_not_wait_awake_for_long() -> None:
    assert os.environ.get("OMP_WAIT_POLICY") or int(os.environ["GOMP_SPINCOUNT"]) <= 10_000
