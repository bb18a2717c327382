"""What clients, logins and senders are bound to, read and checked: frozen, as the rest of the settings (model.py)."""

from dataclasses import dataclass, field

from relaymilter.config.sets import MapSet, NameSet, NetworkSet
from relaymilter.policy.block_lists import Site
from relaymilter.policy.grants import Grant
from relaymilter.policy.logins import Fold
from relaymilter.policy.networks import Networks


@dataclass(frozen=True, slots=True)
class LoginBounds:
    """Which logins count, by which ways, and what they may do. None: not bound."""

    fold: Fold = Fold.EXACT
    mechanisms: frozenset[str] | None = None
    listeners: frozenset[str] | None = None
    networks: MapSet | None = None
    recipients: MapSet | None = None
    senders: MapSet | None = None
    """The logins that own a mailbox, by mailbox."""
    null_sender: NameSet | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """What is refused though a rule permits it. None: nothing."""

    clients: NetworkSet | None = None
    helo: NameSet | None = None
    senders: NameSet | None = None
    recipients: NameSet | None = None


@dataclass(frozen=True, slots=True)
class Reputation:
    """What the DNS must say, or must not, of clients and senders."""

    sites: tuple[Site, ...] = ()
    threshold: int = 1
    """What the lists of a client weigh that is refused."""
    sender_domain_exists: bool = False
    forward_confirmed: bool = False

    @property
    def asks(self) -> bool:
        """The DNS is needed."""
        return bool(self.sites) or self.sender_domain_exists or self.forward_confirmed


@dataclass(frozen=True, slots=True)
class Lockdown:
    """When relaying stops for everyone but a few."""

    on: bool = False
    file: str | None = None
    """While it exists, the lockdown is on."""
    logins: NameSet = NameSet()
    networks: Networks = field(default_factory=Networks)


@dataclass(frozen=True, slots=True)
class Bounds:
    """All of it."""

    logins: LoginBounds = LoginBounds()
    local_client_senders: NameSet | None = None
    certificates: NameSet | None = None
    grants: tuple[Grant, ...] = ()
    denied: Denied = Denied()
    reputation: Reputation = Reputation()
    lockdown: Lockdown = Lockdown()
    warn: frozenset[str] = frozenset()
    """Names of restrictions that refuse nothing."""
