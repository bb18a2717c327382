"""relaymilter run: the daemon, in the foreground."""

import os
from pathlib import Path
from typing import Any

import click

from relaymilter.audit.at_start import examine_aside
from relaymilter.cli.flags import Command, flags, table_options, tell
from relaymilter.cli.version import version_option
from relaymilter.config.options import GROUPS
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, Reading, read
from relaymilter.daemon.failures import CannotServe
from relaymilter.daemon.log import open_log
from relaymilter.daemon.opened import open_all
from relaymilter.daemon.privileges import occupy_standard_streams, raise_file_limit, require_root_for
from relaymilter.daemon.signals import block_signals
from relaymilter.daemon.supervisor import Supervisor
from relaymilter.daemon.watch import Watch, read_steadily


@click.command(cls=Command)
@click.option("-n", "--check", is_flag=True, help="Check flags, configuration and files, and exit.")
@version_option
@table_options(*GROUPS)
def run(check: bool, config: Path | None, **given: Any) -> int:
    """Close a Postfix or a Sendmail as a relay: attach to it by a milter socket."""
    block_signals()
    occupy_standard_streams()
    raise_file_limit()
    asked = flags(config, given)
    try:
        if check:
            return _check(asked)
        _supervisor(asked).run()
    except ConfigError as error:
        tell(error)
        return os.EX_USAGE if error.only_flags else os.EX_CONFIG
    except CannotServe as error:
        click.echo(f"relaymilter: {error}", err=True)
        return error.status
    return os.EX_OK


def _check(asked: Flags) -> int:
    _warn(read(asked))
    click.echo("The configuration is sound.")
    return os.EX_OK


def _supervisor(asked: Flags) -> Supervisor:
    """With what it needs; no one else keeps the settings, which may be large and will be replaced."""
    reading, seen = read_steadily(lambda: read(asked))
    settings = reading.settings
    open_log(settings)
    _warn(reading)
    require_root_for(settings.daemon.account)
    opened = open_all(settings.listen, settings.daemon.account)
    return Supervisor(reading, lambda: read(asked), opened, Watch(seen), lambda: examine_aside(asked))


def _warn(reading: Reading) -> None:
    policy = reading.settings.policy
    doubts = [] if policy.takes_mail else ["no local and no relay domain is named: strangers can write to nobody"]
    for warning in (*reading.warnings, *doubts):
        click.echo(f"relaymilter: warning: {warning}", err=True)
