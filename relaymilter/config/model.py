"""What a configuration comes to: the sum of what its subjects are set to, frozen, complete and checked."""

from dataclasses import dataclass

from relaymilter.config.backup import BackupSettings
from relaymilter.config.daemon import DaemonSettings
from relaymilter.config.dns import DnsSettings
from relaymilter.config.guard import GuardSettings
from relaymilter.config.listen import ListenSettings
from relaymilter.config.lists import ListSettings
from relaymilter.config.local import LocalSettings
from relaymilter.config.log import LogSettings
from relaymilter.config.logins import LoginSettings
from relaymilter.config.lookups import LookupSettings
from relaymilter.config.notices import NoticeSettings
from relaymilter.config.sets import NameSet
from relaymilter.config.shared_address import SharedAddressSettings
from relaymilter.config.trusts import TrustSettings
from relaymilter.policy.ruleset import Refusals


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What decides, and what is said."""

    local: LocalSettings
    shared: SharedAddressSettings
    logins: LoginSettings
    guard: GuardSettings | None
    trusts: TrustSettings
    lists: ListSettings
    dns: DnsSettings
    backup: BackupSettings
    refusals: Refusals
    lookups: LookupSettings

    @property
    def takes_mail(self) -> bool:
        """There is some domain that strangers may write to."""
        domains = (self.local.domains, self.local.relay_domains, self.backup.domains or NameSet())
        return any(names != NameSet() for names in domains)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file and the flags come to: the policy, and how the daemon listens, logs, runs and gives notice."""

    policy: PolicySettings
    listen: ListenSettings
    log: LogSettings
    daemon: DaemonSettings
    notices: NoticeSettings
