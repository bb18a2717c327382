"""What `replay` and `learn` have in common: log files as arguments, and a bar that shows how far they are read."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from relaymilter.audit.replay.logged_transaction import logged_transaction
from relaymilter.cli.usage import one_line
from relaymilter.maillog.files import LogFile, NotALog, look
from relaymilter.maillog.joining import Joining
from relaymilter.maillog.reading import ordered, transactions
from relaymilter.maillog.transaction import Transaction

F = TypeVar("F", bound=Callable[..., Any])


def log_arguments(command: F) -> F:
    """Decorate a command with the files, and the year in which they begin."""
    year = click.option(
        "--year", type=click.IntRange(1970, 9999), help="In which the first line of each file was written, where time "
        "stamps have none; else the latest that is possible by the file's date.",
    )  # fmt: skip
    return click.argument("log", nargs=-1, required=True)(year(command))


def looked_at(paths: tuple[str, ...], year: int | None) -> list[LogFile]:
    """The files in the order of time. Raises NotALog and OSError."""
    return ordered(look(path, year) for path in paths)


@contextmanager
def reading(files: list[LogFile], joining: Joining) -> Iterator[Iterator[Transaction]]:
    """What they tell; with a bar, where somebody watches."""
    size = sum(file.size for file in files)
    if not (size and sys.stderr.isatty()):
        yield transactions(files, logged_transaction, joining, lambda octets: None)
        return
    with click.progressbar(length=size, label="Reading", file=sys.stderr) as bar:
        yield transactions(files, logged_transaction, joining, bar.update)


def failed(problem: NotALog) -> int:
    """Say that a file is no log, or damaged: the exit status."""
    click.echo(one_line(f"relaymilter: {problem}"), err=True)
    return os.EX_DATAERR


def said_years(files: list[LogFile]) -> Iterator[str]:
    """Which years were taken, where the time stamps have none."""
    for file in files:
        if file.year:
            yield one_line(f"{file.path}: its time stamps have no year: taken to begin in {file.year}")
