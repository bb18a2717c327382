"""How long the question that this thread is asking may still take, for drivers that wait in several steps.

A question ends with the decision that needs its answer (waiting.py), however much it may take by itself.
"""

import threading
import time

from relaymilter.lookups import waiting

_here = threading.local()


def begin(seconds: float) -> float:
    """A question begins that may take so long: the moment at which it must be answered, of the monotonic clock."""
    until: float = min(time.monotonic() + seconds, waiting.end())
    _here.until = until
    return until


def left() -> float:
    """Seconds, 0 if there are none; a thread that asks nothing has none."""
    until: float = getattr(_here, "until", 0.0)
    return max(0.0, until - time.monotonic())
