"""relaymilter report: what decision logs say, in a terminal, as JSON, or as a page of HTML."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from relaymilter.audit.logins.held_to import holding
from relaymilter.cli.flags import Command, flags, table_options
from relaymilter.cli.usage import one_line
from relaymilter.config.guard import LIMIT, LOGIN_LIMITS
from relaymilter.config.options import Group
from relaymilter.config.reader import Flags
from relaymilter.maillog.files import NotALog
from relaymilter.policy.guard.limits import Limit

_LIMITS = Group("What logins may send", (LIMIT, LOGIN_LIMITS))


@click.command(cls=Command)
@click.argument("decisions", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--html", metavar="FILE", help="Write a page of HTML there, which needs nothing else; - is standard output."
)
@table_options(_LIMITS)
def report(decisions: tuple[str, ...], as_json: bool, html: str | None, config: Path | None, **given: Any) -> int:
    """Sum up decision logs, text or JSON, plain, by gzip, zstd or journalctl; - is standard input.

    Limits are those of the flags or of the configuration file, and those that the log names.
    """
    from relaymilter.report import findings, gathering  # not before it is asked for: other commands need none of it

    try:
        summary, sharing = gathering.gather(decisions)
    except NotALog as error:
        click.echo(one_line(f"relaymilter: {error}"), err=True)
        return os.EX_DATAERR
    found = findings.report(summary, sharing, _limits_of(config, given))
    try:
        if html is not None:
            _write(html, found)
        if as_json:
            click.echo(json.dumps(found.as_dict(), indent=2))
        elif html is None:
            from relaymilter.report import terminal

            terminal.print_report(found)
    except ModuleNotFoundError as error:
        return lacking(error)
    return os.EX_OK


def lacking(error: ModuleNotFoundError) -> int:
    """An optional package is missing: say which, and how it is had."""
    name = (error.name or "").partition(".")[0]
    click.echo(
        f"relaymilter: this needs {name}: apt install python3-{name}, or pip install 'relaymilter[report]'", err=True
    )
    return os.EX_UNAVAILABLE


def _write(name: str, found: Any) -> None:
    from relaymilter.report.page import page

    text = page(found)
    if name == "-":
        click.echo(text)
    else:
        Path(name).write_text(text)


def _limits_of(config: Path | None, given: dict[str, Any]) -> Callable[[str], Sequence[Limit]]:
    """None without flags and a file. No ledger is opened: the log says what was sent."""
    asked = flags(config, given)
    if config is None and not asked.given:
        return lambda _: ()
    held, problems = holding(Flags({**asked.given, "ledger": ("memory:",)}, config))
    for problem in problems:
        click.echo(one_line(f"relaymilter: warning: limits are not shown: {problem}"), err=True)
    return lambda login: held(login).limits
