"""Does relaymilter run, and does it refuse?"""

import socket
from collections.abc import Iterator

from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Inspected
from relaymilter.audit.mta_lines import ANYWHERE
from relaymilter.config.endpoint import InetEndpoint, UnixEndpoint

_SECONDS = 2.0
"""For a connection."""


def unreadable(seen: Inspected) -> Iterator[Finding]:
    """The MTA's configuration could not be read, so nothing is known of it."""
    for why in seen.unread:
        yield Finding("mta-unread", Severity.WARNING, seen.mta, f"what could not be read was not examined: {why}", why)


def not_running(seen: Inspected) -> Iterator[Finding]:
    """The daemon does not answer. Without a control socket it cannot, but takes connections."""
    listen = seen.reading.settings.listen
    if seen.answer is not None:
        return
    if listen.control is None and listen.pidfile is None and any(map(_takes_connections, seen.sockets)):
        why = "relaymilter runs, but has no control socket, so that it could not be asked how it is"
        yield Finding("not-asked", Severity.NOTE, "relaymilter", why, "give --pidfile or --control")
    else:
        why = f"relaymilter does not run, or not with these flags: {seen.silence}"
        yield Finding("not-running", Severity.WARNING, "relaymilter", why, "start it, or name its socket by --control")


def _takes_connections(endpoint: UnixEndpoint | InetEndpoint) -> bool:
    if isinstance(endpoint, UnixEndpoint):
        where: str | tuple[str, int] = endpoint.path
        family = socket.AF_UNIX
    else:
        where = (ANYWHERE.get(endpoint.host, endpoint.host), endpoint.port)
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    with socket.socket(family) as mta:
        mta.settimeout(_SECONDS)
        return mta.connect_ex(where) == 0


def not_fine(seen: Inspected) -> Iterator[Finding]:
    """The daemon says that something is wrong with it."""
    for problem in (seen.answer or {}).get("problems", ()):
        yield Finding("daemon", Severity.WARNING, "relaymilter", str(problem), "see relaymilter status, and its log")


def dry_run(seen: Inspected) -> Iterator[Finding]:
    """It refuses nothing."""
    process = (seen.answer or {}).get("process", {})
    if seen.reading.settings.daemon.dry_run or (isinstance(process, dict) and process.get("dry_run")):
        why = "in a dry run relaymilter refuses nothing: it protects nobody"
        yield Finding("dry-run", Severity.OPEN, "relaymilter: dry-run", why, "leave --dry-run out")
