"""relaymilter trust: addresses that --shared-address distrusts are local again."""

import os
from pathlib import Path

import click

from relaymilter.cli.status import asks_the_daemon
from relaymilter.daemon.asking import NoAnswer, ask, control_path


@click.command()
@asks_the_daemon(10)
def trust(config: Path | None, control: str | None, pidfile: str | None, timeout: float) -> int:
    """Let all addresses that have lost their trust for looking shared be local again, and print them.

    Do it when the MTA sees the addresses of its clients again. What the addresses have shown is forgotten, so one that
    goes on to look shared loses its trust again. A restart does the same; a reload does not.

    Exit status: 0; 69 the daemon cannot be asked.
    """
    try:
        answer = ask(control_path(config, control, pidfile), "trust", timeout)
    except NoAnswer as error:
        click.echo(f"relaymilter: {error}", err=True)
        return os.EX_UNAVAILABLE
    for address in answer.get("trusted", []):
        click.echo(address)
    return os.EX_OK
