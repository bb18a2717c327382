"""smtpd_milter_maps: which clients Postfix asks other milters about, or none (DISABLE), in place of smtpd_milters."""

from collections.abc import Iterator

from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Inspected
from relaymilter.audit.checks.postfix_attachment import guarded, ours_among
from relaymilter.mta.postfix_site import PostfixSite
from relaymilter.mta.table_name import table_name
from relaymilter.policy.networks import parse_network
from relaymilter.tables.braces import words
from relaymilter.tables.postfix import Keys
from relaymilter.tables.registry import open_table
from relaymilter.tables.table import Entry, Loaded

MAPS = "smtpd_milter_maps"
_SHOWN = 3


def milter_maps(seen: Inspected) -> Iterator[Finding]:
    """Strangers about whom relaymilter is not asked, by a map."""
    site = seen.postfix
    for service, _ in guarded(seen, site) if site else ():
        for name in words(service.value(MAPS)):
            if problem := _problem(seen, site, name) if site else None:
                severity, why = problem
                change = f"leave these out of {name}, or {service.line(MAPS, '')}"
                yield Finding("milter-maps", severity, service.place(MAPS), f"{name}: {why}", change)


def _problem(seen: Inspected, site: PostfixSite, name: str) -> tuple[Severity, str] | None:
    if name.startswith("static:"):
        entries: list[Entry] | None = [Entry(0, "every client", name.removeprefix("static:").strip("{} "))]
    else:
        entries, why = _entries(site, name)
        if entries is None:
            return Severity.WARNING, f"it could not be looked through for DISABLE: {why}"
    keys = [entry.key for entry in entries or () if not _is_guarded(seen, site, entry)]
    if not keys:
        return None
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return Severity.OPEN, f"relaymilter is not asked about {', '.join(keys[:_SHOWN])}{more}, who may be strangers"


def _entries(site: PostfixSite, name: str) -> tuple[list[Entry] | None, str]:
    ours, problem = table_name(name, site.directory, Keys.AS_THEY_ARE)
    try:
        table = None if problem else open_table(ours)
        if isinstance(table, Loaded):
            return [*table.entries], ""
    except ValueError as error:
        return None, str(error)
    return None, problem or "it can only be asked"


def _is_guarded(seen: Inspected, site: PostfixSite, entry: Entry) -> bool:
    """Is relaymilter asked about this client all the same, or is it a local one, which it would permit anyway?"""
    if entry.value.strip().upper() != "DISABLE" and ours_among(seen, site, entry.value):
        return True
    try:
        network = parse_network(entry.key).network
    except ValueError:
        return False
    ends = (network.network_address, network.broadcast_address)
    at_ends = [seen.reading.settings.policy.local.networks.known.find(address) for address in ends]
    return all(local is not None and not local.excluded for local in at_ends)
