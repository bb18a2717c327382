"""What Sendmail's own rules say of a client or a recipient, asked in its test mode (`sendmail -bt`): no daemon runs."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .packages import Release
from .private import private_command, wrappers

SENDMAIL = "/usr/libexec/sendmail/sendmail"

MC = """\
include(_CF_DIR_`m4/cf.m4')
OSTYPE(`linux')
define(`confDOMAIN_NAME', `mx.example.org')
define(`MAIL_SETTINGS_DIR', `{folder}/')
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit,GroupWritableDirPathSafe')
define(`confSERVICE_SWITCH_FILE', `{folder}/service.switch')
define(`confDONT_PROBE_INTERFACES', `True')
FEATURE(`nocanonify')
{features}
MAILER(`local')
MAILER(`smtp')
"""
M4 = 'exec m4 -D_CF_DIR_="$0/share/sendmail/cf/" "$@" 2>/dev/null'  # there are but warnings


# On a host whose name has no dot it sleeps for a minute.
AS_HOST = 'mount --bind "$1" /etc/hosts && echo mx.example.org >/proc/sys/kernel/hostname && shift && exec "$@"'
IN_ITS_TREE = 'mount -o bind,ro "$1" /usr && shift && exec "$@"'
HOSTS = "127.0.0.1 localhost\n127.0.0.1 mx.example.org mx\n"


def sendmail_command(folder: Path, release: Release | None = None) -> list[str]:
    """The argument vector of Sendmail's own sendmail, on a host with a name; `folder` is to keep a file for it.

    It is that of the machine's release if none is given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts").write_text(HOSTS)
    inside = ["sh", "-c", IN_ITS_TREE, "sh", str(release.usr)] if release else []
    return private_command("unshare", "--uts", "sh", "-c", AS_HOST, "sh", str(folder / "hosts"), *inside, SENDMAIL)


def write_cf(folder: Path, *features: str, release: Release | None = None) -> Path:
    """Make a sendmail.cf, which relays for nobody but as these lines of its .mc file and the files beside it say."""
    (folder / "service.switch").write_text("hosts files\n")
    (folder / "sendmail.mc").write_text(MC.format(folder=folder, features="\n".join(features)))
    usr = str(release.usr) if release else "/usr"
    built = subprocess.run(
        private_command("sh", "-c", M4, usr, str(folder / "sendmail.mc")), capture_output=True, check=True, timeout=60
    )
    (folder / "sendmail.cf").write_bytes(built.stdout)
    return folder / "sendmail.cf"


def sendmail_path(folder: Path, release: Release | None = None) -> str:
    """A PATH with makemap, and with Sendmail's own sendmail."""
    path = wrappers(folder, ["makemap"])
    script = folder / "sendmail"  # the one on the PATH of the private tree is Postfix's
    script.write_text(f'#!/bin/sh\nexec {shlex.join(sendmail_command(folder, release))} "$@"\n')
    script.chmod(0o755)
    return path


def relays_for(cf: Path, addresses: Iterable[str]) -> set[str]:
    """Those clients that may relay; they have no name."""
    asked = {address: sendmail_form(address) for address in addresses}
    lines = [
        f".D{{client_addr}}{form}\n.D{{client_resolve}}FAIL\n.D{{client_name}}[{form}]\nRelay_ok x\n"
        for form in asked.values()
    ]
    return {address for address, relays in zip(asked, _relays(cf, "Relay_ok", lines), strict=True) if relays}


def relays_to(cf: Path, domains: Iterable[str]) -> set[str]:
    """Those domains of a recipient that anyone may reach."""
    asked = list(domains)
    lines = [f"Rcpt_ok user@{domain}\n" for domain in asked]
    return {domain for domain, relays in zip(asked, _relays(cf, "Rcpt_ok", lines), strict=True) if relays}


def sendmail_form(address: str) -> str:
    """How Sendmail writes the address of a client: of IPv6 every group."""
    if ":" not in address:
        return address
    left, gap, right = address.partition("::")
    groups = [group for group in left.split(":") if group]
    after = [group for group in right.split(":") if group]
    return "IPv6:" + ":".join(groups + ["0"] * (8 - len(groups) - len(after) if gap else 0) + after)


def _relays(cf: Path, ruleset: str, lines: list[str]) -> list[bool]:
    command = [*sendmail_command(cf.parent), "-bt", "-C", str(cf)]
    done = subprocess.run(command, input="".join(lines), text=True, capture_output=True, check=True, timeout=60)
    return [said == "RELAY" for said in re.findall(rf"^{ruleset} +returns: (.*)", done.stdout, re.MULTILINE)]
