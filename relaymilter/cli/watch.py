"""relaymilter watch: decisions as they come, live in a terminal, or line by line where it is none."""

import os
import signal
import sys

import click

from relaymilter.cli.report import lacking


@click.command()
@click.argument("decisions")
def watch(decisions: str) -> int:
    """Show decisions as they come: rates, the last refusals, logins in trouble; q or Ctrl-C ends.

    DECISIONS is the file that the decision log goes to, which may be rotated, or - for standard input. Where standard
    output is no terminal, there is a line for each decision.
    """
    from relaymilter.report import following, live  # not before it is asked for: other commands need none of it

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, which gives the terminal back
    try:
        if not sys.stdout.isatty():
            live.plain(following.source(decisions, following.Keys(None)), click.echo)
            return os.EX_OK
        with following.keyboard(decisions == "-") as keys:
            live.on_screen(following.source(decisions, keys), keys)
    except KeyboardInterrupt:
        return os.EX_OK
    except ModuleNotFoundError as error:
        return lacking(error)
    return os.EX_OK
