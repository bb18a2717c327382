"""What the rules may ask of the world outside: protocols that tables/ and dns implement.

An answer that could not be had is LookupFailed: inside a relay rule it is remembered and makes a refusal a 4xx, inside
a restriction it defers at once. It is never a yes and never a no.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from relaymilter.policy.networks import Address

T = TypeVar("T")
V = TypeVar("V", covariant=True)


class LookupFailed(Exception):
    """The table or the name server gave no answer; the text says which and why, for the log alone."""


class Outage(LookupFailed):
    """The source has failed several times in a row, so it is only asked now and then, to see whether it is back."""

    def __init__(self, text: str, lasts: float) -> None:
        """`lasts`: for so many seconds so far."""
        super().__init__(text)
        self.lasts = lasts


class MustWait(Exception):
    """The answer can only be had by waiting, and here nothing may wait: ask again where it may. No answer at all."""


def may_wait(*asked: object) -> bool:
    """Some of what is asked may have to be waited for: its `waits` says so. What is in memory has no such attribute."""
    return any(getattr(each, "waits", False) for each in asked)


class Names(Protocol):
    """A set of names: domains, logins, addresses. `name in names` may raise LookupFailed or MustWait."""

    def __contains__(self, name: object, /) -> bool: ...


class Map(Protocol[V]):
    """Values by name."""

    def find(self, key: str, /) -> V | None:
        """The value of a key; None without one. Raises LookupFailed or MustWait."""


class Table(Protocol):
    """Something that is asked by a key: a map of the MTA, a database, a directory. Safe to use from many threads."""

    @property
    def name(self) -> str:
        """`type:name`, for the log; no password in it."""

    @property
    def waits(self) -> bool:
        """Asking may block: another process or machine answers. It is asked in a thread then, and cached."""

    def find(self, key: str, /) -> str | None:
        """The value of a key, empty where there is only a key; None without one. Raises LookupFailed."""


class MailExchanger(NamedTuple):
    """An MX record."""

    preference: int
    """The lowest is the best (RFC 5321 5.1)."""
    host: str
    """In A-label form, lower case."""


class MailExchangers(Protocol):
    """What the DNS says of who takes the mail of a domain. Safe to use from many threads."""

    def exchangers(self, domain: str, /) -> tuple[MailExchanger, ...]:
        """Of a domain in domain_form; none where it surely has none. Raises LookupFailed and MustWait."""

    def addresses(self, host: str, /) -> tuple[Address, ...]:
        """IPv4 and IPv6, all of a host's; none where it surely has none. Raises LookupFailed and MustWait."""


class MailDomains(MailExchangers, Protocol):
    """The same, and who takes none."""

    def refuses_mail(self, domain: str, /) -> bool:
        """The domain has a null MX (RFC 7505), and no other. Raises LookupFailed and MustWait."""


class HostNames(Protocol):
    """What the DNS says of the names of addresses. Safe to use from many threads."""

    def names(self, address: Address, /) -> tuple[str, ...]:
        """Those of its PTR records; none where it surely has none. Raises LookupFailed and MustWait."""

    def addresses(self, host: str, /) -> tuple[Address, ...]:
        """As MailExchangers has it."""


class BlockLists(Protocol):
    """Lists of clients in the DNS (RFC 5782). Safe to use from many threads."""

    def listed(self, zone: str, address: Address, /) -> tuple[Address, ...]:
        """What a list replies to an address, without judging it; none where it does not list it.

        Raises LookupFailed, also for a reply that is an error, and MustWait.
        """

    def together(
        self, questions: Mapping[str, Callable[[], T]], /
    ) -> Iterator[tuple[str, T | LookupFailed | MustWait]]:
        """Several such questions, asked at the same time: their names, and each answer as it comes, or why none does.

        LookupFailed also where the time for them is over. What is not needed any more is not asked.
        """


class Dns(MailDomains, HostNames, BlockLists, Protocol):
    """All that the DNS is asked for."""


MOST_REMEMBERED = 10_000
"""Hashes that a ledger keeps for a subject; of more, those go first that would expire first."""

Hash: TypeAlias = bytes
"""A few octets that stand for an address, and cannot be turned back into it without the key."""


class Past(NamedTuple):
    """What a ledger knows of a subject."""

    record: bytes | None
    """As the last change left it; None: nothing is known, or it has expired."""
    seen: tuple[int | None, ...]
    """Of each hash that was asked for when it will expire; None: it is not remembered."""


class Change(NamedTuple, Generic[T]):
    """What becomes of a subject, and what the one who asked is told."""

    result: T
    record: bytes | None = None
    """None: nothing changes, nothing is written, whatever is said below."""
    until: int = 0
    """When the subject may be forgotten as a whole."""
    remember: tuple[tuple[Hash, int], ...] = ()
    """Hashes to keep beside those that are kept, and when each expires."""


class Ledger(Protocol):
    """What subjects have done: `login alice`, `network 192.0.2.0/24`. Safe to use from many threads and processes.

    Times are whole seconds of Unix time, and those that the caller says: a ledger has no clock, so that a simulation
    of a year is no different from a year. They may go backward.
    """

    def update(self, subject: str, now: int, asks: tuple[Hash, ...], change: Callable[[Past], Change[T]], /) -> T:
        """Read, change and write in one step, as if nobody else were there. Raises LookupFailed and MustWait.

        `change` is pure, and may be called again where another was faster. What it raises is raised, and nothing is
        written.
        """

    def read(self, subject: str, now: int, /) -> bytes | None:
        """The record, for those who only look. Raises LookupFailed and MustWait."""

    def subjects(self, prefix: str, now: int, /) -> Iterator[str]:
        """Those that have a record and begin so, in no order. Raises LookupFailed and MustWait."""

    def remembered(self, subject: str, now: int, /) -> int:
        """How many hashes are kept of it that have not expired. Raises LookupFailed and MustWait."""

    def forget(self, subject: str, /) -> bool:
        """The record and all that is remembered: whether there was any. Raises LookupFailed and MustWait."""
