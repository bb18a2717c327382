"""What the configuration of an MTA comes to: settings of ours, and remarks on what cannot be carried over."""

from dataclasses import dataclass

from relaymilter.policy.networks import Network


@dataclass(frozen=True, slots=True)
class Setting:
    """One entry of one of our list options."""

    key: str
    """Of our option, such as local-domain."""
    text: str
    """A name, a network, or a `type:name`."""
    place: str
    """Where it stands there, such as `postfix: mydestination` or `/etc/mail/access:12`."""
    subdomains: bool = False
    """Subdomains are meant, too."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What an administrator should know of a line: it cannot be carried over, or it looks dangerous."""

    place: str
    text: str
    opens: bool = False
    """As far as this MTA goes, strangers may relay by it."""
    network: Network | None = None
    """That may hold a gateway, as far as its addresses tell: where this machine has one in it, that is said instead."""


@dataclass(frozen=True, slots=True)
class MtaSettings:
    """All settings and all remarks, each in the order in which they stand in the MTA's files."""

    settings: tuple[Setting, ...]
    remarks: tuple[Remark, ...] = ()
