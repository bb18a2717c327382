"""The set-up as a whole, examined: the MTA, this machine, our settings and the daemon that runs. Nothing is changed.

A check is one line of CHECKS and a function of what was inspected, in checks/ by its subject. What the MTA's programs
say (postconf, sendmail -bt) is asked of them; no mail is sent, and nobody is connected to but the daemon.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from relaymilter.audit.checks import (
    domains,
    files,
    macros,
    milter_maps,
    networks,
    postfix_attachment,
    restrictions,
    running,
    sendmail_attachment,
    socket_reach,
    versions,
)
from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Check, Host, Inspected
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, Reading, read
from relaymilter.daemon.asking import Answer, NoAnswer, ask, control_path
from relaymilter.mta import postfix_site, sendmail_site
from relaymilter.mta.gateways import gateways
from relaymilter.mta.interfaces import own_addresses
from relaymilter.mta.registry import read_mta

CHECKS: tuple[Check, ...] = (
    running.unreadable,
    running.not_running,
    running.not_fine,
    running.dry_run,
    postfix_attachment.not_attached,
    postfix_attachment.no_milters,
    postfix_attachment.default_action,
    milter_maps.milter_maps,
    postfix_attachment.non_smtpd,
    postfix_attachment.content_filter,
    socket_reach.unreachable,
    sendmail_attachment.not_attached,
    sendmail_attachment.default_action,
    macros.of_postfix,
    macros.of_sendmail,
    restrictions.of_postfix,
    restrictions.of_sendmail,
    networks.too_wide,
    networks.mta_too_wide,
    networks.foreign,
    networks.hiding,
    domains.only_in_mta,
    domains.only_here,
    files.world_writable,
    versions.holes,
    versions.smuggling_postfix,
    versions.smuggling_sendmail,
)
"""All of them, in the order in which their findings are printed."""

_SECONDS = 10.0
"""For the daemon to answer."""


def examine(seen: Inspected) -> list[Finding]:
    """Every finding, each once."""
    findings = [*dict.fromkeys(finding for check in CHECKS for finding in _found(check, seen))]
    is_open = any(finding.severity is Severity.OPEN for finding in findings)
    return [_weighed(finding, is_open) for finding in findings]


def status(findings: Sequence[Finding]) -> int:
    """The exit status: 0, 1 (warnings), 2 (the relay is open, or not protected)."""
    severities = {finding.severity for finding in findings}
    return 2 if Severity.OPEN in severities else 1 if Severity.WARNING in severities else 0


def _found(check: Check, seen: Inspected) -> list[Finding]:
    """What it finds; that it cannot tell is a finding, too."""
    try:
        return [*check(seen)]
    except (ValueError, OSError) as error:
        why = f"{check.__module__.rpartition('.')[2]}: {check.__name__} could not be examined: {_words(error)}"
        return [Finding("not-examined", Severity.WARNING, seen.mta, why, _words(error))]


def _weighed(finding: Finding, is_open: bool) -> Finding:
    """An MTA that is open by itself is closed by relaymilter, unless that is not sure."""
    if finding.severity is not Severity.MTA_OPEN:
        return finding
    if is_open:
        return replace(finding, severity=Severity.OPEN)
    return replace(finding, severity=Severity.WARNING, reason=f"{finding.reason}; relaymilter alone closes it")


def daemon(asked: Flags) -> tuple[Answer | None, str]:
    """What the daemon with these flags says of itself, or why it says nothing."""
    control, pidfile = (asked.given.get(key, (None,))[-1] for key in ("control", "pidfile"))
    try:
        return ask(control_path(asked.config, control, pidfile), "status", _SECONDS), ""
    except NoAnswer as error:
        return None, str(error)


def inspect(mta: str, reading: Reading, answer: Answer | None, silence: str) -> Inspected:
    """Look at everything; what cannot be read is said in `unread`."""
    name, _, directory = mta.partition(":")
    directory = os.path.abspath(directory) if directory else ""
    seen = Inspected(mta, reading, _host(), answer, silence)
    return _with_lists(_with_site(seen, name, directory or None), mta)


def _with_site(seen: Inspected, name: str, directory: str | None) -> Inspected:
    try:
        if name == "postfix":
            return replace(seen, postfix=postfix_site.read_site(directory))
        return replace(seen, sendmail=sendmail_site.read_site(directory))
    except (ValueError, OSError) as error:
        return replace(seen, unread=(*seen.unread, _words(error)))


def _with_lists(seen: Inspected, mta: str) -> Inspected:
    try:
        local = read(Flags({"mta": (mta,)})).settings.policy.local
        return replace(seen, lists=read_mta(mta), local=local)
    except (ConfigError, ValueError) as error:
        problems = error.problems if isinstance(error, ConfigError) else [str(error)]
        new = [problem.removeprefix("--mta: ") for problem in problems]
        return replace(seen, unread=(*seen.unread, *(why for why in new if why not in seen.unread)))


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'the MTA'}: {error.strerror}"
    return str(error)


def _host() -> Host:
    try:
        addresses = tuple(own_addresses())
    except (OSError, ValueError):  # a machine without /proc
        addresses = ()
    return Host(addresses, tuple(gateways()))


def lines(findings: Sequence[Finding], mta: str) -> Iterator[str]:
    """For people: each finding with its reason and what to write, the worst first."""
    order = [Severity.OPEN, Severity.WARNING, Severity.NOTE]
    for finding in sorted(findings, key=lambda each: order.index(each.severity)):
        yield f"{finding.severity.value.upper()}: {finding.name}: {finding.place}"
        yield f"    {finding.reason}"
        yield from (f"    > {line}" for line in finding.change.splitlines())
    yield f"{mta}: {summary(findings) or 'nothing found'}"


def summary(findings: Sequence[Finding]) -> str:
    """How many of each; empty if there is none."""
    counts: list[tuple[Severity, Callable[[int], str]]] = [
        (Severity.OPEN, lambda n: f"{n} by which the relay is open or not protected"),
        (Severity.WARNING, lambda n: f"{n} warning{'s' if n > 1 else ''}"),
        (Severity.NOTE, lambda n: f"{n} note{'s' if n > 1 else ''}"),
    ]
    numbers = [(sum(each.severity is severity for each in findings), words) for severity, words in counts]
    return ", ".join(words(number) for number, words in numbers if number)
