"""The stream survives any cut and refuses what it cannot be."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphcore.errors import WorkerError
from graphcore.records.arrays import Array, pack, unpack
from graphcore.session import messages as m
from graphcore.worker.protocol import FrameReader, decode_reply, decode_request, encode

SENT = [m.Hello(), m.Run(5), m.Watch(("a", "b"), ("c",)), m.SetRate(0.25), m.Pause()]


@given(st.lists(st.integers(1, 40)))
def test_messages_arrive_however_the_bytes_are_cut(cuts: list[int]) -> None:
    stream = b"".join(map(encode, SENT))
    reader, found, at = FrameReader(), [], 0
    for length in [*cuts, len(stream)]:
        found += [decode_request(b) for b in reader.feed(stream[at : at + length])]
        at += length
    assert found == SENT


def test_a_mad_length_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(WorkerError, match="4,294,967,295 bytes"):
        list(FrameReader().feed(struct.pack(">I", 0xFFFFFFFF)))


@given(st.binary(max_size=60))
def test_noise_is_a_worker_error_or_a_message(noise: bytes) -> None:
    with contextlib.suppress(WorkerError):
        assert decode_reply(noise) is not None


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
def test_arrays_come_back_whole(dtype: str) -> None:
    array = np.arange(12).reshape(3, 4).astype(dtype)
    np.testing.assert_array_equal(unpack(pack(array)), array)


def test_an_array_with_missing_bytes_is_refused() -> None:
    with pytest.raises(WorkerError, match="came with 3 bytes"):
        unpack(Array((2, 2), "float32", b"abc"))
    with pytest.raises(WorkerError, match="cannot be received"):
        unpack(Array((), "object", b""))
