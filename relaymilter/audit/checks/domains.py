"""Do the MTA and relaymilter agree on whose mail is taken?"""

from collections.abc import Iterator

from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Inspected
from relaymilter.config.local import LocalSettings

_SHOWN = 5
_OF_ITSELF = ("localhost",)
"""What every host calls itself: nobody else has mail for it."""


def only_in_mta(seen: Inspected) -> Iterator[Finding]:
    """The MTA takes mail that relaymilter refuses; nobody else has mail for a name without a dot."""
    if seen.local is None or _asks(ours := seen.reading.settings.policy.local):
        return
    if missing := {name for name in _taken(seen.local) - _taken(ours) if "." in name}:
        why = f"{seen.mta} takes mail for {_shown(missing)}, and relaymilter refuses it"
        change = "".join(f"local-domain (or relay-domain): {name}\n" for name in sorted(missing)[:_SHOWN]).strip()
        yield Finding("domain-only-in-mta", Severity.WARNING, "relaymilter: local-domain", why, change)


def only_here(seen: Inspected) -> Iterator[Finding]:
    """relaymilter permits mail that the MTA would send on to others."""
    ours = seen.reading.settings.policy.local
    if seen.local is None or _asks(seen.local):
        return
    if more := _taken(ours) - _taken(seen.local):
        why = f"relaymilter permits mail for {_shown(more)}, which is no domain of {seen.mta}: it would be relayed on"
        change = "leave it out, or name it in the MTA's configuration (mydestination, relay_domains; classes w and R)"
        yield Finding("domain-only-here", Severity.WARNING, "relaymilter: local-domain", why, change)


def _taken(local: LocalSettings) -> set[str]:
    """The domains of a configuration, without literals."""
    known = (names.known for names in (local.domains, local.relay_domains))
    domains = {name for names in known if isinstance(names, frozenset) for name in names}
    return {name for name in domains if not name.startswith("[") and name.split(".")[0] not in _OF_ITSELF}


def _asks(local: LocalSettings) -> bool:
    """Are there tables that only answer, and cannot be compared?"""
    both = (local.domains, local.relay_domains)
    return any(names.asked or not isinstance(names.known, frozenset) for names in both)


def _shown(names: set[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(sorted(names)[:_SHOWN])}{more}"
