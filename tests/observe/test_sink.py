"""Where lines go, and what happens to them where no one takes them."""

from __future__ import annotations

import functools
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from relaymilter.observe import sink
from relaymilter.observe.sink import log_to, stderr_sink, syslog_sink

LINE = "x" * 99


class Syslog:
    """A datagram socket at a path, where syslog would be; it can be restarted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = self._bound()

    def restart(self) -> None:
        """Another socket at the same path."""
        self.stop()
        self.socket = self._bound()

    def stop(self) -> None:
        """No socket any more."""
        self.socket.close()
        self.path.unlink()

    def read(self) -> str:
        """The next datagram."""
        return self.socket.recv(8192).decode("ascii")

    def _bound(self) -> socket.socket:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        opened.bind(str(self.path))
        opened.settimeout(5)
        return opened


@pytest.fixture
def syslog(folder: Path) -> Iterator[Syslog]:
    """A syslog at a short path."""
    found = Syslog(folder / "log")
    yield found
    found.socket.close()


@pytest.fixture
def _logger() -> Iterator[None]:
    """What log_to changes is as it was afterwards."""
    logger = logging.getLogger("relaymilter")
    before = [*logger.handlers], logger.propagate, logger.level
    yield
    logger.handlers[:], logger.propagate, logger.level = before


def bounded(task: Callable[[], object], seconds: float = 10.0) -> None:
    """Run it, and fail if it does not end."""
    thread = threading.Thread(target=task, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it waits"


def pipe() -> tuple[int, int]:
    """The descriptors of a pipe's ends: to read, to write."""
    return os.pipe()


def stream() -> tuple[int, int]:
    """Those of a socket pair, as systemd gives for standard error."""
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


def test_line_is_one_write() -> None:
    """A line goes out with its end, in ASCII, in one write: a packet socket shows the boundaries."""
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with reader, writer:
        write = stderr_sink(writer.fileno())
        write("one")
        write("zwei \xfc \u2028")
        assert (reader.recv(99), reader.recv(99)) == (b"one\n", b"zwei \\xfc \\u2028\n")


def test_file(tmp_path: Path) -> None:
    """A file is written where its other writers are: at its end, if it was opened so."""
    path = tmp_path / "log"
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    stderr_sink(fd)("one")
    with path.open("a") as other:
        other.write("other\n")
    stderr_sink(fd)("two")
    os.close(fd)
    assert path.read_text() == "one\nother\ntwo\n"


@pytest.mark.parametrize("ends", [pipe, stream])
def test_closed(ends: Callable[[], tuple[int, int]]) -> None:
    """Where the reader is gone, a line is dropped; also where it goes later."""
    reader, writer = ends()
    before = stderr_sink(writer)
    before("one")
    os.close(reader)
    bounded(lambda: before("two"))
    bounded(lambda: stderr_sink(writer)("three"))
    os.close(writer)


@pytest.mark.parametrize("ends", [pipe, stream])
def test_full(ends: Callable[[], tuple[int, int]]) -> None:
    """Where no one reads, lines are dropped, not waited for; how many is told when there is room again."""
    reader, writer = ends()
    write = stderr_sink(writer)
    bounded(lambda: [write(f"{number} {LINE}") for number in range(20000)])
    read = b""
    os.set_blocking(reader, False)
    while len(read) < 10_000_000:
        try:
            read += os.read(reader, 65536)
        except BlockingIOError:
            break
    write("again")
    after = os.read(reader, 65536).decode().splitlines()
    os.close(reader)
    os.close(writer)
    kept = [line for line in read.decode().splitlines() if line.endswith(LINE)]
    assert [f"{number} {LINE}" for number in range(len(kept))] == kept
    assert after[-2:] == [f"WARNING: {20000 - len(kept)} lines could not be logged", "again"]


