"""The listening socket: made, shared, and removed; and what is not ours is left alone."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from relaymilter.config.account import Account
from relaymilter.config.endpoint import Endpoint, FdEndpoint, InetEndpoint, UnixEndpoint, parse_endpoint
from relaymilter.config.listen import ListenSettings
from relaymilter.daemon import listener
from relaymilter.daemon.failures import CannotListen
from relaymilter.daemon.listener import Listener, open_listeners
from tests.rig import wait_for
from tests.wire.mta import Mta

from .process import DENIED, Daemon, begin, free_port, output_of


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_BUSY_SECONDS", 0.0)


def settings(socket: Endpoint, mode: int = 0o660, gid: int | None = None) -> ListenSettings:
    """What says how to listen."""
    return ListenSettings((socket,), mode, gid, None)


def open_listener(settings: ListenSettings, account: Account | None) -> Listener:
    """Listen at the one place that they name."""
    (opened,) = open_listeners(settings, account)
    return opened


def unix(folder: Path) -> UnixEndpoint:
    """A unix socket there."""
    return UnixEndpoint(f"{folder}/s")


def connects(path: str) -> bool:
    """Someone listens there."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666, 0o777], ids=oct)
@pytest.mark.parametrize(
    ("account", "gid", "owner"),
    [
        (None, None, (os.getuid(), os.getgid())),
        (None, 7, (os.getuid(), 7)),
        (Account("x", 65534, 65533), None, (65534, 65533)),
        (Account("x", 65534, 65533), 7, (65534, 7)),
    ],
    ids=["ours", "a group", "an account", "an account and a group"],
)
def test_mode_and_owner(folder: Path, mode: int, account: Account | None, gid: int | None, owner: object) -> None:
    """A unix socket has the mode that was asked for, whatever the umask, the account's user, and the group named."""
    before = os.umask(0o077)
    try:
        opened = open_listener(settings(unix(folder), mode, gid), account)
        found = os.stat(f"{folder}/s")
        assert stat.S_IMODE(found.st_mode) == mode
        assert (found.st_uid, found.st_gid) == owner
        assert os.umask(0o077) == 0o077
        opened.close()
    finally:
        os.umask(before)


def test_close_removes_it(folder: Path) -> None:
    """A unix socket is gone when it is closed."""
    opened = open_listener(settings(unix(folder)), None)
    assert connects(f"{folder}/s")
    opened.close()
    assert list(folder.iterdir()) == []


def test_close_leaves_another_alone(folder: Path) -> None:
    """Another daemon's socket, or a file, that has taken its place stays."""
    opened = open_listener(settings(unix(folder)), None)
    os.unlink(f"{folder}/s")
    another = open_listener(settings(unix(folder)), None)
    opened.close()
    assert connects(f"{folder}/s")
    another.close()


def test_close_when_it_is_gone(folder: Path) -> None:
    """Nor does it matter if someone else has removed it."""
    opened = open_listener(settings(unix(folder)), None)
    os.unlink(f"{folder}/s")
    opened.close()


def test_stale(folder: Path) -> None:
    """A socket that no one listens on is replaced."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{folder}/s")
    opened = open_listener(settings(unix(folder)), None)
    assert connects(f"{folder}/s")
    opened.close()


@pytest.mark.usefixtures("_impatient")
def test_live(folder: Path) -> None:
    """A socket that someone listens on is not replaced, and goes on."""
    opened = open_listener(settings(unix(folder)), None)
    with pytest.raises(CannotListen, match=f"^unix:{folder}/s: another process listens there$"):
        open_listener(settings(unix(folder)), None)
    assert connects(f"{folder}/s")
    opened.close()


@pytest.mark.usefixtures("_impatient")
def test_live_and_busy(folder: Path) -> None:
    """Nor is one whose owner is too busy to accept."""
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as first:
        busy.bind(f"{folder}/s")
        busy.listen(0)
        first.connect(f"{folder}/s")
        with pytest.raises(CannotListen, match=r": there is a socket, and it cannot be asked: "):
            open_listener(settings(unix(folder)), None)
        assert (folder / "s").exists()


def test_datagram_socket(folder: Path) -> None:
    """A socket of another type is not replaced."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(f"{folder}/s")
        with pytest.raises(CannotListen, match=r": there is a socket, and it cannot be asked: "):
            open_listener(settings(unix(folder)), None)
        assert (folder / "s").exists()


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link", "link to a file", "fifo"])
def test_no_socket(folder: Path, kind: str) -> None:
    """What is no socket is left alone."""
    path = folder / "s"
    (folder / "file").write_text("precious")
    match kind:
        case "file":
            path.write_text("precious")
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case _:
            path.symlink_to("none" if kind == "dangling link" else "file")
    before = path.lstat()
    with pytest.raises(CannotListen, match=r"/s: there is a file that is no socket; it is left alone$"):
        open_listener(settings(unix(folder)), None)
    assert (before.st_ino, before.st_mode) == (path.lstat().st_ino, path.lstat().st_mode)
    assert (folder / "file").read_text() == "precious"


