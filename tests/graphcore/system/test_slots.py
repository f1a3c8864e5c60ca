"""Arrays in two slots are read whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from graphcore.system.slots import Filled, Slots


@pytest.fixture
def writer() -> Iterator[Slots]:
    slots = Slots()
    yield slots
    slots.close()


class Interrupted(Slots):
    """Another process writes while the second array is read."""

    def __init__(self, descriptor: int, act: Callable[[], object]) -> None:
        super().__init__(descriptor)
        self._act = act

    def _at(self, place: int, kind: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        if shape == (3,):
            self._act()
        return super()._at(place, kind, shape)


def fill(writer: Slots, number: float, more: int = 0) -> Filled:
    return writer.write(
        {"a": np.full((5, 2), number), "b": np.full(3, number, np.float32),
         "c": np.full(more, number)}
    )  # fmt: skip


def test_what_is_written_is_read_in_another_mapping(writer: Slots) -> None:
    reader, empty = Slots(os.dup(writer.descriptor)), np.zeros((0, 4), np.int64)
    for number in range(5):
        arrays = {"x": np.arange(7) + number, "scalar": np.array(2.5), "empty": empty}
        found = reader.read(writer.write(arrays))
        assert found is not None
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype
    os.close(reader.descriptor)


@pytest.mark.parametrize(
    ("writes", "whole"),
    [([0], True), ([0, 0], False), ([0, 0, 0], False), ([100_000], False)],
    ids=["the other slot", "the same slot", "both", "larger slots"],
)
def test_arrays_that_are_overwritten_meanwhile_are_not_read(
    writer: Slots, writes: list[int], whole: bool
) -> None:
    filled = fill(writer, 1)
    reader = Interrupted(
        writer.descriptor, lambda: [fill(writer, 2 + i, more) for i, more in enumerate(writes)]
    )
    found = reader.read(filled)
    assert (found is not None) == whole
    if found is not None:
        assert {float(x) for array in found.values() for x in array.ravel()} == {1.0}


def test_a_slot_that_was_filled_again_is_out_of_date(writer: Slots) -> None:
    reader, old = Slots(writer.descriptor), fill(writer, 1)
    newer = [fill(writer, n) for n in (2, 3)]
    assert reader.read(old) is None
    assert all(reader.read(filled) is not None for filled in newer)


def test_arrays_without_room_are_refused_and_the_next_are_written(writer: Slots) -> None:
    with pytest.raises(OSError, match="at most"):
        writer.write({"x": np.broadcast_to(np.float32(0), (1 << 27,))})
    assert Slots(writer.descriptor).read(fill(writer, 1)) is not None
