"""From a decision to what the MTA hears. The only place where dry run changes anything.

A permit is CONTINUE, always. A reply is one line of safe ASCII; on the wire every `%` is doubled, because MTAs read the
text as a format (`b%else.test@rig.test` is exactly what a relay probe has in it).
"""

import re
from dataclasses import dataclass
from enum import Enum

from relaymilter.observe.printable import printable, printable_text, shortened
from relaymilter.policy.envelope import Request
from relaymilter.policy.verdict import Decision, Permit, Reply


class Mta(Enum):
    """Which MTA asks, by the macro v: Postfix says so, Sendmail gives a bare version."""

    POSTFIX = "postfix"
    SENDMAIL = "sendmail"
    UNKNOWN = "unknown"


def mta_of(version: str | None) -> Mta:
    """The MTA that gives this macro v."""
    if not version:
        return Mta.UNKNOWN
    if version.startswith("Postfix"):
        return Mta.POSTFIX
    return Mta.SENDMAIL if version.startswith("8.") else Mta.UNKNOWN


@dataclass(frozen=True, slots=True)
class Words:
    """A reply as the client will read it."""

    code: int
    status: str
    text: str

    @property
    def wire_text(self) -> str:
        """The text as an MTA wants it from a milter."""
        return self.text.replace("%", "%%")

    def __str__(self) -> str:
        return f"{self.code} {self.status} {self.text}"


# Of all codes from 450 to 571 that were tried on Sendmail 8.17.
_SENDMAIL_NAMES_THE_RECIPIENT = (450, 550, 553)


def words(reply: Reply, request: Request, mta: Mta) -> Words:
    """The reply with the recipient, the sender and the login filled in.

    Sendmail itself puts `<recipient>... ` before the texts of some codes, so ours is left off there.
    """
    text = reply.text
    if mta is Mta.SENDMAIL and reply.code in _SENDMAIL_NAMES_THE_RECIPIENT:
        text = text.removeprefix("{recipient}: ").removeprefix("{recipient}... ")
    return Words(reply.code, reply.status, _PLACE.sub(lambda found: _filled(found[1], request), text))


_MOST = 180
"""Characters of a sender or a login: of 980 octets that libmilter takes, each may be a `%`."""
_PLACE = re.compile(r"\{(recipient|sender|login)\}")


def _filled(place: str, request: Request) -> str:
    match place:
        case "recipient":
            return f"<{printable(_bare(request.recipient))}>"
        case "sender":
            return f"<{shortened(printable(_bare(request.sender)), _MOST)}>"
    return shortened(printable_text(request.login or ""), _MOST)


def _bare(path: bytes) -> bytes:
    return path[1:-1] if path.startswith(b"<") and path.endswith(b">") else path


def answer(decision: Decision, request: Request, mta: Mta) -> Words | None:
    """What this decision says to the client; None is CONTINUE."""
    verdict = decision.verdict
    if isinstance(verdict, Permit):
        return None
    return words(verdict.reply, request, mta)


def unless_dry(said: Words | None, dry_run: bool) -> Words | None:
    """What the MTA hears of it: in a dry run, CONTINUE."""
    return None if dry_run else said
