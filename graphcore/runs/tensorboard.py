"""TensorBoard event files, written without TensorBoard.

An event file is a row of TFRecords, each an Event protocol buffer. Of both only what a scalar
needs is spelled out here.

Source:
    tensorflow/core/lib/io/record_writer.h (TFRecord), tensorflow/core/util/event.proto,
    tensorflow/core/framework/summary.proto; CRC-32C: RFC 3720, appendix B.4.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from typing import NamedTuple

FILE_VERSION = "brain.Event:2"
_CASTAGNOLI = 0x82F63B78
_MASK_DELTA = 0xA282EAD8
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""How a field of a protocol buffer is laid out."""


class Scalar(NamedTuple):
    """One point of a curve; ``wall_time`` in seconds since 1970."""

    tag: str
    step: int
    value: float
    wall_time: float


def file_name(begun: float) -> str:
    """Name of an event file that TensorBoard finds; ``begun`` in seconds since 1970."""
    return f"events.out.tfevents.{int(begun)}.{socket.gethostname()}"


def event_file(scalars: Iterable[Scalar], begun: float) -> bytes:
    """The whole file."""
    head = _field(1, _FIXED64, struct.pack("<d", begun)) + _text(3, FILE_VERSION)
    return b"".join([record(head), *(record(_event(s)) for s in scalars)])


def record(data: bytes) -> bytes:
    """A TFRecord: length, its checksum, the data, their checksum; little-endian."""
    length = struct.pack("<Q", len(data))
    return b"".join(
        (length, struct.pack("<I", masked(length)), data, struct.pack("<I", masked(data)))
    )


def masked(data: bytes) -> int:
    """CRC-32C, rotated by 15 bits and masked, as TFRecords hold it."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """The Castagnoli checksum."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_CASTAGNOLI if byte & 1 else 0)
    return byte


_TABLE = tuple(_table_entry(byte) for byte in range(256))


def _event(scalar: Scalar) -> bytes:
    """Event: 1 wall_time, 2 step, 5 summary; Summary: 1 value; Value: 1 tag, 2 simple_value."""
    value = _text(1, scalar.tag) + _field(2, _FIXED32, struct.pack("<f", scalar.value))
    summary = _message(1, value)
    return b"".join(
        (
            _field(1, _FIXED64, struct.pack("<d", scalar.wall_time)),
            _field(2, _VARINT, _varint(scalar.step)),
            _message(5, summary),
        )
    )


def _field(number: int, layout: int, content: bytes) -> bytes:
    return _varint(number << 3 | layout) + content


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode())


def _message(number: int, content: bytes) -> bytes:
    return _field(number, _BYTES, _varint(len(content)) + content)


def _varint(number: int) -> bytes:
    """Seven bits per byte, the lowest first; the top bit says that more follow."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
