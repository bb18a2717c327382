"""A Sendmail as a whole: its sendmail.cf, its version, and its daemons, each with the filters that it asks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from relaymilter.mta.sendmail import DIRECTORY
from relaymilter.mta.sendmail_cf import Configuration, Declared, read_cf
from relaymilter.mta.sendmail_classes import ask
from relaymilter.policy.networks import parse_address

_COMMAS = re.compile(r"[,;\s]+")


@dataclass(frozen=True, slots=True)
class Daemon:
    """Where Sendmail listens: an option DaemonPortOptions (cf/README)."""

    line: int
    options: Mapping[str, str]
    """By the first letter of their names, in lower case; no more counts."""
    filters: tuple[str, ...]
    """The names of the filters that are asked there."""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.options.get("n", f"port {self.options.get('p', 'smtp')}")

    @property
    def public(self) -> bool:
        """Others than this machine can connect to it."""
        host = self.options.get("a", "")
        address = parse_address(host.removeprefix("IPv6:"))
        return host != "localhost" and not (address and address.is_loopback)


@dataclass(frozen=True, slots=True)
class SendmailSite:
    """A Sendmail's configuration."""

    cf: Configuration
    version: str
    """Of the program, such as 8.17.1.9."""
    program: str
    mechanisms: tuple[str, ...]
    """Of AUTH, those that are trusted for relaying."""

    @property
    def filters(self) -> tuple[str, ...]:
        """The names of those that are asked where a daemon has none of its own."""
        options = self.cf.option("InputMailFilters")
        return _names(options[-1].text) if options else ()

    @property
    def daemons(self) -> list[Daemon]:
        """Where it listens; on all addresses if nothing is said."""
        daemons = [_daemon(option, self.filters) for option in self.cf.option("DaemonPortOptions")]
        return daemons or [Daemon(0, {}, self.filters)]


def read_site(directory: str | None) -> SendmailSite:
    """The Sendmail with sendmail.cf in this folder; None: /etc/mail. Raises NoSendmail, OSError."""
    path = Path(directory or DIRECTORY) / "sendmail.cf"
    cf = read_cf(path)
    replies = ask(path, ["$v", "$={TrustAuthMech}"])
    return SendmailSite(cf, replies.answers[0], replies.program, tuple(replies.answers[1].split()))


def _daemon(option: Declared, filters: tuple[str, ...]) -> Daemon:
    pairs = (part.strip().partition("=") for part in option.text.split(","))
    options = {name.strip()[:1].lower(): said.strip() for name, _, said in pairs if name.strip()}
    return Daemon(option.line, options, _names(options["i"]) if "i" in options else filters)


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, _COMMAS.split(text)))
