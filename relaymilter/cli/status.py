"""relaymilter status: how the daemon is that runs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from relaymilter.daemon.asking import NoAnswer, ask, control_path
from relaymilter.daemon.status import UNKNOWN

F = TypeVar("F", bound=Callable[..., Any])
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def asks_the_daemon(seconds: float) -> Callable[[F], F]:
    """Decorate a command with the options that say where the daemon is asked, and how long is waited."""

    def decorate(command: F) -> F:
        for option in (
            click.option(
                "--timeout",
                type=click.FloatRange(0.1, 3600),
                default=seconds,
                show_default=True,
                metavar="SECONDS",
                help="How long to wait for the answer.",
            ),
            click.option("-P", "--pidfile", metavar="PATH", help="Its pid file; the socket is beside it."),
            click.option("--control", metavar="PATH", help="The control socket of the daemon."),
            click.option(
                "-c",
                "-x",
                "--config",
                type=click.Path(path_type=Path),
                metavar="PATH",
                help="Its configuration file, which says where the socket is.",
            ),
        ):
            command = option(command)
        return command

    return decorate


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@asks_the_daemon(10)
def status(config: Path | None, control: str | None, pidfile: str | None, timeout: float, as_json: bool) -> int:
    """Ask the running daemon how it is.

    Exit status, as monitoring plug-ins have it: 0 fine, 1 warning, 2 no worker serves, 3 it cannot be asked.
    """
    try:
        answer = ask(control_path(config, control, pidfile), "status", timeout)
    except NoAnswer as error:
        answer = {"status": UNKNOWN, "problems": [str(error)]}
    worst = UNKNOWN if answer.get("status") not in range(4) else int(answer["status"])
    click.echo(json.dumps(answer, indent=2) if as_json else "\n".join(_lines(answer, worst)))
    return worst


def _lines(answer: dict[str, Any], worst: int) -> Iterator[str]:
    problems = answer.get("problems", [])
    yield f"RELAYMILTER {_WORDS[worst]}" + (f": {'; '.join(problems)}" if problems else "")
    for name, value in answer.items():
        if name not in ("status", "problems"):
            first, *others = _values(value)
            yield f"{name:<12}{first}"
            yield from (f"{'':<12}{other}" for other in others)


def _values(value: Any) -> list[str]:
    """Of a section: one line for each item of a list; all of a mapping in one line."""
    match value:
        case dict():
            return [", ".join(f"{name.replace('_', ' ')} {_text(each)}" for name, each in value.items()) or "none"]
        case list():
            return list(map(_text, value)) or ["none"]
    return [_text(value)]


def _text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case dict() | list():
            return json.dumps(value)
    return str(value)