def test_no_folder(folder: Path) -> None:
    """Where the folder is missing, it is said."""
    with pytest.raises(CannotListen, match=r"^unix:/.*/none/s: No such file or directory$"):
        open_listener(settings(UnixEndpoint(f"{folder}/none/s")), None)


def test_cannot_be_given_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that cannot be given its owner is not left behind."""

    def chown(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", chown)
    with pytest.raises(CannotListen, match=r"/s: cannot give it to the group lp: Operation not permitted$") as refused:
        open_listener(settings(unix(folder), gid=7), None)
    assert refused.value.status == 77
    assert list(folder.iterdir()) == []


@pytest.fixture(params=["unix", "inet"])
def endpoint(request: pytest.FixtureRequest, folder: Path) -> Endpoint:
    """A socket of each family."""
    return unix(folder) if request.param == "unix" else InetEndpoint("127.0.0.1", free_port())


def test_waits_for_one_on_its_way_out(endpoint: Endpoint) -> None:
    """What is taken is waited for, for a moment."""
    opened = open_listener(settings(endpoint), None)
    closing = threading.Timer(0.2, opened.close)
    closing.start()
    began = time.monotonic()
    again = open_listener(settings(endpoint), None)
    assert time.monotonic() - began >= 0.1
    closing.join()
    again.close()


@pytest.mark.usefixtures("_impatient")
def test_taken_port() -> None:
    """A TCP port that is taken stays so, and it is said."""
    endpoint = InetEndpoint("127.0.0.1", free_port())
    opened = open_listener(settings(endpoint), None)
    with pytest.raises(CannotListen, match=f"^inet:{endpoint.port}@127.0.0.1: Address already in use$"):
        open_listener(settings(endpoint), None)
    opened.close()


def test_foreign_address() -> None:
    """An address that this machine has not is refused at once."""
    with pytest.raises(CannotListen, match=r"^inet:8894@192.0.2.1: Cannot assign requested address$"):
        open_listener(settings(InetEndpoint("192.0.2.1", 8894)), None)


def test_port_of_a_connection_that_lingers() -> None:
    """A port is had again at once though connections to it are still in TIME-WAIT."""
    endpoint = InetEndpoint("127.0.0.1", free_port())
    opened = open_listener(settings(endpoint), None)
    with socket.create_connection(("127.0.0.1", endpoint.port)):
        opened.socket.accept()[0].close()
    opened.close()
    open_listener(settings(endpoint), None).close()


def test_ipv6_alone() -> None:
    """An inet6 socket leaves IPv4 to another."""
    port = free_port()
    ours = open_listener(settings(parse_endpoint(f"inet6:{port}@[::]")), None)
    other = open_listener(settings(InetEndpoint("0.0.0.0", port)), None)
    ours.close()
    other.close()


@pytest.fixture
def handed_down() -> Iterator[socket.socket]:
    """A listening socket such as systemd hands down."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen()
        yield opened


def test_fd(handed_down: socket.socket) -> None:
    """A socket that was handed down is used, and closed here alone."""
    copy = os.dup(handed_down.fileno())
    opened = open_listener(settings(FdEndpoint(copy)), None)
    assert opened.socket.getsockname() == handed_down.getsockname()
    opened.close()
    with socket.create_connection(handed_down.getsockname()):
        handed_down.accept()[0].close()


NOT_HANDED_DOWN = "no socket was handed down there (see systemd.socket(5))"
NOT_LISTENING = "this socket does not listen for connections"


def test_fd_that_is_none(tmp_path: Path) -> None:
    """A number that is no open descriptor, or no socket, is refused in words."""
    with (tmp_path / "file").open("w") as file:
        for number in (file.fileno(), 1000, 2**31, 2**70):
            with pytest.raises(CannotListen, match=f"^{re.escape(f'fd:{number}: {NOT_HANDED_DOWN}')}$"):
                open_listener(settings(FdEndpoint(number)), None)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["not listening", "datagrams"])
def test_fd_that_does_not_listen(kind: socket.SocketKind) -> None:
    """Nor is a socket that does not listen taken."""
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        copy = os.dup(other.fileno())
        with pytest.raises(CannotListen, match=f"^fd:{copy}: {NOT_LISTENING}$"):
            open_listener(settings(FdEndpoint(copy)), None)


@pytest.mark.parametrize("family", ["inet", "unix"])
def test_daemon_on_a_socket_handed_down(folder: Path, runtime: tuple[str, str], family: str) -> None:
    """The daemon serves at a socket that was handed down, which can be used by the next one after its end."""
    with socket.socket(socket.AF_INET if family == "inet" else socket.AF_UNIX) as ours:
        ours.bind(("127.0.0.1", 0) if family == "inet" else f"{folder}/s")
        ours.listen()
        number = ours.fileno()
        at = f"unix:{folder}/s" if family == "unix" else f"inet:127.0.0.1:{ours.getsockname()[1]}"
        flags = ("--local-domain", "x.test", *runtime)
        with Daemon(folder, *flags, where=f"fd:{number}", pass_fds=[number]) as daemon:
            with Mta(at) as mta:
                begin(mta)
                assert mta.rcpt(b"<v@example.com>") == DENIED
                mta.quit()
            assert daemon.stop() == 0
        with Mta(at):
            ours.settimeout(5)
            ours.accept()[0].close()


