"""relaymilter selftest: hostile envelopes against a policy, or against a running milter."""

import ipaddress
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from relaymilter.audit.hostile import trial
from relaymilter.audit.hostile.corpus import FAMILIES, corpus, names_of
from relaymilter.audit.hostile.envelopes import Names
from relaymilter.audit.hostile.trial import Trial
from relaymilter.audit.mta_side import MilterFailed
from relaymilter.audit.selftest import against_milter, against_policy, own_domain
from relaymilter.cli.flags import Command, flags, table_options, tell
from relaymilter.cli.usage import one_line
from relaymilter.config.endpoint import Endpoint, parse_endpoint
from relaymilter.config.options import GROUPS
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, read

EX_OPEN = 1


def _endpoint(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Endpoint | None:
    try:
        return None if text is None else parse_endpoint(text)
    except ValueError as error:
        raise click.UsageError(f"--milter: {error}", _context) from None


def _client(context: click.Context, _parameter: click.Parameter, text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise click.UsageError(f"--client: {text!r} is no address: give an IPv4 or IPv6 address", context) from None


def _names(victim: str, domain: str) -> Names:
    try:
        return names_of(victim, domain=domain, host=f"mx.{domain}" if domain else "")
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context()) from None


@click.command(cls=Command)
@click.option("--milter", metavar="SOCKET", callback=_endpoint, help="Ask a running milter, in place of a policy.")
@click.option(
    "--client", metavar="IP", default="203.0.113.7", callback=_client,
    help="The address of the stranger.  [default: 203.0.113.7]",
)  # fmt: skip
@click.option("--victim", metavar="MAILBOX", default="", help="Of a third party.  [default: victim@example.com]")
@click.option("--domain", metavar="DOMAIN", default="", help="One of ours.  [default: the first that is configured]")
@click.option(
    "--family",
    type=click.Choice([*FAMILIES]),
    metavar="FAMILY",
    multiple=True,
    help="Try this family alone.  Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@table_options(*(group for group in GROUPS if group.decides))
def selftest(milter: Endpoint | None, as_json: bool, config: Path | None, **given: Any) -> int:
    """Try hostile envelopes on the policy, or on a running milter. Nothing is sent. Exit status: 0 held, 1 open."""
    about = {name: given.pop(name) for name in ("client", "victim", "domain", "family")}
    asked = flags(config, given)
    if milter is not None and (asked.given or config):
        raise click.UsageError("--milter has a policy of its own: leave out the flags of another")
    try:
        trials = [*(_on_policy(asked, **about) if milter is None else _on_milter(milter, **about))]
    except ConfigError as error:
        tell(error)
        return os.EX_USAGE if error.only_flags else os.EX_CONFIG
    except MilterFailed as error:
        click.echo(one_line(f"relaymilter: {milter}: {error}"), err=True)
        return os.EX_UNAVAILABLE
    if as_json:
        click.echo(json.dumps(trial.as_dict(trials), indent=2))
    else:
        click.echo("\n".join([*trial.table(trials), *trial.open_lines(trials)]))
    return EX_OPEN if trial.opened(trials) else os.EX_OK


def _on_policy(asked: Flags, client: str, victim: str, domain: str, family: tuple[str, ...]) -> Iterator[Trial]:
    policy = read(asked).settings.policy
    return against_policy(policy, corpus(_names(victim, domain or own_domain(policy)), family), client)


def _on_milter(milter: Endpoint, client: str, victim: str, domain: str, family: tuple[str, ...]) -> Iterator[Trial]:
    return against_milter(milter, corpus(_names(victim, domain), family), client)
