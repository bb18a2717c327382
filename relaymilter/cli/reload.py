"""relaymilter reload: the daemon that runs reads everything anew, and says whether that serves."""

import os
from pathlib import Path

import click

from relaymilter.cli.status import asks_the_daemon
from relaymilter.daemon.asking import NoAnswer, ask, control_path


@click.command()
@asks_the_daemon(120)
def reload(config: Path | None, control: str | None, pidfile: str | None, timeout: float) -> int:
    """Let the running daemon read its configuration and all files anew, and wait until the new policy serves.

    Exit status: 0 it serves; 78 something is wrong with it, and the old one stays; 69 no worker came to serve with it,
    or the daemon cannot be asked.
    """
    try:
        answer = ask(control_path(config, control, pidfile), "reload", timeout)
    except NoAnswer as error:
        click.echo(f"relaymilter: {error}", err=True)
        return os.EX_UNAVAILABLE
    problems = answer.get("problems", [])
    for problem in problems:
        click.echo(f"relaymilter: {problem}", err=True)
    if problems:
        click.echo("relaymilter: the old policy stays", err=True)
        status = answer.get("status")
        return status if isinstance(status, int) and status else os.EX_SOFTWARE
    for warning in answer.get("warnings", []):
        click.echo(f"relaymilter: warning: {warning}", err=True)
    for key in answer.get("waiting", []):
        click.echo(f"relaymilter: warning: {key} has changed, and stays as it was until a restart", err=True)
    click.echo(f"The new policy serves: {answer.get('fingerprint')}.")
    return os.EX_OK
