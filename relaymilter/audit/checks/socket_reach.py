"""Can those of the MTA who ask get to relaymilter's unix socket?"""

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Inspected
from relaymilter.audit.checks.postfix_attachment import MILTERS, guarded
from relaymilter.audit.mta_lines import postfix_form
from relaymilter.config.endpoint import UnixEndpoint
from relaymilter.files.way import way
from relaymilter.mta import milter_socket
from relaymilter.mta.postfix_site import PostfixSite, Service


def unreachable(seen: Inspected) -> Iterator[Finding]:
    """The chroot of smtpd has no such path, or its user may not connect."""
    site = seen.postfix
    for service, milter in guarded(seen, site) if site else ():
        if site is None or not isinstance(milter.where, milter_socket.Path):
            continue
        path = _path(site, service, milter.where.path)
        ours = [socket.path for socket in seen.sockets if isinstance(socket, UnixEndpoint)]
        if path not in ours:
            yield _elsewhere(seen, site, service, path)
        elif why := _shut(path, site.main.get("mail_owner", "postfix")):
            change = "relaymilter: --socket-group postfix, and folders that this group may enter"
            yield Finding("socket-unreachable", Severity.WARNING, service.place(MILTERS), why, change)


def _path(site: PostfixSite, service: Service, written: str) -> str:
    """Where the service looks: a path is relative to the queue directory, which is the root where it is chrooted."""
    if written.startswith("/") and not service.chrooted:
        return written
    return f"{site.queue}/{written.lstrip('/')}"


def _elsewhere(seen: Inspected, site: PostfixSite, service: Service, path: str) -> Finding:
    inside = [ours for ours in seen.sockets if isinstance(ours, UnixEndpoint) and ours.path.startswith(site.queue)]
    change = (
        f"relaymilter: -p unix:{site.queue}/relaymilter/milter.sock, main.cf: {MILTERS} = unix:relaymilter/milter.sock"
    )
    if inside:
        change = service.line(MILTERS, postfix_form(inside[0], site.queue))
    root = f"is chrooted in {site.queue} and " if service.chrooted else ""
    why = f"{service.name} {root}looks for relaymilter at {path}, where it is not: no mail is taken"
    return Finding("socket-unreachable", Severity.WARNING, service.place(MILTERS), why, change)


def _shut(path: str, user: str) -> str | None:
    """What keeps this user from connecting; None if nothing does, or if there is no such socket or user here."""
    try:
        account = pwd.getpwnam(user)
        groups = {account.pw_gid, *(group.gr_gid for group in grp.getgrall() if user in group.gr_mem)}
        for step, status in way(Path(path)):
            needed = stat.S_IWOTH if stat.S_ISSOCK(status.st_mode) else stat.S_IXOTH
            if not stat.S_ISLNK(status.st_mode) and not _may(status, account.pw_uid, groups, needed):
                return f"smtpd runs as {user}, who may not {'enter' if needed == stat.S_IXOTH else 'connect to'} {step}"
    except (OSError, KeyError):
        pass
    return None


def _may(status: os.stat_result, uid: int, groups: set[int], needed: int) -> bool:
    """Of the three sets of bits the first that fits counts (path_resolution(7))."""
    if uid == 0:
        return True
    if status.st_uid == uid:
        return bool(status.st_mode & needed << 6)
    return bool(status.st_mode & (needed << 3 if status.st_gid in groups else needed))
