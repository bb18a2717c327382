"""A network with nothing but this machine in it, for open relays and their clients.

Everything of 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 and 2001:db8::/64 is local here, so a
client may have any of these addresses, and no packet can leave.  The namespace has no name and
no process of its own: it goes when the last descriptor of it is closed.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .packages import Release
from .processes import finish

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
LOCAL_NETWORKS = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/64")

_libc = ctypes.CDLL(None, use_errno=True)


def _in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread that ends with it: a namespace belongs to a thread."""
    outcome: list[T] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def _checked(status: int) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _create() -> int:
    _checked(_libc.unshare(CLONE_NEWNET))
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Namespace:
    """A network namespace, for the MTAs of one release; use it in a `with` statement.  Needs root."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self._descriptor = -1
        self._last_host = 24

    def __enter__(self) -> Namespace:
        self._descriptor = _in_thread(_create)
        self.run("ip", "link", "set", "lo", "up")
        for network in LOCAL_NETWORKS:
            self.run("ip", "route", "add", "local", network, "dev", "lo")
        self.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind")
        # Ten, as by default, and Postfix's master may wait to log for the postlogd that it has yet to start.
        self.run("sh", "-c", "echo 512 >/proc/sys/net/unix/max_dgram_qlen")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    @property
    def path(self) -> str:
        """Where commands such as ip(8) find it, while we live."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    def new_server_addresses(self) -> tuple[str, str]:
        """Give an IPv4 and an IPv6 address, put on the interface, that nobody else has."""
        self._last_host += 1
        # Beyond 2001:db8::99, which conversations take for nobody's: a literal of its own is local to an MTA.
        pair = f"192.0.2.{self._last_host}", f"2001:db8::1{self._last_host:03}"
        self.run("ip", "address", "add", f"{pair[0]}/32", "dev", "lo")
        self.run("ip", "address", "add", f"{pair[1]}/128", "dev", "lo", "nodad")
        return pair

    def new_socket(self, family: int = socket.AF_INET) -> socket.socket:
        """Create a TCP socket that lives in the namespace, whoever uses it."""

        def create() -> socket.socket:
            self.enter()
            return socket.socket(family, socket.SOCK_STREAM)

        return _in_thread(create)

    def connect(self, host: str, port: int, source: str = "", timeout: float = 30) -> socket.socket:
        """Connect to host:port, from the address `source` if given."""
        sock = self.new_socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            sock.settimeout(timeout)
            if source:
                sock.bind((source, 0))
            sock.connect((host, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def enter(self) -> None:
        """Move this thread, and the commands that it starts from now on, into the namespace."""
        _checked(_libc.setns(self._descriptor, CLONE_NEWNET))

    def listens(self, host: str, port: int) -> bool:
        """Tell whether something accepts connections at host:port."""
        try:
            self.connect(host, port).close()
        except OSError:
            return False
        return True

    def popen(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command in the namespace; it gets SIGTERM should this process die."""
        argv = ["nsenter", f"--net=/proc/self/fd/{self._descriptor}", "setpriv", "--pdeathsig", "TERM"]
        return subprocess.Popen([*argv, *command], pass_fds=(self._descriptor,), text=True, **options)

    def run(self, *command: str, stdin: str = "", timeout: float = 60) -> str:
        """Run a command in the namespace and return what it printed; raise if it fails."""
        process = self.popen(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return finish(process, command, stdin, timeout)
