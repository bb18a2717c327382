"""A worker: one process with one policy for all its life.

It is forked with the listening socket and one end of a control socket. It says R when it serves; when the other end
closes, because the parent says so or is gone, it takes no new connections and ends after the sessions in flight.
"""

import contextlib
import importlib
import logging
import os
import secrets
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from relaymilter.config.log import LogSettings
from relaymilter.config.model import Settings
from relaymilter.config.wiring import ruleset
from relaymilter.daemon.memory import give_back, keep_shared
from relaymilter.daemon.privileges import become, stay_on_core
from relaymilter.milter.session import Service
from relaymilter.observe.decisions import DecisionLog
from relaymilter.observe.sink import Sink, log_to

log = logging.getLogger(__name__)


_DRAIN_SECONDS = 1.0


@dataclass(slots=True)
class Worker:
    """What the parent knows of a worker."""

    pid: int
    control: socket.socket

    def drain(self, shut: bool = False) -> None:
        """Tell it to take no more connections, and wait until it takes none.

        `shut`: nor shall any other worker, so it may shut the socket.
        """
        with contextlib.suppress(OSError):  # it is dead already
            if shut:
                self.control.send(b"S")
            self.control.shutdown(socket.SHUT_WR)
            self.control.settimeout(_DRAIN_SECONDS)
            self.control.recv(1)
        self.control.close()


def start(
    settings: Settings,
    listener: socket.socket,
    core: int,
    others: Sequence[Worker],
    forget: Callable[[], None] = lambda: None,
) -> Worker:
    """Fork a worker; `others` are those whose control sockets it must not keep open; it calls `forget`."""
    ours, theirs = socket.socketpair()
    keep_shared()
    pid = os.fork()
    if pid:
        theirs.close()
        return Worker(pid, ours)
    status = os.EX_SOFTWARE
    try:
        ours.close()
        for other in others:
            other.control.close()
        forget()
        give_back()
        _live(settings, listener, theirs, core)
        status = os.EX_OK
    except BaseException:
        log.exception("a worker failed")
    finally:
        try:
            sys.stderr.flush()
        finally:
            os._exit(status)  # whatever else fails: two must not go on as the parent


def remarks(settings: Settings) -> list[str]:
    """What there is to say of the runtime, once at the start."""
    if settings.daemon.runtime != "loop":
        return []
    from relaymilter.milter import loop  # libmilter's workers have no use for asyncio

    return [] if loop.uvloop else [loop.WITHOUT_UVLOOP]


def _live(settings: Settings, listener: socket.socket, control: socket.socket, core: int) -> None:
    os.setpgid(0, 0)  # a terminal's ^C is for the parent
    sink = log_to(settings.log.syslog, settings.log.verbose)
    if settings.daemon.pin:
        stay_on_core(core)
    runtime = importlib.import_module(f"relaymilter.milter.{settings.daemon.runtime}")
    if settings.daemon.account is not None:
        become(settings.daemon.account)  # who may not be allowed to read our files
    runtime.serve(service(settings, sink), listener, control, settings.daemon.stop_timeout)


def service(settings: Settings, sink: Sink) -> Service:
    """What the sessions of a worker share."""
    rules = ruleset(settings.policy)
    return Service(
        ruleset=rules,
        lookup_timeout=settings.policy.lookups.timeout,
        needs=rules.needs,
        decisions=decision_log(settings.log, sink),
        dry_run=settings.daemon.dry_run,
        prefix=f"{secrets.token_hex(3)}-",
    )


def decision_log(settings: LogSettings, sink: Sink) -> DecisionLog | None:
    """The log that was asked for, or None."""
    if settings.decisions == "none":
        return None
    return DecisionLog(
        write=sink,
        as_json=settings.format == "json",
        permits=settings.decisions == "all",
        trail=settings.verbose,
        batches=not settings.syslog,
    )
