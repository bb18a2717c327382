"""A socketmap server that is well, one that is not, and what it may say; test_faults.py has its death, too."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from relaymilter.policy.ports import LookupFailed
from relaymilter.tables import socketmap
from relaymilter.tables.registry import open_table
from relaymilter.tables.socketmap import SocketMap
from relaymilter.tables.table import TableError
from tests.rig.postmap import postfix_commands, why_no_postmap

from .kinds.socketmap import make


def opened(text: str) -> SocketMap:
    """The table of this name."""
    table = open_table(text)
    assert isinstance(table, SocketMap)
    return table


@contextmanager
def saying(path: Path, *parts: bytes, hang_up: bool = True) -> Iterator[SocketMap]:
    """A server that sends these parts, one after the other, to its one client."""
    done = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            for part in parts:
                client.sendall(part)
            if not hang_up:
                done.wait()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield opened(f"socketmap:unix:{path}:map")
        finally:
            done.set()
            thread.join()


def netstring(text: bytes) -> bytes:
    """As the server sends it."""
    return b"%d:%b," % (len(text), text)


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (b"OK example", "example"),
        (b"OK ", ""),
        (b"OK  two words ", " two words "),
        (b"OK a\nb\0c", "a\nb\0c"),
        (b"OK b\xc3\xbccher", "bücher"),
        (b"OK " + b"x" * 99_997, "x" * 99_997),
        (b"NOTFOUND ", None),
        (b"NOTFOUND", None),
        (b"NOTFOUND OK example", None),
    ],
    ids=["value", "empty", "blanks", "octets", "UTF-8", "longest", "no", "no blank", "no with text"],
)
def test_reply(tmp_path: Path, reply: bytes, value: str | None) -> None:
    """OK has a value, NOTFOUND has none."""
    with saying(tmp_path / "socket", netstring(reply)) as table:
        assert table.find("example.org") == value


def test_reply_in_pieces(tmp_path: Path) -> None:
    """A reply may come octet by octet."""
    with saying(tmp_path / "socket", *(bytes([octet]) for octet in netstring(b"OK example"))) as table:
        assert table.find("example.org") == "example"


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (netstring(b"TEMP database is down"), "the server says TEMP database is down"),
        (netstring(b"TIMEOUT "), "the server says TIMEOUT"),
        (netstring(b"PERM no such map"), "the server says PERM no such map"),
        (netstring(b"OK"), "the server answers what is no reply: 'OK'"),
        (netstring(b"ok example"), "what is no reply: 'ok example'"),
        (netstring(b"YES "), "what is no reply: 'YES '"),
        (netstring(b""), "what is no reply: ''"),
        (netstring(b"\xff\xfe"), "what is no reply"),
        (b"", "hangs up after 0 octets"),
        (b"7:OK ab", "hangs up after 7 octets"),
        (b"7:OK abcd", "hangs up after 9 octets"),
        (b"7:OK abcd;", "something else than the netstring"),
        (netstring(b"OK a") + b"x", "something else than the netstring"),
        (netstring(b"NOTFOUND ") + netstring(b"OK a"), "something else than the netstring"),
        (b"OK example\n", "what is no netstring: b'OK example"),
        (b":", "what is no netstring"),
        (b"-1:,", "what is no netstring"),
        (b" 7:OK abcd,", "what is no netstring"),
        (b"7 :OK abcd,", "what is no netstring"),
        (b"\n", "what is no netstring"),
        (b"9" * 7, "what is no netstring"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what is no netstring"),
        (b"100001:", "announces a reply of 100001 octets; 100000 are the most"),
        (b"999999:OK ", "announces a reply of 999999 octets"),
    ],
)  # fmt: skip
def test_what_is_no_answer(tmp_path: Path, sent: bytes, words: str) -> None:
    """What is not exactly a reply of the protocol is no yes and no no."""
    with saying(tmp_path / "socket", sent) as table, pytest.raises(LookupFailed) as failed:
        table.find("example.org")
    assert words in str(failed.value)


@pytest.mark.parametrize("parts", [(), (b"7:OK a",), (b"7",)], ids=["silent", "half a reply", "half a length"])
def test_slow_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: tuple[bytes, ...]) -> None:
    """A server that keeps the connection and says no more is given up."""
    monkeypatch.setattr(socketmap, "SECONDS", 0.2)
    with (
        saying(tmp_path / "socket", *parts, hang_up=False) as table,
        pytest.raises(LookupFailed, match=r"no answer within 0\.2 s"),
    ):
        table.find("example.org")


def test_endless_drip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is for the whole answer: octets that trickle in do not prolong it."""
    monkeypatch.setattr(socketmap, "SECONDS", 0.3)
    stop = threading.Event()

    def drip() -> None:
        client, _ = listener.accept()
        with client:
            client.sendall(b"90000:OK ")
            while not stop.wait(0.05):
                client.sendall(b"x")

    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as pool:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        dripping = pool.submit(drip)
        with pytest.raises(LookupFailed, match="no answer within"):
            opened(f"socketmap:unix:{tmp_path}/socket:map").find("example.org")
        stop.set()
        assert dripping.exception() is None or isinstance(dripping.exception(), BrokenPipeError)


