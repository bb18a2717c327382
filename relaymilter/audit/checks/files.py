"""May everyone write what decides about relaying?"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Inspected
from relaymilter.files.safety import danger
from relaymilter.mta.postfix_site import PostfixSite
from relaymilter.mta.sendmail_cf import Configuration
from relaymilter.tables.postfix import SUFFIXES

_MAP = re.compile(r"\b(?:proxy:)?([a-z]+):(/[^\s,{}]+)")
_LISTS = ("mydestination", "mynetworks", "relay_domains", "virtual_alias_domains", "virtual_mailbox_domains")
_PATH = re.compile(r"(?<!\S)/[^\s,]+")
_NO_MAPS = {"unix", "inet", "file"}


def world_writable(seen: Inspected) -> Iterator[Finding]:
    """A file of the MTA's configuration, or a map, that any local user could change."""
    for path in dict.fromkeys(_paths(seen)):
        if why := danger(path):
            reason, _, change = why.rpartition(": ")
            said = f"{reason}: any local user could open the relay by it"
            yield Finding("world-writable", Severity.WARNING, str(path), said, change)


def _paths(seen: Inspected) -> Iterator[Path]:
    if seen.postfix:
        yield from _of_postfix(seen.postfix)
    if seen.sendmail:
        yield from _of_sendmail(seen.sendmail.cf)
    yield from sorted(seen.reading.files)


def _of_postfix(site: PostfixSite) -> Iterator[Path]:
    folder = Path(site.main.get("config_directory", "/etc/postfix"))
    yield from (folder / name for name in ("main.cf", "master.cf"))
    values = [*site.main.values(), *(value for service in site.services for value in service.own.values())]
    yield from _maps(values)
    yield from (Path(word) for name in _LISTS for word in _PATH.findall(site.main.get(name, "")))


def _maps(values: Iterable[str]) -> Iterator[Path]:
    for type_, name in _MAP.findall(" ".join(values)):
        if type_ not in _NO_MAPS:
            yield Path(name)
            yield Path(name + SUFFIXES.get(type_, ""))


def _of_sendmail(cf: Configuration) -> Iterator[Path]:
    yield cf.path
    yield from cf.files
    for declared in cf.maps.values():
        for name in _PATH.findall(declared.text):
            yield from (Path(name), Path(f"{name}.db"))
