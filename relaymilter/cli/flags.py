"""click's options, made from the table of options, and what was given of them."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from relaymilter.cli.usage import one_line
from relaymilter.config.option import AnyOption, Kind
from relaymilter.config.options import Group
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags

F = TypeVar("F", bound=Callable[..., Any])


def table_options(*groups: Group) -> Callable[[F], F]:
    """Decorate a command with the options of these groups and with the one for the configuration file."""

    def decorate(command: F) -> F:
        config = click.option(
            "-c", "-x", "--config", type=click.Path(path_type=Path), metavar="PATH",
            help="A configuration file in TOML: every key is a flag below; a flag wins.",
        )  # fmt: skip
        for group in reversed(groups):
            for option in reversed(group.options):
                command = _option(option, group.heading)(command)
        return config(command)

    return decorate


class _Headed(click.Option):
    """An option that stands under a heading in --help."""

    def __init__(self, *args: Any, heading: str, **kwargs: Any) -> None:
        """As click's option, and the heading."""
        super().__init__(*args, **kwargs)
        self.heading = heading


def _option(option: AnyOption, heading: str) -> Callable[[F], F]:
    names = [*option.short, f"--{option.key}"]
    text = option.help + (f"  [default: {option.default_words}]" if option.default_words else "")
    headed = partial(click.option, *names, cls=_Headed, heading=heading)
    match option.kind:
        case Kind.SWITCH:
            return headed(is_flag=True, help=text)
        case Kind.LIST | Kind.TABLES:
            return headed(multiple=True, metavar=option.metavar, help=text + "  Repeatable.")
        case Kind.TEXT | Kind.NUMBER:
            return headed(metavar=option.metavar, help=text)


class Command(click.Command):
    """A command whose --help has the options under the headings of their groups, in the order of the groups."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """What has no heading comes first."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(context):
            record = param.get_help_record(context)
            if record is not None:
                sections.setdefault(getattr(param, "heading", "Options"), []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def flags(config: Path | None, given: dict[str, Any]) -> Flags:
    """The flags of a command's parameters: what was not given is left out."""
    texts: dict[str, tuple[str, ...]] = {}
    for name, value in given.items():
        key = name.replace("_", "-")
        if value is True:
            texts[key] = ("yes",)
        elif isinstance(value, str):
            texts[key] = (value,)
        elif isinstance(value, tuple) and value:
            texts[key] = value
    return Flags(texts, config)


def tell(error: ConfigError) -> None:
    """Print every problem, one a line; wrong usage by the name of the command."""
    name = click.get_current_context().command_path if error.only_flags else "relaymilter"
    for problem in error.problems:
        click.echo(one_line(f"{name}: {problem}"), err=True)
    sys.stderr.flush()
