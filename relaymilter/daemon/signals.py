"""The signals that the parent waits for, and nobody else hears: SIGHUP would stop libmilter's own signal thread."""

import signal

SIGNALS = {signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGIO, signal.SIGUSR2}
STOP = (signal.SIGTERM, signal.SIGINT)
REOPEN = signal.SIGUSR2
RELOAD = (signal.SIGHUP, signal.SIGUSR1)


def block_signals() -> None:
    """To be the first thing in the process: what is blocked here stays blocked in every thread and worker."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
