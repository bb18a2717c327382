"""A conversation: what one or more clients say, and what each recipient is answered.

The files of this folder are read into these by reader.py, and played by play.py against any of four sides: the decision
alone (`decide`), the milter wire of a running daemon (`wire`), and real MTAs with the daemon attached (`postfix`,
`sendmail`). Raw text is bytes, as it goes over the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from relaymilter.config.options import RESTRICTIONS

RUNNERS = ("decide", "wire", "postfix", "sendmail")
RULES = (
    "not-by-smtp",
    "local-client",
    "authorised-login",
    "certificate",
    "grant",
    "local-recipient",
    "relay-domain",
    *RESTRICTIONS,
    "no-rule",
    "bad-path",
    "uncertain",
)


@dataclass(frozen=True, slots=True)
class Decided:
    """The milter's decision on a recipient, and the reply that the client hears."""

    verdict: str
    """permit, reject or defer."""
    rule: str
    code: int = 250
    status: str = ""
    text: str | None = None
    """What follows the status; None is not compared."""
    unsaid: bool = False
    """The refusal is only logged (--dry-run)."""

    def __str__(self) -> str:
        words = [self.verdict, *([str(self.code), self.status] if self.verdict != "permit" else []), self.rule]
        words += [f'"{self.text}"'] if self.text is not None else []
        return " ".join(words + (["unsaid"] if self.unsaid else []))


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """The MTA answers by itself: the milter is not asked."""

    code: int
    status: str = ""
    """Empty: not compared."""

    def __str__(self) -> str:
        return f"{self.code} {self.status}".strip()


Outcome: TypeAlias = Decided | OwnAnswer


@dataclass(frozen=True, slots=True)
class Client:
    """A new connection from this address; `unknown` is one whose address the MTA does not know."""

    address: str
    port: int = 50000
    listener: int = 25
    """The port that it comes to; 587 is known as submission to Postfix, MSA to Sendmail."""


@dataclass(frozen=True, slots=True)
class Xclient:
    """A new connection from 127.0.0.1, which poses as this address, and perhaps as this login (Postfix)."""

    address: str
    login: str | None = None


@dataclass(frozen=True, slots=True)
class Helo:
    """EHLO; without a name, the client skips it."""

    name: bytes | None


@dataclass(frozen=True, slots=True)
class Login:
    """AUTH, which succeeds unless `refused`."""

    name: str
    refused: bool = False
    mechanism: str = "PLAIN"


@dataclass(frozen=True, slots=True)
class Starttls:
    """STARTTLS; the client must say EHLO again."""

    certificate: str = ""
    """A name of tests.rig's KINDS; empty: the client has none."""


@dataclass(frozen=True, slots=True)
class Rset:
    """RSET."""


@dataclass(frozen=True, slots=True)
class Message:
    """DATA, a message and the dot, which the MTA accepts."""


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL FROM, which the MTA accepts."""

    path: bytes
    parameters: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro that the MTA sends with every later command of this connection, wanted or not (on the milter wire)."""

    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT TO; `rcpt_addr` is what the MTA makes of the path where there is no real MTA to say so."""

    line: int
    path: bytes
    parameters: tuple[bytes, ...]
    rcpt_addr: bytes | None
    outcomes: Mapping[str, Outcome]
    """By runner."""


Step: TypeAlias = Client | Xclient | Helo | Login | Starttls | Rset | Message | Mail | Macro | Rcpt


@dataclass(frozen=True, slots=True)
class Conversation:
    """One fact, and the file and line that state it."""

    file: str
    line: int
    title: str
    steps: tuple[Step, ...]
    policy: tuple[str, ...] = ()
    """The daemon's flags."""
    runners: frozenset[str] = field(default=frozenset(RUNNERS))
    """The sides that can play it."""

    def __str__(self) -> str:
        return f"{self.file}:{self.title}"
