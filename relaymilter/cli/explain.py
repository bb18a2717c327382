"""relaymilter explain: what the daemon would say to one recipient, and why, by the same code."""

import json
import os
from pathlib import Path
from typing import Any

import click

from relaymilter.audit.explain import Explanation, explain_request
from relaymilter.audit.log_line import LoggedDecision
from relaymilter.cli.asked import asked, request_options
from relaymilter.cli.flags import Command, flags, table_options, tell
from relaymilter.config.options import GROUPS
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import read

_STATUS = {"permit": os.EX_OK, "reject": os.EX_NOPERM, "defer": os.EX_TEMPFAIL}


@click.command(cls=Command)
@request_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@table_options(*(group for group in GROUPS if group.decides))
def explain(as_json: bool, config: Path | None, **given: Any) -> int:
    """Print the verdict, the reply, and the trail of every rule asked. Exit status: 0 permit, 77 reject, 75 defer."""
    about = asked(given)
    try:
        settings = read(flags(config, given)).settings
    except ConfigError as error:
        tell(error)
        return os.EX_USAGE if error.only_flags else os.EX_CONFIG
    logged = about if isinstance(about, LoggedDecision) else None
    explanation = explain_request(settings.policy, about.request if isinstance(about, LoggedDecision) else about)
    if as_json:
        click.echo(json.dumps(explanation.as_dict(logged), indent=2))
    else:
        click.echo(_lines(explanation, logged))
    return _STATUS[explanation.verdict]


def _lines(explanation: Explanation, logged: LoggedDecision | None) -> str:
    head = [f"verdict: {explanation.verdict}", f"rule:    {explanation.rule}"]
    if explanation.reply:
        head.append(f"reply:   {explanation.reply}")
    if logged is not None:
        head.append(f"logged:  {explanation.compared(logged)}")
        head += (f"cut:     {name}: the log has only its beginning" for name in logged.cut)
    trail = [f"  {rule:<18}{word:<12}{why}" for rule, word, why in explanation.trail]
    ledger = [f"  {name:<24}{said}" for name, said in explanation.ledger]
    return "\n".join([*head, "trail:", *trail, *(["ledger:", *ledger] if ledger else [])])
