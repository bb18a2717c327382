"""Does Sendmail ask relaymilter about every recipient of a stranger, and does it refuse while relaymilter is down?"""

import re
from collections.abc import Iterator

from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Inspected
from relaymilter.audit.mta_lines import sendmail_mc
from relaymilter.mta.milter_socket import sendmail_milter
from relaymilter.mta.sendmail_cf import Declared
from relaymilter.mta.sendmail_site import SendmailSite

_CLOSED = re.compile("[TR4]")


def ours(seen: Inspected, site: SendmailSite) -> list[Declared]:
    """The filters that are relaymilter."""
    return [filter for filter in site.cf.filters if seen.is_ours(sendmail_milter(filter.text))]


def not_attached(seen: Inspected) -> Iterator[Finding]:
    """No daemon asks relaymilter, or only some do."""
    site = seen.sendmail
    if site is None:
        return
    names = {filter.name for filter in ours(seen, site)}
    public = [daemon for daemon in site.daemons if daemon.public]
    missing = [daemon for daemon in public if not names & {*daemon.filters}]
    if missing and len(missing) == len(public):
        why = f"no daemon asks relaymilter at {' or '.join(map(str, seen.sockets))}: it protects nobody"
        yield Finding("not-attached", Severity.OPEN, str(site.cf.path), why, _mc_line(seen))
        return
    for daemon in missing:
        why = f"{daemon.name} does not ask relaymilter, and takes mail from strangers"
        line = f"sendmail.mc: DAEMON_OPTIONS(`..., InputMailFilters={';'.join((*daemon.filters, *sorted(names)))}')"
        yield Finding("service-not-attached", Severity.OPEN, site.cf.place(daemon.line), why, line)


def default_action(seen: Inspected) -> Iterator[Finding]:
    """While relaymilter is down Sendmail takes mail unfiltered."""
    site = seen.sendmail
    for filter in ours(seen, site) if site else ():
        if site and not _CLOSED.match(sendmail_milter(filter.text).options.get("f", "")):
            why = f"{filter.name}: without F=T, whenever relaymilter is down, Sendmail takes every recipient unasked"
            yield Finding("default-action", Severity.OPEN, site.cf.place(filter.line), why, _mc_line(seen))


def _mc_line(seen: Inspected) -> str:
    return f"sendmail.mc: {sendmail_mc(seen.sockets[0])[0]}"
