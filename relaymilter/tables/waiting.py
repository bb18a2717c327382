"""Whether the thread that asks may wait for an answer: those of a LookupPool may, a callback of a milter may not."""

import threading

_here = threading.local()


def allow() -> None:
    """This thread may wait from now on."""
    _here.allowed = True


def allowed() -> bool:
    """May this thread wait?"""
    return getattr(_here, "allowed", False)
