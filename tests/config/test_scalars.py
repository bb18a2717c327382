"""Options that have one value."""

from __future__ import annotations

import grp
import pwd

import pytest

from relaymilter.config.account import Account
from relaymilter.config.endpoint import InetEndpoint, UnixEndpoint

from .written import problems, settings

NOBODY = pwd.getpwnam("nobody")
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


@pytest.mark.parametrize(("text", "seconds"), [("0", 0.0), ("2", 2.0), ("0.5", 0.5), ("3600", 3600.0)])
def test_stop_timeout(text: str, seconds: float) -> None:
    """A time is in seconds."""
    assert seconds == settings(stop_timeout=text).daemon.stop_timeout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no number of seconds"),
        ("5s", "'5s' is no number of seconds"),
        ("-1", "-1 is out of range: give 0 to 3600 seconds"),
        ("3601", "3601 is out of range: give 0 to 3600 seconds"),
        ("inf", "inf is out of range: give 0 to 3600 seconds"),
        ("nan", "nan is out of range: give 0 to 3600 seconds"),
        ("1e999", "1e999 is out of range: give 0 to 3600 seconds"),
    ],
)
def test_bad_stop_timeout(text: str, message: str) -> None:
    """What is no time, or an unreasonable one, is refused."""
    assert [f"--stop-timeout: {message}"] == problems(stop_timeout=text)


@pytest.mark.parametrize("text", ["", "0", "65", "-1", "1.5", "two", "²", "9" * 30])
def test_bad_workers(text: str) -> None:
    """Workers are counted, and bounded."""
    assert [f"--workers: {text!r} is no number of workers: give 1 to 64"] == problems(workers=text)


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("nobody", Account("nobody", NOBODY.pw_uid, NOBODY.pw_gid)),
        ("nobody:daemon", Account("nobody", NOBODY.pw_uid, DAEMON.gr_gid)),
        (str(NOBODY.pw_uid), Account("nobody", NOBODY.pw_uid, NOBODY.pw_gid)),
        (f"nobody:{DAEMON.gr_gid}", Account("nobody", NOBODY.pw_uid, DAEMON.gr_gid)),
        ("nobody:", Account("nobody", NOBODY.pw_uid, NOBODY.pw_gid)),
    ],
)
def test_user(text: str, account: Account) -> None:
    """A user brings its own group, unless one is named; both may be numbers."""
    assert account == settings(user=text).daemon.account


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no user ''"),
        ("no-such-user", "there is no user 'no-such-user'"),
        (":daemon", "there is no user ''"),
        ("99999999999999999999", "there is no user '99999999999999999999'"),
        ("²", "there is no user '²'"),
        ("nobody:no-such-group", "there is no group 'no-such-group'"),
        ("nobody:daemon:x", "there is no group 'daemon:x'"),
        ("nobody:4294967295", "there is no group '4294967295'"),
        ("nobody:99999999999999999999", "there is no group '99999999999999999999'"),
    ],
)
def test_bad_user(text: str, message: str) -> None:
    """A user and a group are looked up at once, not when root has been given up."""
    assert [f"--user: {message}"] == problems(user=text)


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


@pytest.mark.parametrize(
    ("option", "choices"),
    [
        ("reply", "postfix, sendmail, defer"),
        ("on-error", "defer, reject"),
        ("log-format", "text, json"),
        ("runtime", "loop, libmilter"),
        ("log-decisions", "all, refused, none"),
    ],
)
@pytest.mark.parametrize("text", ["", "x", "POSTFIX", "Text", " all"])
def test_bad_choice(option: str, choices: str, text: str) -> None:
    """A choice is one of its names, in their case."""
    assert [f"--{option}: {text!r} is none of {choices}"] == problems(**{option: text})


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
