"""The commands, one file each: parse, call, print, exit status; no logic. Exit statuses are those of sysexits.h."""

import os
import sys

import click

from relaymilter.cli.usage import CommandModules, in_one_line
from relaymilter.cli.version import version_option

COMMANDS = (
    "run", "status", "reload", "logins", "trust", "report", "watch", "explain", "replay", "learn", "import", "doctor",
    "selftest", "probe",
)  # fmt: skip
"""A module each."""


@click.group(
    cls=CommandModules,
    modules={name: f"{__name__}.{name}" for name in COMMANDS},
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@version_option
def relaymilter() -> None:
    """The milter that closes mail relays, for Postfix and Sendmail."""


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
