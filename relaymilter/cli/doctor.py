"""relaymilter doctor: the whole set-up, examined, with what to change."""

import json
import os
from pathlib import Path
from typing import Any

import click

from relaymilter.audit import doctor as examiner
from relaymilter.audit.checks.finding import Finding
from relaymilter.audit.mtas_here import mtas_here
from relaymilter.cli.flags import Command, flags, table_options, tell
from relaymilter.cli.usage import one_line
from relaymilter.config.options import GROUPS
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, Reading, read
from relaymilter.mta.registry import MTAS


@click.command(cls=Command)
@click.argument("examined", nargs=-1, metavar="[MTA[:DIR]]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@table_options(*GROUPS)
def doctor(examined: tuple[str, ...], as_json: bool, config: Path | None, **given: Any) -> int:
    """Examine the MTA's configuration, this host, the settings and the running daemon, and say what to change.

    The flags are those of the daemon. The MTA is postfix or sendmail, with :/DIR where it is configured elsewhere; by
    default the one of --mta, or those that are there. Exit status: 0 sound, 1 warnings, 2 the relay is open or not
    protected.
    """
    asked = flags(config, given)
    try:
        names = examined or mtas_here(asked)
        reading = read(asked)
    except ConfigError as error:
        tell(error)
        return os.EX_USAGE if error.only_flags else os.EX_CONFIG
    if not names:
        raise click.UsageError("no MTA is configured here: name it, postfix:/DIR or sendmail:/DIR")
    by_mta = {name: _findings(_known(name), reading, asked) for name in names}
    click.echo(_json(by_mta) if as_json else "\n".join(map(one_line, _lines(by_mta))))
    return max(map(examiner.status, by_mta.values()))


def _findings(name: str, reading: Reading, asked: Flags) -> list[Finding]:
    return examiner.examine(examiner.inspect(name, reading, *examiner.daemon(asked)))


def _known(name: str) -> str:
    if name.partition(":")[0] not in MTAS:
        raise click.UsageError(f"{name!r} is no MTA: give {' or '.join(MTAS)}", click.get_current_context())
    return name


def _lines(by_mta: dict[str, list[Finding]]) -> list[str]:
    return [line for name, findings in by_mta.items() for line in examiner.lines(findings, name)]


def _json(by_mta: dict[str, list[Finding]]) -> str:
    status = max(map(examiner.status, by_mta.values()))
    findings = [{"mta": name, **finding.as_dict()} for name, each in by_mta.items() for finding in each]
    return json.dumps({"status": status, "findings": findings}, indent=2)
