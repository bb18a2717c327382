"""What the rules may ask of the world outside: protocols that tables/ and dns implement.

An answer that could not be had is LookupFailed: inside a relay rule it is remembered and makes a refusal a 4xx, inside
a restriction it defers at once. It is never a yes and never a no.
"""

from typing import NamedTuple, Protocol

from relaymilter.policy.networks import Address


class LookupFailed(Exception):
    """The table or the name server gave no answer; the text says which and why, for the log alone."""


class MustWait(Exception):
    """The answer can only be had by waiting, and here nothing may wait: ask again where it may. No answer at all."""


class Names(Protocol):
    """A set of names: domains, logins, addresses. `name in names` may raise LookupFailed or MustWait."""

    def __contains__(self, name: object, /) -> bool: ...


class Map(Protocol):
    """Values by name."""

    def find(self, key: str, /) -> str | None:
        """The value of a key, maybe empty; None without one. Raises LookupFailed or MustWait."""


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


class Dns(MailDomains, HostNames, BlockLists, Protocol):
    """All that the DNS is asked for."""
