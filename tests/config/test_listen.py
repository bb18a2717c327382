"""Where the daemon listens."""

from __future__ import annotations

import grp

import pytest

from relaymilter.config.endpoint import InetEndpoint, UnixEndpoint

from .written import problems, settings

DAEMON = grp.getgrnam("daemon")


@pytest.mark.parametrize(("text", "mode"), [("0660", 0o660), ("660", 0o660), ("0o600", 0o600), ("0777", 0o777)])
def test_socket_mode(text: str, mode: int) -> None:
    """A mode is octal, with its 0 or without."""
    assert mode == settings(socket_mode=text).listen.socket_mode


@pytest.mark.parametrize("text", ["", "66", "0680", "1660", "06600", "rw-rw----", "-660", "0x1b0", "٦٦٠"])
def test_bad_socket_mode(text: str) -> None:
    """Anything else is no mode."""
    message = f"{text!r} is no mode: give three octal digits, such as 0660"
    assert [f"--socket-mode: {message}"] == problems(socket_mode=text)


@pytest.mark.parametrize("text", ["daemon", str(DAEMON.gr_gid)])
def test_socket_group(text: str) -> None:
    """A group is a name or a number."""
    assert DAEMON.gr_gid == settings(socket_group=text).listen.socket_gid


@pytest.mark.parametrize("text", ["", "no-such-group", "-1", "4294967295", "99999999999999999999", "²", "a\0b"])
def test_bad_socket_group(text: str) -> None:
    """A group that is none is refused; 4294967295 is the -1 that leaves a group as it is."""
    assert [f"--socket-group: there is no group {text!r}"] == problems(socket_group=text)


@pytest.mark.parametrize("text", ["", "run/pid", "./pid", "/run/a\0b"])
def test_bad_pidfile(text: str) -> None:
    """A pid file has an absolute path."""
    assert [f"--pidfile: the path {text!r} is not absolute"] == problems(pidfile=text)


def test_bad_socket() -> None:
    """A wrong socket is refused with its flag."""
    message = "inet:8894 names no address: give inet:8894@127.0.0.1 for this machine alone"
    assert [f"--socket: {message}"] == problems(socket="inet:8894")


def test_several_sockets() -> None:
    """Every socket counts, in the order in which they are given; a list in the file, or a string alone."""
    sockets = (UnixEndpoint("/a"), InetEndpoint("127.0.0.1", 25))
    assert sockets == settings(socket=("unix:/a", "inet:25@127.0.0.1")).listen.sockets
    assert sockets == settings('socket = ["/a", "inet:127.0.0.1:25"]\n').listen.sockets
    assert sockets[:1] == settings('socket = "/a"\n').listen.sockets


def test_the_same_socket_twice() -> None:
    """A socket is given once, however it is written."""
    assert ["--socket: 'inet:127.0.0.1:25' is given twice"] == problems(
        socket=("inet:25@127.0.0.1", "inet:127.0.0.1:25")
    )


def test_no_socket() -> None:
    """A list without a socket leaves the default: the daemon listens somewhere."""
    assert (InetEndpoint("127.0.0.1", 8894),) == settings("socket = []\n").listen.sockets


def test_metrics() -> None:
    """Anywhere that the milter may listen; nowhere by default."""
    assert InetEndpoint("127.0.0.1", 9894) == settings(metrics="inet:9894@127.0.0.1").listen.metrics
    assert settings().listen.metrics is None


def test_metrics_need_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nothing starts, and it is said what to install; what is no socket is said before."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    text = "prometheus-client is not installed (Debian's python3-prometheus-client)"
    assert [f"--metrics: {text}"] == problems(metrics="inet:9894@127.0.0.1")
    assert ["--metrics: inet:9894 names no address: give inet:9894@127.0.0.1 for this machine alone"] == problems(
        metrics="inet:9894"
    )
