"""Which MTAs are configured on this machine: those that `doctor` examines unless it is told which."""

from pathlib import Path

from relaymilter.config.problems import Problems
from relaymilter.config.reader import Flags
from relaymilter.config.toml import read_toml

USUAL = {"postfix": Path("/etc/postfix/main.cf"), "sendmail": Path("/etc/mail/sendmail.cf")}
"""Where an MTA is configured that nobody has named."""


def mtas_here(asked: Flags) -> tuple[str, ...]:
    """The one of --mta, or those that have a configuration where it usually is."""
    values = read_toml(asked.config, Problems()) if asked.config else {}
    named = [*asked.given.get("mta", ()), *(value.text for value in values.get("mta", ()))]
    return tuple(named[:1] or (name for name, path in USUAL.items() if path.exists()))
