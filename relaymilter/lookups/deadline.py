"""How long the question that this thread is asking may still take, for drivers that wait in several steps."""

import threading
import time

_here = threading.local()


def begin(seconds: float) -> None:
    """A question begins."""
    _here.until = time.monotonic() + seconds


def left() -> float:
    """Seconds, 0 if there are none; a thread that asks nothing has none."""
    until: float = getattr(_here, "until", 0.0)
    return max(0.0, until - time.monotonic())
