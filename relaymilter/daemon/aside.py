"""A process of its own beside the daemon, for what must not delay it: no child of it, with nothing of it open."""

import os
import signal
from collections.abc import Mapping

_NICER = 10


def run_aside(command: list[str], environment: Mapping[str, str]) -> None:
    """Start it and go on at once; how it ends is nobody's concern. Its standard streams are ours. Raises OSError."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0:
            os.setsid()
            os.nice(_NICER)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.execve(command[0], command, environment)  # noqa: S606  # no shell
    finally:
        os._exit(0)
