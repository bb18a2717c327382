"""relaymilter logins: what the ledger has of logins; and to suspend, release and forget them, also while it serves."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import click

from relaymilter.audit.logins import standings
from relaymilter.audit.logins.accounts import Stand, account, accounts
from relaymilter.audit.logins.held_to import held_to
from relaymilter.audit.logins.named_ledger import NamedLedger, named_ledger
from relaymilter.audit.logins.standings import Outcome
from relaymilter.audit.logins.words import UNREADABLE, account_lines, as_dict, stand_dict, table
from relaymilter.cli.flags import Command, flags, table_options, tell
from relaymilter.cli.usage import Commands, one_line
from relaymilter.config import guard
from relaymilter.config.logins import LOGIN_FOLD
from relaymilter.config.options import Group
from relaymilter.config.problems import ConfigError
from relaymilter.lookups import waiting
from relaymilter.observe.printable import printable_text, typed
from relaymilter.policy.domains import ascii_lower
from relaymilter.policy.guard.history import Standing
from relaymilter.policy.ports import LookupFailed

F = TypeVar("F", bound=Callable[..., Any])
Change: TypeAlias = Callable[[Any, str, int], tuple[Outcome, Stand | None]]

_WHERE = Group("Which ledger", (guard.LEDGER, LOGIN_FOLD))
_LIMITS = Group("What logins may send", tuple(option for option in guard.OPTIONS if option is not guard.LEDGER))
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_STANDINGS = [standing.name.lower() for standing in Standing]


@click.group(cls=Commands)
def logins() -> None:
    """Look at the logins in a ledger; suspend, release and forget them, also while the daemon runs."""


@logins.command("list", cls=Command)
@click.option("--standing", type=click.Choice(_STANDINGS), multiple=True, help="Only those who stand so.  Repeatable.")
@click.option("--prefix", default="", metavar="TEXT", help="Only those whose name begins so.")
@_AS_JSON
@table_options(_WHERE)
def list_(standing: tuple[str, ...], prefix: str, as_json: bool, config: Path | None, **given: Any) -> int:
    """List the logins that the ledger knows, and how they stand; times are UTC."""

    def show(named: NamedLedger, now: int) -> int:
        wanted = standing or (*_STANDINGS, UNREADABLE)
        every = accounts(named.ledger, ascii_lower(_login(prefix)), now)
        listed = [(name, stand) for name, stand in every if stand_dict(stand)["standing"] in wanted]
        if as_json:
            click.echo(json.dumps([{"login": name} | stand_dict(stand) for name, stand in listed], indent=2))
        else:
            click.echo("\n".join(table(listed)))
        return os.EX_OK

    return _asking(config, given, show)


@logins.command("show", cls=Command)
@click.argument("login")
@_AS_JSON
@table_options(_WHERE, _LIMITS)
def show_(login: str, as_json: bool, config: Path | None, **given: Any) -> int:
    """Show all that the ledger has of a login: standing, counts beside limits, networks; times are UTC.

    Exit status: 0, or 67 where it knows nothing of it.
    """

    def show(named: NamedLedger, now: int) -> int:
        name = _login(login)
        # First, since it looks at the file, which would end the locks of a connection that SQLite has (schema.look).
        terms, problems = held_to(flags(config, given), name)
        subject = standings.subject_of(named.ledger, name, named.fold, now)
        for problem in problems:
            click.echo(one_line(f"relaymilter: warning: limits are not shown: {problem}"), err=True)
        known = account(named.ledger, subject, terms, now)
        if known is None:
            click.echo(f"{printable_text(subject.partition(' ')[2])}: {Outcome.UNKNOWN.value}", err=True)
            return os.EX_NOUSER
        click.echo(json.dumps(as_dict(known), indent=2) if as_json else "\n".join(account_lines(known)))
        return os.EX_OK

    return _asking(config, given, show)


def _changing(name: str, change: Change, text: str) -> click.Command:
    """A command that does this to each login that is named."""

    @click.command(name, cls=Command, help=text)
    @click.argument("login", nargs=-1, required=True)
    @_AS_JSON
    @table_options(_WHERE)
    def command(login: tuple[str, ...], as_json: bool, config: Path | None, **given: Any) -> int:
        def change_all(named: NamedLedger, now: int) -> int:
            outcomes = []
            for each in login:
                subject = standings.subject_of(named.ledger, _login(each), named.fold, now)
                outcome, before = change(named.ledger, subject, now)
                outcomes.append(outcome)
                _report(subject.partition(" ")[2], outcome, before, as_json)
            return os.EX_NOUSER if Outcome.UNKNOWN in outcomes else os.EX_OK

        return _asking(config, given, change_all)

    return command


logins.add_command(
    _changing(
        "suspend",
        standings.suspend_login,
        "Suspend logins: their mail to others is refused from the next recipient on, until they are released.",
    )
)
logins.add_command(
    _changing(
        "release",
        standings.release_login,
        "Let logins go on that are throttled or suspended, with new room for what is new. Exit status: 0, or 67 where "
        "nothing is known of one of them.",
    )
)
logins.add_command(
    _changing(
        "forget",
        standings.forget_login,
        "Remove all that is known of logins: what they did, how they stand, whom they wrote to. Exit status: 0, or 67 "
        "where nothing is known of one of them.",
    )
)


def _asking(config: Path | None, given: dict[str, Any], ask: Callable[[NamedLedger, int], int]) -> int:
    """Open the ledger, and ask it: the exit status."""
    try:
        with waiting.allowing(), named_ledger(flags(config, given)) as named:
            return ask(named, int(time.time()))
    except ConfigError as error:
        tell(error)
        return os.EX_USAGE if error.only_flags else os.EX_CONFIG
    except LookupFailed as failure:
        click.echo(one_line(f"relaymilter: {failure}"), err=True)
        return os.EX_UNAVAILABLE


def _report(login: str, outcome: Outcome, before: Stand | None, as_json: bool) -> None:
    """A line for each login."""
    if as_json:
        then = None if before is None else stand_dict(before)
        click.echo(json.dumps({"login": login, "outcome": outcome.name.lower(), "before": then}))
        return
    stood = f", was {before.standing.name.lower()}" if before is not None and outcome.changed else ""
    click.echo(f"{printable_text(login)}: {outcome.value}{stood}")


def _login(text: str) -> str:
    """As it is, or as the log and `logins list` have it."""
    return typed(text).decode("utf-8", "surrogateescape")
