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


class _Answer:
    """An answer whose reason is put together only where somebody reads it: `%s` stand for what it is about.

    A RCPT makes several, and with the log off nobody reads any. Two are equal that say the same.
    """

    __slots__ = ("_about", "_text")

    def __init__(self, text: str, *about: object) -> None:
        self._text = text
        self._about = about

    @property
    def reason(self) -> str:
        """In words, for the log."""
        return self._text % self._about if self._about else self._text

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, _Answer) and self.reason == other.reason

    def __hash__(self) -> int:
        return hash(self.reason)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reason!r})"


class Permit(_Answer):
    """The client may send to this mailbox."""

    __slots__ = ()


class NoOpinion(_Answer):
    """This rule does not permit, or this restriction does not refuse; others are asked."""

    __slots__ = ()


class Counted(NoOpinion):
    """No objection, and whoever sends has been charged for it."""

    __slots__ = ()


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
    """A verdict, the name of the rule that gave it, and the steps on the way there."""

    verdict: Verdict
    rule: str
    trail: tuple[Step, ...] = ()
    """Where it was asked for."""
    warnings: tuple[Step, ...] = ()
    """What restrictions would have refused that only warn."""
    charged: bool = False
    """Whoever sends has been charged for this recipient; the first one of a message is charged for the message."""

    @property
    def word(self) -> str:
        """permit, reject or defer."""
        return WORDS[type(self.verdict)]


WORDS: dict[type, str] = {
    Permit: "permit",
    NoOpinion: "no opinion",
    Counted: "no opinion",
    Unknown: "unknown",
    Reject: "reject",
    Defer: "defer",
}
