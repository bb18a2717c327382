"""The process that sends notices: beside the workers, so that a worker that is killed or blocked takes none with it.

Steps come as packets from all workers on one socket; the other is its parent's, and when that is closed, it sends what
is left, for a few seconds, and ends. Each way to send has an outbox, and few threads, so however slow a command or an
MTA is, and however many steps there are, what is used of the machine stays small.
"""

import contextlib
import logging
import queue
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from relaymilter.config.endpoint import InetEndpoint
from relaymilter.config.notices import NoticeSettings
from relaymilter.notices.command import Command
from relaymilter.notices.mail import send
from relaymilter.notices.outbox import LAST_SECONDS, Outbox
from relaymilter.notices.step import Notice, parse_packet, subject_line
from relaymilter.observe.printable import printable_text

log = logging.getLogger(__name__)

COMMANDS_AT_ONCE = 4
LONGEST = 1 << 14
"""Octets of a packet."""


@dataclass(slots=True)
class Way:
    """One way to send, by threads of its own."""

    name: str
    deliver: Callable[[Notice], None]
    """Raises what went wrong, in words."""
    at_once: int
    again: bool
    """What could not be sent is tried again."""
    outbox: Outbox = field(default_factory=lambda: Outbox(time.monotonic()))
    running: int = 0


class Courier:
    """All ways, driven by one thread."""

    def __init__(self, settings: NoticeSettings) -> None:
        self._command = Command(settings.command) if settings.command else None
        self._ways = list[Way]()
        if self._command is not None:
            self._ways.append(Way("notify-command", self._command, COMMANDS_AT_ONCE, again=False))
        if settings.mail is not None:
            self._ways.append(Way("notify-mail", partial(send, settings.server, settings.mail), 1, again=True))
        self._done = queue.SimpleQueue[tuple[Way, Notice, Exception | None]]()
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)

    def serve(self, notices: socket.socket, parent: socket.socket) -> None:
        """Until the parent closes its end."""
        notices.setblocking(False)
        poll = select.poll()
        for each in (notices, parent, self._woken):
            poll.register(each, select.POLLIN)
        while True:
            ready = [number for number, _ in poll.poll(self._timeout())]
            if parent.fileno() in ready:
                break
            self._hear(notices)
            self._settle()
            self._begin_due()
        self._hear(notices)
        self._end()

    def _timeout(self) -> float | None:
        """Milliseconds until something is to be begun."""
        now = time.monotonic()
        due = [way.outbox.due(now) for way in self._ways if way.running < way.at_once]
        waits = [seconds for seconds in due if seconds is not None]
        return 1000 * min(waits) + 1 if waits else None

    def _hear(self, notices: socket.socket) -> None:
        while True:
            try:
                octets = notices.recv(LONGEST)
            except OSError:
                return
            if not octets:
                return
            step = parse_packet(octets)
            for way in self._ways:
                way.outbox.add(step)

    def _begin_due(self) -> None:
        for way in self._ways:
            while way.running < way.at_once and (notice := way.outbox.take(time.monotonic())):
                self._begin(way, notice)

    def _begin(self, way: Way, notice: Notice) -> None:
        way.running += 1
        threading.Thread(target=self._deliver, args=(way, notice), daemon=True).start()

    def _deliver(self, way: Way, notice: Notice) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a command gets the mask of the thread that starts it
        problem: Exception | None = None
        try:
            way.deliver(notice)
        except Exception as error:
            problem = error
        self._done.put((way, notice, problem))
        with contextlib.suppress(BlockingIOError):  # it is awake already
            self._wake.send(b"w")

    def _settle(self) -> None:
        """Take note of what has been sent, or has not."""
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        while not self._done.empty():
            way, notice, problem = self._done.get()
            way.running -= 1
            if problem is None:
                way.outbox.sent()
            elif way.again and isinstance(problem, OSError):
                pause = way.outbox.put_back(notice, time.monotonic())
                log.warning("%s: %s; the next try is in %.0f s", way.name, _words(problem), pause)
            else:
                log.error("%s: %s; lost is: %s", way.name, _words(problem), subject_line(notice))

    def _end(self) -> None:
        """Send what is left, all in one, and wait for what is under way."""
        deadline = time.monotonic() + LAST_SECONDS
        for way in self._ways:
            if rest := way.outbox.rest():
                self._begin(way, rest)
        while any(way.running for way in self._ways) and time.monotonic() < deadline:
            select.select([self._woken], [], [], max(0.0, deadline - time.monotonic()))
            self._settle()
        if self._command is not None:
            self._command.kill()
        for way in self._ways:
            if way.running or way.outbox.rest():
                log.error("%s: there was no time to send all notices", way.name)


def remarks(settings: NoticeSettings) -> Iterator[str]:
    """What will not work where this process runs, in words."""
    if settings.command is not None and _has_no_new_privileges():
        yield (
            "notify-command: in this sandbox a program sees few files, has no other rights than relaymilter's, and no "
            "network unless it is given one: what needs more, such as sendmail(1), will not run"
        )
    if settings.mail is not None and not _has_network(settings.server):
        yield "notify-mail: this sandbox has no network, so no mail will be sent: see contrib/relaymilter-network.conf"


def _has_no_new_privileges() -> bool:
    """PR_SET_NO_NEW_PRIVS, as proc(5) has it."""
    with contextlib.suppress(OSError), open("/proc/self/status") as status:
        return any(line.split() == ["NoNewPrivs:", "1"] for line in status)
    return False


def _has_network(server: InetEndpoint) -> bool:
    """A socket can be had, and there is a way to this address; whether somebody listens is another matter."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((server.host, server.port))  # sends nothing
    except OSError:
        return False
    return True


def _words(problem: Exception) -> str:
    return printable_text(" ".join(str(problem).split())) or type(problem).__name__
