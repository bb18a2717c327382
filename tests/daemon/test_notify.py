"""What systemd is told, where it asks."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from relaymilter.daemon.notify import notify

from .process import Daemon


@pytest.fixture(params=["a path", "abstract"])
def systemd(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket that is told, and its address as NOTIFY_SOCKET has it."""
    address = f"{folder}/notify" if request.param == "a path" else f"@relaymilter-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(re.sub("^@", "\0", address))
        told.settimeout(10)
        yield told, address


def test_notify(systemd: tuple[socket.socket, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A state is one datagram."""
    told, address = systemd
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")
    assert told.recv(99) == b"READY=1"


@pytest.mark.parametrize("address", [None, "", "relative", "/nowhere/notify", "/" + "x" * 200, "@nobody", "vsock:2:1"])
def test_no_one_to_tell(address: str | None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside systemd, or where its socket is not to be had, nobody is told, nothing is left open, and all goes on."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as another:
        another.bind("relative")
        another.setblocking(False)
        before = os.listdir("/proc/self/fd")
        notify("READY=1")
        assert before == os.listdir("/proc/self/fd")
        with pytest.raises(BlockingIOError):
            another.recv(99)


def test_a_life(folder: Path, systemd: tuple[socket.socket, str]) -> None:
    """Ready once it serves; reloading, with the time that Type=notify-reload asks for, and ready again; stopping."""
    told, address = systemd
    (folder / "r.toml").write_text("")
    with Daemon(folder, "-c", "r.toml", environment={"NOTIFY_SOCKET": address}) as daemon:
        assert told.recv(99) == b"READY=1"
        for toml in ("", "frobnicate = 1\n"):
            (folder / "r.toml").write_text(toml)
            daemon.tell(signal.SIGHUP)
            assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", told.recv(99))
            assert told.recv(99) == b"READY=1"
        daemon.tell(signal.SIGTERM)
        assert told.recv(99) == b"STOPPING=1"
        assert daemon.wait() == 0
