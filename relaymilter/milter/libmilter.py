"""The runtime on libmilter, through pymilter's C module.

Only the stages that are needed are asked for, connect, HELO and MAIL without a reply; only the macros that are used.
Every value returned is CONTINUE, NOREPLY, or a refusal. The classes of package Milter are left out: they cost a third
of the time, and its setsymlist fails on Python 3 (pymilter 1.0.5).
"""

import logging
import socket
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Any

import milter

from relaymilter.milter.accepting import Accepting
from relaymilter.milter.negotiation import SILENT, macros, steps
from relaymilter.milter.pool import LookupPool
from relaymilter.milter.reporting import Reporter
from relaymilter.milter.session import Service, Session
from relaymilter.policy.envelope import NOWHERE, Request, client
from relaymilter.policy.verdict import Decision

log = logging.getLogger(__name__)

MTA_TIMEOUT = 3610
"""Seconds libmilter waits for the MTA: a little more than Sendmail's own Timeout.command of an hour."""

UNREADABLE = b"\xff"
"""Stands for a macro that is not UTF-8, which pymilter cannot hand over; it is not UTF-8 either."""


class Callbacks:
    """libmilter's callbacks: they take macros and arguments apart and hand them to a Session."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.pool = LookupPool(deadline=service.lookup_timeout)
        self.give_back = self.pool.giving_back(service.charges)
        self.steps = steps(service.needs_helo)
        self.macros = macros(service.needs)

    def negotiate(self, ctx: Any, options: list[int]) -> int:
        """Ask for what is needed of what the MTA offers (milter protocol 6; older ones offer less)."""
        if options[0] & milter.SETSYMLIST:
            for stage, names in self.macros.items():
                ctx.setsymlist(stage, names)
        options[0] &= milter.SETSYMLIST
        options[1] &= self.steps
        options[2] = options[3] = 0
        ctx.setpriv(None if options[1] & SILENT == SILENT else milter.CONTINUE)
        return int(milter.CONTINUE)

    def connect(self, ctx: Any, _name: str, family: int, where: Any) -> int:
        """A client; `where` is (address, port, ...) of an IP family, a path, or None."""
        session = Session(self.service, self.give_back)
        go_on = ctx.getpriv()
        ctx.setpriv((session, milter.NOREPLY if go_on is None else go_on))
        ip = family in (socket.AF_INET, socket.AF_INET6) and isinstance(where, tuple)
        session.connect(client(where[0], where[1]) if ip else NOWHERE, _macro(ctx, b"v"))
        return int(ctx.getpriv()[1])

    def helo(self, ctx: Any, name: str) -> int:
        """HELO or EHLO; a name that is not UTF-8 raises inside pymilter and never arrives."""
        session, go_on = ctx.getpriv()
        session.hello(name.encode("utf-8", "surrogateescape"))
        return int(go_on)

    def envfrom(self, ctx: Any, sender: bytes, *_parameters: bytes) -> int:
        """A message begins."""
        session, go_on = ctx.getpriv()
        session.mail(sender)
        return int(go_on)

    def envrcpt(self, ctx: Any, recipient: bytes, *_parameters: bytes) -> int:
        """The decision."""
        session, _ = ctx.getpriv()
        asked = session.asked(recipient, partial(_macro, ctx))
        said = session.reply(asked, self.decide(session, asked))
        if said is None:
            return int(milter.CONTINUE)
        ctx.setreply(str(said.code), said.status, said.wire_text)
        return int(milter.REJECT if said.code >= 500 else milter.TEMPFAIL)

    def decide(self, session: Session, asked: Request) -> Decision:
        """In this thread, or where it must wait, in the pool (native code in a libmilter thread can crash)."""
        return session.decide_at_once(asked) or self.pool.wait(session, asked)

    def eom(self, ctx: Any) -> int:
        """The message is sent."""
        ctx.getpriv()[0].sent()
        return int(milter.CONTINUE)

    def abort(self, ctx: Any) -> int:
        """The message is over; some MTAs send this at odd times, so it may find no session."""
        if isinstance(ctx.getpriv(), tuple):
            ctx.getpriv()[0].abort()
        return int(milter.CONTINUE)

    def close(self, ctx: Any) -> int:
        """The connection is over."""
        if isinstance(ctx.getpriv(), tuple):
            ctx.getpriv()[0].close()
        ctx.setpriv(None)
        return int(milter.CONTINUE)


def _macro(ctx: Any, name: bytes) -> bytes | None:
    try:
        value = ctx.getsymval(name.decode())
    except UnicodeDecodeError:
        return UNREADABLE
    return value.encode("utf-8") if isinstance(value, str) else None


def serve(service: Service, listeners: Sequence[socket.socket], control: socket.socket, stop_timeout: float) -> None:
    """Serve until the parent says otherwise on `control` (reporting.py), or closes it; then until no session is left,
    or `stop_timeout` seconds.

    There is one listener: libmilter has one socket in a process (the parent makes a worker for each). This may be
    called once in a process, and the caller must end the process by os._exit afterwards: libmilter's threads stay.
    """
    (listener,) = listeners
    callbacks = Callbacks(service)
    sys.excepthook = _log_untrapped
    _register(callbacks)
    accepting = Accepting(listener, _open)
    reporter = Reporter(control, service, accepting.connections)
    done = threading.Event()
    threading.Thread(target=_watch, args=(control, reporter, accepting, stop_timeout, done), daemon=True).start()
    threading.Thread(target=_main, args=(done,), daemon=True).start()
    reporter.ready()
    done.wait()


def _open(where: str) -> None:
    milter.setconn(where)
    milter.opensocket(False)


def _main(done: threading.Event) -> None:
    try:
        milter.main()
    finally:
        done.set()


def _watch(
    control: socket.socket, reporter: Reporter, accepting: Accepting, stop_timeout: float, done: threading.Event
) -> None:
    while not reporter.draining:
        reporter.hear()
    accepting.stop(reporter.shut)
    reporter.takes_none()
    deadline = time.monotonic() + stop_timeout
    control.setblocking(False)
    time.sleep(0.01)  # accept(2) may be about to return
    while accepting.connections() and time.monotonic() < deadline:
        time.sleep(0.01)
        reporter.hear()
    reporter.end()
    done.set()


def _register(callbacks: Callbacks) -> None:
    # An exception before any Python runs (HELO with bytes that are not UTF-8) must not open.
    milter.set_exception_policy(milter.TEMPFAIL)
    milter.set_flags(milter.SETSYMLIST)
    milter.set_connect_callback(callbacks.connect)
    if not callbacks.steps & milter.P_NOHELO:
        milter.set_helo_callback(callbacks.helo)
    milter.set_envfrom_callback(callbacks.envfrom)
    milter.set_envrcpt_callback(callbacks.envrcpt)
    if callbacks.give_back is not None:  # without it libmilter replies by itself
        milter.set_eom_callback(callbacks.eom)
    milter.set_abort_callback(callbacks.abort)
    milter.set_close_callback(callbacks.close)
    milter.settimeout(MTA_TIMEOUT)
    milter.register("relaymilter", negotiate=callbacks.negotiate)


def _log_untrapped(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """What pymilter could not decode or call; the client was answered 4xx, or is a stranger."""
    log.warning("libmilter callback: %s: %s", kind.__name__, str(error).encode("ascii", "backslashreplace").decode())
