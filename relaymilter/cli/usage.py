"""Wrong usage, in one line that names the command; what is misspelt, with the nearest name that there is."""

import difflib
from collections.abc import Iterable, Mapping
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click


class Commands(click.Group):
    """A group of commands that names the nearest one to a word that is none."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchOption:
            raise
        except click.UsageError:
            raise click.UsageError(
                f"No such command: {args[0]}{_nearest(args[0], self.list_commands(ctx))}", ctx
            ) from None


class CommandModules(Commands):
    """Commands that have a module each, which is imported when the command is asked for: a daemon carries no other."""

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        """`modules`: a command's name -> its module, which has the command under that name."""
        super().__init__(*args, **kwargs)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._modules:
            return None
        end = "_" if iskeyword(cmd_name) else ""
        command: click.Command = getattr(import_module(self._modules[cmd_name] + end), cmd_name + end)
        return command


def in_one_line(error: click.ClickException) -> str:
    """`relaymilter run: what is wrong`, and where the flags are listed if nothing nearer can be said."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "relaymilter"
    if isinstance(error, click.NoSuchOption):
        message = f"No such option: {error.option_name}{_nearest(error.option_name, error.possibilities or ())}"
    else:
        message = " ".join(error.format_message().split()).removesuffix(".")
    hint = "" if message.endswith("?") else f"; see {command} --help"
    return one_line(f"{command}: {message}{hint}")


def one_line(text: str) -> str:
    """An error as one line, whatever a flag or a file's name has in it."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _nearest(word: str, names: Iterable[str]) -> str:
    """Empty where nothing is near."""
    near = difflib.get_close_matches(word, [*names], 1)
    return f"; did you mean {near[0]}?" if near else ""
