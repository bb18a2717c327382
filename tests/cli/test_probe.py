"""relaymilter probe: what is wrong with its flags; what it finds is in tests/mta/test_probe.py."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from .conftest import Outcome, Run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Missing argument"),
        (
            ("192.0.2.1",),
            "192.0.2.1:25 is no address of this machine: probe your own servers alone, and say --own-host",
        ),
        (("[2001:db8::1]:587",), "[2001:db8::1]:587 is no address of this machine"),
        (("127.0.0.1:0",), "127.0.0.1:0: a port is from 1 to 65535"),
        (("127.0.0.1", "--ipv6"), "127.0.0.1: it has no address of that version of IP"),
        (("no host",), "no host: "),
        (("127.0.0.1", "--bind", "here"), "--bind: 'here' is no IPv4 or IPv6 address"),
        (("127.0.0.1", "--bind", "::1"), "--bind: there are targets of both versions of IP"),
        (("127.0.0.1", "--xclient", "x"), "--xclient: 'x' is no IPv4 or IPv6 address"),
        (("127.0.0.1", "--json", "--junit"), "--json or --junit, not both"),
        (("127.0.0.1", "--starttls", "--implicit-tls"), "--starttls or --implicit-tls, not both"),
        (("192.0.2.1", "--own-host", "--login", "bob"), "--login needs --starttls or --implicit-tls"),
        (("127.0.0.1", "--login", "bob", "--password-file", "none"), "none: No such file or directory"),
        (("127.0.0.1", "--watch", "."), "--watch needs --deliver"),
        (("127.0.0.1", "--deliver", "a@b.example", "--watch", "none"), "--watch: none is no folder"),
        (("127.0.0.1", "--deliver", "a@b.example", "--victim", "a@b.example"), "--deliver or --victim, not both"),
        (("127.0.0.1", "--port", "x"), "'x' is not a valid int"),
        (("127.0.0.1", "--family", "x"), "'x' is not one of"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, tuple) else "",
)
def test_usage(relaymilter: Run, words: tuple[str, ...], said: str) -> None:
    """What is wrong is said in one line, before anything is tried: 64."""
    outcome = relaymilter("probe", *words)
    assert (outcome.status, outcome.out) == (64, "")
    assert outcome.err.startswith("relaymilter probe: ")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port at which nobody listens, while it is kept."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


def test_nobody_listens(relaymilter: Run, nobody: int) -> None:
    """A target that cannot be reached is named, with the reason: 69."""
    outcome = relaymilter("probe", f"127.0.0.1:{nobody}")
    assert outcome == Outcome(69, f"127.0.0.1:{nobody}: Connection refused\n", "")
