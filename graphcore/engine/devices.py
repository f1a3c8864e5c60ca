"""What this machine can compute on."""

from __future__ import annotations

from dataclasses import dataclass

from graphcore.errors import EngineError
from graphcore.late import torch


@dataclass(frozen=True)
class Device:
    """Something that a net can be computed on.

    Attributes:
        name: what torch calls it, such as "cpu", "cuda:0" or "mps".
        title: the name of the hardware.
        double: whether it computes in float64.
    """

    name: str
    title: str
    double: bool = True


def available() -> tuple[Device, ...]:
    """Return the devices that are there, the processor first."""
    threads = torch.get_num_threads()
    found = [Device("cpu", f"processor, {threads} thread{'s' if threads > 1 else ''}")]
    if torch.cuda.is_available():
        found += [
            Device(f"cuda:{i}", torch.cuda.get_device_name(i))
            for i in range(torch.cuda.device_count())
        ]
    if torch.backends.mps.is_available():
        found.append(Device("mps", "Apple GPU", double=False))
    return tuple(found)


def best() -> str:
    """Return the name of the device that is taken where none is chosen."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def usable_device(name: str) -> torch.device:
    """Return the device of that name.

    Raises:
        EngineError: torch cannot use it here.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        there = list(dict.fromkeys(d.name.partition(":")[0] for d in available()))
        why = f": {str(error).splitlines()[0][:200]}" if name.partition(":")[0] in there else ""
        raise EngineError(
            f"torch cannot use the device {name!r} here, only {', '.join(there)}{why}."
        ) from None
    return device


def synchronize(name: str) -> None:
    """Wait until everything that a device was given is computed."""
    if name.startswith("cuda"):
        torch.cuda.synchronize(name)
    elif name == "mps":
        torch.mps.synchronize()
