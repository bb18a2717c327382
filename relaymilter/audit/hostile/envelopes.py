"""Hostile envelopes: what clients have tried, over the years, to make a server send on to a third party.

Families of relay tests, each generated from the names of the server under test and of the third party. nmap's is its
script smtp-open-relay; the others are the forms of RFC 821, 822, 976 and 5321 that MTAs have obeyed, and those that
two readers of an address may take for different mailboxes. `selftest` and `probe` try the same ones.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

PASSER_BY = "probe@example.net"
"""A sender that neither the server nor the third party knows."""
NOBODY_S_HOST = "client.example.net"
HOP = "hop.example.net"
"""Another host to route by."""


class Names(NamedTuple):
    """Who is who."""

    victim: str = "victim@example.com"
    """A mailbox of the third party, plain."""
    domain: str = "example.org"
    """A domain whose mail the server takes."""
    host: str = "mx.example.org"
    """What the server calls itself."""
    address: str = "192.0.2.25"
    """Of the server."""
    user: str = "postmaster"
    """A mailbox in the domain."""

    @property
    def there(self) -> tuple[str, str]:
        """The local part and the domain of the victim."""
        local, _, domain = self.victim.rpartition("@")
        return local, domain

    @property
    def ours(self) -> str:
        """A mailbox of the server."""
        return f"{self.user}@{self.domain}"

    @property
    def literal(self) -> str:
        """The server's address in the place of a domain."""
        return literal(self.address)

    @property
    def gateways(self) -> tuple[str, ...]:
        """What a server may take for itself behind an @."""
        return (self.domain, self.host, self.literal, "[127.0.0.1]", "localhost", self.domain.upper())


class Envelope(NamedTuple):
    """One attempt: what the client says, as it says it."""

    family: str
    recipient: bytes
    """The argument of RCPT, without parameters; it must not get through."""
    reading: bytes
    """{rcpt_addr}: how an MTA reads the recipient that falls for it."""
    sender: bytes
    """The argument of MAIL, without parameters."""
    helo: bytes
    before: tuple[bytes, ...] = ()
    """Recipients of the same message that come first; they are the server's own, and may be taken."""
    mail_parameters: tuple[bytes, ...] = ()
    rcpt_parameters: tuple[bytes, ...] = ()
    misread: bool = False
    """It goes to the third party only if an MTA misreads it: one that takes it over SMTP may rightly deliver it."""

    def __str__(self) -> str:
        """As a dialogue in one line; what cannot be printed as `\\xNN`."""
        words = [f"HELO {shown(self.helo)}", f"MAIL FROM:{shown(b' '.join((self.sender, *self.mail_parameters)))}"]
        words += (f"RCPT TO:{shown(recipient)}" for recipient in self.before)
        words += (f"RCPT TO:{shown(b' '.join((self.recipient, *self.rcpt_parameters)))}",)
        return ", ".join(words) + (f", read as {shown(self.reading)}" if self.misread else "")


_SHOWN = 200


def shown(raw: bytes) -> str:
    """Printable ASCII, cut where it is long."""
    text = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in raw)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(raw)} octets)"


def literal(address: str) -> str:
    """An address in the place of a domain (RFC 5321 4.1.3)."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


class Forge(NamedTuple):
    """Makes the envelopes of a family."""

    family: str
    names: Names

    def one(
        self,
        recipient: str | bytes,
        *,
        sender: str | bytes = f"<{PASSER_BY}>",
        helo: str = NOBODY_S_HOST,
        before: Iterable[str] = (),
        mail: Iterable[str] = (),
        rcpt: Iterable[str] = (),
        misread: bool = False,
    ) -> Envelope:
        """One; text goes out as UTF-8."""
        return Envelope(
            self.family,
            _octets(recipient),
            self.names.victim.encode(),
            _octets(sender),
            helo.encode(),
            tuple(map(_octets, before)),
            tuple(map(_octets, mail)),
            tuple(map(_octets, rcpt)),
            misread,
        )

    def each(self, *paths: str) -> Iterator[Envelope]:
        """One for each of these paths, in brackets."""
        yield from (self.one(f"<{path}>") for path in paths)

    def misread(self, *paths: str | bytes) -> Iterator[Envelope]:
        """One for each of these arguments of RCPT, which somebody may misread."""
        yield from (self.one(path, misread=True) for path in paths)

    def sent_by(self, *senders: str) -> Iterator[Envelope]:
        """One to the victim for each of these arguments of MAIL."""
        yield from (self.one(f"<{self.names.victim}>", sender=sender) for sender in senders)


def _octets(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