def test_daemon_and_a_taken_socket(folder: Path) -> None:
    """A second daemon at the same socket ends with 69, and the first one serves on."""
    with Daemon(folder, "--local-domain", "x.test") as daemon:
        status, said = output_of("-p", daemon.where, "-P", f"{folder}/pid")
        assert (status, said) == (69, f"relaymilter: {daemon.where}: another process listens there\n")
        assert daemon.ask() == DENIED
        assert not (folder / "pid").exists()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("fd:9", "relaymilter: fd:9: no socket was handed down there (see systemd.socket(5))\n"),
        ("unix:/nowhere/s", "relaymilter: unix:/nowhere/s: No such file or directory\n"),
        ("unix:/etc/passwd", "relaymilter: unix:/etc/passwd: there is a file that is no socket; it is left alone\n"),
    ],
)
def test_daemon_without_a_socket(where: str, message: str) -> None:
    """A socket that cannot be had is said in words: 69."""
    assert output_of("-p", where) == (69, message)


def test_several(folder: Path, runtime: tuple[str, str]) -> None:
    """-p may be repeated: a unix socket and TCP serve at once, each is logged, and all are gone at the end."""
    port = free_port()
    with Daemon(folder, "--local-domain", "x.test", "-p", f"inet:{port}@127.0.0.1", *runtime) as daemon:
        daemon.ready(2)
        for endpoint in (f"unix:{folder}/s", f"inet:{port}@127.0.0.1"):
            assert f"INFO: serving on {endpoint} with runtime {runtime[1]}\n" in daemon.log
        for where in (daemon.where, f"inet:127.0.0.1:{port}") * 2:
            daemon.where = where
            assert daemon.ask() == DENIED
        daemon.tell(signal.SIGHUP)
        daemon.wait_log("reloaded")
        for where in (f"unix:{folder}/s", f"inet:127.0.0.1:{port}"):
            daemon.where = where
            assert daemon.ask() == DENIED
        each = 2 if runtime[1] == "libmilter" else 1
        wait_for(lambda: len(daemon.workers()) == each, "each socket has its worker, or one has both")
        assert daemon.stop() == 0
    assert {path.name for path in folder.iterdir()} == {"log"}
    open_listener(settings(InetEndpoint("127.0.0.1", port)), None).close()


def test_several_in_the_file(folder: Path) -> None:
    """In the file it is a list; one that is given twice is a mistake."""
    (folder / "r.toml").write_text(f'socket = ["unix:{folder}/a", "unix:{folder}/b", "{folder}/a"]\n')
    status, said = output_of("-c", f"{folder}/r.toml")
    assert (status, said) == (78, f"relaymilter: {folder}/r.toml:1: socket: '{folder}/a' is given twice\n")


@pytest.mark.usefixtures("_impatient")
def test_one_of_several_that_cannot_be_had(folder: Path) -> None:
    """Where one of several cannot be had, none is left open."""
    wanted = ListenSettings((unix(folder), UnixEndpoint(f"{folder}/none/s")), 0o660, None, None)
    with pytest.raises(CannotListen, match=r"/none/s: No such file or directory$"):
        open_listeners(wanted, None)
    assert list(folder.iterdir()) == []


def test_runtime_of_several_stays(folder: Path) -> None:
    """With several sockets another runtime waits for a restart, and a reload says so."""
    (folder / "r.toml").write_text("")
    with Daemon(folder, "-c", "r.toml", "-p", f"{folder}/s2") as daemon:
        (folder / "r.toml").write_text('runtime = "libmilter"\n')
        daemon.tell(signal.SIGHUP)
        daemon.wait_log("reloaded, with runtime loop")
        assert "WARNING: reload: runtime has changed, and stays as it was until a restart\n" in daemon.log
        for path in ("s", "s2"):
            daemon.where = f"unix:{folder}/{path}"
            assert daemon.ask() == DENIED


def test_name_that_systemd_does_not_give(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that no socket has is said, with those that there are; what is for another process does not count."""
    missing = "fd:milter: systemd handed down no socket of this name (FileDescriptorName=), "
    monkeypatch.setenv("LISTEN_FDNAMES", "a:b:a")
    for pid, others in ((str(os.getpid()), "only a, b"), ("1", "none at all")):
        monkeypatch.setenv("LISTEN_PID", pid)
        with pytest.raises(CannotListen, match=f"^{re.escape(missing + others)}$"):
            open_listener(settings(parse_endpoint("fd:milter")), None)
