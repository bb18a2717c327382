"""What a daemon that has just started says of its set-up: one line, if `doctor` finds anything."""

import json
import logging
import os
import sys
from pathlib import Path

from relaymilter.audit import doctor
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, read
from relaymilter.daemon.aside import run_aside
from relaymilter.observe.sink import log_to

log = logging.getLogger(__name__)

_PROGRAM = "from relaymilter.audit.at_start import main; main()"
_OF_SYSTEMD = ("NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
"""What it told the daemon, and nobody else."""


def examine_aside(asked: Flags) -> None:
    """Examine the set-up in a process of its own, if an MTA is configured here. It never fails."""
    try:
        if doctor.mtas(asked):
            environment = {key: value for key, value in os.environ.items() if key not in _OF_SYSTEMD}
            environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, sys.path))
            given = json.dumps([dict(asked.given), str(asked.config) if asked.config else None])
            run_aside([sys.executable, "-sP", "-c", _PROGRAM, given], environment)
    except OSError as error:
        log.warning("the set-up was not examined: %s", error)


def main() -> None:
    """In that process: log the line."""
    given, config = json.loads(sys.argv[1])
    asked = Flags({key: tuple(texts) for key, texts in given.items()}, Path(config) if config else None)
    try:
        reading = read(asked)
    except ConfigError:  # it has changed since
        return
    log_to(reading.settings.log.syslog, reading.settings.log.verbose, reading.settings.log.file)
    for name in doctor.mtas(asked):
        seen = doctor.inspect(name, reading, *doctor.daemon(asked))
        if seen.unread:  # as in the sandbox of the systemd unit, where no program of an MTA runs
            continue
        findings = doctor.examine(seen)
        if doctor.status(findings):
            log.warning("doctor: %s: %s; see relaymilter doctor, with the same flags", name, doctor.summary(findings))
