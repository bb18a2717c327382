# SPDX-License-Identifier: GPL-2.0-or-later
"""Print the lines that attach Postfix and Sendmail to the socket in use, then become `relaymilter run`.

What contrib/start runs once everything is installed. Flags that name no domain and no configuration file get the host's
own names as local domains; root serves TCP as nobody, unless told otherwise. Where the flags are wrong, or do not serve
(--help, --check), nothing is printed: the daemon answers for itself.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from relaymilter.audit.mta_lines import QUEUE, main_cf, sendmail_mc
from relaymilter.cli.flags import flags
from relaymilter.cli.run import run
from relaymilter.config.endpoint import Endpoint, FdEndpoint, NamedFdEndpoint, UnixEndpoint
from relaymilter.config.forms import parse_domain
from relaymilter.config.model import Settings
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import read


def main(arguments: list[str]) -> None:
    """Print, and become the daemon."""
    settings = settings_of(arguments)
    if settings is not None:
        added = additions(arguments, settings)
        print(message(settings.listen.sockets, added), flush=True)  # noqa: T201
        arguments = [*arguments, *added]
    os.execv(sys.executable, [sys.executable, "-sP", "-m", "relaymilter", "run", *arguments])  # noqa: S606


def given(arguments: list[str]) -> dict[str, object]:
    """The flags among the arguments. Raises click.UsageError."""
    found, rest, _ = run.make_parser(click.Context(run)).parse_args([*arguments])
    if rest:
        raise click.UsageError("these are no flags")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def settings_of(arguments: list[str]) -> Settings | None:
    """What these flags come to; None where they do not serve, or are wrong."""
    try:
        found = given(arguments)
        if found.keys() & {"help", "version", "check"}:
            return None
        config = found.pop("config", None)
        return read(flags(Path(str(config)) if config else None, found)).settings
    except (click.UsageError, ConfigError):
        return None


def additions(arguments: list[str], settings: Settings) -> list[str]:
    """The flags that are added to those given."""
    added = []
    if not given(arguments).keys() & {"config", "local_domain", "relay_domain"}:
        added += [word for name in host_names() for word in ("--local-domain", name)]
    if os.geteuid() == 0 and settings.daemon.account is None and not _any_unix(settings):
        added += ["--user", "nobody"]
    return added


def _any_unix(settings: Settings) -> bool:
    """A unix socket is root's to give."""
    return any(isinstance(socket, UnixEndpoint) for socket in settings.listen.sockets)


def host_names() -> list[str]:
    """What this host calls itself, and what its mail does."""
    found = [output("hostname"), output("hostname", "-f"), "localhost"]
    mailname = Path("/etc/mailname")
    if mailname.exists():
        found.append(mailname.read_text("utf-8", "replace").strip())
    return [*dict.fromkeys(name for name in found if is_domain(name))]


def output(*command: str) -> str:
    """What a command prints; nothing where it fails, or waits for a name server."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def is_domain(name: str) -> bool:
    """Whether the daemon would take it for a local domain."""
    try:
        parse_domain(name)
    except ValueError:
        return False
    return not name.startswith(".")


def message(sockets: Sequence[Endpoint], added: list[str]) -> str:
    """All that is printed."""
    parts = [f"relaymilter serves on {', '.join(map(str, sockets))}."]
    if added:
        parts[0] += f" Flags added: {' '.join(added)}"
    if "--local-domain" in added:
        parts.append(
            "Only these names of the host are local: to a mailbox in any other domain a stranger is refused. Name the\n"
            "domains that you host with --local-domain, and try it with --dry-run first."
        )
    parts += [part for socket in sockets for part in lines_for(socket)]
    if len(sockets) > 1:
        parts.append("An MTA gets the lines of one of these sockets, not of all.")
    return "\n\n".join(parts) + "\n"


def lines_for(socket: Endpoint) -> list[str]:
    """What attaches an MTA to this socket."""
    if isinstance(socket, FdEndpoint | NamedFdEndpoint):
        return ["The lines for the MTA depend on the socket that was handed down: see README.rst."]
    return [
        "Postfix: put this into /etc/postfix/main.cf (where smtpd_milters names others already, add this one at\n"
        "the end), then run `postfix reload`. non_smtpd_milters stays as it is.\n\n" + indented(main_cf(socket)),
        *([unix_note(socket.path)] if isinstance(socket, UnixEndpoint) else []),
        "Sendmail: put this into /etc/mail/sendmail.mc, after other filters and before MAILER_DEFINITIONS, then\n"
        "run `make -C /etc/mail` and restart Sendmail.\n\n" + indented(sendmail_mc(socket)),
    ]


def unix_note(path: str) -> str:
    """Who must reach a unix socket."""
    if path.startswith(f"{QUEUE}/"):
        return "Its user must be able to connect: --socket-group postfix."
    return (
        f"Its user must be able to connect: --socket-group postfix. A chrooted smtpd, which Debian's is, sees nothing\n"
        f"outside {QUEUE}: put the socket there."
    )


def indented(lines: list[str]) -> str:
    """For copying."""
    return "\n".join(f"    {line}" for line in lines)


if __name__ == "__main__":
    main(sys.argv[1:])
