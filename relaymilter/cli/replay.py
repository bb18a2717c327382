"""relaymilter replay: what would have become of the mail of a log."""

import json
import os
from pathlib import Path
from typing import Any

import click

from relaymilter.audit.replay.replayed import Found, lines
from relaymilter.audit.replay.replaying import Replay
from relaymilter.audit.replay.suggest import Suggestions
from relaymilter.cli.flags import Command, flags, table_options, tell
from relaymilter.cli.logs import failed, log_arguments, looked_at, reading, said_years
from relaymilter.config.options import GROUPS
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import read
from relaymilter.maillog.files import NotALog
from relaymilter.maillog.joining import Joining


@click.command(cls=Command)
@log_arguments
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each recipient, and nothing else.")
@click.option("--suggest", is_flag=True, help="Print what would keep this mail, for the configuration file.")
@table_options(*(group for group in GROUPS if group.decides))
def replay(
    log: tuple[str, ...], year: int | None, as_json: bool, suggest: bool, config: Path | None, **given: Any
) -> int:
    """Decide on the mail in these logs, and say what would change.

    Logs are of Postfix, of Sendmail, or our own decision log, in any number and order, also packed by gzip or zstd, or
    as `journalctl -o export` gives them; - is standard input. A ledger is one in memory: nobody is charged.
    """
    if as_json and suggest:
        raise click.UsageError("give --json or --suggest, not both", click.get_current_context())
    try:
        settings = read(flags(config, given)).settings
    except ConfigError as error:
        tell(error)
        return os.EX_USAGE if error.only_flags else os.EX_CONFIG
    joining, found, suggestions = Joining(), Found(), Suggestions()
    decide = Replay(settings.policy).decided
    try:
        files = looked_at(log, year)
        with reading(files, joining) as told:
            for decided in (each for transaction in told for each in decide(transaction)):
                if as_json:
                    click.echo(json.dumps(decided.as_dict()))
                elif suggest:
                    suggestions.add(decided)
                else:
                    found.add(decided)
    except NotALog as problem:
        return failed(problem)
    if suggest:
        click.echo("\n".join(suggestions.lines()))
    elif not as_json:
        click.echo("\n".join([*said_years(files), *lines(found, joining.gaps, joining.first, joining.last)]))
    return os.EX_OK
