"""The versions that a bug report needs."""

import platform

import click

from relaymilter import __version__


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """-V."""
    if not wanted:
        return
    from importlib.metadata import version  # which no daemon needs

    parts = (f"{name} {version(name)}" for name in ("pymilter", "dnspython", "click"))
    click.echo(f"relaymilter {__version__} ({', '.join(parts)}, Python {platform.python_version()})")
    context.exit()


version_option = click.option(
    "-V", "--version", is_flag=True, is_eager=True, callback=_print_version, expose_value=False, help="Versions."
)
"""Decorates a command with -V."""
