"""The message of a session, as far as it is charged: with its first recipient, and given back if it is not sent.

That is where the client gives up (RSET, another MAIL, a lost connection), or the MTA refuses at DATA what was permitted
at RCPT. Its end confirms it. Whatever comes twice or at odd times, a message is charged and given back once.
"""

from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeAlias

from relaymilter.lookups import waiting
from relaymilter.policy.envelope import Request

GiveBack: TypeAlias = Callable[[Request, float], "Future[None] | None"]
"""Gives back what a message was charged with this recipient, just before this time; a future, if that takes a while."""


class Message:
    """Whether the message has been charged, and for which recipient."""

    __slots__ = ("_clock", "_give_back", "_held", "_owed", "charged")

    def __init__(self, clock: Callable[[], float], give_back: GiveBack | None) -> None:
        self._clock = clock
        self._give_back = give_back
        self._held: tuple[Request, float] | None = None
        self._owed: Future[None] | None = None
        self.charged = False

    @property
    def owed(self) -> bool:
        """An earlier message is about to be given back."""
        return self._owed is not None and not self._owed.done()

    def settle(self) -> None:
        """Wait for that, so that nothing is refused for it."""
        owed = self._owed
        if owed is not None:
            wait((owed,), waiting.left())

    def permitted(self, asked: Request) -> None:
        """A recipient was charged."""
        if self._give_back is not None and asked.opens:
            self._held = asked, self._clock()
        self.charged = True

    def sent(self) -> None:
        """The end has come, so it stays charged; another message may begin."""
        self._held = None
        self.charged = False

    def dropped(self) -> None:
        """It is not sent, if there is one."""
        held, self._held = self._held, None
        self.charged = False
        if held is not None:
            self._return(*held)

    def give_back(self, asked: Request) -> None:
        """What a message was charged with this recipient just now."""
        self._return(asked, self._clock())

    def _return(self, asked: Request, then: float) -> None:
        if self._give_back is not None:
            self._owed = self._give_back(asked, then)
