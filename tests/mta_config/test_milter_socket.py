"""Where an MTA has a milter, as it is written in main.cf and sendmail.cf, and who is met there."""

from __future__ import annotations

import pytest

from relaymilter.mta.milter_socket import Path, Tcp, postfix_milters, sendmail_milter, socket_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inet:127.0.0.1:8894", Tcp("127.0.0.1", "8894")),
        ("inet:[::1]:8894", Tcp("::1", "8894")),
        ("inet:Mail.example.org:milter", Tcp("mail.example.org", "milter")),
        ("inet:8894@127.0.0.1", Tcp("127.0.0.1", "8894")),
        ("inet6:8894@::1", Tcp("::1", "8894")),
        ("unix:relaymilter/milter.sock", Path("relaymilter/milter.sock")),
        ("local:/run/s", Path("/run/s")),
        ("/run/s", Path("/run/s")),
        ("inet:8894", Tcp("", "8894")),
    ],
)
def test_socket(text: str, expected: Tcp | Path) -> None:
    """In Postfix's form and in Sendmail's."""
    assert socket_of(text) == expected


@pytest.mark.parametrize(
    ("where", "host", "port", "expected"),
    [
        (Tcp("127.0.0.1", "8894"), "127.0.0.1", 8894, True),
        (Tcp("127.0.0.1", "8895"), "127.0.0.1", 8894, False),
        (Tcp("127.0.0.1", "8894"), "0.0.0.0", 8894, True),
        (Tcp("localhost", "8894"), "::1", 8894, True),
        (Tcp("192.0.2.25", "8894"), "127.0.0.1", 8894, False),
        (Tcp("milter.example.org", "8894"), "192.0.2.25", 8894, True),
        (Tcp("milter.example.org", "8895"), "192.0.2.25", 8894, False),
    ],
)
def test_who_is_met(where: Tcp, host: str, port: int, expected: bool) -> None:
    """A host by its name may be any, as the DNS is not asked."""
    assert where.is_at(host, port) is expected


def test_milters_of_postfix() -> None:
    """Parted by commas or blanks; one in braces has settings of its own."""
    found = [*postfix_milters("unix:a inet:b:1, { inet:c:2, default_action=accept, { connect_timeout = 5s } }")]
    assert [milter.written for milter in found] == ["unix:a", "inet:b:1", "inet:c:2"]
    assert [dict(milter.options) for milter in found] == [{}, {}, {"default_action": "accept", "connect_timeout": "5s"}]


def test_braces_that_do_not_match() -> None:
    """They are a mistake."""
    with pytest.raises(ValueError, match="missing"):
        [*postfix_milters("{ inet:a:1")]


def test_milter_of_sendmail() -> None:
    """Of the name of a setting the first letter counts, in either case."""
    found = sendmail_milter("S=inet:8894@127.0.0.1, Flags=T, t=C:5s;S:5s")
    assert found.where == Tcp("127.0.0.1", "8894")
    assert (found.options["f"], found.options["t"]) == ("T", "C:5s;S:5s")
