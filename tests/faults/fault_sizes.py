"""Tasks that need much memory, which any worker can import."""

from __future__ import annotations

import resource
from typing import Any, NoReturn

# More than any machine has.
_FAR_TOO_MUCH = 1 << 60

_kept: list[bytearray] = []


def swap(shared: dict[str, Any], *, size: int) -> bytes:
    """Take a large item, and return another one of the same size."""
    received = shared.pop("large")
    assert len(received) == size and received.strip(b"a") == b""
    return b"b" * size


def raise_memory_error() -> NoReturn:
    raise MemoryError("on purpose")


def allocate_far_too_much() -> int:
    return len(bytearray(_FAR_TOO_MUCH))


def allocate_beyond_the_limit() -> int:
    """Ask for more than the process may have from now on."""
    limit_memory(64 << 20)
    return len(bytearray(512 << 20))


def return_more_than_fits() -> str:
    """Leave too little memory for what it returns to be encoded."""
    large = "\xe9" * (64 << 20)
    limit_memory(16 << 20)
    return large


def return_what_need_not_be_copied() -> bytes:
    """Leave too little memory for another one of what it returns."""
    large = b"b" * (64 << 20)
    limit_memory(16 << 20)
    return large


def use_up_all_memory() -> NoReturn:
    """Leave nothing for anybody, and keep it beyond its end."""
    limit_memory(256 << 20)
    size = 64 << 20
    while size > 0:
        try:
            _kept.append(bytearray(size))
        except MemoryError:
            size //= 2
    raise MemoryError("nothing is left")


def limit_memory(more: int) -> None:
    """Let the process have only so many bytes more than it has now."""
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
