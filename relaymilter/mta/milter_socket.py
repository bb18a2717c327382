"""Where an MTA has a milter: the sockets in `smtpd_milters` and INPUT_MAIL_FILTER, and whether one of them is ours."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from relaymilter.policy.networks import parse_address
from relaymilter.tables.braces import inside, words

_PORT_AT_HOST = re.compile(r"(\w+)@(.+)")
_HOST_PORT = re.compile(r"(\[.+\]|[^:]+):(\w+)")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_EVERYWHERE = {"0.0.0.0", "::"}


class Tcp(NamedTuple):
    """A TCP socket, as the MTA names it: the host may be a name."""

    host: str
    port: str

    def is_at(self, host: str, port: int) -> bool:
        """Would who connects there come to one who listens here? A host by a name might be any."""
        if self.port != str(port):
            return False
        if self.host not in _LOOPBACK and parse_address(self.host) is None:
            return True
        return host in _EVERYWHERE or self.host == host or {self.host, host} <= _LOOPBACK


class Path(NamedTuple):
    """A unix socket; Postfix may name it relative to its queue."""

    path: str


class Milter(NamedTuple):
    """One milter of an MTA: its socket as it is written, where that is, and its settings by lower-case name."""

    written: str
    where: Tcp | Path
    options: Mapping[str, str]


def postfix_milters(value: str) -> Iterator[Milter]:
    """Those of smtpd_milters: `inet:host:port`, `unix:path`, `{ socket, name=value, ... }`. Raises ValueError."""
    for word in words(value):
        within = inside(word)
        first, *others = [*words(within)] if within else [word]
        pairs = ((inside(other) or other).partition("=") for other in others)
        options = {name.strip(): said.strip() for name, _, said in pairs}
        yield Milter(first, socket_of(first), options)


def sendmail_milter(text: str) -> Milter:
    """The one of an X line: `S=inet:port@host, F=T, T=...`. Only the first letter of a name counts."""
    pairs = (part.strip().partition("=") for part in text.split(","))
    options = {name.strip()[:1].lower(): said.strip() for name, _, said in pairs if name.strip()}
    written = options.get("s", "")
    return Milter(written, socket_of(written), options)


def socket_of(text: str) -> Tcp | Path:
    """The socket that this names, in Postfix's form or in Sendmail's."""
    kind, colon, rest = text.partition(":")
    if not colon or kind not in ("inet", "inet6"):
        return Path(rest if kind in ("unix", "local") else text)
    if match := _PORT_AT_HOST.fullmatch(rest):
        port, host = match.groups()
    elif match := _HOST_PORT.fullmatch(rest):
        host, port = match.groups()
    else:
        host, port = "", rest
    return Tcp(host.removeprefix("[").removesuffix("]").lower(), port)
