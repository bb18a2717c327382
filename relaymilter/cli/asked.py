"""The flags of `explain` that say which request is meant: one by one, or as a line of the log.

Each takes what the log has for it; a bare `-` is what it is there, nobody and nothing. A value that is one hyphen
itself is written `\\x2d`.
"""

import ipaddress
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import click

from relaymilter.audit.log_line import LoggedDecision, logged_decision
from relaymilter.observe.printable import typed
from relaymilter.policy.envelope import NOWHERE, Certificate, Client, Macros, Request, client, request

F = TypeVar("F", bound=Callable[..., Any])

_NO_ADDRESS = ("", "-", "unknown")
"""What stands for a client of which the MTA says no address, such as the user of Sendmail's `sendmail -bs`."""
_OPTIONS = (
    click.option("--client", metavar="IP", help="The client's address; - where the MTA says none."),
    click.option("--login", metavar="LOGIN", help="What {auth_authen} proves, as it is or as logged; - is nobody."),
    click.option("--helo", metavar="NAME", help="The name in HELO."),
    click.option("--sender", metavar="PATH", help="The argument of MAIL FROM; <> if left out."),
    click.option("--recipient", metavar="PATH", help="The argument of RCPT TO, as typed or as logged."),
    click.option("--rcpt-addr", metavar="ADDRESS", help="What the MTA makes of it: {rcpt_addr}."),
    click.option("--mechanism", metavar="MECHANISM", help="Of AUTH: {auth_type}."),
    click.option("--tls", metavar="TLS", help="{tls_version} and {cipher}, parted by a blank."),
    click.option("--listener", metavar="NAME", multiple=True, help="{daemon_name}, {daemon_addr} or {daemon_port}."),
    click.option("--cert-subject", metavar="NAME", help="{cert_subject}, of a certificate that the MTA has verified."),
    click.option("--cert-issuer", metavar="NAME", help="{cert_issuer}."),
    click.option("--cert-fingerprint", metavar="HEX", help="{cert_fp}."),
    click.option("--line", metavar="LINE", help="A whole line of the decision log, in place of all these."),
)
_NAMES = (
    *("client", "login", "helo", "sender", "recipient", "rcpt_addr", "mechanism", "tls", "listener"),
    *("cert_subject", "cert_issuer", "cert_fingerprint"),
)


def request_options(command: F) -> F:
    """Decorate a command with these flags."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def asked(given: dict[str, Any]) -> Request | LoggedDecision:
    """Take these flags out of what was given. Raises click.UsageError."""
    line = given.pop("line")
    flags = {name: given.pop(name) for name in _NAMES}
    if line is None:
        return _request(flags)
    for name, value in flags.items():
        if value not in (None, ()):
            _wrong(f"--{name.replace('_', '-')}: the line of --line says it already")
    try:
        return logged_decision(line)
    except ValueError as error:
        _wrong(f"--line: {error}")


def _request(flags: dict[str, Any]) -> Request:
    for name in ("client", "recipient"):
        if flags[name] is None:
            _wrong(f"Missing option --{name}, or --line in place of all")
    certificate = _certificate(*(_text(flags[f"cert_{name}"]) for name in ("subject", "issuer", "fingerprint")))
    return request(
        _client(flags["client"]),
        typed(flags["recipient"]),
        login=_text(flags["login"]),
        rcpt_addr=None if flags["rcpt_addr"] in (None, "-") else typed(flags["rcpt_addr"]),
        helo=typed("" if flags["helo"] in (None, "-") else flags["helo"]),
        sender=typed("<>" if flags["sender"] in (None, "-") else flags["sender"]),
        macros=Macros(_text(flags["mechanism"]), _listener(flags["listener"]), certificate, _text(flags["tls"])),
    )


def _client(text: str) -> Client:
    if text in _NO_ADDRESS:
        return NOWHERE
    try:
        ipaddress.ip_address(text)
    except ValueError:
        _wrong(f"--client: {text!r} is no address: give an IPv4 or IPv6 address, or - where the MTA says none")
    return client(text)


def _text(text: str | None) -> str | None:
    return typed(text).decode("utf-8", "surrogateescape") if text and text != "-" else None


def _listener(given: tuple[str, ...]) -> tuple[str, ...]:
    """Each by itself, or as the log has them, with blanks between."""
    if given == ("-",):
        return ()
    parts = filter(None, " ".join(given).split(" "))
    return tuple(typed(part).decode("utf-8", "surrogateescape") for part in parts)


def _certificate(subject: str | None, issuer: str | None, fingerprint: str | None) -> Certificate | None:
    return Certificate(subject, issuer, fingerprint or "") if subject and issuer else None


def _wrong(message: str) -> NoReturn:
    raise click.UsageError(message, click.get_current_context())