def test_nobody_there(tmp_path: Path) -> None:
    """No server, no socket, a file in its place: no answer, and why."""
    (tmp_path / "file").touch()
    for name, words in (("none", "No such file"), ("file", "refused")):
        with pytest.raises(LookupFailed, match=words):
            opened(f"socketmap:unix:{tmp_path}/{name}:map").find("example.org")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(LookupFailed, match="refused"):
        opened(f"socketmap:inet:127.0.0.1:{port}:map").find("example.org")


@pytest.mark.parametrize("form", ["unix", "inet"])
def test_keys_are_framed(tmp_path: Path, form: str) -> None:
    """No key is more than a key: not one that looks like a request, not one with blanks, not a very long one."""
    present = {"a b": "1", "3:x y,": "2", "domains example.org": "3", "x" * 90_000: "4", "a\nb": "5", "bücher": "6"}
    with make(form, tmp_path, present) as specimen:
        table = opened(specimen.text)
        assert present == {key: table.find(key) for key in present}
        assert table.find("example.org") is None
        with pytest.raises(LookupFailed):  # the server takes no octets that are not UTF-8
            table.find("a\udce9")
        assert table.find("a b") == "1"


def test_many_threads(tmp_path: Path) -> None:
    """Sixteen ask at once, and each has its own answer."""
    entries = {f"d{number}.test": f"v{number}" for number in range(300)}
    with make("unix", tmp_path, entries) as specimen, ThreadPoolExecutor(16) as pool:
        assert [*pool.map(opened(specimen.text).find, [*entries, "none"])] == [*entries.values(), None]


def test_postfix_agrees(tmp_path: Path) -> None:
    """Postfix's own client says of the server what ours does."""
    if reason := why_no_postmap():
        pytest.skip(reason)
    with postfix_commands(tmp_path), make("unix", tmp_path, {"example.org": "OK then"}) as specimen:
        postfix = open_table(f"postfix:{specimen.text}")
        assert not hasattr(postfix, "entries")
        for key in ("example.org", "example.net"):
            assert postfix.find(key) == opened(specimen.text).find(key)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("inet:127.0.0.1:99", "is neither socketmap:inet:HOST:PORT:NAME nor socketmap:unix:/PATH:NAME"),
        ("inet:127.0.0.1:x:map", "is neither"),
        ("inet:127.0.0.1:0:map", "0 is no port"),
        ("inet:127.0.0.1:70000:map", "70000 is no port"),
        ("inet:mail.example.org:99:map", "'mail.example.org' is no address"),
        ("inet::99:map", "'' is no address"),
        ("inet:127.0.0.1:99:", "is neither"),
        ("inet:127.0.0.1:99:two words", "is neither"),
        ("unix:relative:map", "is neither"),
        ("unix:/path", "is neither"),
        ("unix:/path:", "is neither"),
        (f"unix:/{'x' * 200}:map", "at most 107 octets"),
        ("unix:/a\0b:map", "no NUL"),
        ("tcp:127.0.0.1:99:map", "is neither"),
    ],
)
def test_no_such_name(name: str, words: str) -> None:
    """What names no server is refused."""
    with pytest.raises(TableError) as error:
        open_table(f"socketmap:{name}")
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("name", "address", "map_name"),
    [
        ("inet:127.0.0.1:99:map", ("127.0.0.1", 99), "map"),
        ("inet:localhost:99:map:x", ("127.0.0.1", 99), "map:x"),
        ("inet:[::1]:99:map", ("::1", 99), "map"),
        ("unix:/run/x:map", "/run/x", "map"),
    ],
)
def test_names(name: str, address: object, map_name: str) -> None:
    """A host is numeric, or localhost; opening asks nobody."""
    table = opened(f"socketmap:{name}")
    assert (table.address, table.map, table.waits) == (address, map_name, True)
