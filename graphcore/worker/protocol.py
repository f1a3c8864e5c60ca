"""The pipes of the engine process: messages as bytes, and bytes as messages."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

from graphcore.errors import WorkerError
from graphcore.records.requests import Reply, Request
from graphcore.records.tasks import Result, Task

LARGEST = 1 << 30
_LENGTH = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()
T = TypeVar("T", bound=msgspec.Struct)


class _Tagged(msgspec.Struct):
    """The name of a message's class, which stands in front of its fields."""

    type: str


_tags = msgspec.msgpack.Decoder(_Tagged)


@cache
def _decoder(kind: type[msgspec.Struct]) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)


def by_name(base: type[T]) -> dict[str, type[T]]:
    """Return all classes of messages that derive from one and are imported, by their names."""
    found: dict[str, type[T]] = {}
    left = [base]
    while left:
        for kind in left.pop().__subclasses__():
            found[kind.__name__] = kind
            left.append(kind)
    return found


def encode(message: msgspec.Struct) -> bytes:
    """Return a message as it goes over the pipe, length first."""
    return framed(_encoder.encode(message))


def framed(body: bytes) -> bytes:
    """Return an encoded message with its length in front."""
    return _LENGTH.pack(len(body)) + body


def decode_request(body: bytes) -> Request:
    """Return a request from its bytes without the length; raises WorkerError."""
    request = _decoded(body, by_name(Request), "window")
    if request is None:
        raise WorkerError("The window sent a message that was not understood: it has no such name.")
    return request


def decode_reply(body: bytes, kinds: Mapping[str, type[Reply]] | None = None) -> Reply | None:
    """Return a reply from its bytes without the length; raises WorkerError.

    Args:
        kinds: types to decode, by name; None: all that are imported. A reply of
            another type is None.
    """
    return _decoded(body, by_name(Reply) if kinds is None else kinds, "engine")


def decode_task(body: bytes) -> Task:
    """Return a task of the helper process from its bytes; raises WorkerError."""
    return _known(_decoded(body, by_name(Task), "engine"))


def decode_result(body: bytes) -> Result:
    """Return a result of the helper process from its bytes; raises WorkerError."""
    return _known(_decoded(body, by_name(Result), "helper"))


def _known(message: T | None) -> T:
    if message is None:
        raise WorkerError("A message between the engine and its helper has no such name.")
    return message


def _decoded(body: bytes, kinds: Mapping[str, type[T]], sender: str) -> T | None:
    try:
        kind = kinds.get(_tags.decode(body).type)
        found: T | None = None if kind is None else _decoder(kind).decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WorkerError(
            f"The {sender} sent a message that was not understood: {error}."
        ) from None
    return found


class FrameReader:
    """Cuts a stream of bytes into messages, however the pieces arrive."""

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def in_the_midst(self) -> bool:
        """Whether a message has begun that is not complete."""
        return bool(self._held)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes in; yields the body of every message that is complete.

        Raises:
            WorkerError: a length that no message has; the stream is lost.
        """
        self._held += data
        while len(self._held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._held)
            if length > LARGEST:
                raise WorkerError(
                    "The stream between window and engine is damaged: a message claims to be of "
                    f"{length:,} bytes, and none is longer than {LARGEST:,}."
                )
            end = _LENGTH.size + length
            if len(self._held) < end:
                return
            body = bytes(self._held[_LENGTH.size : end])
            del self._held[:end]
            yield body
