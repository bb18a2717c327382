"""click's options, made from the table of options, and what was given of them."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from relaymilter.config.option import Kind, Option
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags

F = TypeVar("F", bound=Callable[..., Any])


def table_options(options: Iterable[Option]) -> Callable[[F], F]:
    """Decorate a command with these options and with the one for the configuration file."""

    def decorate(command: F) -> F:
        config = click.option(
            "-c", "-x", "--config", type=click.Path(path_type=Path), metavar="PATH",
            help="A configuration file in TOML: every key is a flag below; a flag wins.",
        )  # fmt: skip
        for option in reversed([*options]):
            command = _option(option)(command)
        return config(command)

    return decorate


def _option(option: Option) -> Callable[[F], F]:
    names = [*option.short, f"--{option.key}"]
    text = option.help + (f"  [default: {option.default}]" if option.default else "")
    match option.kind:
        case Kind.SWITCH:
            return click.option(*names, is_flag=True, help=text)
        case Kind.LIST | Kind.TABLES:
            return click.option(*names, multiple=True, metavar=option.metavar, help=text + "  Repeatable.")
        case Kind.TEXT | Kind.NUMBER:
            return click.option(*names, metavar=option.metavar, help=text)


def flags(config: Path | None, given: dict[str, Any]) -> Flags:
    """The flags of a command's parameters: what was not given is left out."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in given.items():
        key = name.replace("_", "-")
        if value is True:
            found[key] = ("yes",)
        elif isinstance(value, str):
            found[key] = (value,)
        elif isinstance(value, tuple) and value:
            found[key] = value
    return Flags(found, config)


def tell(error: ConfigError) -> None:
    """Print every problem, one a line."""
    for problem in error.problems:
        click.echo(f"relaymilter: {problem}", err=True)
    sys.stderr.flush()
