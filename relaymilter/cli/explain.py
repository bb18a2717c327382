"""relaymilter explain: what the daemon would say to one recipient, and why, by the same code."""

import json
import os
from pathlib import Path
from typing import Any

import click

from relaymilter.audit.explain import Explanation, explain_request
from relaymilter.cli.flags import Command, flags, table_options, tell
from relaymilter.config.options import GROUPS
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import read
from relaymilter.observe.printable import typed
from relaymilter.policy.envelope import Certificate, Told, client, request

_STATUS = {"permit": os.EX_OK, "reject": os.EX_NOPERM, "defer": os.EX_TEMPFAIL}


@click.command(cls=Command)
@click.option("--client", "address", required=True, metavar="IP", help="The client's address.")
@click.option("--login", metavar="LOGIN", help="What {auth_authen} proves, as it is or as logged.")
@click.option("--helo", default="", metavar="NAME", help="The name in HELO.")
@click.option("--sender", default="<>", metavar="PATH", help="The argument of MAIL FROM.")
@click.option("--recipient", required=True, metavar="PATH", help="The argument of RCPT TO, as typed or as logged.")
@click.option("--rcpt-addr", metavar="ADDRESS", help="What the MTA makes of it: {rcpt_addr}.")
@click.option("--mechanism", metavar="MECHANISM", help="Of AUTH: {auth_type}.")
@click.option("--listener", metavar="NAME", multiple=True, help="{daemon_name}, {daemon_addr} or {daemon_port}.")
@click.option("--cert-subject", metavar="NAME", help="{cert_subject}, of a certificate that the MTA has verified.")
@click.option("--cert-issuer", metavar="NAME", help="{cert_issuer}.")
@click.option("--cert-fingerprint", metavar="HEX", help="{cert_fp}.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@table_options(*(group for group in GROUPS if group.decides))
def explain(
    address: str,
    login: str | None,
    helo: str,
    sender: str,
    recipient: str,
    rcpt_addr: str | None,
    mechanism: str | None,
    listener: tuple[str, ...],
    cert_subject: str | None,
    cert_issuer: str | None,
    cert_fingerprint: str | None,
    as_json: bool,
    config: Path | None,
    **given: Any,
) -> int:
    """Print the verdict, the reply, and the trail of every rule asked. Exit status: 0 permit, 77 reject, 75 defer."""
    try:
        settings = read(flags(config, given)).settings
    except ConfigError as error:
        tell(error)
        return os.EX_USAGE if error.only_flags else os.EX_CONFIG
    asked = request(
        client(address),
        typed(recipient),
        login=_text(login),
        rcpt_addr=None if rcpt_addr is None else typed(rcpt_addr),
        helo=typed(helo),
        sender=typed(sender),
        told=Told(_text(mechanism), _listener(listener), _certificate(cert_subject, cert_issuer, cert_fingerprint)),
    )
    explanation = explain_request(settings.policy, asked)
    click.echo(json.dumps(explanation.as_dict(), indent=2) if as_json else _lines(explanation))
    return _STATUS[explanation.verdict]


def _text(text: str | None) -> str | None:
    return typed(text).decode("utf-8", "surrogateescape") if text else None


def _listener(given: tuple[str, ...]) -> tuple[str, ...]:
    """Each by itself, or as the log has them, with blanks between."""
    return tuple(filter(None, map(_text, " ".join(given).split(" "))))


def _certificate(subject: str | None, issuer: str | None, fingerprint: str | None) -> Certificate | None:
    named, signed = _text(subject), _text(issuer)
    return Certificate(named, signed, _text(fingerprint) or "") if named and signed else None


def _lines(explanation: Explanation) -> str:
    head = [f"verdict: {explanation.verdict}", f"rule:    {explanation.rule}"]
    if explanation.reply:
        head.append(f"reply:   {explanation.reply}")
    return "\n".join([*head, "trail:", *(f"  {rule:<18}{word:<12}{why}" for rule, word, why in explanation.trail)])
