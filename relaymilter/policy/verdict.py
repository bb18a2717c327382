"""What a decision can be: a verdict, the rule that gave it, and the trail of all that was asked.

A relay rule answers Permit or NoOpinion; a restriction answers Reject, Defer or NoOpinion, so that its type cannot
say permit. A Permit is made in relay.py alone; a test walks the package for it.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client is told: an SMTP code (4xx or 5xx), an enhanced status (RFC 3463) of its class, a line of text.

    `{recipient}` and `{sender}` in the text stand for the paths, `{login}` for the login; milter/replies.py fills them
    in. Raises ValueError.
    """

    code: int
    status: str
    text: str

    def __post_init__(self) -> None:
        if not 400 <= self.code <= 599:
            raise ValueError(f"the code {self.code} is no refusal: give 400 to 599")
        if self.status.split(".")[0] != str(self.code)[0]:
            raise ValueError(f"the code {self.code} and the enhanced status {self.status} are of different classes")


@dataclass(frozen=True, slots=True)
class Permit:
    """The client may send to this mailbox."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoOpinion:
    """This rule does not permit, or this restriction does not refuse; others are asked."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Refused for good: the reply is 5xx."""

    reply: Reply
    reason: str


@dataclass(frozen=True, slots=True)
class Defer:
    """Refused for now: the reply is 4xx."""

    reply: Reply
    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A relay rule could not find out."""

    reason: str


Refusal: TypeAlias = Reject | Defer
Verdict: TypeAlias = Permit | Reject | Defer
Answer: TypeAlias = Permit | NoOpinion | Unknown | Reject | Defer


def refuse(reply: Reply, reason: str) -> Refusal:
    """The refusal that this reply makes: its code says whether it is for good."""
    return Reject(reply, reason) if reply.code >= 500 else Defer(reply, reason)


class Step(NamedTuple):
    """One rule asked, and what it answered. A tuple, because a RCPT makes several."""

    rule: str
    answer: Answer

    @property
    def word(self) -> str:
        """permit, no opinion, unknown, reject or defer."""
        return WORDS[type(self.answer)]


class Decision(NamedTuple):
    """A verdict, the name of the rule that gave it, and every step on the way there."""

    verdict: Verdict
    rule: str
    trail: tuple[Step, ...]
    warnings: tuple[Step, ...] = ()
    """What restrictions would have refused that only warn."""

    @property
    def word(self) -> str:
        """permit, reject or defer."""
        return WORDS[type(self.verdict)]


WORDS: dict[type, str] = {
    Permit: "permit",
    NoOpinion: "no opinion",
    Unknown: "unknown",
    Reject: "reject",
    Defer: "defer",
}
