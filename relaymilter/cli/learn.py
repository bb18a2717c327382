"""relaymilter learn: fills a ledger with what logins have done, from logs."""

import os
from pathlib import Path
from typing import Any

import click

from relaymilter.audit.replay.learn import Learning
from relaymilter.audit.replay.replayed import untold
from relaymilter.cli.flags import Command, flags, table_options, tell
from relaymilter.cli.logs import failed, log_arguments, looked_at, reading, said_years
from relaymilter.cli.usage import one_line
from relaymilter.config.guard import LEDGER
from relaymilter.config.options import GROUPS
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import read
from relaymilter.maillog.files import NotALog
from relaymilter.maillog.joining import Joining
from relaymilter.policy.ports import LookupFailed


@click.command(cls=Command)
@log_arguments
@table_options(*(group for group in GROUPS if group.decides))
def learn(log: tuple[str, ...], year: int | None, config: Path | None, **given: Any) -> int:
    """Fill the ledger with what logins did, by these logs: their networks, programs, recipients and busy days.

    Logs are those that `replay` takes. What looks like theft is not learned, nobody is suspended, and logins that the
    ledger knows are left as they are. Run it as the user of the daemon, to whom a ledger of SQLite must belong.
    """
    try:
        settings = read(flags(config, given)).settings.policy
        if settings.guard is None or settings.guard.name == "memory:":
            raise ConfigError([f"--{LEDGER.key}: name the one that the daemon uses: sqlite: or redis:"])
    except ConfigError as error:
        tell(error)
        return os.EX_USAGE if error.only_flags else os.EX_CONFIG
    learning, joining = Learning(settings), Joining()
    try:
        files = looked_at(log, year)
        with reading(files, joining) as told:
            for transaction in told:
                learning.take(transaction)
    except NotALog as problem:
        return failed(problem)
    except LookupFailed as failure:
        click.echo(one_line(f"relaymilter: {failure}"), err=True)
        return os.EX_UNAVAILABLE
    click.echo("\n".join([*said_years(files), *learning.learned.lines(), *untold(joining.gaps)]))
    return os.EX_OK
