"""Hostile envelopes against an SMTP server of one's own, up to RCPT; what comes after it is for delivery.py.

Paced, and with a new connection before the server loses patience: Postfix slows down after ten errors, and hangs up
after twenty (smtpd_soft_error_limit, smtpd_hard_error_limit).
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from relaymilter.audit.hostile.envelopes import NOBODY_S_HOST, Envelope
from relaymilter.audit.hostile.trial import Outcome, Trial, outcome_of
from relaymilter.audit.probe.delivery import Sent
from relaymilter.audit.probe.smtp_client import Client, Reply, SmtpFailed, tls_context
from relaymilter.audit.probe.target import Target

Taken: TypeAlias = Callable[[Client, Envelope], Sent]
"""What is done when the recipient is taken."""

_PATIENCE = 8
"""Recipients a connection."""
_GOES = 421
"""The server closes the connection (RFC 5321 3.8)."""
_ATTEMPTS = 4
"""To connect anew, each after twice the time."""
_NAME = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]+")


class Tls(Enum):
    """When TLS begins."""

    NEVER = "never"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class Way:
    """How the server is spoken to."""

    tls: Tls = Tls.NEVER
    verify: bool = True
    login: str = ""
    password: str = ""
    sources: tuple[str, ...] = ()
    """The addresses to come from, one a version of IP."""
    xclient: str = ""
    """The address to pose as."""
    pause: float = 0.1
    """Seconds between two envelopes."""
    timeout: float = 30.0
    """Seconds to wait for a reply."""
    deadline: float = float("inf")
    """On the monotonic clock; nothing is begun after it."""

    def source(self, target: Target) -> str:
        """The one of the target's version; empty where the machine chooses."""
        same = [each for each in self.sources if (":" in each) == (":" in target.address)]
        return same[0] if same else ""


def connected(target: Target, way: Way) -> Client:
    """A client that is ready for MAIL, as far as it can be. Raises SmtpFailed."""
    client = Client(target.address, target.port, source=way.source(target), timeout=way.timeout)
    try:
        if way.tls is Tls.IMPLICIT:
            client.start_tls(tls_context(way.verify), target.name)
        _expect(client.greet())
        extensions = _hello(client)
        if way.xclient:
            extensions = _pose(client, extensions, way.xclient)
        if way.tls is Tls.STARTTLS:
            _expect(client.command(b"STARTTLS"))
            client.start_tls(tls_context(way.verify), target.name)
            extensions = _hello(client)
        if way.login:
            _expect(client.log_in(way.login, way.password, extensions.get("AUTH", "")))
    except BaseException:
        client.close()
        raise
    return client


def own_name(client: Client) -> str:
    """What the server calls itself; empty if that is no name."""
    word = client.banner.lines[-1].partition(" ")[0]
    return word if _NAME.fullmatch(word) else ""


def probe(target: Target, way: Way, envelopes: Iterable[Envelope], taken: Taken | None = None) -> Iterator[Trial]:
    """Try them one after another. Raises SmtpFailed where the server is lost, or the time is over."""
    line = _Line(target, way)
    try:
        for envelope in envelopes:
            yield line.tried(envelope, taken)
            time.sleep(way.pause)
    finally:
        line.close()


class _Line:
    """Connections to a server, one after another."""

    def __init__(self, target: Target, way: Way) -> None:
        self._target = target
        self._way = way
        self._client: Client | None = None
        self._recipients = 0
        self._fresh = True
        self._helo = b""

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def tried(self, envelope: Envelope, taken: Taken | None) -> Trial:
        """One envelope; where the server hangs up at it, which may be for what was before it, once more."""
        for _ in range(2):
            client = self._ready(envelope.helo)
            try:
                reply = self._rcpt(client, envelope)
                sent = (
                    taken(client, envelope) if taken and outcome_of(reply.code) is Outcome.OPENED else Sent(reply, "")
                )
            except SmtpFailed:
                self.close()
                continue
            self._recipients += 1 + len(envelope.before)
            if sent.reply.code == _GOES:
                self.close()
            return Trial(envelope, outcome_of(sent.reply.code), str(sent.reply), sent.mark)
        return Trial(envelope, Outcome.HELD, "the server hangs up")

    def _ready(self, helo: bytes) -> Client:
        """A connection that has said nothing else in HELO: Sendmail slows down at the fourth (MAXHELOCOMMANDS)."""
        if self._recipients >= _PATIENCE or helo != self._helo:
            self.close()
        if self._client is None:
            self._client = _again(self._target, self._way)
            self._recipients, self._helo = 0, helo
            self._fresh = True
        return self._client

    def _rcpt(self, client: Client, envelope: Envelope) -> Reply:
        """The reply to RCPT, or the refusal of what comes before it."""
        begin = b"EHLO " + envelope.helo if self._fresh else b"RSET"
        self._fresh = False
        for line in (begin, b"MAIL FROM:" + b" ".join((envelope.sender, *envelope.mail_parameters))):
            reply = client.command(line)
            if reply.code >= 400:
                return reply
        for recipient in envelope.before:
            client.command(b"RCPT TO:" + recipient)
        return client.command(b"RCPT TO:" + b" ".join((envelope.recipient, *envelope.rcpt_parameters)))


def _again(target: Target, way: Way) -> Client:
    """A new connection, also where the server wants to be left alone for a moment."""
    for attempt in range(_ATTEMPTS):
        if time.monotonic() > way.deadline:
            raise SmtpFailed("the time is over")
        try:
            return connected(target, way)
        except SmtpFailed:
            if attempt == _ATTEMPTS - 1:
                raise
        time.sleep(2**attempt)
    raise AssertionError("unreachable")


def _hello(client: Client) -> dict[str, str]:
    """EHLO: the extensions that are offered, with their parameters."""
    reply = _expect(client.command(b"EHLO " + NOBODY_S_HOST.encode()))
    words = (line.replace("=", " ", 1).partition(" ") for line in reply.lines[1:])
    return {keyword.upper(): rest for keyword, _, rest in words}


def _pose(client: Client, extensions: dict[str, str], address: str) -> dict[str, str]:
    """XCLIENT (Postfix's XCLIENT_README): the server begins anew, for this address."""
    if "XCLIENT" not in extensions:
        raise SmtpFailed("the server does not let this client use XCLIENT (smtpd_authorized_xclient_hosts)")
    shown = f"IPV6:{address}" if ":" in address else address
    _expect(client.command(f"XCLIENT ADDR={shown} NAME=[UNAVAILABLE]".encode()))
    return _hello(client)


def _expect(reply: Reply) -> Reply:
    if reply.code >= 400:
        raise SmtpFailed(f"it says {reply}")
    return reply
