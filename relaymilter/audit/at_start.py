"""What a daemon that has just started says of its set-up: one line, if `doctor` finds anything."""

import json
import logging
import os
import sys

from relaymilter.audit.mtas_here import mtas_here
from relaymilter.config.reader import Flags
from relaymilter.daemon.aside import run_aside

log = logging.getLogger(__name__)

_PROGRAM = "from relaymilter.audit.at_start_program import main; main()"
_OF_SYSTEMD = ("NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
"""What it told the daemon, and nobody else."""


def examine_aside(asked: Flags) -> None:
    """Examine the set-up in a process of its own, if an MTA is configured here. It never fails."""
    try:
        if mtas_here(asked):
            environment = {key: value for key, value in os.environ.items() if key not in _OF_SYSTEMD}
            environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, sys.path))
            given = json.dumps([dict(asked.given), str(asked.config) if asked.config else None])
            run_aside([sys.executable, "-sP", "-c", _PROGRAM, given], environment)
    except OSError as error:
        log.warning("the set-up was not examined: %s", error)
