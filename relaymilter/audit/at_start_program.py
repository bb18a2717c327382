"""The process that examines the set-up of a daemon that has just started, and logs one line if there are findings.

It is a process of its own so that the daemon need not load, and keep, what examines.
"""

import json
import logging
import sys
from pathlib import Path

from relaymilter.audit import doctor
from relaymilter.audit.mtas_here import mtas_here
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, read
from relaymilter.observe.sink import log_to

log = logging.getLogger(__name__)


def main() -> None:
    """Its only argument is what at_start.py gives: JSON of the flags and of the configuration file's path."""
    given, config = json.loads(sys.argv[1])
    asked = Flags({key: tuple(texts) for key, texts in given.items()}, Path(config) if config else None)
    try:
        reading = read(asked)
    except ConfigError:  # it has changed since
        return
    log_to(reading.settings.log.syslog, reading.settings.log.verbose, reading.settings.log.file)
    for name in mtas_here(asked):
        seen = doctor.inspect(name, reading, *doctor.daemon(asked))
        if seen.unread:  # as in the sandbox of the systemd unit, where no program of an MTA runs
            continue
        findings = doctor.examine(seen)
        if doctor.status(findings):
            log.warning("doctor: %s: %s; see relaymilter doctor, with the same flags", name, doctor.summary(findings))
