"""relaymilter import: the domains and networks of a Postfix or a Sendmail, as a configuration file of ours."""

import os
import sys

import click

from relaymilter.audit.importer import toml_of
from relaymilter.cli.usage import one_line
from relaymilter.mta.registry import MTAS, read_mta


@click.command("import")
@click.argument("mta", type=click.Choice(MTAS))
@click.argument("directory", required=False, metavar="[DIR]")
def import_(mta: str, directory: str | None) -> int:
    """Print a configuration that is equivalent to that of an MTA, in /etc/postfix, /etc/mail or DIR.

    What cannot be carried over exactly, or looks dangerous, is remarked on. Exit status: 0, or 78 if it cannot be read.
    """
    text = f"{mta}:{directory}" if directory else mta
    try:
        settings = read_mta(text)
    except ValueError as error:
        click.echo(one_line(f"relaymilter: {error}"), err=True)
        return os.EX_CONFIG
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # TOML is UTF-8
    click.echo(toml_of(settings, text), nl=False)
    return os.EX_OK
