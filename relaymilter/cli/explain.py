"""relaymilter explain: what the daemon would say to one recipient, and why, by the same code."""

import json
import os
from pathlib import Path
from typing import Any

import click

from relaymilter.audit.explain import Explanation, explain_request
from relaymilter.cli.flags import flags, table_options, tell
from relaymilter.config.options import POLICY
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import read
from relaymilter.observe.printable import typed
from relaymilter.policy.envelope import client, request

_STATUS = {"permit": os.EX_OK, "reject": os.EX_NOPERM, "defer": os.EX_TEMPFAIL}


@click.command()
@click.option("--client", "address", required=True, metavar="IP", help="The client's address.")
@click.option("--login", metavar="LOGIN", help="What {auth_authen} proves, as it is or as logged.")
@click.option("--helo", default="", metavar="NAME", help="The name in HELO.")
@click.option("--sender", default="<>", metavar="PATH", help="The argument of MAIL FROM.")
@click.option("--recipient", required=True, metavar="PATH", help="The argument of RCPT TO, as typed or as logged.")
@click.option("--rcpt-addr", metavar="ADDRESS", help="What the MTA makes of it: {rcpt_addr}.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@table_options(POLICY)
def explain(
    address: str,
    login: str | None,
    helo: str,
    sender: str,
    recipient: str,
    rcpt_addr: str | None,
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
        login=_login(login),
        rcpt_addr=None if rcpt_addr is None else typed(rcpt_addr),
        helo=typed(helo),
        sender=typed(sender),
    )
    explanation = explain_request(settings.policy, asked)
    click.echo(json.dumps(explanation.as_dict(), indent=2) if as_json else _lines(explanation))
    return _STATUS[explanation.verdict]


def _login(text: str | None) -> str | None:
    return typed(text).decode("utf-8", "surrogateescape") if text else None


def _lines(explanation: Explanation) -> str:
    head = [f"verdict: {explanation.verdict}", f"rule:    {explanation.rule}"]
    if explanation.reply:
        head.append(f"reply:   {explanation.reply}")
    return "\n".join([*head, "trail:", *(f"  {rule:<18}{word:<12}{why}" for rule, word, why in explanation.trail)])
