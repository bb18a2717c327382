"""The socket: every form that is understood, and every one that is refused in words."""

from __future__ import annotations

import re

import pytest

from relaymilter.config.endpoint import Endpoint, FdEndpoint, InetEndpoint, UnixEndpoint, parse_endpoint

LONGEST = "/" + "x" * 106


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("unix:/run/milter", UnixEndpoint("/run/milter")),
        ("local:/run/milter", UnixEndpoint("/run/milter")),
        ("/run/milter", UnixEndpoint("/run/milter")),
        ("/run/with:colon@sign", UnixEndpoint("/run/with:colon@sign")),
        (f"unix:{LONGEST}", UnixEndpoint(LONGEST)),
        ("inet:8894@127.0.0.1", InetEndpoint("127.0.0.1", 8894)),
        ("inet:127.0.0.1:8894", InetEndpoint("127.0.0.1", 8894)),
        ("inet:8894@localhost", InetEndpoint("127.0.0.1", 8894)),
        ("inet:localhost:8894", InetEndpoint("127.0.0.1", 8894)),
        ("inet:8894@0.0.0.0", InetEndpoint("0.0.0.0", 8894)),
        ("inet:1@127.0.0.1", InetEndpoint("127.0.0.1", 1)),
        ("inet:65535@127.0.0.1", InetEndpoint("127.0.0.1", 65535)),
        ("inet6:8894@::1", InetEndpoint("::1", 8894)),
        ("inet6:8894@[::1]", InetEndpoint("::1", 8894)),
        ("inet6:[::1]:8894", InetEndpoint("::1", 8894)),
        ("inet6:8894@localhost", InetEndpoint("::1", 8894)),
        ("inet6:8894@[2001:DB8:0::1]", InetEndpoint("2001:db8::1", 8894)),
        ("fd:3", FdEndpoint(3)),
    ],
)
def test_understood(text: str, endpoint: Endpoint) -> None:
    """Sendmail's and Postfix's forms name the same sockets, and what is meant is never guessed."""
    assert endpoint == parse_endpoint(text)


FORMS = "give unix:/PATH, inet:PORT@HOST, inet6:PORT@[HOST] or fd:N"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"'' names no kind of socket: {FORMS}"),
        ("8894", f"'8894' names no kind of socket: {FORMS}"),
        ("8894@127.0.0.1", "'8894@127.0.0.1' names no kind of socket: did you mean inet:8894@127.0.0.1?"),
        ("run/milter", f"'run/milter' names no kind of socket: {FORMS}"),
        ("tcp:127.0.0.1:8894", f"'tcp' is no kind of socket: {FORMS}"),
        ("127.0.0.1:8894", f"'127.0.0.1' is no kind of socket: {FORMS}"),
        ("INET:8894@127.0.0.1", f"'INET' is no kind of socket: {FORMS}"),
        (" inet:8894@127.0.0.1", f"' inet' is no kind of socket: {FORMS}"),
        ("unix:run/milter", "the path 'run/milter' is not absolute"),
        ("unix:", "the path '' is not absolute"),
        ("local:milter", "the path 'milter' is not absolute"),
        (f"unix:{LONGEST}x", "the path of a unix socket has at most 107 octets and no NUL"),
        ("/" + "ü" * 54, "the path of a unix socket has at most 107 octets and no NUL"),
        ("unix:/run/a\0b", "the path of a unix socket has at most 107 octets and no NUL"),
        ("inet:8894", "inet:8894 names no address: give inet:8894@127.0.0.1 for this machine alone"),
        ("inet:", "inet: is neither PORT@HOST nor HOST:PORT"),
        ("inet:127.0.0.1", "inet:127.0.0.1 is neither PORT@HOST nor HOST:PORT"),
        ("inet:@127.0.0.1", "inet:@127.0.0.1 is neither PORT@HOST nor HOST:PORT"),
        ("inet:8894@", "inet:8894@ is neither PORT@HOST nor HOST:PORT"),
        ("inet:８８94@127.0.0.1", "inet:８８94@127.0.0.1 is neither PORT@HOST nor HOST:PORT"),
        ("inet:-1@127.0.0.1", "inet:-1@127.0.0.1 is neither PORT@HOST nor HOST:PORT"),
        ("inet:http@127.0.0.1", "inet:http@127.0.0.1 is neither PORT@HOST nor HOST:PORT"),
        ("inet:0@127.0.0.1", "0 is no port: give 1 to 65535"),
        ("inet:65536@127.0.0.1", "65536 is no port: give 1 to 65535"),
        ("inet:99999@127.0.0.1", "99999 is no port: give 1 to 65535"),
        ("inet:127.0.0.1:74430", "74430 is no port: give 1 to 65535"),
        ("inet:8894@mail.example.org", "'mail.example.org' is no address: give a numeric one, or localhost"),
        ("inet:8894@127.0.0", "'127.0.0' is no address: give a numeric one, or localhost"),
        ("inet:8894@127.0.0.1:25", "'127.0.0.1:25' is no address: give a numeric one, or localhost"),
        ("inet:8894@*", "'*' is no address: give a numeric one, or localhost"),
        ("inet:8894@::1", "::1 is not an inet address: say inet6"),
        ("inet:8894@[::1]", "::1 is not an inet address: say inet6"),
        ("inet6:8894@127.0.0.1", "127.0.0.1 is not an inet6 address: say inet"),
        ("inet6:::1:8894", "inet6:::1:8894 is neither PORT@HOST nor HOST:PORT"),
        ("fd:", "fd: is no file descriptor: give a number, such as fd:3, or a name that systemd gives"),
        ("fd:3x", "fd:3x is no file descriptor: give a number, such as fd:3, or a name that systemd gives"),
        ("fd:-1", "fd:-1 is no file descriptor: give a number, such as fd:3, or a name that systemd gives"),
        ("fd:³", "fd:³ is no file descriptor: give a number, such as fd:3, or a name that systemd gives"),
    ],
)
def test_refused(text: str, message: str) -> None:
    """What names no socket is refused with what may have been meant."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_endpoint(text)


@pytest.mark.parametrize(
    "text", ["unix:/run/milter", "inet:8894@127.0.0.1", "inet6:8894@[::1]", "fd:3", "fd:milter.socket"]
)
def test_text(text: str) -> None:
    """A socket's text is one that names it."""
    assert text == str(parse_endpoint(text))
