"""Servers that tables ask, the real ones, each in a folder of its own and on a unix socket in it.

A server is the first process of a PID namespace: when that ends, all of it ends, stopped processes too, and it ends
with the test process. shared() of a module starts its server once, for all in this process who ask for one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.rig.private import private_command
from tests.rig.processes import children
from tests.rig.waiting import wait_for

NOBODY = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--pdeathsig", "KILL")
"""For servers that do not run as root; a change of user forgets what was to happen at the death of the parent."""
_DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
_IN_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child=KILL")


class ServerProcess:
    """A server that can be started, killed, stopped and let go on, with all the processes that it has begun."""

    def __init__(self, command: tuple[str, ...], log: Path, answers: Callable[[], bool]) -> None:
        """`command` stays in the foreground; `answers` asks it, and says False while it is not there yet."""
        self._command = [*_DIE_WITH_PARENT, *_IN_NAMESPACE, *private_command(*command)]
        self._log = log
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """It was started, and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it if it does not run, and return when it answers."""
        if not self.running:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", close_fds=True
                )
        wait_for(self._ready, f"{self._command[-1]} answers")

    def _ready(self) -> bool:
        if not self.running:
            raise RuntimeError(f"the server ended: {self._log.read_text(errors='replace')[-2000:]}")
        return self._answers()

    def kill(self) -> None:
        """End it at once, and all that it has begun: the kernel does not let the first process go before these."""
        for pid in self._family()[:1]:
            _signal(pid, signal.SIGKILL)
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait(10)

    def hang(self) -> None:
        """Stop all its processes; the kernel still takes connections for it."""
        for pid in self._family():
            _signal(pid, signal.SIGSTOP)
            wait_for(lambda pid=pid: _stopped(pid), "a process of the server is stopped")

    def resume(self) -> None:
        """Let them go on."""
        for pid in reversed(self._family()):
            _signal(pid, signal.SIGCONT)

    def _family(self) -> list[int]:
        """The server and what it began, parents first, without the process that holds its namespace."""
        if self._process is None:
            return []
        found = children(self._process.pid)
        for pid in found:
            found += children(pid)
        return found


def _stopped(pid: int) -> bool:
    """Or gone."""
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "TZ"


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # a process that served one connection, now closed
        os.kill(pid, number)
