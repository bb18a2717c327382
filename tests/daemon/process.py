"""`relaymilter run` as a process of its own, with its socket and its log, for tests of how it lives and ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Any, TypeVar

from tests.rig import wait_for
from tests.wire.mta import Answer, Mta, Reply

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
NOTHING: Mapping[str, str] = MappingProxyType({})
STRANGER = "203.0.113.7"
DENIED = Reply(554, "5.7.1", "<v@example.com>: Relay access denied")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


@contextmanager
def asking(question: Callable[[], T], threads: int) -> Iterator[list[T]]:
    """In so many threads, ask all the time, one question after the other; the answers so far.

    It ends with the block, however that ends. An error ends its thread, so that nobody asks in vain a thousand times a
    second, and is raised at the end.
    """
    over = threading.Event()
    answers: list[T] = []

    def ask() -> None:
        while not over.is_set():
            answers.append(question())

    with ThreadPoolExecutor(threads) as pool:
        asked = [pool.submit(ask) for _ in range(threads)]
        try:
            yield answers
        finally:
            over.set()
        for each in asked:
            each.result(20)


class Daemon:
    """The daemon in `folder`, with example.org as its local domain unless `flags` say otherwise; a context manager.

    `where` is its socket in Postfix's form, by default a unix socket in the folder; `prefix` is a command that runs
    it; `environment` is added to ours; `options` are subprocess.Popen's. The log is `name` in the folder.
    """

    def __init__(
        self,
        folder: Path,
        *flags: str,
        where: str = "",
        name: str = "log",
        prefix: tuple[str, ...] = (),
        environment: Mapping[str, str] = NOTHING,
        **options: Any,
    ) -> None:
        self.folder = folder
        self.where = where or f"unix:{folder}/s"
        self.flags = flags or ("--local-domain", "example.org")
        self.path = folder / name
        self.prefix = prefix
        self.environment = environment
        self.options = options
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Daemon:
        self.start()
        try:
            self.ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """See to it that it has ended; its workers follow it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)

    def start(self) -> None:
        """Start it, and do not wait."""
        command = [*self.prefix, sys.executable, "-m", "relaymilter", "run", "-p", self.where, *self.flags]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
        with self.path.open("ab") as log:
            given: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log} | self.options
            # It ends with the tests, whatever becomes of them.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command], cwd=self.folder, env=environment, **given
            )

    def ready(self, times: int = 1) -> None:
        """Wait until it serves."""
        self.wait_log("serving on", times)

    def wait_log(self, text: str, times: int = 1) -> None:
        """Wait until the log has this text so many times. Raises AssertionError if the daemon ends before."""

        def there() -> bool:
            if self.log.count(text) >= times:
                return True
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode}: {self.log[-2000:]}")
            return False

        wait_for(there, f"{text!r} in the log")

    @property
    def log(self) -> str:
        """All that it has written so far."""
        return self.path.read_text("ascii")

    @property
    def pid(self) -> int:
        """Of the parent."""
        return self.process.pid

    def workers(self) -> list[int]:
        """The process ids of its children."""
        return [int(word) for word in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def tell(self, number: signal.Signals) -> None:
        """Send the parent a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = 20) -> int:
        """Wait for its end, and return its exit status."""
        return self.process.wait(seconds)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 20) -> int:
        """Tell it to stop, wait, and return its exit status."""
        self.tell(number)
        return self.wait(seconds)

    def session(self, address: str = STRANGER) -> Mta:
        """A session in which a message has begun."""
        mta = Mta(self.where)
        try:
            begin(mta, address)
        except BaseException:
            mta.close()
            raise
        return mta

    def ask(self, recipient: bytes = b"<v@example.com>", address: str = STRANGER) -> Answer:
        """What a client hears of this recipient, in a session of its own."""
        with self.session(address) as mta:
            answer = mta.rcpt(recipient)
            mta.quit()
            return answer


def begin(mta: Mta, address: str = STRANGER) -> None:
    """Negotiate, connect, greet, and begin a message."""
    mta.negotiate()
    mta.connect(address)
    mta.helo()
    mta.mail()


def output_of(*words: str, prefix: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run `relaymilter run` for example.org with these words to its end: its exit status, and what it wrote."""
    command = [*prefix, sys.executable, "-m", "relaymilter", "run", "--local-domain", "example.org", *words]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout


def read_end(stream: IO[bytes] | None) -> IO[bytes]:
    """A Popen's pipe, which is there."""
    assert stream is not None
    return stream