def test_full_of_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where the pipe cannot be opened anew; lines that had room arrive whole, in their order."""

    def refused(*_: object) -> int:
        raise PermissionError

    reader, writer = pipe()
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        write = stderr_sink(writer)
    bounded(lambda: [write(f"{number} {LINE}") for number in range(20000)])
    tries, read = 0, b""
    while b"again" not in read:
        write("again")
        tries += 1
        read += os.read(reader, 65536)
    os.close(reader)
    lines = read.decode().splitlines()
    kept = [line for line in lines if line.endswith(LINE)]
    lost = [int(line.split()[1]) for line in lines if line.startswith("WARNING: ")]
    assert [f"{number} {LINE}" for number in range(len(kept))] == kept
    assert 20000 - len(kept) <= lost[0]
    assert sum(lost) <= 20000 - len(kept) + tries
    os.close(writer)


@pytest.mark.parametrize("ends", [pipe, stream])
def test_descriptor_stays_blocking(ends: Callable[[], tuple[int, int]]) -> None:
    """Standard error is shared with other processes: to them it is as it was."""
    reader, writer = ends()
    stderr_sink(writer)("one")
    assert os.get_blocking(writer)
    os.close(reader)
    os.close(writer)


def test_syslog(syslog: Syslog) -> None:
    """A line is a datagram of facility mail, with our name and process id."""
    syslog_sink(path=str(syslog.path))("decision verdict=permit \xfc")
    assert syslog.read() == f"<22>relaymilter[{os.getpid()}]: decision verdict=permit \\xfc"


def test_syslog_restarted(syslog: Syslog) -> None:
    """After a restart of syslog the next line arrives."""
    write = syslog_sink(path=str(syslog.path))
    write("one")
    assert syslog.read().endswith(": one")
    syslog.restart()
    write("two")
    assert syslog.read().endswith(": two")


def test_syslog_away(syslog: Syslog) -> None:
    """While there is no syslog, lines are dropped; when there is one, they arrive."""
    syslog.stop()
    write = syslog_sink(path=str(syslog.path))
    write("lost")
    syslog.socket = Syslog(syslog.path).socket
    write("one")
    assert syslog.read().endswith(": one")


def test_syslog_full(syslog: Syslog) -> None:
    """A syslog that does not read is not waited for."""
    write = syslog_sink(path=str(syslog.path))
    bounded(lambda: [write(LINE) for _ in range(5000)])
    assert syslog.read().endswith(LINE)


def test_syslog_long_line(syslog: Syslog) -> None:
    """A line that is too long for a datagram is dropped, and the next one arrives."""
    write = syslog_sink(path=str(syslog.path))
    write("x" * 1_000_000)
    write("one")
    assert syslog.read().endswith(": one")


@pytest.fixture
def _switching() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_switching")
def test_syslog_restarted_under_load(syslog: Syslog) -> None:
    """Threads that log while syslog is restarted never see an error."""
    write = syslog_sink(path=str(syslog.path))
    errors: list[BaseException] = []

    def log() -> None:
        try:
            for _ in range(3000):
                write(LINE)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        syslog.restart()
    for thread in threads:
        thread.join(10)
    assert errors == []


@pytest.mark.usefixtures("_logger")
def test_log_to_syslog(syslog: Syslog, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the daemon says of itself has a severity; decisions are informational."""
    monkeypatch.setattr(sink, "syslog_sink", functools.partial(syslog_sink, path=str(syslog.path)))
    decisions = log_to(syslog=True, verbose=False)
    log = logging.getLogger("relaymilter.daemon")
    log.error("one")
    log.warning("two")
    log.info("three")
    log.debug("nothing")
    decisions("four")
    tag = f"relaymilter[{os.getpid()}]: "
    assert [f"<19>{tag}ERROR: one", f"<20>{tag}WARNING: two", f"<22>{tag}INFO: three", f"<22>{tag}four"] == [
        syslog.read() for _ in range(4)
    ]


@pytest.mark.usefixtures("_logger")
def test_log_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    """Without syslog everything goes to standard error; --verbose shows more, and no line comes twice."""
    log_to(syslog=False, verbose=False)
    decisions = log_to(syslog=False, verbose=True)
    logging.getLogger("relaymilter.milter").debug("one %d", 1)
    decisions("decision verdict=permit")
    assert capfd.readouterr().err == "DEBUG: one 1\ndecision verdict=permit\n"


@pytest.mark.usefixtures("_logger")
def test_exception_forges_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """The text of an exception may be a client's: no line of it looks like a decision, or drives a terminal."""
    log_to(syslog=False, verbose=False)
    log = logging.getLogger("relaymilter.milter")
    try:
        raise ValueError('x\ndecision verdict=permit\r{"verdict": "permit"}\x1b[2J\x07\u2028decision verdict=permit')
    except ValueError:
        log.exception("broken")
    first, *more = capfd.readouterr().err.splitlines()
    assert first == "ERROR: broken"
    assert "decision verdict=permit" in [line.strip() for line in more]
    for line in more:
        assert line.startswith("    ")
        assert line.isprintable()
