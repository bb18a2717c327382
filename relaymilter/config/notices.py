"""Who is given notice when a login is throttled or suspended, and how."""

import os
import re
import shlex
from dataclasses import dataclass

from relaymilter.config.endpoint import InetEndpoint, parse_endpoint
from relaymilter.config.option import Option
from relaymilter.config.values import Values
from relaymilter.policy.domains import domain_form

_MAILBOX = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=-]*(?:@([A-Za-z0-9.-]+))?")


def _argv(text: str) -> tuple[str, ...]:
    """A command as words, quoted as for a shell, which does not run."""
    try:
        argv = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is no command: {error}") from None
    if not argv or not argv[0].startswith("/") or "\0" in text:
        raise ValueError(f"{text!r} is no command: give its absolute path, and what else it is given")
    return argv


def _address(text: str) -> str:
    """A mailbox in ASCII, with a domain or without one, which the MTA then adds."""
    match = _MAILBOX.fullmatch(text)
    try:
        if match and (match[1] is None or domain_form(match[1])):
            return text
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no address for mail: give one such as postmaster@example.org")


def _server(text: str) -> InetEndpoint:
    endpoint = parse_endpoint(text)
    if not isinstance(endpoint, InetEndpoint):
        raise ValueError(f"{text!r} is no server: give inet:PORT@HOST, with a numeric address")
    return endpoint


NOTIFY_COMMAND = Option(
    "notify-command",
    "Run this command when a login is throttled or suspended, with the evidence as JSON on its standard input; no "
    "shell.",
    "COMMAND",
    parse=_argv,
)
NOTIFY_MAIL = Option(
    "notify-mail", "Send mail to this address when a login is throttled or suspended.", "ADDRESS", parse=_address
)
NOTIFY_SERVER = Option(
    "notify-server",
    "The MTA to which this mail is handed, by SMTP.",
    "inet:PORT@HOST",
    parse=_server,
    default="inet:25@127.0.0.1",
)
OPTIONS = (NOTIFY_COMMAND, NOTIFY_MAIL, NOTIFY_SERVER)


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """How notice is given; None: not in this way."""

    command: tuple[str, ...] | None
    mail: str | None
    server: InetEndpoint

    @property
    def any(self) -> bool:
        """There is somebody to be given notice."""
        return self.command is not None or self.mail is not None


def read(values: Values) -> NoticeSettings:
    """The command and the mail of a notice; a command that cannot be run is warned of."""
    command = values.maybe(NOTIFY_COMMAND)
    if command is not None and not os.access(command[0], os.X_OK):
        values.warn(NOTIFY_COMMAND, f"{command[0]} cannot be run here, so nobody will get notice by it")
    return NoticeSettings(command, values.maybe(NOTIFY_MAIL), values.one(NOTIFY_SERVER))
