"""What the MTA says of a client, a session and one recipient: frozen, and nothing but what is needed to decide.

Raw text stays as bytes, as the client typed it. `login` is what {auth_authen} proves; {auth_author} is the client's own
claim (MAIL AUTH=, RFC 4954 5) and has no place here.
"""

from enum import Enum
from typing import NamedTuple

from relaymilter.policy.address import Malformed, Path, parse
from relaymilter.policy.networks import Address, parse_address


class Client(NamedTuple):
    """The other end of the SMTP connection."""

    text: str
    """The address as the MTA gave it, or what it gave in place of one."""
    address: Address | None
    """None for a name, a zone, an unknown family, or nothing: a stranger."""
    by_smtp: bool = True
    """False for Postfix's emulation of SMTP for mail that never came by it: 127.0.0.1, port 0."""


NOWHERE = Client("", None)
"""A client whose address the MTA did not tell."""


def client(text: str, port: int | None = None) -> Client:
    """The client at this address; `port` is the TCP port, which is 0 only in Postfix's non_smtpd_milters emulation."""
    return Client(text, parse_address(text), not (port == 0 and text == "127.0.0.1"))


class Certificate(NamedTuple):
    """A certificate of the client that the MTA has verified, as the MTA names it: Postfix by CNs, Sendmail by DNs."""

    subject: str
    issuer: str
    fingerprint: str = ""
    """Where the MTA gives one: octets in upper-case hexadecimal, parted by colons."""


class Macros(NamedTuple):
    """What an MTA tells only where it is asked to, because some rule needs it; None where it does not."""

    mechanism: str | None = None
    """Of AUTH: {auth_type}."""
    listener: tuple[str, ...] = ()
    """What the listening socket is known by: {daemon_name}, {daemon_addr}, {daemon_port}, those that it gives."""
    certificate: Certificate | None = None
    tls: str | None = None
    """What the client and the MTA agreed on: {tls_version} and {cipher}, parted by a blank; None without TLS."""


NO_MACROS = Macros()


class Need(Enum):
    """What a rule or a restriction needs of the MTA's macros beyond the usual."""

    MECHANISM = "mechanism"
    LISTENER = "listener"
    CERTIFICATE = "certificate"
    HELO = "helo"
    TLS = "tls"

    __hash__ = object.__hash__  # Enum's own is in Python, and each RCPT looks for some of these in a set


class Request(NamedTuple):
    """One RCPT command, and all that is known by then. A tuple, because it is made with every RCPT."""

    client: Client
    login: str | None
    """From {auth_authen}; None where there is none, or where it is empty or not UTF-8."""
    recipient: bytes
    """The argument of RCPT, as typed."""
    path: Path | Malformed
    rcpt_addr: bytes | None = None
    """{rcpt_addr}: what the MTA made of the path, where it says so. It may be a bare user name (Sendmail)."""
    helo: bytes = b""
    sender: bytes = b""
    macros: Macros = NO_MACROS
    opens: bool = True
    """No recipient of its message has been charged before."""
    disregarded: str | None = None
    """A login that came by a way which makes none (--login-mechanism, --login-listener); `login` is None then."""

    @property
    def bound_login(self) -> str | None:
        """Whom restrictions bind: who has proved a login, by whichever way. It opens nothing."""
        return self.login or self.disregarded


def request(
    client: Client,
    recipient: bytes,
    *,
    login: str | None = None,
    rcpt_addr: bytes | None = None,
    helo: bytes = b"",
    sender: bytes = b"",
    macros: Macros = NO_MACROS,
    opens: bool = True,
) -> Request:
    """The request that this RCPT argument makes, its path parsed. It never raises."""
    return Request(client, login, recipient, parse(recipient), rcpt_addr, helo, sender, macros, opens)
