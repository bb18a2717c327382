"""What the rules may ask of the world outside: protocols that tables/ and dns implement.

An answer that could not be had is LookupFailed: inside a relay rule it is remembered and makes a refusal a 4xx, inside
a restriction it defers at once. It is never a yes and never a no.
"""

from typing import Protocol


class LookupFailed(Exception):
    """The table or the name server gave no answer; the text says which and why, for the log alone."""


class Names(Protocol):
    """A set of names: domains, logins. `name in names` may raise LookupFailed."""

    def __contains__(self, name: object, /) -> bool: ...
