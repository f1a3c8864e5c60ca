"""Event files: known checksums, and a reader that was written from the formats alone."""

import struct

import pytest

from graphcore.runs import tensorboard
from graphcore.runs.tensorboard import Scalar


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        # RFC 3720, appendix B.4
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_checksums_of_the_standard(data, crc) -> None:
    assert tensorboard.crc32c(data) == crc


def test_a_record_that_tensorflow_wrote() -> None:
    """The first bytes of any event file: a length of 24 and its masked checksum."""
    assert tensorboard.record(bytes(24))[:12].hex() == "1800000000000000a37f4b22"


def test_what_is_written_can_be_read_back() -> None:
    scalars = [
        Scalar("loss", 1, 0.5, 1000.25), Scalar("loss", 300, -2.0, 1001.0),
        Scalar("Genauigkeit é", 1 << 40, 0.125, 2e9),
    ]  # fmt: skip
    events = read(tensorboard.event_file(scalars, begun=999.5))
    head = next(events)
    assert head == {1: 999.5, 3: b"brain.Event:2"}
    for scalar, event in zip(scalars, events, strict=True):
        value = fields(fields(event[5])[1])
        assert (value[1].decode(), event[2], value[2], event[1]) == scalar


def read(data: bytes):
    """Events of a file; every checksum is compared."""
    place = 0
    while place < len(data):
        length, crc = struct.unpack_from("<QI", data, place)
        assert crc == tensorboard.masked(data[place : place + 8])
        body = data[place + 12 : place + 12 + length]
        assert struct.unpack_from("<I", data, place + 12 + length) == (tensorboard.masked(body),)
        yield fields(body)
        place += 16 + length


def fields(data: bytes) -> dict:
    """Number of each field of a protocol buffer -> its content."""
    found, place = {}, 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while place < len(data):
        key = varint()
        layout = key & 7
        if layout == 0:
            content = varint()
        elif layout == 2:
            length = varint()
            content, place = data[place : place + length], place + length
        else:
            size, kind = (8, "<d") if layout == 1 else (4, "<f")
            (content,) = struct.unpack_from(kind, data, place)
            place += size
        found[key >> 3] = content
    return found
