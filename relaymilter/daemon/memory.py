"""Memory that the parent and its workers share, and that is given back when a large policy has been replaced."""

import contextlib
import ctypes
import gc


def collect() -> None:
    """Drop what nothing uses, and give it back."""
    gc.unfreeze()
    gc.collect()
    give_back()


def give_back() -> None:
    """Return what is free to the system: glibc keeps up to 64 MiB of it. With another libc nothing happens."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def keep_shared() -> None:
    """Before a fork: leave alone what is there, so that the garbage collector of a worker copies none of it."""
    gc.freeze()
