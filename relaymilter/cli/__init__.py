"""The commands, one file each: parse, call, print, exit status; no logic. Exit statuses are those of sysexits.h."""

import os
import sys

import click

from relaymilter.cli.doctor import doctor
from relaymilter.cli.explain import explain
from relaymilter.cli.import_ import import_
from relaymilter.cli.learn import learn
from relaymilter.cli.logins import logins
from relaymilter.cli.probe import probe
from relaymilter.cli.reload import reload
from relaymilter.cli.replay import replay
from relaymilter.cli.report import report
from relaymilter.cli.run import run
from relaymilter.cli.selftest import selftest
from relaymilter.cli.status import status
from relaymilter.cli.trust import trust
from relaymilter.cli.usage import Commands, in_one_line
from relaymilter.cli.version import version_option
from relaymilter.cli.watch import watch


@click.group(cls=Commands, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@version_option
def relaymilter() -> None:
    """The milter that closes mail relays, for Postfix and Sendmail."""


relaymilter.add_command(run)
relaymilter.add_command(status)
relaymilter.add_command(reload)
relaymilter.add_command(logins)
relaymilter.add_command(trust)
relaymilter.add_command(report)
relaymilter.add_command(watch)
relaymilter.add_command(explain)
relaymilter.add_command(replay)
relaymilter.add_command(learn)
relaymilter.add_command(import_)
relaymilter.add_command(doctor)
relaymilter.add_command(selftest)
relaymilter.add_command(probe)


def main() -> None:
    """Run a command; click's status 2 for wrong usage becomes 64."""
    try:
        status = relaymilter.main(prog_name="relaymilter", standalone_mode=False)
    except click.ClickException as error:
        click.echo(in_one_line(error), err=True)
        status = os.EX_USAGE
    except OSError as error:
        click.echo(f"relaymilter: {error.filename or 'standard output'}: {error.strerror}", err=True)
        status = os.EX_IOERR
        sys.stdout = None  # what could not be written is still in it, and would be tried again at the end
    except click.Abort:
        status = 130
    sys.exit(status if isinstance(status, int) else 0)
